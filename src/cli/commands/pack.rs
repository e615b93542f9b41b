//! `orket pack`: a bundle in one file.

use std::process::ExitCode;

use orket_bundles::{Packing, words};

use super::validate::{told, usual};
use crate::cli::args::PackArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// See the file's head.
pub fn run(context: &Context, args: &PackArgs) -> Result<ExitCode, Failure> {
    let packing = Packing {
        base: &context.cwd,
        source: &args.source,
        output: args.out.as_deref(),
    };
    let report = orket_bundles::pack(&packing, &usual()?);
    Ok(told(context, report.ok, &report, words::packed))
}
