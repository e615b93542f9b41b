//! What a sweep would do, without doing it.

use serde_json::{Value, json};

use super::HarnessError;
use super::machine::Machine;
use super::naming;
use super::plan::{selected, sidecar_plan};
use crate::bank::Bank;
use crate::settings::Settings;

/// The plan as `--dry-run` prints it: `{"dry_run": {…}}`.
///
/// # Errors
///
/// What would stop the sweep at once.
pub fn of(settings: &Settings, machine: &Machine) -> Result<Value, HarnessError> {
    let bank = Bank::load(&settings.task_bank)?;
    let tasks = selected(&bank, settings)?;
    let ids: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    let names = names(settings)?;
    let sidecar = sidecar_plan(settings);
    Ok(json!({"dry_run": {
        "commit_sha": machine.commit_sha,
        "models": settings.models,
        "quants": settings.quants,
        "task_bank": settings.task_bank,
        "runs_per_quant": settings.runs_per_quant,
        "task_limit": settings.task_limit,
        "task_id_min": settings.task_id_min,
        "task_id_max": settings.task_id_max,
        "runtime_target": settings.runtime_target,
        "execution_mode": settings.execution_mode,
        "out_dir": settings.out_dir,
        "summary_out": settings.summary_out,
        "experimental_controls": settings.controls,
        "execution_lane": settings.execution_lane,
        "vram_profile": settings.vram_profile,
        "canary": {
            "enabled": settings.canary_runs > 0,
            "runs": settings.canary_runs,
            "task_limit": settings.canary_task_limit,
            "latency_variance_threshold": settings.canary_latency_variance_threshold,
        },
        "hardware_sidecar": sidecar,
        "tasks": ids,
        "served_models": names,
        "runs": names.len() * ids.len() * usize::try_from(settings.runs_per_quant).unwrap_or(usize::MAX),
    }}))
}

/// The names of all rows, in the order of the matrix.
fn names(settings: &Settings) -> Result<Vec<Value>, HarnessError> {
    if settings.runner_template.is_some() {
        let rows = settings.models.iter().flat_map(|model| {
            let quants = settings.quants.iter();
            quants.map(move |quant| json!({"model": model, "quant": quant, "served": null}))
        });
        return Ok(rows.collect());
    }
    let template = settings.model_template.as_deref();
    let names = naming::all(&settings.models, &settings.quants, template)?;
    let mut rows = Vec::new();
    for model in &settings.models {
        for quant in &settings.quants {
            let served = names.get(&(model.clone(), quant.clone()));
            rows.push(json!({"model": model, "quant": quant, "served": served}));
        }
    }
    Ok(rows)
}
