//! `orket completions`: a completion script for a shell, on standard output.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::args::{Cli, CompletionsArgs};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;

/// See the file's head.
pub fn run(context: &Context, args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "orket", &mut script);
    let script = String::from_utf8_lossy(&script);
    if context.json {
        out::json(&serde_json::json!({"shell": args.shell.to_string(), "script": script}));
    } else {
        out::print(&script);
    }
    Ok(ExitCode::SUCCESS)
}
