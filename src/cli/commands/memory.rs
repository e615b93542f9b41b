//! `orket check memory` and `orket compare memory`: traces of memory, read from files.

use std::path::Path;
use std::process::ExitCode;

use orket_core::memory::determinism::{
    check_retrieval, check_trace, compare_retrievals, compare_traces, rows,
};
use serde_json::{Value, json};

use crate::cli::args::{CheckMemoryArgs, CompareMemoryArgs};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;

/// A file that was read.
struct Read {
    value: Value,
    bytes: u64,
}

fn read(context: &Context, file: &Path) -> Result<Read, Failure> {
    let failure = |reason: String| {
        Failure::new("E_NOT_FOUND", format!("{}: {reason}", file.display()))
            .hint("traces are below WORKSPACE/observability/RUN/CARD/; `orket export RUN` writes them again")
    };
    let bytes =
        std::fs::read(context.cwd.join(file)).map_err(|error| failure(error.to_string()))?;
    let value = serde_json::from_slice(&bytes)
        .map_err(|error| failure(format!("is no valid JSON: {error}")))?;
    Ok(Read {
        value,
        bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
    })
}

pub fn check(context: &Context, args: &CheckMemoryArgs) -> Result<ExitCode, Failure> {
    let trace = read(context, &args.trace)?;
    let mut failures = check_trace(&trace.value, trace.bytes, args.max_trace_bytes);
    let retrieval = args.retrieval.as_ref();
    let retrieval_bytes = match retrieval {
        None => None,
        Some(file) => {
            let read = read(context, file)?;
            failures.extend(check_retrieval(
                &read.value,
                read.bytes,
                args.max_trace_bytes,
            ));
            Some(read.bytes)
        }
    };
    let report = json!({
        "status": status(&failures),
        "trace": args.trace,
        "trace_size_bytes": trace.bytes,
        "retrieval_trace": retrieval,
        "retrieval_trace_size_bytes": retrieval_bytes,
        "failures": failures,
    });
    told(context, &report, &failures, args.out.as_deref())
}

pub fn compare(context: &Context, args: &CompareMemoryArgs) -> Result<ExitCode, Failure> {
    let (left, right) = (read(context, &args.left)?, read(context, &args.right)?);
    let mut failures = Vec::new();
    for (side, trace) in [("left", &left), ("right", &right)] {
        failures.extend(of_side(
            side,
            check_trace(&trace.value, trace.bytes, u64::MAX),
        ));
    }
    // What is no trace tells of no behaviour that could be compared; how large one may be, `check
    // memory` says.
    if failures.is_empty() {
        failures = compare_traces(&left.value, &right.value);
    }
    let mut counts = (0, 0);
    match (&args.left_retrieval, &args.right_retrieval) {
        (Some(left), Some(right)) => {
            let (left, right) = (read(context, left)?, read(context, right)?);
            let mut broken = Vec::new();
            for (side, trace) in [("left", &left), ("right", &right)] {
                let found = check_retrieval(&trace.value, trace.bytes, u64::MAX);
                broken.extend(of_side(side, found));
            }
            if broken.is_empty() {
                broken = compare_retrievals(&left.value, &right.value);
            }
            failures.extend(broken);
            counts = (rows(&left.value).len(), rows(&right.value).len());
        }
        (None, None) => {}
        (Some(_), None) | (None, Some(_)) => {
            return Err(Failure::usage(
                "retrieval traces are compared with one another: give --left-retrieval and \
                 --right-retrieval, or neither",
            ));
        }
    }
    let report = json!({
        "status": status(&failures),
        "left": args.left,
        "right": args.right,
        "left_retrieval_rows": counts.0,
        "right_retrieval_rows": counts.1,
        "failures": failures,
    });
    told(context, &report, &failures, args.out.as_deref())
}

/// The failures of one of two traces.
fn of_side(side: &str, failures: Vec<String>) -> impl Iterator<Item = String> {
    failures.into_iter().map(move |it| format!("{side}:{it}"))
}

const fn status(failures: &[String]) -> &'static str {
    if failures.is_empty() { "PASS" } else { "FAIL" }
}

fn told(
    context: &Context,
    report: &Value,
    failures: &[String],
    file: Option<&Path>,
) -> Result<ExitCode, Failure> {
    if let Some(file) = file {
        std::fs::write(context.cwd.join(file), format!("{report:#}\n")).map_err(|error| {
            Failure::new("E_USAGE", format!("{}: {error}", file.display()))
                .hint("--out must name a file that can be written")
        })?;
    }
    if context.json {
        out::json(report);
    } else {
        out::print(&format!("{}\n", status(failures)));
        for failure in failures {
            out::print(&format!("  {failure}\n"));
        }
    }
    Ok(if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}
