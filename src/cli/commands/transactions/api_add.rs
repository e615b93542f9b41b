//! `orket api add`.

use std::process::ExitCode;

use orket_transactions::operation::Operation;

use crate::cli::args::ApiAddArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// See the file's head.
pub fn run(context: &Context, args: &ApiAddArgs) -> Result<ExitCode, Failure> {
    let operation = Operation::ApiAdd {
        route: args.route.clone(),
        schema: args.schema.clone(),
        method: args.method.clone(),
    };
    super::carry_out(context, operation, &args.shell)
}
