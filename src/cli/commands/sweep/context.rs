//! `orket sweep context`: one sweep for each context, then the largest context that still does.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;
use orket_sweep::explorers::context::{Artifact, SCHEMA, Thresholds, Tried, Wish, of};
use orket_sweep::explorers::{history, profiles};
use orket_sweep::harness::machine::Machine;
use orket_sweep::harness::store::write_json;
use orket_sweep::harness::sweep::Ended;
use orket_sweep::settings::Settings;

use super::run::{failure, measure, on_system_value, settings};
use crate::cli::args::sweep::SweepContextArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;

/// See the file's head.
pub fn run(context: &Context, args: &SweepContextArgs) -> Result<ExitCode, Failure> {
    // Every context is a sweep of its own; whatever the matrix says of one context gives way.
    let mut whole = settings(&args.matrix)?;
    let profile = profiles::built_in()
        .map_err(|error| Failure::new("E_INTERNAL", error.to_string()))?
        .remove(&whole.vram_profile);
    let mut contexts = args.contexts.clone();
    if contexts.is_empty() {
        contexts = profile
            .as_ref()
            .map_or_else(Vec::new, |it| it.contexts.clone());
    }
    if contexts.is_empty() || contexts.contains(&0) || !contexts.is_sorted_by(|a, b| a < b) {
        return Err(
            Failure::usage("--contexts must be numbers above 0 that ascend")
                .hint("orket sweep context --help"),
        );
    }
    let given = profile.map_or_else(Thresholds::default, |it| it.thresholds());
    let thresholds = Thresholds {
        adherence_min: args.adherence_min.unwrap_or(given.adherence_min),
        ttft_ceiling_ms: args.ttft_ceiling_ms.unwrap_or(given.ttft_ceiling_ms),
        decode_floor_tps: args.decode_floor_tps.unwrap_or(given.decode_floor_tps),
        include_invalid: whole.include_invalid,
    };
    let folder = PathBuf::from(&whole.out_dir);
    let machine = Machine::here(&context.cwd);
    let tried = on_system_value(all(
        context,
        &mut whole,
        &contexts,
        &folder,
        &machine,
        args.resume,
    ))?;
    let wish = Wish {
        // One sweep may hold several rows; the finder takes one, the same in all contexts.
        model_id: whole.models.first().cloned(),
        quant_tag: (whole.quants.len() == 1)
            .then(|| whole.quants.first().cloned())
            .flatten(),
        thresholds,
        execution_lane: Some(whole.execution_lane),
        vram_profile: Some(whole.vram_profile),
        summary_template: summary_of(&folder, "{context}"),
        reference: args.provenance_ref.clone(),
    };
    let artifact = of(tried, &wish, &format!("{:.3}", Timestamp::now()));
    keep(args, &folder, &artifact)?;
    if context.json {
        out::json(&artifact);
    } else {
        out::print(&told(&artifact));
    }
    Ok(match artifact.safe_context_ceiling {
        Some(_) => ExitCode::SUCCESS,
        None => ExitCode::from(1),
    })
}

fn summary_of(folder: &Path, context: &str) -> String {
    folder
        .join(format!("context_{context}"))
        .join("sweep_summary.json")
        .display()
        .to_string()
}

async fn all(
    context: &Context,
    whole: &mut Settings,
    contexts: &[u32],
    folder: &Path,
    machine: &Machine,
    resume: bool,
) -> Result<Vec<Tried>, Failure> {
    let mut tried = Vec::new();
    for tokens in contexts {
        whole.controls.context_window = Some(*tokens);
        whole.out_dir = folder
            .join(format!("context_{tokens}"))
            .display()
            .to_string();
        whole.summary_out = summary_of(folder, &tokens.to_string());
        out::warn(&format!("context {tokens}"));
        // One that had not begun when the others were stopped begins.
        let has_begun = Path::new(&whole.out_dir).join("runs/plan.json").is_file();
        let ended = measure(context, whole, machine, resume && has_begun).await?;
        tried.push(Tried {
            context: *tokens,
            summary_path: whole.summary_out.clone(),
            summary: match ended {
                Ended::Done(summary) => Some(*summary),
                Ended::Canary(_) => None,
            },
        });
    }
    Ok(tried)
}

fn keep(args: &SweepContextArgs, folder: &Path, artifact: &Artifact) -> Result<(), Failure> {
    let file = args
        .out
        .as_ref()
        .map_or_else(|| folder.join("context_ceiling.json"), PathBuf::from);
    write_json(&file, artifact).map_err(failure)?;
    if args.storage_mode == "ephemeral" {
        return Ok(());
    }
    let root = args
        .storage_root
        .as_ref()
        .map_or_else(|| folder.join("history"), PathBuf::from);
    let value = serde_json::to_value(artifact)
        .map_err(|error| Failure::new("E_INTERNAL", error.to_string()))?;
    let key = [
        SCHEMA,
        &artifact.hardware_fingerprint,
        artifact.execution_lane.as_str(),
        artifact.vram_profile.as_str(),
        &artifact.model_id,
        &artifact.quant_tag,
    ];
    history::append(&root, &key, value)
        .map(|_| ())
        .map_err(|error| Failure::new("E_STORAGE", error.to_string()))
}

fn told(artifact: &Artifact) -> String {
    let mut text = format!("{} {}\n", artifact.model_id, artifact.quant_tag);
    for point in &artifact.points {
        let number =
            |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
        let verdict = if point.passed {
            "passes".to_owned()
        } else {
            let reasons: Vec<&str> = point.reasons.iter().map(|it| it.as_str()).collect();
            format!("fails: {}", reasons.join(", "))
        };
        text.push_str(&format!(
            "  {:>7} tokens: adherence {}, first token after {} ms, {} tokens/s, {verdict}\n",
            point.context,
            number(point.adherence_score),
            number(point.ttft_ms),
            number(point.decode_tps),
        ));
    }
    text + &artifact.recommendation
}
