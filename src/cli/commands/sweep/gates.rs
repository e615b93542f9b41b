//! `orket sweep guards|score|sidecar`: figures against limits, and what the cards say.

use std::process::ExitCode;
use std::time::Duration;

use orket_sweep::guards::{Demands, Status, check};
use orket_sweep::lane::VramProfile;
use orket_sweep::run_report::RunReport;
use orket_sweep::sidecar::probe::{Backend, Payload, Subject, look};
use orket_sweep::{bands, words};

use super::files;
use crate::cli::args::sweep::{GuardsArgs, Profile, ScoreArgs, SidecarArgs};
use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// `orket sweep guards`.
pub fn guards(context: &Context, args: &GuardsArgs) -> Result<ExitCode, Failure> {
    let summary = files::summary(context, &args.summary)?;
    let demands = Demands {
        cooldown_target_c: args.cooldown_target_c,
        profile: match args.vram_profile {
            Profile::Safe => VramProfile::Safe,
            Profile::Balanced => VramProfile::Balanced,
            Profile::Stress => VramProfile::Stress,
        },
    };
    let report = check(&summary, &args.summary.display().to_string(), &demands);
    let words = words::guards(&report);
    files::tell(context, args.out.as_deref(), &report, &words)?;
    Ok(match report.status {
        Status::Pass => ExitCode::SUCCESS,
        Status::Fail => ExitCode::from(files::FAILED),
        Status::Skip if args.allow_skip => ExitCode::SUCCESS,
        Status::Skip => ExitCode::from(files::SKIPPED),
    })
}

/// `orket sweep score`.
pub fn score(context: &Context, args: &ScoreArgs) -> Result<ExitCode, Failure> {
    let value: serde_json::Value = files::read(context, &args.report)?;
    if !value
        .get("details")
        .is_some_and(serde_json::Value::is_object)
    {
        return Err(files::failure(
            &args.report,
            "is no report of the harness: it has no details",
        ));
    }
    let report: RunReport =
        serde_json::from_value(value).map_err(|error| files::failure(&args.report, error))?;
    let scores = bands::score(&report, &args.report.display().to_string());
    let failures = if args.require_thresholds {
        bands::failures(&scores)
    } else {
        Vec::new()
    };
    let words = words::scores(&scores, &failures);
    files::tell(context, args.out.as_deref(), &scores, &words)?;
    Ok(files::verdict(failures.is_empty()))
}

/// `orket sweep sidecar`.
pub fn sidecar(context: &Context, args: &SidecarArgs) -> Result<ExitCode, Failure> {
    let backend: Backend = args.backend.parse().map_err(|problem: String| {
        Failure::usage(format!("--backend: {problem}")).hint("orket sweep sidecar --help")
    })?;
    let before: Option<Payload> = match &args.before {
        Some(file) => Some(files::read(context, file)?),
        None => None,
    };
    if let Some(before) = &before
        && before.backend != backend
    {
        return Err(Failure::usage(format!(
            "--before is of {}, not of {backend}",
            before.backend
        )));
    }
    let subject = Subject {
        backend,
        model: &args.model,
        quant: &args.quant,
        now: &files::now(),
    };
    let after = look(backend, Duration::from_secs(args.timeout_sec));
    let payload = Payload::between(&subject, before.as_ref().map(|it| &it.figures), &after);
    let words = words::sidecar(&payload);
    files::tell(context, args.out.as_deref(), &payload, &words)?;
    if payload.is_broken() {
        return Ok(ExitCode::from(1));
    }
    Ok(ExitCode::SUCCESS)
}
