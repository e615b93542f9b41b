//! Two reports beside each other: what got slower, what got faster.

use std::fmt::Write as _;

use serde_json::Value;

use super::names::{Better, named};

/// One number of both.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// What it was.
    pub old: Option<f64>,
    /// What it is.
    pub new: Option<f64>,
    /// How many times worse it is; below 1 it is better. None where neither way is, or one is not known or 0.
    pub worse: Option<f64>,
}

/// See the file's head.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What both have, in the order of the new one.
    pub lines: Vec<Line>,
    /// Names that only one of them has.
    pub alone: Vec<String>,
    /// Why the two are not of the same thing, if they are not.
    pub differs: Vec<String>,
}

impl Comparison {
    /// Of two reports.
    #[must_use]
    pub fn of(old: &Value, new: &Value) -> Self {
        let (before, after) = (named(old), named(new));
        let mut lines = Vec::new();
        let mut alone = Vec::new();
        for number in &after {
            let Some(earlier) = before.iter().find(|it| it.name == number.name) else {
                alone.push(format!("{} (new)", number.name));
                continue;
            };
            let worse = match (earlier.value, number.value) {
                (Some(old), Some(new)) => worse(old, new, number.better),
                _ => None,
            };
            lines.push(Line {
                name: number.name.clone(),
                old: earlier.value,
                new: number.value,
                worse,
            });
        }
        for number in &before {
            if !after.iter().any(|it| it.name == number.name) {
                alone.push(format!("{} (gone)", number.name));
            }
        }
        Self {
            lines,
            alone,
            differs: differences(old, new),
        }
    }

    /// Those that are more than `ratio` times worse, the worst first.
    #[must_use]
    pub fn worse_than(&self, ratio: f64) -> Vec<&Line> {
        let mut found: Vec<&Line> = self
            .lines
            .iter()
            .filter(|line| line.worse.is_some_and(|worse| worse > ratio))
            .collect();
        found.sort_by(|one, other| {
            let of = |line: &Line| line.worse.unwrap_or(0.0);
            of(other).total_cmp(&of(one))
        });
        found
    }

    /// As a table, with words for what changed by more than a tenth.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for words in &self.differs {
            let _ = writeln!(text, "not of the same thing: {words}");
        }
        let width = self.lines.iter().map(|it| it.name.len()).max().unwrap_or(4);
        let _ = writeln!(
            text,
            "{:<width$} {:>14} {:>14} {:>8}",
            "name", "old", "new", "new/old"
        );
        // What neither knows is nothing to look at.
        let known = |line: &&Line| line.old.is_some() || line.new.is_some();
        for line in self.lines.iter().filter(known) {
            let ratio = match (line.old, line.new) {
                (Some(old), Some(new)) if old != 0.0 => format!("{:.2}", new / old),
                _ => "-".to_owned(),
            };
            let words = match line.worse {
                Some(worse) if worse > 1.1 => format!("  {worse:.2} times worse"),
                Some(worse) if worse < 1.0 / 1.1 => format!("  {:.2} times better", 1.0 / worse),
                _ => String::new(),
            };
            let _ = writeln!(
                text,
                "{:<width$} {:>14} {:>14} {ratio:>8}{words}",
                line.name,
                number(line.old),
                number(line.new)
            );
        }
        for name in &self.alone {
            let _ = writeln!(text, "only in one: {name}");
        }
        let worse = self.worse_than(1.1);
        let _ = match worse.first() {
            None => writeln!(text, "nothing is more than a tenth worse"),
            Some(worst) => writeln!(
                text,
                "{} of {} numbers are more than a tenth worse, {} most of all",
                worse.len(),
                self.lines.len(),
                worst.name
            ),
        };
        text
    }
}

fn worse(old: f64, new: f64, better: Better) -> Option<f64> {
    let (cost_before, cost_after) = match better {
        Better::Less => (old, new),
        Better::More => (new, old),
        Better::Neither => return None,
    };
    match (cost_before == 0.0, cost_after == 0.0) {
        (true, true) => Some(1.0),
        // From none at all to some: worse than any ratio.
        (true, false) => Some(f64::INFINITY),
        (false, _) => Some(cost_after / cost_before),
    }
}

fn differences(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let of = |report: &Value, field: &str| report.get(field).cloned().unwrap_or(Value::Null);
    if of(old, "scenario") != of(new, "scenario") {
        found.push(format!(
            "scenario {} and {}",
            of(old, "scenario"),
            of(new, "scenario")
        ));
    }
    let (before, after) = (of(old, "config"), of(new, "config"));
    let names = |config: &Value| -> Vec<String> {
        let fields = config.as_object().into_iter().flatten();
        fields.map(|(name, _)| name.clone()).collect()
    };
    let mut all = names(&before);
    all.extend(names(&after));
    all.sort();
    all.dedup();
    for name in all {
        let (old, new) = (of(&before, &name), of(&after, &name));
        if old != new {
            found.push(format!("{name} {old} and {new}"));
        }
    }
    found
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(
        || "-".to_owned(),
        |value| match value.abs() {
            0.0 => "0".to_owned(),
            1_000.0.. => format!("{value:.0}"),
            _ => format!("{value:.3}"),
        },
    )
}
