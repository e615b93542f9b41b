//! `orket check boundaries`: whether dependencies between crates and modules point the right way.

use std::process::ExitCode;

use jiff::Timestamp;
use orket_checks::boundaries::{CheckError, Report, check};

use crate::cli::args::CheckBoundariesArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{out, out_file};

/// See the file's head.
pub fn run(context: &Context, args: &CheckBoundariesArgs) -> Result<ExitCode, Failure> {
    let root = context.cwd.join(&args.root);
    let report = check(&root, Timestamp::now()).map_err(|error| refused(&error))?;
    out_file::write(context, args.out.as_deref(), &report)?;
    if context.json {
        out::json(&report);
    } else {
        out::print(&text(&report));
    }
    Ok(ExitCode::from(u8::from(!report.ok)))
}

fn refused(error: &CheckError) -> Failure {
    Failure::new("E_SOURCES", error.to_string()).hint(
        "orket check boundaries --root FOLDER, where FOLDER is a clone of Orket; it needs cargo",
    )
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    for violation in &report.violations {
        let line = violation
            .line
            .map_or_else(String::new, |line| format!(":{line}"));
        text.push_str(&format!("{}{line}: {}\n", violation.file, violation.reason));
    }
    for unknown in &report.unknown_modules {
        text.push_str(&format!(
            "{unknown}: no rule says where it belongs (checks/src/boundaries/policy.rs)\n"
        ));
    }
    let verdict = if report.ok { "PASS" } else { "FAIL" };
    text.push_str(&format!(
        "{verdict}: {} files, {} directions between modules, {} between crates, {} wrong\n",
        report.scan.files_scanned,
        report.layer_edges.len(),
        report.crate_edges.len(),
        report.violations.len() + report.unknown_modules.len(),
    ));
    text
}
