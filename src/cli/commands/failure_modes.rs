//! `orket report failure-modes`: failures, retries and turns without progress, from the log.

use std::collections::BTreeMap;
use std::process::ExitCode;

use jiff::Timestamp;
use orket_checks::failure_modes::{ReadError, Report, Rule, Selection, files_of, read};
use serde::Serialize;

use crate::cli::args::FailureModesArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{out, out_file};
use crate::log::LOG_FILE;

/// The most values of a table that people are shown.
const MOST_SHOWN: usize = 8;

/// The report, and what `--fail-on` makes of it.
#[derive(Serialize)]
struct Judged {
    #[serde(flatten)]
    report: Report,
    /// The rules that hold, with the figure.
    tripped: Vec<Tripped>,
}

#[derive(Serialize)]
struct Tripped {
    rule: String,
    figure: f64,
}

/// See the file's head.
pub fn run(context: &Context, args: &FailureModesArgs) -> Result<ExitCode, Failure> {
    let rules = args
        .fail_on
        .iter()
        .map(|text| text.parse::<Rule>())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Failure::usage(format!("--fail-on: {error}")))?;
    let since = args
        .since
        .as_deref()
        .map(|text| Selection::since(text, Timestamp::now()))
        .transpose()
        .map_err(|error| Failure::usage(format!("--since: {error}")))?;
    let selection = Selection {
        run: args.run.clone(),
        since,
    };
    let log = match &args.log {
        Some(log) => context.cwd.join(log),
        None => context.cwd.join("workspace/default").join(LOG_FILE),
    };
    let report = read(&files_of(&log), &selection).map_err(|error| refused(&error))?;
    if let Some(run) = args.run.as_deref().filter(|_| report.runs.is_empty()) {
        // A gate on a run that is not there must not pass.
        return Err(Failure::new(
            "E_NOT_FOUND",
            format!("no line of {} is of a run `{run}`", log.display()),
        )
        .hint("orket runs lists them; --since leaves lines out, too"));
    }
    if report.lines.counted == 0 && !rules.is_empty() {
        out::warn("warning: no line counts, so that no rule was tried on anything");
    }
    let tripped: Vec<_> = rules
        .iter()
        .filter_map(|rule| {
            rule.trips(&report).map(|figure| Tripped {
                rule: rule.to_string(),
                figure,
            })
        })
        .collect();
    let judged = Judged { report, tripped };
    out_file::write(context, args.out.as_deref(), &judged)?;
    if context.json {
        out::json(&judged);
    } else {
        out::print(&text(&judged));
    }
    Ok(ExitCode::from(u8::from(!judged.tripped.is_empty())))
}

fn refused(error: &ReadError) -> Failure {
    let failure = Failure::new("E_NOT_FOUND", error.to_string());
    match error {
        ReadError::Missing(_) => failure.hint(
            "every run writes orket.log into its workspace (orket runs lists them); --log FILE names another",
        ),
        ReadError::Unreadable(..) => {
            Failure::new("E_OUTPUT", error.to_string()).hint("look at its permissions: ls -l")
        }
    }
}

fn text(judged: &Judged) -> String {
    let report = &judged.report;
    let mut text = String::new();
    for file in &report.log {
        text.push_str(&format!("log      {file}\n"));
    }
    let lines = report.lines;
    text.push_str(&format!(
        "lines    {} read, {} counted, {} left out, {} malformed\n",
        lines.read, lines.counted, lines.left_out, lines.malformed
    ));
    if let (Some(first), Some(last)) = (&report.window.first, &report.window.last) {
        text.push_str(&format!("from     {first}\nto       {last}\n"));
    }
    let rates = report.rates;
    text.push_str(&format!(
        "runs     {} seen{}\n",
        report.runs.len(),
        of(&report.run_outcomes)
    ));
    text.push_str(&format!(
        "turns    {} begun, {} failed{}, {} stalled{}\n",
        report.of("turn_start"),
        report.of("turn_failed"),
        percent(rates.turn_failure),
        report.of("turn_stalled"),
        percent(rates.turn_stall),
    ));
    text.push_str(&format!(
        "retries  {}{}\n",
        report.retry_triggered,
        percent(rates.retry)
    ));
    let tables = [
        ("failed, by type", &report.failure_by_type),
        ("failed, by code", &report.failure_by_code),
        ("failed, by card", &report.failure_by_card),
        ("failed, by model", &report.failure_by_model),
        ("stalled, by phase", &report.stall_by_phase),
        ("no progress, by role", &report.non_progress_by_role),
        ("the guard said", &report.guard_outcomes),
    ];
    for (name, table) in tables.iter().filter(|(_, table)| !table.is_empty()) {
        text.push_str(&format!("{name}\n"));
        let mut most: Vec<_> = table.iter().collect();
        most.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (key, count) in most.iter().take(MOST_SHOWN) {
            text.push_str(&format!("  {count:>8}  {key}\n"));
        }
        if let Some(more) = most.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
            text.push_str(&format!("            and {more} more (--json has all)\n"));
        }
    }
    for tripped in &judged.tripped {
        text.push_str(&format!("FAIL     {} ({})\n", tripped.rule, tripped.figure));
    }
    text
}

/// `: done 3, incomplete 1`.
fn of(table: &BTreeMap<String, u64>) -> String {
    let counted: Vec<_> = table
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    if counted.is_empty() {
        String::new()
    } else {
        format!(": {}", counted.join(", "))
    }
}

fn percent(rate: Option<f64>) -> String {
    rate.map_or_else(String::new, |rate| format!(" ({:.1} %)", rate * 100.0))
}
