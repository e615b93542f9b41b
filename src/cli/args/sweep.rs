//! `orket sweep`.

mod baselines;
mod context;
mod reports;
mod run;

pub use baselines::{
    BaselinesCommand, HealthArgs, ListArgs, PinArgs, PinTaskArgs, PruneArgs, ResolveArgs, ShowArgs,
};
pub use context::SweepContextArgs;
pub use reports::{
    CheckArgs, FrontierArgs, GuardsArgs, IndexArgs, Keeping, KpiArgs, Profile, ReportArgs,
    RollupArgs, ScoreArgs, SidecarArgs, ThermalArgs,
};
pub use run::{MatrixArgs, SweepRunArgs};

use clap::{Args, Subcommand};

/// `orket sweep`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 not done, 2 a check failed or wrong usage, 3 nothing to check.\ndocs/QUANT_SWEEP_RUNBOOK.md goes through a sweep from nothing.\n\nExamples:\n  orket sweep run --help\n  orket sweep sidecar --backend cpu"
)]
pub struct SweepArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: SweepCommand,
}

/// The verbs of `orket sweep`.
#[derive(Debug, Clone, Subcommand)]
pub enum SweepCommand {
    /// Measure models and quantizations on a bank of tasks
    Run(SweepRunArgs),
    /// Find the largest context that still does
    Context(SweepContextArgs),
    /// Markdown, the points as JSON, and a scatter plot as SVG
    Report(ReportArgs),
    /// How far the figures can be trusted; --check makes a gate of it
    #[command(aliases = ["quant-sweep-kpi-report", "check-quant-sweep-kpis"])]
    Kpi(KpiArgs),
    /// Which quantizations are worth their memory, kept in a history
    #[command(alias = "quant-frontier-explorer")]
    Frontier(FrontierArgs),
    /// Whether sweeps one after another heat the machine up
    #[command(alias = "thermal-stability-profiler")]
    Thermal(ThermalArgs),
    /// What later runs are compared with: list, show, resolve, pin, health, prune
    #[command(subcommand, alias = "manage-baselines")]
    Baselines(BaselinesCommand),
    /// Whether the machine was cool, and its memory within the profile
    #[command(alias = "check-lab-guards")]
    Guards(GuardsArgs),
    /// What the graphics cards say now
    #[command(alias = "sidecar-probe")]
    Sidecar(SidecarArgs),
    /// Context sweeps counted together
    #[command(alias = "build-context-sweep-rollup")]
    Rollup(RollupArgs),
    /// Whether artifacts keep their contracts
    Check(CheckArgs),
    /// Every artifact below a folder, with its version and provenance
    #[command(alias = "build-explorer-artifact-index")]
    Index(IndexArgs),
    /// Points and bands of a harness report
    #[command(alias = "score-benchmark-run")]
    Score(ScoreArgs),
}
