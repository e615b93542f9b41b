//! `orket sweep kpi`: how far the figures can be trusted, and with `--check` whether that is enough.

use std::process::ExitCode;

use orket_sweep::kpi_gate::{Status, Thresholds, report};
use orket_sweep::words;
use serde_json::json;

use super::files;
use crate::cli::args::sweep::KpiArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;

/// See the file's head.
pub fn run(context: &Context, args: &KpiArgs) -> Result<ExitCode, Failure> {
    let summary = files::summary(context, &args.summary)?;
    let thresholds = Thresholds {
        max_missing_telemetry_rate: args.max_missing_telemetry_rate,
        max_polluted_run_rate: args.max_polluted_run_rate,
        min_frontier_success_rate: args.min_frontier_success_rate,
        min_determinism_rate: args.min_determinism_rate,
    };
    let report = report(&summary, &args.summary.display().to_string(), &thresholds);
    let kpis = &report.stability_kpis;
    let file = args.out.as_deref();
    if !args.check {
        let short = json!({"summary_path": report.summary_path, "stability_kpis": kpis});
        files::tell(context, file, &short, &words::kpi(kpis))?;
        return Ok(ExitCode::SUCCESS);
    }
    let words = words::kpi_gate(kpis, &thresholds, report.status, &report.failures);
    files::tell(context, file, &report, &words)?;
    if kpis.determinism_rate.is_none() {
        out::warn(
            "hint: determinism needs at least two runs of each task: orket sweep run --runs 2",
        );
    } else if report.status == Status::Fail {
        out::warn("hint: run_quality_reasons in the summary say what pollutes a row");
    }
    Ok(files::verdict(report.status == Status::Pass))
}
