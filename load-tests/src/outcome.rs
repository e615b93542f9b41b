//! What a scenario gives: everything that a report, an assertion or a comparison can name.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::measurement::Measurement;
use crate::sampler::Track;

/// A named number.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// None where it could not be found out; an assertion about it misses.
    pub value: Option<f64>,
    /// `ms`, `/s`, `ratio`, `MiB`, `count`, …
    pub unit: &'static str,
    /// Whether more is better; none where neither is.
    pub more_is_better: Option<bool>,
}

/// Something that must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name: letters, digits, `_`.
    pub name: String,
    /// Whether it held.
    pub passed: bool,
    /// Whether it is about a time or an amount, which the machine has a part in; otherwise about work that
    /// was accepted.
    pub is_measured: bool,
    /// What was found, in words.
    pub words: String,
}

/// See the file's head.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Which scenario.
    pub scenario: String,
    /// What it was asked to do.
    pub config: Map<String, Value>,
    /// What was done many times, by name: `api_heartbeat`, `webhook`, …
    pub measurements: BTreeMap<String, Measurement>,
    /// Named numbers. Those named `ratios.…` stand under `ratios` in the report.
    pub figures: BTreeMap<String, Figure>,
    /// What must hold.
    pub checks: Vec<Check>,
    /// What processes used, over time.
    pub tracks: Vec<Track>,
}

impl Outcome {
    /// With nothing found yet.
    pub fn new(scenario: impl Into<String>) -> Self {
        Self {
            scenario: scenario.into(),
            ..Self::default()
        }
    }

    /// Says what was asked for.
    pub fn configured(&mut self, name: &str, value: impl Into<Value>) {
        self.config.insert(name.to_owned(), value.into());
    }

    /// Says a number of which neither more nor less is better.
    pub fn figure(
        &mut self,
        name: impl Into<String>,
        value: impl Into<Option<f64>>,
        unit: &'static str,
    ) {
        self.put(name.into(), value.into(), unit, None);
    }

    /// Says a number of which less is better: a time, memory.
    pub fn cost(
        &mut self,
        name: impl Into<String>,
        value: impl Into<Option<f64>>,
        unit: &'static str,
    ) {
        self.put(name.into(), value.into(), unit, Some(false));
    }

    /// Says a number of which more is better: a rate.
    pub fn yield_of(
        &mut self,
        name: impl Into<String>,
        value: impl Into<Option<f64>>,
        unit: &'static str,
    ) {
        self.put(name.into(), value.into(), unit, Some(true));
    }

    /// Says a ratio to something that was measured in the same run; more is better. Its name in assertions
    /// is `ratios.NAME`.
    pub fn ratio(&mut self, name: &str, value: impl Into<Option<f64>>) {
        self.put(format!("ratios.{name}"), value.into(), "ratio", Some(true));
    }

    /// Says whether something held that must hold on any machine: nothing lost, nothing done twice.
    pub fn check(&mut self, name: impl Into<String>, passed: bool, words: impl Into<String>) {
        self.judged(name.into(), passed, words.into(), false);
    }

    /// Says whether a time or an amount kept its bar.
    pub fn bar(&mut self, name: impl Into<String>, passed: bool, words: impl Into<String>) {
        self.judged(name.into(), passed, words.into(), true);
    }

    fn judged(&mut self, name: String, passed: bool, words: String, is_measured: bool) {
        self.checks.push(Check {
            name,
            passed,
            words,
            is_measured,
        });
    }

    /// Whether all checks held.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }

    /// Whether all held that are no matter of times and amounts.
    #[must_use]
    pub fn is_right(&self) -> bool {
        (self.checks.iter()).all(|check| check.passed || check.is_measured)
    }

    fn put(
        &mut self,
        name: String,
        value: Option<f64>,
        unit: &'static str,
        more_is_better: Option<bool>,
    ) {
        // What is not a number is not known.
        let value = value.filter(|value| value.is_finite());
        let figure = Figure {
            value,
            unit,
            more_is_better,
        };
        self.figures.insert(name, figure);
    }
}
