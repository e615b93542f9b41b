//! `orket sweep baselines`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Where baselines are kept.
#[derive(Debug, Clone, Args)]
pub struct Root {
    /// The folder of baselines
    #[arg(long, value_name = "FOLDER", default_value = "benchmarks/baselines")]
    pub root: PathBuf,
}

/// The verbs of `orket sweep baselines`.
#[derive(Debug, Clone, Subcommand)]
#[command(
    after_help = "Exit codes: 0 done, 1 a file cannot be read, 2 nothing is there or fits.\n\nExamples:\n  orket sweep baselines list\n  orket sweep baselines prune --keep-last 10 --dry-run"
)]
pub enum BaselinesCommand {
    /// Tests that have baselines, and how many
    #[command(after_help = "Example:\n  orket sweep baselines list")]
    List(ListArgs),
    /// The baselines of a test
    #[command(
        after_help = "Example:\n  orket sweep baselines show --test-id T-01   # exits 2: no baseline of it"
    )]
    Show(ShowArgs),
    /// The one that a run is compared with
    #[command(
        after_help = "Examples:\n  orket sweep baselines resolve --test-id T-01 --hardware-fingerprint laptop \\\n      --task-revision r1   # exits 2: no baseline of it"
    )]
    Resolve(ResolveArgs),
    /// Name the baseline of a task in its file
    #[command(
        after_help = "Example:\n  orket sweep baselines pin --task task.json --baseline-ref run-1   # exits 1: no task.json"
    )]
    Pin(PinTaskArgs),
    /// Counts; exit 2 when there are none, or some do not fit
    #[command(after_help = "Example:\n  orket sweep baselines health   # exits 2: there are none")]
    Health(HealthArgs),
    /// Throw away all but the newest and those that are pinned
    #[command(after_help = "Example:\n  orket sweep baselines prune --keep-last 10 --dry-run")]
    Prune(PruneArgs),
    /// Keep a baseline whatever is pruned
    #[command(
        after_help = "Example:\n  orket sweep baselines pin-baseline --test-id T-01 --baseline-ref run-1   # exits 2: no such one"
    )]
    PinBaseline(PinArgs),
    /// No longer keep it so
    #[command(
        after_help = "Example:\n  orket sweep baselines unpin-baseline --test-id T-01 --baseline-ref run-1   # exits 2: no such one"
    )]
    UnpinBaseline(PinArgs),
}

/// `orket sweep baselines list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Where they are.
    #[command(flatten)]
    pub root: Root,
}

/// `orket sweep baselines show`.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// Where they are.
    #[command(flatten)]
    pub root: Root,
    /// The test
    #[arg(long, value_name = "ID")]
    pub test_id: String,
}

/// `orket sweep baselines resolve`.
#[derive(Debug, Clone, Args)]
pub struct ResolveArgs {
    /// Where they are.
    #[command(flatten)]
    pub root: Root,
    /// The test
    #[arg(long, value_name = "ID")]
    pub test_id: String,
    /// The machine; only its own baselines count
    #[arg(long, value_name = "TEXT")]
    pub hardware_fingerprint: String,
    /// The revision of the task; only its own baselines count
    #[arg(long, value_name = "TEXT")]
    pub task_revision: String,
    /// This one, by its test run; it is an error when it does not fit
    #[arg(long, value_name = "ID")]
    pub baseline_ref: Option<String>,
}

/// `orket sweep baselines pin`.
#[derive(Debug, Clone, Args)]
pub struct PinTaskArgs {
    /// Where baselines are.
    #[command(flatten)]
    pub root: Root,
    /// The task's file; `acceptance_contract.baseline_ref` is written into it
    #[arg(long, value_name = "FILE")]
    pub task: PathBuf,
    /// The test [default: the task's id]
    #[arg(long, value_name = "ID")]
    pub test_id: Option<String>,
    /// The baseline, by its test run
    #[arg(long, value_name = "ID")]
    pub baseline_ref: String,
}

/// `orket sweep baselines health`.
#[derive(Debug, Clone, Args)]
pub struct HealthArgs {
    /// Where they are.
    #[command(flatten)]
    pub root: Root,
    /// The machine to compare with
    #[arg(long, value_name = "TEXT")]
    pub hardware_fingerprint: Option<String>,
    /// The revision to compare with
    #[arg(long, value_name = "TEXT")]
    pub task_revision: Option<String>,
}

/// `orket sweep baselines prune`.
#[derive(Debug, Clone, Args)]
pub struct PruneArgs {
    /// Where they are.
    #[command(flatten)]
    pub root: Root,
    /// The test [default: all of them]
    #[arg(long, value_name = "ID")]
    pub test_id: Option<String>,
    /// How many that are not pinned stay; 0 throws nothing away
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub keep_last: usize,
    /// Say what would go, and leave it
    #[arg(long)]
    pub dry_run: bool,
}

/// `orket sweep baselines pin-baseline|unpin-baseline`.
#[derive(Debug, Clone, Args)]
pub struct PinArgs {
    /// Where they are.
    #[command(flatten)]
    pub root: Root,
    /// The test
    #[arg(long, value_name = "ID")]
    pub test_id: String,
    /// The baseline, by its test run
    #[arg(long, value_name = "ID")]
    pub baseline_ref: String,
}
