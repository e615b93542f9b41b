//! Thresholds that a report must keep: `{"api_heartbeat.p99_ms": {"max": 50}}`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::names::named;
use crate::error::LoadError;

/// What one number must keep.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    min: Option<f64>,
    max: Option<f64>,
}

/// See the file's head.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Assertions(BTreeMap<String, Bounds>);

/// A threshold that was not kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Miss {
    name: String,
    found: Option<f64>,
    bound: &'static str,
    at: f64,
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            found,
            bound,
            at,
        } = self;
        match found {
            Some(found) => write!(f, "{name} is {found}, {bound} {at}"),
            None => write!(f, "{name} is not known (too few samples?), {bound} {at}"),
        }
    }
}

impl Assertions {
    /// Of a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is not of that form, or has a threshold without `min` and `max`.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let text = std::fs::read_to_string(path).map_err(LoadError::file(path, "read"))?;
        Self::parse(&text).map_err(|why| {
            LoadError::usage(format!("{} has no thresholds: {why}", path.display())).hinting(
                r#"it looks like {"api_heartbeat.p99_ms": {"max": 50}, "ratios.heartbeat_to_bare": {"min": 0.7}}"#,
            )
        })
    }

    /// Of text.
    ///
    /// # Errors
    ///
    /// In words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let all: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for (name, bounds) in &all.0 {
            if bounds.min.is_none() && bounds.max.is_none() {
                return Err(format!("{name} has neither `min` nor `max`"));
            }
        }
        Ok(all)
    }

    /// What a report does not keep. A number that is null is not kept.
    ///
    /// # Errors
    ///
    /// When a threshold is for a name that the report does not have; the hint lists those that it has.
    pub fn misses(&self, report: &Value) -> Result<Vec<Miss>, LoadError> {
        let known = named(report);
        let mut misses = Vec::new();
        for (name, bounds) in &self.0 {
            let Some(number) = known.iter().find(|number| number.name == *name) else {
                // A kind of error that did not come is none of them.
                let is_error = name.split('.').nth(1) == Some("errors");
                let measured = format!("{}.samples", name.split('.').next().unwrap_or_default());
                if is_error && known.iter().any(|number| number.name == measured) {
                    misses.extend(bounds.missed(name, Some(0.0)));
                    continue;
                }
                let names: Vec<&str> = known.iter().map(|number| number.name.as_str()).collect();
                return Err(LoadError::usage(format!(
                    "the threshold {name:?} is for nothing that was measured"
                ))
                .hinting(format!("known are {}", names.join(", "))));
            };
            misses.extend(bounds.missed(name, number.value));
        }
        Ok(misses)
    }
}

impl Bounds {
    fn missed(self, name: &str, found: Option<f64>) -> Vec<Miss> {
        let bounds = [
            (
                self.min,
                "at least",
                (|found, at| found >= at) as fn(f64, f64) -> bool,
            ),
            (self.max, "at most", |found, at| found <= at),
        ];
        bounds
            .into_iter()
            .filter_map(|(at, bound, holds)| {
                let at = at?;
                let is_kept = found.is_some_and(|found| holds(found, at));
                (!is_kept).then(|| Miss {
                    name: name.to_owned(),
                    found,
                    bound,
                    at,
                })
            })
            .collect()
    }
}
