//! `orket sweep run`.

use clap::Args;
use orket_sweep::lane::{Lane, VramProfile};
use orket_sweep::settings::MatrixConfig;

/// `orket sweep run`.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Rows are measured one run at a time and kept as they finish; --resume goes on.\nExit codes: 0 done, 1 not done or the canary failed, 2 wrong usage, 130 interrupted.\n\nExamples:\n  orket sweep run --model-id scripted:sweep --quant-tags Q8_0,Q6_K --dry-run\n  orket sweep run --model-id scripted:sweep --quant-tags Q8_0 --task-limit 1"
)]
pub struct SweepRunArgs {
    /// What is asked for.
    #[command(flatten)]
    pub matrix: MatrixArgs,
    /// Print what would be done, do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Go on with a sweep that was stopped; it must be asked for in the same way
    #[arg(long, conflicts_with = "dry_run")]
    pub resume: bool,
}

/// What can be said in a matrix file too. A flag that is given wins over the file.
#[derive(Debug, Clone, Default, Args)]
pub struct MatrixArgs {
    /// A JSON file with any of the settings below, models and quants
    #[arg(long, value_name = "FILE")]
    pub matrix_config: Option<String>,
    /// A matrix that comes with Orket: common, logic_only, mixed, refactor_heavy
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Models: qwen2.5-coder:7b (Ollama), openai:NAME, scripted:sweep
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub model_id: Vec<String>,
    /// Quantizations of each: Q8_0,Q6_K,Q4_K_M
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub quant_tags: Vec<String>,
    /// How the server's name is made of {model}, {quant} (Q4_K_M) and {tag} (q4_K_M)
    #[arg(long, value_name = "TEXT")]
    pub model_template: Option<String>,
    /// What the model's digest is said to be
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    pub model_hash: Option<String>,
    /// The task bank, or a JSON file [default: orket-24]
    #[arg(long, value_name = "NAME")]
    pub task_bank: Option<String>,
    /// Runs of each task [default: 1]; two or more show determinism
    #[arg(long, value_name = "N")]
    pub runs: Option<u32>,
    /// The most tasks, spread over the bank
    #[arg(long, value_name = "N")]
    pub task_limit: Option<u32>,
    /// The first task
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub task_id_min: Option<u32>,
    /// The last task
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub task_id_max: Option<u32>,
    /// The most seconds of one run [default: 600]
    #[arg(long, value_name = "SEC")]
    pub task_timeout_sec: Option<u64>,
    /// Where reports go [default: benchmarks/results/quant_sweep]
    #[arg(long, value_name = "FOLDER")]
    pub out_dir: Option<String>,
    /// Where the summary goes [default: OUT_DIR/sweep_summary.json]
    #[arg(long, value_name = "FILE")]
    pub summary_out: Option<String>,
    /// The seed of sampling
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Threads of the model server
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
    /// Which cores it was given; `none` when the system chooses
    #[arg(long, value_name = "TEXT")]
    pub affinity_policy: Option<String>,
    /// Questions asked before a row is measured [default: 0]
    #[arg(long, value_name = "N")]
    pub warmup_steps: Option<u32>,
    /// Tokens of context (num_ctx)
    #[arg(long, value_name = "TOKENS")]
    pub context_window: Option<u32>,
    /// The temperature of sampling
    #[arg(long, value_name = "T")]
    pub temperature: Option<f64>,
    /// The share of the baseline's adherence that a row needs [default: 0.95]
    #[arg(long, value_name = "SHARE")]
    pub adherence_threshold: Option<f64>,
    /// The most seconds that a row may take [default: 10]
    #[arg(long, value_name = "SEC")]
    pub latency_ceiling: Option<f64>,
    /// Let rows that are not valid be chosen
    #[arg(long, alias = "allow-polluted-frontier")]
    pub include_invalid: bool,
    /// Runs that must agree before anything is measured [default: 0, none]
    #[arg(long, value_name = "N")]
    pub canary_runs: Option<u32>,
    /// Tasks of the canary [default: 1]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub canary_task_limit: Option<u32>,
    /// The most variation of the canary's model seconds [default: 0.03]
    #[arg(long, value_name = "SHARE", hide_short_help = true)]
    pub canary_latency_variance_threshold: Option<f64>,
    /// What it runs on [default: local-hardware]
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub runtime_target: Option<String>,
    /// How [default: live-card]
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub execution_mode: Option<String>,
    /// A command for each run instead of the runtime
    #[arg(long, value_name = "COMMAND", hide_short_help = true)]
    pub runner_template: Option<String>,
    /// ci or lab [default: by the runtime target]
    #[arg(long, value_name = "LANE", value_parser = word::<Lane>, hide_short_help = true)]
    pub execution_lane: Option<Lane>,
    /// safe, balanced or stress [default: safe]
    #[arg(long, value_name = "PROFILE", value_parser = word::<VramProfile>, hide_short_help = true)]
    pub vram_profile: Option<VramProfile>,
    /// nvidia, amd, cpu, or a name of --sidecar-profiles-config
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub hardware_sidecar_profile: Option<String>,
    /// A command that looks at the hardware, with {model} {quant} {out_file}
    #[arg(long, value_name = "COMMAND", hide_short_help = true)]
    pub hardware_sidecar_template: Option<String>,
    /// The most seconds that it may take [default: 120]
    #[arg(long, value_name = "SEC", hide_short_help = true)]
    pub hardware_sidecar_timeout_sec: Option<u64>,
    /// A JSON file of names and such commands
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub sidecar_profiles_config: Option<String>,
}

/// A word as it stands in files.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    T::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(text))
        .map_err(|error| error.to_string())
}

impl MatrixArgs {
    /// The flags that were given.
    #[must_use]
    pub fn given(&self) -> MatrixConfig {
        let list = |names: &[String]| (!names.is_empty()).then(|| trimmed(names));
        MatrixConfig {
            models: list(&self.model_id),
            quants: list(&self.quant_tags),
            runs_per_quant: self.runs,
            model_hash: self.model_hash.clone(),
            task_bank: self.task_bank.clone(),
            runtime_target: self.runtime_target.clone(),
            execution_mode: self.execution_mode.clone(),
            runner_template: self.runner_template.clone(),
            model_template: self.model_template.clone(),
            task_timeout_sec: self.task_timeout_sec,
            task_limit: self.task_limit,
            task_id_min: self.task_id_min,
            task_id_max: self.task_id_max,
            out_dir: self.out_dir.clone(),
            summary_out: self.summary_out.clone(),
            hardware_sidecar_template: self.hardware_sidecar_template.clone(),
            hardware_sidecar_timeout_sec: self.hardware_sidecar_timeout_sec,
            hardware_sidecar_profile: self.hardware_sidecar_profile.clone(),
            sidecar_profiles_config: self.sidecar_profiles_config.clone(),
            adherence_threshold: self.adherence_threshold,
            latency_ceiling: self.latency_ceiling,
            include_invalid: self.include_invalid.then_some(true),
            seed: self.seed,
            threads: self.threads,
            affinity_policy: self.affinity_policy.clone(),
            warmup_steps: self.warmup_steps,
            context_window: self.context_window,
            temperature: self.temperature,
            execution_lane: self.execution_lane,
            vram_profile: self.vram_profile,
            canary_runs: self.canary_runs,
            canary_task_limit: self.canary_task_limit,
            canary_latency_variance_threshold: self.canary_latency_variance_threshold,
        }
    }
}

fn trimmed(names: &[String]) -> Vec<String> {
    let names = names.iter().map(|name| name.trim().to_owned());
    names.filter(|name| !name.is_empty()).collect()
}
