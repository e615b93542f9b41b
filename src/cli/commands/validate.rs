//! `orket validate`: whether a bundle is whole.

use std::process::ExitCode;

use orket_bundles::engine::Engine;
use orket_bundles::selection::Wish;
use orket_bundles::{ENGINE_VERSION, Options, words};
use serde::Serialize;

use crate::cli::args::ValidateArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;

/// See the file's head.
pub fn run(context: &Context, args: &ValidateArgs) -> Result<ExitCode, Failure> {
    let models = Wish {
        available: args.available_model.clone(),
        wanted: args.model_override.clone(),
    };
    let options = options(&args.engine_version, models)?;
    let report = orket_bundles::validate(&context.cwd, &args.target, &options);
    Ok(told(context, report.ok, &report, words::validation))
}

/// What bundles are held against where nothing is said.
pub(super) fn usual() -> Result<Options, Failure> {
    options(ENGINE_VERSION, Wish::default())
}

fn options(engine_version: &str, models: Wish) -> Result<Options, Failure> {
    let engine = Engine::new(engine_version).map_err(|bad| Failure {
        exit: 2,
        ..Failure::new("E_ENGINE_VERSION_INVALID", bad.to_string())
            .hint(format!("orket validate --engine-version {ENGINE_VERSION}"))
    })?;
    Ok(Options { engine, models })
}

/// Tells a report, and answers the exit code.
pub(super) fn told<R: Serialize>(
    context: &Context,
    ok: bool,
    report: &R,
    words: fn(&R) -> String,
) -> ExitCode {
    if context.json {
        out::json(report);
    } else {
        out::print(&words(report));
        if !ok {
            out::warn(
                "hint: docs/BUNDLES.md says what a bundle must hold; docs/errors/ has a page for each code",
            );
        }
    }
    ExitCode::from(u8::from(!ok))
}
