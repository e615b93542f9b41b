//! `orket sweep` for files that are there: report, kpi, frontier, thermal, guards and the rest.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `orket sweep report`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  orket sweep report --summary sweep_summary.json   # needs a sweep's summary"
)]
pub struct ReportArgs {
    /// The summary of a sweep
    #[arg(long, value_name = "FILE")]
    pub summary: PathBuf,
    /// The Markdown [default: quant_sweep_report.md beside the summary]
    #[arg(long, value_name = "FILE", alias = "out")]
    pub out_md: Option<PathBuf>,
    /// The points [default: quant_sweep_scatter.json beside the Markdown]
    #[arg(long, value_name = "FILE")]
    pub out_scatter: Option<PathBuf>,
    /// The plot [default: quant_sweep_scatter.svg beside the Markdown]
    #[arg(long, value_name = "FILE")]
    pub out_svg: Option<PathBuf>,
    /// Show rows that are not valid too
    #[arg(long)]
    pub include_invalid: bool,
}

/// `orket sweep kpi`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit codes: 0 done or passed, 2 with --check when a threshold is not met.\nWhat is not known meets no threshold.\n\nExamples:\n  orket sweep kpi --summary sweep_summary.json   # needs a sweep's summary\n  orket sweep kpi --summary sweep_summary.json --check   # the same, as a gate"
)]
pub struct KpiArgs {
    /// The summary of a sweep
    #[arg(long, value_name = "FILE")]
    pub summary: PathBuf,
    /// Write the figures to this file too
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Compare them with the thresholds
    #[arg(long)]
    pub check: bool,
    /// At most this share of runs without tokens or times
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    pub max_missing_telemetry_rate: f64,
    /// At most this share of runs in rows that are not valid
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub max_polluted_run_rate: f64,
    /// At least this share of models with a recommendation
    #[arg(long, value_name = "SHARE", default_value_t = 0.8)]
    pub min_frontier_success_rate: f64,
    /// At least this determinism
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    pub min_determinism_rate: f64,
}

/// Where an explorer keeps what it found.
#[derive(Debug, Clone, Args)]
pub struct Keeping {
    /// The artifact
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Where the figures come from, e.g. a commit or the number of a CI run
    #[arg(long, value_name = "TEXT", default_value = "local")]
    pub provenance_ref: String,
    /// The folder of histories; without it none is kept
    #[arg(long, value_name = "FOLDER")]
    pub storage_root: Option<PathBuf>,
}

/// `orket sweep frontier`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  orket sweep frontier --summary sweep_summary.json --out frontier.json   # needs a summary"
)]
pub struct FrontierArgs {
    /// The summary of a sweep
    #[arg(long, value_name = "FILE")]
    pub summary: PathBuf,
    /// Where it is kept.
    #[command(flatten)]
    pub keeping: Keeping,
}

/// `orket sweep thermal`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  orket sweep thermal --summaries first.json,second.json   # needs two summaries"
)]
pub struct ThermalArgs {
    /// Summaries in the order in which they were made
    #[arg(long, value_name = "FILES", value_delimiter = ',', required = true)]
    pub summaries: Vec<PathBuf>,
    /// The model [default: the first]
    #[arg(long, value_name = "NAME")]
    pub model_id: Option<String>,
    /// The quantization [default: the smallest that will do, else the largest]
    #[arg(long, value_name = "TAG")]
    pub quant_tag: Option<String>,
    /// A run must begin at this temperature or below, in °C
    #[arg(long, value_name = "C", default_value_t = 50.0)]
    pub cooldown_target_c: f64,
    /// A run that ends above this temperature is polluted, in °C
    #[arg(long, value_name = "C", default_value_t = 85.0)]
    pub polluted_thermal_threshold_c: f64,
    /// So many slower runs in a row are heat soak
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub monotonic_window: u32,
    /// Where it is kept.
    #[command(flatten)]
    pub keeping: Keeping,
}

/// How much graphics memory may be in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Half of it
    Safe,
    /// Four fifths
    Balanced,
    /// Nearly all
    Stress,
}

/// `orket sweep guards`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit codes: 0 passed, 2 failed, 3 nothing could be checked (0 with --allow-skip).\n\nExamples:\n  orket sweep guards --summary sweep_summary.json --allow-skip   # needs a summary"
)]
pub struct GuardsArgs {
    /// The summary of a sweep
    #[arg(long, value_name = "FILE")]
    pub summary: PathBuf,
    /// A row must begin at this temperature or below, in °C
    #[arg(long, value_name = "C", default_value_t = 50.0)]
    pub cooldown_target_c: f64,
    /// safe, balanced or stress: at most 0.50, 0.80 or 0.95 of the graphics memory
    #[arg(long, value_name = "PROFILE", value_enum, default_value_t = Profile::Safe, hide_possible_values = true)]
    pub vram_profile: Profile,
    /// A summary that nothing can be said of is no failure
    #[arg(long)]
    pub allow_skip: bool,
    /// Write the report to this file too
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `orket sweep sidecar`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "What cannot be measured is null; without a card the status is NOT_APPLICABLE.\n\nExamples:\n  orket sweep sidecar --backend cpu\n  orket sweep sidecar --backend nvidia --out before.json\n  orket sweep sidecar --backend nvidia --before before.json   # needs before.json"
)]
pub struct SidecarArgs {
    /// Whose cards: nvidia (nvidia-smi), amd (rocm-smi) or cpu (nothing)
    #[arg(long, value_name = "NAME")]
    pub backend: String,
    /// The model that is at work
    #[arg(long, value_name = "NAME", default_value = "")]
    pub model: String,
    /// Its quantization
    #[arg(long, value_name = "TAG", default_value = "")]
    pub quant: String,
    /// What this command printed before the work began
    #[arg(long, value_name = "FILE")]
    pub before: Option<PathBuf>,
    /// The most seconds that the vendor's program may take
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout_sec: u64,
    /// Write the payload to this file too
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `orket sweep rollup`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  orket sweep rollup --context safe.json,stress.json --out rollup.json   # needs ceilings"
)]
pub struct RollupArgs {
    /// Artifacts of `orket sweep context`
    #[arg(long, value_name = "FILES", value_delimiter = ',', required = true)]
    pub context: Vec<PathBuf>,
    /// The rollup
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Where the figures come from
    #[arg(long, value_name = "TEXT", default_value = "local")]
    pub provenance_ref: String,
}

/// `orket sweep check`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit codes: 0 passed, 2 failed. Something must be named to be checked.\n\nExamples:\n  orket sweep check --preset common --preset logic_only\n  orket sweep check --frontier frontier.json   # needs an artifact"
)]
pub struct CheckArgs {
    /// Artifacts of `orket sweep frontier`
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub frontier: Vec<PathBuf>,
    /// Artifacts of `orket sweep context`
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub context: Vec<PathBuf>,
    /// Artifacts of `orket sweep thermal`
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub thermal: Vec<PathBuf>,
    /// Artifacts of `orket sweep rollup`
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub rollup: Vec<PathBuf>,
    /// Summaries: whether their sidecars keep the contract
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub sidecar: Vec<PathBuf>,
    /// Summaries: whether what they recommend is valid
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub summary: Vec<PathBuf>,
    /// Files of context profiles: safe must ask for at least as much as balanced, that as stress
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub profiles: Vec<PathBuf>,
    /// Presets of this program: common, logic_only, mixed, refactor_heavy
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub preset: Vec<String>,
    /// One of each kind must be there: frontier, context and thermal
    #[arg(long)]
    pub strict: bool,
    /// Write the report to this file too
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `orket sweep index`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  orket sweep index --root . --out index.json")]
pub struct IndexArgs {
    /// The folder
    #[arg(long, value_name = "FOLDER", default_value = "benchmarks/results")]
    pub root: PathBuf,
    /// The index
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `orket sweep score`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit codes: 0 scored, 2 with --require-thresholds when one is not met.\n\nExamples:\n  orket sweep score --report report.json --require-thresholds   # needs a harness report"
)]
pub struct ScoreArgs {
    /// A report of the harness
    #[arg(long, value_name = "FILE")]
    pub report: PathBuf,
    /// Write the scores to this file too
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Averages of tiers and of all tasks must be high enough
    #[arg(long)]
    pub require_thresholds: bool,
}
