//! Candidates that are candidates for too long: each is renewed by somebody who says so, or comes to an
//! end.

use std::str::FromStr;

use jiff::civil::Date;
use serde::Serialize;

use crate::id::PromptId;
use crate::status::Status;

/// What is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The prompt.
    pub id: PromptId,
    /// Its file.
    pub path: String,
    /// Its status, as written.
    pub status: Option<String>,
    /// When it was last changed, as written.
    pub updated_at: Option<String>,
}

/// The rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// How many days a candidate may be one.
    pub max_age_days: u32,
    /// Today.
    pub as_of: Date,
}

/// What becomes of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It stays one for another while.
    Renew,
    /// It comes to an end.
    Deprecate,
}

/// A candidate that is one for too long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stale {
    /// The prompt.
    pub id: String,
    /// Its file.
    pub path: String,
    /// What becomes of it.
    pub action: Fate,
    /// How many days ago it was last changed; unknown when it does not say.
    pub age_days: Option<i64>,
    /// When it was, as written.
    pub updated_at: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing is stale, or what was has been dealt with.
    pub ok: bool,
    /// Today.
    pub as_of: String,
    /// The rule.
    pub max_candidate_age_days: u32,
    /// How many are stale.
    pub stale_count: usize,
    /// How many of them are renewed.
    pub renew_count: usize,
    /// How many of them come to an end.
    pub deprecate_count: usize,
    /// Each of them.
    pub actions: Vec<Stale>,
}

impl Rule {
    /// Judges them all. A candidate that does not say when it was changed is stale.
    #[must_use]
    pub fn judge(&self, prompts: &[Standing], renew: &[PromptId]) -> Report {
        let is_candidate = |it: &&Standing| {
            let status = it.status.as_deref().map(Status::from_str);
            status == Some(Ok(Status::Candidate))
        };
        let stale = prompts.iter().filter(is_candidate).filter_map(|it| {
            let age = it.updated_at.as_deref().and_then(|at| self.age(at));
            if age.is_some_and(|age| age <= i64::from(self.max_age_days)) {
                return None;
            }
            let action = if renew.contains(&it.id) {
                Fate::Renew
            } else {
                Fate::Deprecate
            };
            Some(Stale {
                id: it.id.to_string(),
                path: it.path.clone(),
                action,
                age_days: age,
                updated_at: it.updated_at.clone(),
            })
        });
        let actions: Vec<Stale> = stale.collect();
        let renewed = actions.iter().filter(|it| it.action == Fate::Renew).count();
        Report {
            ok: actions.is_empty(),
            as_of: self.as_of.to_string(),
            max_candidate_age_days: self.max_age_days,
            stale_count: actions.len(),
            renew_count: renewed,
            deprecate_count: actions.len() - renewed,
            actions,
        }
    }

    /// Days since a moment that is written as a date, with or without a time.
    fn age(&self, at: &str) -> Option<i64> {
        let day: Date = at.trim().get(..10)?.parse().ok()?;
        let span = day.until(self.as_of).ok()?;
        Some(i64::from(span.get_days()))
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn standing(name: &str, status: &str, updated_at: Option<&str>) -> Standing {
        Standing {
            id: format!("role.{name}").parse().unwrap(),
            path: format!("model/core/roles/{name}.json"),
            status: Some(status.to_owned()),
            updated_at: updated_at.map(str::to_owned),
        }
    }

    #[test]
    fn candidates_are_renewed_or_come_to_an_end() {
        let prompts = [
            standing("fresh", "candidate", Some("2026-03-01")),
            standing("edge", "candidate", Some("2026-02-15T23:59:59Z")),
            standing("old", "candidate", Some("2026-02-14")),
            standing("leap", "candidate", Some("2024-02-29")),
            standing("silent", "candidate", None),
            standing("odd", "candidate", Some("yesterday-ish")),
            standing("later", "candidate", Some("2027-01-01")),
            standing("canary", "canary", Some("2020-01-01")),
            standing("stable", "stable", Some("2020-01-01")),
        ];
        let rule = Rule {
            max_age_days: 14,
            as_of: date(2026, 3, 1),
        };
        let renew = ["role.old".parse().unwrap(), "role.fresh".parse().unwrap()];
        insta::assert_json_snapshot!(rule.judge(&prompts, &renew));
    }

    proptest! {
        #[test]
        fn a_candidate_is_stale_the_day_after_its_last(
            start in 0_i64..40_000, age in 0_i64..2_000, limit in 0_u32..2_000
        ) {
            let day = date(1970, 1, 1).checked_add(start.days()).unwrap();
            let rule = Rule {
                max_age_days: limit,
                as_of: day.checked_add(age.days()).unwrap(),
            };
            let report = rule.judge(&[standing("x", "candidate", Some(&day.to_string()))], &[]);
            prop_assert_eq!(report.stale_count == 1, age > i64::from(limit));
            if let Some(stale) = report.actions.first() {
                prop_assert_eq!(stale.age_days, Some(age));
            }
        }

        #[test]
        fn any_text_of_a_day_is_judged(at in ".{0,20}") {
            let rule = Rule { max_age_days: 14, as_of: date(2026, 3, 1) };
            let _ = rule.judge(&[standing("x", "candidate", Some(&at))], &[]);
        }
    }
}
