//! Whether the figures of a run may be compared with others.

use std::collections::BTreeSet;

use crate::telemetry::{Controls, QualityReason, RunQuality, SystemLoad, TokenStatus};

/// Where a machine counts as busy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Percent of the processor from which on it is saturated.
    pub cpu_percent: f64,
    /// Processes for each core above which work waits.
    pub load_per_core: f64,
    /// The largest share of a run that need not be the model's.
    pub overhead_ratio: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu_percent: 90.0,
            load_per_core: 1.0,
            overhead_ratio: 0.25,
        }
    }
}

/// What is known of a run.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// Tokens and times.
    pub token_status: TokenStatus,
    /// What was held still.
    pub controls: &'a Controls,
    /// The machine before and after.
    pub loads: [SystemLoad; 2],
    /// The share of the run that was not the model's.
    pub overhead_ratio: Option<f64>,
}

/// Everything that speaks against a run, sorted. A load that nobody measured does not: it is null in the
/// telemetry for whoever wants to know.
#[must_use]
pub fn reasons(observed: &Observed<'_>, limits: &Limits) -> Vec<QualityReason> {
    let mut reasons = BTreeSet::new();
    if observed.token_status != TokenStatus::Ok {
        reasons.insert(QualityReason::MissingTokenTimings);
    }
    if !observed.controls.are_complete() {
        reasons.insert(QualityReason::MissingExperimentalControls);
    }
    for load in &observed.loads {
        if load.cpu_percent.is_some_and(|it| it >= limits.cpu_percent) {
            reasons.insert(QualityReason::HighCpuSaturation);
        }
        if let (Some(load_1m), Some(cores)) = (load.load_1m, load.core_count)
            && load_1m > f64::from(cores) * limits.load_per_core
        {
            reasons.insert(QualityReason::HighSystemLoad);
        }
    }
    if observed
        .overhead_ratio
        .is_some_and(|it| it > limits.overhead_ratio)
    {
        reasons.insert(QualityReason::HighOrchestrationOverhead);
    }
    reasons.into_iter().collect()
}

/// Clean when nothing speaks against it.
#[must_use]
pub const fn status(reasons: &[QualityReason]) -> RunQuality {
    if reasons.is_empty() {
        RunQuality::Clean
    } else {
        RunQuality::Polluted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(cpu_percent: f64, load_1m: f64) -> SystemLoad {
        SystemLoad {
            cpu_percent: Some(cpu_percent),
            load_1m: Some(load_1m),
            core_count: Some(4),
        }
    }

    fn controls() -> Controls {
        Controls {
            seed: Some(0),
            threads: Some(4),
            affinity_policy: Some("none".to_owned()),
            ..Controls::default()
        }
    }

    #[test]
    fn a_quiet_run_is_clean_up_to_the_limits() {
        let observed = Observed {
            token_status: TokenStatus::Ok,
            controls: &controls(),
            loads: [load(89.9, 4.0), SystemLoad::default()],
            overhead_ratio: Some(0.25),
        };
        let reasons = reasons(&observed, &Limits::default());
        assert_eq!(status(&reasons), RunQuality::Clean, "{reasons:?}");
    }

    #[test]
    fn everything_that_speaks_against_it_is_said_in_order() {
        let observed = Observed {
            token_status: TokenStatus::TimingUnavailable,
            controls: &Controls {
                threads: Some(0),
                ..controls()
            },
            loads: [SystemLoad::default(), load(90.0, 4.1)],
            overhead_ratio: Some(0.251),
        };
        let words: Vec<_> = reasons(&observed, &Limits::default())
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            words,
            [
                "HIGH_CPU_SATURATION",
                "HIGH_ORCHESTRATION_OVERHEAD",
                "HIGH_SYSTEM_LOAD",
                "MISSING_EXPERIMENTAL_CONTROLS",
                "MISSING_TOKEN_TIMINGS",
            ]
        );
    }

    #[test]
    fn seed_threads_and_affinity_are_each_needed() {
        let without = [
            Controls {
                seed: None,
                ..controls()
            },
            Controls {
                threads: None,
                ..controls()
            },
            Controls {
                affinity_policy: Some(" ".to_owned()),
                ..controls()
            },
        ];
        assert!(controls().are_complete());
        assert!(without.iter().all(|controls| !controls.are_complete()));
    }
}
