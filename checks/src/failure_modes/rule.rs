//! When a report is refused: `turn_failed>0`, `rates.turn_failure>=0.1`, `failure_by_type.model>3`.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::report::Report;

/// How a figure is compared with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    More,
    AtLeast,
    Less,
    AtMost,
}

impl Comparison {
    const ALL: [(Self, &'static str); 4] = [
        (Self::AtLeast, ">="),
        (Self::AtMost, "<="),
        (Self::More, ">"),
        (Self::Less, "<"),
    ];

    fn holds(self, figure: f64, limit: f64) -> bool {
        match self {
            Self::More => figure > limit,
            Self::AtLeast => figure >= limit,
            Self::Less => figure < limit,
            Self::AtMost => figure <= limit,
        }
    }
}

/// A rule: a figure, a comparison, a limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    text: String,
    figure: Figure,
    comparison: Comparison,
    limit: f64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Figure {
    /// How often an event happened.
    Event(String),
    /// One value of a table of the report, or the sum of the table.
    Table(String, Option<String>),
    /// A share.
    Rate(String),
}

/// The tables of a report that rules may name.
const TABLES: [&str; 8] = [
    "failure_by_type",
    "failure_by_code",
    "failure_by_card",
    "failure_by_model",
    "non_progress_by_role",
    "stall_by_phase",
    "guard_outcomes",
    "run_outcomes",
];
/// The shares that rules may name.
const RATES: [&str; 6] = [
    "turn_failure",
    "turn_stall",
    "turn_unfinished",
    "retry",
    "guard_refusal",
    "run_failure",
];
/// Events that rules name most; short names stand for them too.
const SHORT: [(&str, &str); 4] = [
    ("failed", "turn_failed"),
    ("stalled", "turn_stalled"),
    ("non_progress", "turn_non_progress"),
    ("retries", "retry_triggered"),
];

/// The events that a bare name may mean. A slip in one would make a rule that never holds; those that are
/// not here are written `events.NAME`.
const EVENTS: [&str; 14] = [
    "session_start",
    "session_end",
    "turn_start",
    "turn_complete",
    "turn_failed",
    "turn_stalled",
    "turn_non_progress",
    "retry_triggered",
    "guard_approved",
    "guard_rejected",
    "guard_requested_changes",
    "guard_retry_scheduled",
    "guard_terminal_failure",
    "runtime_verifier_completed",
];

/// A text that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// There is no comparison, or no number behind it.
    #[error(
        "`{0}` is no rule: a figure, one of > >= < <=, and a number, such as failed>0 or rates.retry>=0.2"
    )]
    Shape(String),
    /// The figure is not known.
    #[error(
        "`{0}` is no figure of the report; there are rates.({rates}), {tables} (with .NAME for one of them), \
         lines.malformed, failed, stalled, non_progress, retries, the events {events}, and any other as \
         events.NAME",
        rates = RATES.join("|"), tables = TABLES.join(", "), events = EVENTS.join(", ")
    )]
    Unknown(String),
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let shape = || RuleError::Shape(text.to_owned());
        let (comparison, sign) = Comparison::ALL
            .into_iter()
            .find(|(_, sign)| text.contains(sign))
            .ok_or_else(shape)?;
        let (figure, limit) = text.split_once(sign).ok_or_else(shape)?;
        let limit: f64 = limit.trim().parse().map_err(|_not_a_number| shape())?;
        if !limit.is_finite() {
            return Err(shape());
        }
        Ok(Self {
            text: text.trim().to_owned(),
            figure: Figure::parse(figure.trim())?,
            comparison,
            limit,
        })
    }
}

impl Figure {
    fn parse(text: &str) -> Result<Self, RuleError> {
        let unknown = || RuleError::Unknown(text.to_owned());
        if let Some((_, event)) = SHORT.iter().find(|(short, _)| *short == text) {
            return Ok(Self::Event((*event).to_owned()));
        }
        match text.split_once('.') {
            Some(("rates", name)) if RATES.contains(&name) => Ok(Self::Rate(name.to_owned())),
            Some(("events", name)) if !name.is_empty() => Ok(Self::Event(name.to_owned())),
            Some(("lines", "malformed")) => Ok(Self::Table(
                "lines".to_owned(),
                Some("malformed".to_owned()),
            )),
            Some((table, name)) if TABLES.contains(&table) && !name.is_empty() => {
                Ok(Self::Table(table.to_owned(), Some(name.to_owned())))
            }
            Some(_) => Err(unknown()),
            None if TABLES.contains(&text) => Ok(Self::Table(text.to_owned(), None)),
            None if EVENTS.contains(&text) => Ok(Self::Event(text.to_owned())),
            None => Err(unknown()),
        }
    }

    fn of(&self, report: &Report) -> Option<f64> {
        let value = |key: &str| serde_json::to_value(report).ok()?.get(key).cloned();
        match self {
            Self::Event(name) => Value::from(report.of(name)).as_f64(),
            Self::Rate(name) => value("rates")?.get(name)?.as_f64(),
            Self::Table(table, Some(name)) => Some(
                value(table)?
                    .get(name)
                    .and_then(Value::as_f64)
                    .unwrap_or(0.0),
            ),
            Self::Table(table, None) => Some(
                value(table)?
                    .as_object()?
                    .values()
                    .filter_map(Value::as_f64)
                    .sum(),
            ),
        }
    }
}

impl Rule {
    /// The figure, when the rule refuses the report. A share of nothing refuses nothing.
    #[must_use]
    pub fn trips(&self, report: &Report) -> Option<f64> {
        self.figure
            .of(report)
            .filter(|figure| self.comparison.holds(*figure, self.limit))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure_modes::Selection;

    #[test]
    fn a_rule_is_a_figure_a_comparison_and_a_limit() {
        let mut report = Report::default();
        for line in [
            r#"{"event":"turn_start"}"#,
            r#"{"event":"turn_start"}"#,
            r#"{"event":"turn_failed","data":{"type":"model"}}"#,
            "no event",
        ] {
            report.take(line.as_bytes(), &Selection::default());
        }
        report.conclude();
        let tripped = |rule: &str| rule.parse::<Rule>().unwrap().trips(&report);
        assert_eq!(tripped("failed>0"), Some(1.0));
        assert_eq!(tripped("turn_failed > 1"), None);
        assert_eq!(tripped("turn_complete<1"), Some(0.0));
        assert_eq!(tripped("rates.turn_failure>=0.5"), Some(0.5));
        assert_eq!(tripped("rates.guard_refusal>=0"), None);
        assert_eq!(tripped("failure_by_type.model>=1"), Some(1.0));
        assert_eq!(tripped("failure_by_type.other>=1"), None);
        assert_eq!(tripped("failure_by_type>0"), Some(1.0));
        assert_eq!(tripped("lines.malformed>0"), Some(1.0));
        assert_eq!(tripped("events.of_another_version<1"), Some(0.0));
    }

    #[test]
    fn what_is_no_rule_is_refused_with_what_there_is() {
        for text in ["failed", "failed>", "failed>x", ">1", "failed>inf"] {
            assert!(text.parse::<Rule>().is_err(), "{text}");
        }
        for text in [
            "speed>1",
            "rates.speed>1",
            "Failed>1",
            "window.first>1",
            // It would never hold.
            "turn_faild>0",
        ] {
            assert!(
                matches!(text.parse::<Rule>(), Err(RuleError::Unknown(_))),
                "{text}"
            );
        }
    }
}
