//! `orket compare replay`: whether two replay artifacts tell of the same outcome.

use std::path::Path;
use std::process::ExitCode;

use orket_transactions::replay::compare::{Mismatch, compare};
use serde_json::{Value, json};

use crate::cli::args::CompareReplayArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;

/// What differs ends with this.
const DIFFERENT: u8 = 2;

/// See the file's head.
pub fn run(context: &Context, args: &CompareReplayArgs) -> Result<ExitCode, Failure> {
    let (left, right) = (read(context, &args.left)?, read(context, &args.right)?);
    let mismatches = compare(&left, &right);
    let summary: Vec<String> = mismatches.iter().map(Mismatch::summary).collect();
    let status = if mismatches.is_empty() {
        "MATCH"
    } else {
        "MISMATCH"
    };
    let report = json!({
        "status": status,
        "left": args.left,
        "right": args.right,
        "mismatch_count": mismatches.len(),
        "summary": summary,
        "mismatches": mismatches,
    });
    if let Some(file) = &args.out {
        std::fs::write(context.cwd.join(file), format!("{report:#}\n")).map_err(|error| {
            Failure::new("E_USAGE", format!("{}: {error}", file.display()))
                .hint("--out must name a file that can be written")
        })?;
    }
    if context.json {
        out::json(&report);
    } else {
        out::print(&format!("{status}\n"));
        for mismatch in &mismatches {
            out::print(&format!(
                "  {}\n    left:  {}\n    right: {}\n",
                mismatch.summary(),
                mismatch.left.as_deref().unwrap_or("nothing"),
                mismatch.right.as_deref().unwrap_or("nothing"),
            ));
        }
    }
    Ok(if mismatches.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DIFFERENT)
    })
}

fn read(context: &Context, file: &Path) -> Result<Value, Failure> {
    let failure = |reason: String| {
        Failure::new("E_NOT_FOUND", format!("{}: {reason}", file.display())).hint(
            "ORKET_REPLAY_ARTIFACTS=1 has transactions write them below .orket/replay_artifacts/",
        )
    };
    let bytes =
        std::fs::read(context.cwd.join(file)).map_err(|error| failure(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| failure(format!("is no valid JSON: {error}")))
}
