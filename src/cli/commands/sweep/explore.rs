//! `orket sweep frontier|thermal|rollup|index`: artifacts made of summaries and of one another.

use std::process::ExitCode;

use orket_sweep::explorers::{context as ceilings, frontier, index, rollup, thermal};
use orket_sweep::words;

use super::files;
use crate::cli::args::sweep::{FrontierArgs, IndexArgs, RollupArgs, ThermalArgs};
use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// `orket sweep frontier`.
pub fn frontier(context: &Context, args: &FrontierArgs) -> Result<ExitCode, Failure> {
    let summary = files::summary(context, &args.summary)?;
    let keeping = &args.keeping;
    let source = args.summary.display().to_string();
    let artifact = frontier::of(&summary, &source, &keeping.provenance_ref, &files::now());
    let key = [
        artifact.hardware_fingerprint.as_str(),
        artifact.execution_lane.as_str(),
        artifact.vram_profile.as_str(),
    ];
    files::keep(context, keeping, &key, &artifact)?;
    let words = words::frontier(&artifact);
    files::tell(context, keeping.out.as_deref(), &artifact, &words)?;
    Ok(ExitCode::SUCCESS)
}

/// `orket sweep thermal`.
pub fn thermal(context: &Context, args: &ThermalArgs) -> Result<ExitCode, Failure> {
    let mut summaries = Vec::new();
    for file in &args.summaries {
        summaries.push((file.display().to_string(), files::summary(context, file)?));
    }
    let keeping = &args.keeping;
    let wish = thermal::Wish {
        model_id: args.model_id.clone(),
        quant_tag: args.quant_tag.clone(),
        thresholds: thermal::Thresholds {
            cooldown_target_c: args.cooldown_target_c,
            polluted_thermal_threshold_c: args.polluted_thermal_threshold_c,
            monotonic_window: args.monotonic_window,
        },
        reference: keeping.provenance_ref.clone(),
    };
    let artifact = thermal::of(&summaries, &wish, &files::now());
    let key = [
        artifact.hardware_fingerprint.as_str(),
        artifact.execution_lane.as_str(),
        artifact.vram_profile.as_str(),
        artifact.model_id.as_str(),
        artifact.quant_tag.as_str(),
    ];
    files::keep(context, keeping, &key, &artifact)?;
    let words = words::thermal(&artifact);
    files::tell(context, keeping.out.as_deref(), &artifact, &words)?;
    Ok(ExitCode::SUCCESS)
}

/// `orket sweep rollup`.
pub fn rollup(context: &Context, args: &RollupArgs) -> Result<ExitCode, Failure> {
    let mut artifacts = Vec::new();
    for file in &args.context {
        let artifact: ceilings::Artifact = files::read(context, file)?;
        artifacts.push((file.display().to_string(), artifact));
    }
    let artifact = rollup::of(&artifacts, &args.provenance_ref, &files::now());
    let words = words::rollup(&artifact);
    files::tell(context, args.out.as_deref(), &artifact, &words)?;
    Ok(ExitCode::SUCCESS)
}

/// `orket sweep index`.
pub fn index(context: &Context, args: &IndexArgs) -> Result<ExitCode, Failure> {
    let root = context.cwd.join(&args.root);
    let mut index =
        index::of(&root, &files::now()).map_err(|error| files::failure(&args.root, error))?;
    index.root = args.root.display().to_string();
    let words = words::index(&index);
    files::tell(context, args.out.as_deref(), &index, &words)?;
    Ok(ExitCode::SUCCESS)
}
