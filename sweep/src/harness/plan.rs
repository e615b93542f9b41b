//! What settings come to: tasks, who looks at the hardware, and what stands of them in files.

use serde_json::{Value, json};

use super::HarnessError;
use crate::SCHEMA_VERSION;
use crate::bank::{Bank, Task};
use crate::settings::Settings;
use crate::summary::{Matrix, SidecarPlan};

/// The tasks that settings select.
///
/// # Errors
///
/// When there is none.
pub fn selected<'b>(bank: &'b Bank, settings: &Settings) -> Result<Vec<&'b Task>, HarnessError> {
    let tasks = bank.select(
        settings.task_id_min,
        settings.task_id_max,
        settings.task_limit,
    );
    if tasks.is_empty() {
        return Err(HarnessError::NoTasks(bank.name.clone()));
    }
    Ok(tasks)
}

/// Who is to look at the hardware.
#[must_use]
pub fn sidecar_plan(settings: &Settings) -> SidecarPlan {
    let (template, profile) = (
        settings.hardware_sidecar_template.clone(),
        settings.hardware_sidecar_profile.clone(),
    );
    SidecarPlan {
        enabled: template.is_some() || profile.is_some(),
        profile,
        profiles_config: settings.sidecar_profiles_config.clone(),
        template,
        timeout_sec: settings.hardware_sidecar_timeout_sec,
    }
}

/// What the kept runs of a sweep depend on. Others may go on with them only if it is the same.
pub(super) fn kept_for(settings: &Settings, tasks: &[&Task]) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "models": settings.models,
        "quants": settings.quants,
        "tasks": tasks,
        "runs_per_quant": settings.runs_per_quant,
        "controls": settings.controls,
        "model_template": settings.model_template,
        "runner_template": settings.runner_template,
        "task_timeout_sec": settings.task_timeout_sec,
        "execution_lane": settings.execution_lane,
        "vram_profile": settings.vram_profile,
        "canary_runs": settings.canary_runs,
        "canary_task_limit": settings.canary_task_limit,
    })
}

/// What was asked, as it stands in a summary.
pub(super) fn matrix(settings: &Settings) -> Matrix {
    Matrix {
        models: settings.models.clone(),
        quants: settings.quants.clone(),
        task_bank: settings.task_bank.clone(),
        runs_per_quant: settings.runs_per_quant,
        latency_ceiling: Some(settings.latency_ceiling),
        experimental_controls: settings.controls.clone(),
        execution_lane: settings.execution_lane,
        vram_profile: settings.vram_profile,
        hardware_sidecar: sidecar_plan(settings),
        runtime_target: settings.runtime_target.clone(),
        execution_mode: settings.execution_mode.clone(),
        venue: settings.runtime_target.clone(),
        flow: settings.execution_mode.clone(),
    }
}
