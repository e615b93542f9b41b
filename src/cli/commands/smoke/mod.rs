//! `orket smoke`: whether this installation works, tried out in folders that are thrown away.
//!
//! # Layout
//!
//! - [`cli`]: init, api add and refactor. [`release`]: what must hold before a release.
//! - `step`: this program, started with arguments.

mod cli;
mod release;
mod step;

use std::process::ExitCode;

use crate::cli::args::SmokeCommand;
use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// See the file's head.
pub async fn run(context: Context, command: SmokeCommand) -> Result<ExitCode, Failure> {
    match command {
        SmokeCommand::Cli(args) => cli::run(&context, &args).await,
        SmokeCommand::Release(args) => release::run(&context, &args).await,
    }
}
