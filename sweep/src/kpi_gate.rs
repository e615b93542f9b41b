//! Whether the figures of a sweep are good enough to act on.

use serde::{Deserialize, Serialize};

use crate::kpi;
use crate::summary::{StabilityKpis, Summary};

/// What is demanded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// At most this share of runs without tokens or times.
    pub max_missing_telemetry_rate: f64,
    /// At most this share of runs in rows that are not valid.
    pub max_polluted_run_rate: f64,
    /// At least this share of models with a recommendation.
    pub min_frontier_success_rate: f64,
    /// At least this determinism.
    pub min_determinism_rate: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            max_missing_telemetry_rate: 0.01,
            max_polluted_run_rate: 0.1,
            min_frontier_success_rate: 0.8,
            min_determinism_rate: 1.0,
        }
    }
}

/// The figures of a summary, and whether they are good enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The summary.
    pub summary_path: String,
    /// Its figures.
    pub stability_kpis: StabilityKpis,
    /// What is demanded.
    pub thresholds: Thresholds,
    /// Whether that is met.
    pub status: Status,
    /// What is not.
    pub failures: Vec<String>,
}

/// Whether what is demanded is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// All of it.
    Pass,
    /// Not all of it.
    Fail,
}

impl Status {
    /// Passed if nothing failed.
    #[must_use]
    pub const fn of(failures: &[String]) -> Self {
        if failures.is_empty() {
            Self::Pass
        } else {
            Self::Fail
        }
    }

    /// As it stands in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
        }
    }
}

/// Takes the figures of a summary again, whatever it says of them, and compares them.
#[must_use]
pub fn report(summary: &Summary, path: &str, thresholds: &Thresholds) -> Report {
    let stability_kpis = kpi::of(summary);
    let failures = failures(&stability_kpis, thresholds);
    Report {
        summary_path: path.to_owned(),
        stability_kpis,
        thresholds: *thresholds,
        status: Status::of(&failures),
        failures,
    }
}

/// What is not met, one line each. A figure that is not known meets nothing.
#[must_use]
pub fn failures(kpis: &StabilityKpis, thresholds: &Thresholds) -> Vec<String> {
    let at_most = [
        (
            "missing_telemetry_rate",
            kpis.missing_telemetry_rate,
            thresholds.max_missing_telemetry_rate,
        ),
        (
            "polluted_run_rate",
            kpis.polluted_run_rate,
            thresholds.max_polluted_run_rate,
        ),
    ];
    let at_least = [
        (
            "frontier_success_rate",
            kpis.frontier_success_rate,
            thresholds.min_frontier_success_rate,
        ),
        (
            "determinism_rate",
            kpis.determinism_rate,
            thresholds.min_determinism_rate,
        ),
    ];
    let over = at_most
        .into_iter()
        .filter_map(|(name, value, limit)| match value {
            Some(value) if value <= limit => None,
            Some(value) => Some(format!("{name}: {value} > {limit}")),
            None => Some(format!("{name}: not known, must be <= {limit}")),
        });
    let under = at_least
        .into_iter()
        .filter_map(|(name, value, limit)| match value {
            Some(value) if value >= limit => None,
            Some(value) => Some(format!("{name}: {value} < {limit}")),
            None => Some(format!("{name}: not known, must be >= {limit}")),
        });
    over.chain(under).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_met_by_what_is_equal_to_them_and_by_nothing_unknown() {
        let good = StabilityKpis {
            determinism_rate: Some(1.0),
            missing_telemetry_rate: Some(0.01),
            polluted_run_rate: Some(0.1),
            frontier_success_rate: Some(0.8),
            ..StabilityKpis::default()
        };
        assert_eq!(
            failures(&good, &Thresholds::default()),
            Vec::<String>::new()
        );
        let bad = StabilityKpis {
            determinism_rate: Some(0.99),
            missing_telemetry_rate: Some(0.011),
            polluted_run_rate: Some(f64::NAN),
            frontier_success_rate: None,
            ..StabilityKpis::default()
        };
        insta::assert_snapshot!(failures(&bad, &Thresholds::default()).join("\n"), @r"
        missing_telemetry_rate: 0.011 > 0.01
        polluted_run_rate: NaN > 0.1
        frontier_success_rate: not known, must be >= 0.8
        determinism_rate: 0.99 < 1
        ");
        let unknown = failures(&StabilityKpis::default(), &Thresholds::default());
        assert_eq!(unknown.len(), 4);
    }
}
