//! Whether the machine is still enough to begin: a few runs that must come to the same.
//!
//! Tasks are looked at apart and the worst one counts, since one task takes longer than another.

use std::collections::BTreeMap;

use crate::round::six;
use crate::run_report::RunReport;
use crate::statistics::{coefficient_of_variation, count};
use crate::summary::Canary;
use crate::telemetry::{Telemetry, TokenStatus};

/// What was run, and how still it must be.
#[derive(Debug, Clone, Default)]
pub struct CanaryHead {
    /// The model.
    pub model_id: String,
    /// Its quantization.
    pub quant_tag: String,
    /// Runs of each task.
    pub runs: u32,
    /// Tasks.
    pub task_limit: u32,
    /// The most variation of model seconds that is allowed.
    pub latency_variance_threshold: f64,
    /// Where the report is.
    pub report_path: String,
}

/// It passes when every run of a task has the same adherence, the model's seconds vary by at most the
/// threshold (population coefficient of variation), and all tokens and times are known. What is not known
/// does not pass.
#[must_use]
pub fn of(head: CanaryHead, report: &RunReport) -> Canary {
    let mut tasks: BTreeMap<&str, Vec<&Telemetry>> = BTreeMap::new();
    for run in &report.test_runs {
        tasks.entry(&run.test_id).or_default().push(&run.telemetry);
    }
    let adherence = worst(&tasks, |runs| spread(&all(runs, |it| it.adherence_score)?)).map(six);
    let latency = worst(&tasks, |runs| {
        coefficient_of_variation(&all(runs, |it| it.internal_model_seconds)?)
    })
    .map(six);
    let missing = missing_telemetry_rate(report);
    let passed = adherence == Some(0.0)
        && latency.is_some_and(|it| it <= head.latency_variance_threshold)
        && missing == Some(0.0);
    Canary {
        model_id: head.model_id,
        quant_tag: head.quant_tag,
        runs: head.runs,
        task_limit: head.task_limit,
        adherence_variance: adherence,
        internal_latency_variance: latency,
        missing_telemetry_rate: missing,
        latency_variance_threshold: head.latency_variance_threshold,
        passed,
        report_path: head.report_path,
    }
}

fn missing_telemetry_rate(report: &RunReport) -> Option<f64> {
    let missing = report
        .test_runs
        .iter()
        .filter(|run| run.telemetry.token_metrics_status != TokenStatus::Ok)
        .count();
    let number = |length: usize| count(u64::try_from(length).unwrap_or(u64::MAX));
    (!report.test_runs.is_empty()).then(|| six(number(missing) / number(report.test_runs.len())))
}

/// The largest value of any task; `None` when one is not known, or there are no tasks.
fn worst(
    tasks: &BTreeMap<&str, Vec<&Telemetry>>,
    of: impl Fn(&[&Telemetry]) -> Option<f64>,
) -> Option<f64> {
    let values: Option<Vec<f64>> = tasks.values().map(|runs| of(runs)).collect();
    values?.into_iter().reduce(f64::max)
}

/// The values of all runs; `None` when one is not known.
fn all(runs: &[&Telemetry], of: impl Fn(&Telemetry) -> Option<f64>) -> Option<Vec<f64>> {
    runs.iter().map(|run| of(run)).collect()
}

/// The largest less the smallest.
fn spread(values: &[f64]) -> Option<f64> {
    let largest = values.iter().copied().reduce(f64::max)?;
    let smallest = values.iter().copied().reduce(f64::min)?;
    Some(largest - smallest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_report::TestRun;

    fn run(task: &str, adherence: Option<f64>, seconds: Option<f64>) -> TestRun {
        TestRun {
            test_id: task.to_owned(),
            telemetry: Telemetry {
                adherence_score: adherence,
                internal_model_seconds: seconds,
                token_metrics_status: TokenStatus::Ok,
                ..Telemetry::default()
            },
            ..TestRun::default()
        }
    }

    fn canary(runs: Vec<TestRun>) -> (bool, Option<f64>, Option<f64>, Option<f64>) {
        let head = CanaryHead {
            latency_variance_threshold: 0.03,
            ..CanaryHead::default()
        };
        let canary = of(
            head,
            &RunReport {
                test_runs: runs,
                ..RunReport::default()
            },
        );
        (
            canary.passed,
            canary.adherence_variance,
            canary.internal_latency_variance,
            canary.missing_telemetry_rate,
        )
    }

    #[test]
    fn tasks_may_differ_from_one_another_and_not_from_themselves() {
        let still = vec![
            run("001", Some(1.0), Some(0.97)),
            run("002", Some(0.5), Some(8.0)),
            run("001", Some(1.0), Some(1.03)),
            run("002", Some(0.5), Some(8.0)),
        ];
        assert_eq!(
            canary(still.clone()),
            (true, Some(0.0), Some(0.03), Some(0.0))
        );
        let mut restless = still.clone();
        restless[3] = run("002", Some(0.75), Some(9.0));
        assert_eq!(
            canary(restless),
            (false, Some(0.25), Some(0.058_824), Some(0.0))
        );
        let mut silent = still;
        silent[0].telemetry.token_metrics_status = TokenStatus::TimingUnavailable;
        assert_eq!(canary(silent), (false, Some(0.0), Some(0.03), Some(0.25)));
    }

    #[test]
    fn what_is_not_known_does_not_pass() {
        let once = canary(vec![run("001", Some(1.0), Some(1.0))]);
        assert_eq!(once, (false, Some(0.0), None, Some(0.0)));
        let no_times = vec![
            run("001", Some(1.0), None),
            run("001", Some(1.0), Some(1.0)),
        ];
        assert_eq!(canary(no_times), (false, Some(0.0), None, Some(0.0)));
        let no_scores = vec![run("001", None, Some(1.0)), run("001", None, Some(1.0))];
        assert_eq!(canary(no_scores), (false, None, Some(0.0), Some(0.0)));
        assert_eq!(canary(vec![]), (false, None, None, None));
    }
}
