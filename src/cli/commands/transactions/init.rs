//! `orket init`.

use std::process::ExitCode;

use orket_transactions::Outcome;
use orket_transactions::init::{Request, run as make};

use crate::cli::args::InitArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// See the file's head.
pub fn run(context: &Context, args: &InitArgs) -> Result<ExitCode, Failure> {
    let request = Request {
        folder: context.cwd.clone(),
        template: args.template.clone(),
        project_name: args.project_name.clone(),
        dir: args.dir.clone(),
        vars: args.vars.clone(),
        verify: !args.no_verify,
        timeout: args.verify_timeout,
    };
    let outcome = match super::verifier(context) {
        Ok(verifier) => make(&request, super::options(context), &verifier),
        Err(refusal) => Outcome::default().refused(refusal),
    };
    Ok(super::tell(context, &outcome, false))
}
