//! What a sweep is asked for: a matrix file, flags over it, and the defaults under both.

use serde::{Deserialize, Serialize};

use crate::lane::{Lane, VramProfile};
use crate::telemetry::Controls;

/// A matrix file, or the flags of a command: what is not said is `None`. Unknown keys are refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatrixConfig {
    /// Models.
    pub models: Option<Vec<String>>,
    /// Quantizations of each.
    pub quants: Option<Vec<String>>,
    /// Runs of each task.
    pub runs_per_quant: Option<u32>,
    /// What the model's digest is said to be.
    pub model_hash: Option<String>,
    /// The task bank.
    pub task_bank: Option<String>,
    /// What it runs on.
    pub runtime_target: Option<String>,
    /// How.
    pub execution_mode: Option<String>,
    /// A command for each run.
    pub runner_template: Option<String>,
    /// How the name of the model is made of `{model}` and `{quant}`.
    pub model_template: Option<String>,
    /// The most seconds that one run may take.
    pub task_timeout_sec: Option<u64>,
    /// The most tasks.
    pub task_limit: Option<u32>,
    /// The first task.
    pub task_id_min: Option<u32>,
    /// The last task.
    pub task_id_max: Option<u32>,
    /// Where reports go.
    pub out_dir: Option<String>,
    /// Where the summary goes.
    pub summary_out: Option<String>,
    /// A command that looks at the hardware.
    pub hardware_sidecar_template: Option<String>,
    /// The most seconds that it may take.
    pub hardware_sidecar_timeout_sec: Option<u64>,
    /// A command that looks at the hardware, by its name.
    pub hardware_sidecar_profile: Option<String>,
    /// Where such names stand.
    pub sidecar_profiles_config: Option<String>,
    /// The share of the baseline's adherence that a row needs.
    pub adherence_threshold: Option<f64>,
    /// The most seconds that a row may take.
    pub latency_ceiling: Option<f64>,
    /// Whether rows that are not valid may be chosen.
    #[serde(alias = "allow_polluted_frontier")]
    pub include_invalid: Option<bool>,
    /// The seed of sampling.
    pub seed: Option<u64>,
    /// Threads of the model server.
    pub threads: Option<u32>,
    /// Which cores may be used.
    pub affinity_policy: Option<String>,
    /// Questions asked before measuring begins.
    pub warmup_steps: Option<u32>,
    /// Tokens of context.
    pub context_window: Option<u32>,
    /// The temperature of sampling.
    pub temperature: Option<f64>,
    /// Where it runs.
    pub execution_lane: Option<Lane>,
    /// How much graphics memory it may take.
    pub vram_profile: Option<VramProfile>,
    /// Runs of the canary's tasks; 0 switches it off, and 1 would compare nothing.
    pub canary_runs: Option<u32>,
    /// Tasks of the canary.
    pub canary_task_limit: Option<u32>,
    /// The most variation of the canary's model seconds.
    pub canary_latency_variance_threshold: Option<f64>,
}

macro_rules! prefer {
    ($mine:expr, $other:expr, $($field:ident),+ $(,)?) => {
        MatrixConfig { $($field: $mine.$field.or($other.$field)),+ }
    };
}

impl MatrixConfig {
    /// These, and the other's where these say nothing: flags over a matrix file.
    #[must_use]
    pub fn over(self, other: Self) -> Self {
        prefer!(
            self,
            other,
            models,
            quants,
            runs_per_quant,
            model_hash,
            task_bank,
            runtime_target,
            execution_mode,
            runner_template,
            model_template,
            task_timeout_sec,
            task_limit,
            task_id_min,
            task_id_max,
            out_dir,
            summary_out,
            hardware_sidecar_template,
            hardware_sidecar_timeout_sec,
            hardware_sidecar_profile,
            sidecar_profiles_config,
            adherence_threshold,
            latency_ceiling,
            include_invalid,
            seed,
            threads,
            affinity_policy,
            warmup_steps,
            context_window,
            temperature,
            execution_lane,
            vram_profile,
            canary_runs,
            canary_task_limit,
            canary_latency_variance_threshold,
        )
    }
}

/// What a sweep is asked for, complete.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Models, at least one.
    pub models: Vec<String>,
    /// Quantizations of each, at least one.
    pub quants: Vec<String>,
    /// Runs of each task, at least one.
    pub runs_per_quant: u32,
    /// What the model's digest is said to be.
    pub model_hash: Option<String>,
    /// The task bank.
    pub task_bank: String,
    /// What it runs on.
    pub runtime_target: String,
    /// How.
    pub execution_mode: String,
    /// A command for each run.
    pub runner_template: Option<String>,
    /// How the name of the model is made; `None` leaves that to the provider's habit.
    pub model_template: Option<String>,
    /// The most seconds that one run may take.
    pub task_timeout_sec: u64,
    /// The most tasks; `None` is all.
    pub task_limit: Option<u32>,
    /// The first task.
    pub task_id_min: Option<u32>,
    /// The last task.
    pub task_id_max: Option<u32>,
    /// Where reports go.
    pub out_dir: String,
    /// Where the summary goes.
    pub summary_out: String,
    /// A command that looks at the hardware.
    pub hardware_sidecar_template: Option<String>,
    /// The most seconds that it may take.
    pub hardware_sidecar_timeout_sec: u64,
    /// Such a command, by its name.
    pub hardware_sidecar_profile: Option<String>,
    /// Where such names stand.
    pub sidecar_profiles_config: Option<String>,
    /// The share of the baseline's adherence that a row needs, above 0 and at most 1.
    pub adherence_threshold: f64,
    /// The most seconds that a row may take.
    pub latency_ceiling: f64,
    /// Whether rows that are not valid may be chosen.
    pub include_invalid: bool,
    /// What is held still.
    pub controls: Controls,
    /// Where it runs.
    pub execution_lane: Lane,
    /// How much graphics memory it may take.
    pub vram_profile: VramProfile,
    /// Runs of the canary; 0 is none.
    pub canary_runs: u32,
    /// Tasks of the canary.
    pub canary_task_limit: u32,
    /// The most variation of the canary's model seconds.
    pub canary_latency_variance_threshold: f64,
}

/// Why a sweep cannot be done as asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// Something that has no default is not said.
    #[error("{0} must name at least one")]
    Empty(&'static str),
    /// A number lies outside of what makes sense.
    #[error("{name} must be {must}, not {value}")]
    Range {
        /// Which.
        name: &'static str,
        /// What would make sense.
        must: &'static str,
        /// What was said.
        value: String,
    },
    /// Something is named twice.
    #[error("{name} names {value} twice")]
    Twice {
        /// Where.
        name: &'static str,
        /// What.
        value: String,
    },
    /// The first task comes after the last.
    #[error("no task lies between {0} and {1}")]
    NoTasks(u32, u32),
}

/// Where reports go when nobody says.
pub const OUT_DIR: &str = "benchmarks/results/quant_sweep";

impl Settings {
    /// The settings that a matrix and flags come to, with defaults for the rest.
    ///
    /// # Errors
    ///
    /// When models or quantizations are not named, or a number makes no sense.
    pub fn resolve(config: MatrixConfig) -> Result<Self, SettingsError> {
        let runtime_target = config
            .runtime_target
            .unwrap_or_else(|| "local-hardware".to_owned());
        let out_dir = config.out_dir.unwrap_or_else(|| OUT_DIR.to_owned());
        let settings = Self {
            models: named("models", config.models)?,
            quants: named("quants", config.quants)?,
            runs_per_quant: config.runs_per_quant.unwrap_or(1),
            model_hash: config.model_hash,
            task_bank: config.task_bank.unwrap_or_else(|| "orket-24".to_owned()),
            execution_lane: config
                .execution_lane
                .unwrap_or_else(|| Lane::of_target(&runtime_target)),
            runtime_target,
            execution_mode: config
                .execution_mode
                .unwrap_or_else(|| "live-card".to_owned()),
            runner_template: config.runner_template,
            model_template: config.model_template,
            task_timeout_sec: config.task_timeout_sec.unwrap_or(600),
            task_limit: config.task_limit.filter(|limit| *limit > 0),
            task_id_min: config.task_id_min.filter(|id| *id > 0),
            task_id_max: config.task_id_max.filter(|id| *id > 0),
            summary_out: config
                .summary_out
                .unwrap_or_else(|| format!("{out_dir}/sweep_summary.json")),
            out_dir,
            hardware_sidecar_template: config.hardware_sidecar_template,
            hardware_sidecar_timeout_sec: config.hardware_sidecar_timeout_sec.unwrap_or(120),
            hardware_sidecar_profile: config.hardware_sidecar_profile,
            sidecar_profiles_config: config.sidecar_profiles_config,
            adherence_threshold: config.adherence_threshold.unwrap_or(0.95),
            latency_ceiling: config.latency_ceiling.unwrap_or(10.0),
            include_invalid: config.include_invalid.unwrap_or(false),
            controls: Controls {
                seed: config.seed,
                threads: config.threads.filter(|threads| *threads > 0),
                affinity_policy: config.affinity_policy.filter(|it| !it.trim().is_empty()),
                warmup_steps: Some(config.warmup_steps.unwrap_or(0)),
                context_window: config.context_window,
                temperature: config.temperature,
            },
            vram_profile: config.vram_profile.unwrap_or_default(),
            canary_runs: config.canary_runs.unwrap_or(0),
            canary_task_limit: config.canary_task_limit.unwrap_or(1),
            canary_latency_variance_threshold: config
                .canary_latency_variance_threshold
                .unwrap_or(0.03),
        };
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        at_least_one("runs_per_quant", u64::from(self.runs_per_quant))?;
        at_least_one("task_timeout_sec", self.task_timeout_sec)?;
        if self.canary_runs == 1 {
            return Err(range("canary_runs", "0 or at least 2", 1));
        }
        at_least_one("canary_task_limit", u64::from(self.canary_task_limit))?;
        at_least_one(
            "hardware_sidecar_timeout_sec",
            self.hardware_sidecar_timeout_sec,
        )?;
        if let Some(window) = self.controls.context_window {
            at_least_one("context_window", u64::from(window))?;
        }
        if !(self.adherence_threshold > 0.0 && self.adherence_threshold <= 1.0) {
            return Err(range(
                "adherence_threshold",
                "above 0 and at most 1",
                self.adherence_threshold,
            ));
        }
        if !(self.latency_ceiling > 0.0 && self.latency_ceiling.is_finite()) {
            return Err(range("latency_ceiling", "above 0", self.latency_ceiling));
        }
        let variation = self.canary_latency_variance_threshold;
        if !(variation >= 0.0 && variation.is_finite()) {
            return Err(range(
                "canary_latency_variance_threshold",
                "0 or more",
                variation,
            ));
        }
        if let Some(temperature) = self.controls.temperature
            && !(0.0..=2.0).contains(&temperature)
        {
            return Err(range("temperature", "between 0 and 2", temperature));
        }
        match (self.task_id_min, self.task_id_max) {
            (Some(min), Some(max)) if min > max => Err(SettingsError::NoTasks(min, max)),
            _ => Ok(()),
        }
    }
}

fn at_least_one(name: &'static str, value: u64) -> Result<(), SettingsError> {
    if value == 0 {
        return Err(range(name, "1 or more", value));
    }
    Ok(())
}

fn range(name: &'static str, must: &'static str, value: impl ToString) -> SettingsError {
    SettingsError::Range {
        name,
        must,
        value: value.to_string(),
    }
}

/// Names without the blanks around them; none twice, since a file is named after each.
fn named(name: &'static str, values: Option<Vec<String>>) -> Result<Vec<String>, SettingsError> {
    let mut kept: Vec<String> = Vec::new();
    for value in values.unwrap_or_default() {
        let value = value.trim();
        if value.is_empty() {
            continue;
        }
        if kept.iter().any(|other| other.eq_ignore_ascii_case(value)) {
            return Err(SettingsError::Twice {
                name,
                value: value.to_owned(),
            });
        }
        kept.push(value.to_owned());
    }
    if kept.is_empty() {
        return Err(SettingsError::Empty(name));
    }
    Ok(kept)
}
