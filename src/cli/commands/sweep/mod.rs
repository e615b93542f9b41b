//! `orket sweep`: what measures has a file for each verb; what only reads files has them together.

mod baselines;
mod check;
mod context;
mod explore;
mod files;
mod gates;
mod kpi;
mod report;
mod run;

use std::process::ExitCode;

use crate::cli::args::{SweepArgs, SweepCommand};
use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// See the file's head.
pub fn run(context: &Context, args: &SweepArgs) -> Result<ExitCode, Failure> {
    match &args.command {
        SweepCommand::Run(args) => run::run(context, args),
        SweepCommand::Context(args) => context::run(context, args),
        SweepCommand::Report(args) => report::run(context, args),
        SweepCommand::Kpi(args) => kpi::run(context, args),
        SweepCommand::Frontier(args) => explore::frontier(context, args),
        SweepCommand::Thermal(args) => explore::thermal(context, args),
        SweepCommand::Baselines(command) => baselines::run(context, command),
        SweepCommand::Guards(args) => gates::guards(context, args),
        SweepCommand::Sidecar(args) => gates::sidecar(context, args),
        SweepCommand::Rollup(args) => explore::rollup(context, args),
        SweepCommand::Check(args) => check::run(context, args),
        SweepCommand::Index(args) => explore::index(context, args),
        SweepCommand::Score(args) => gates::score(context, args),
    }
}
