//! `orket inspect`: what is in a bundle.

use std::process::ExitCode;

use orket_bundles::words;

use super::validate::{told, usual};
use crate::cli::args::InspectArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// See the file's head.
pub fn run(context: &Context, args: &InspectArgs) -> Result<ExitCode, Failure> {
    let report = orket_bundles::inspect(&context.cwd, &args.target, &usual()?);
    Ok(told(context, report.ok, &report, words::inspection))
}
