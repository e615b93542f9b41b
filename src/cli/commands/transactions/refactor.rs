//! `orket refactor`.

use std::process::ExitCode;

use orket_transactions::operation::Operation;

use crate::cli::args::RefactorArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// See the file's head.
pub fn run(context: &Context, args: &RefactorArgs) -> Result<ExitCode, Failure> {
    let operation = Operation::Refactor {
        instruction: args.instruction.clone(),
    };
    super::carry_out(context, operation, &args.shell)
}
