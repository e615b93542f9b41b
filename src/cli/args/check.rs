//! `orket check` and `orket compare`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `orket check`.
#[derive(Debug, Clone, Subcommand)]
pub enum CheckCommand {
    /// Whether skill manifests keep their contract
    Skills(CheckSkillsArgs),
    /// Whether a turn's memory trace is whole
    Memory(CheckMemoryArgs),
    /// Whether the commands that need no network work without one
    OfflineMatrix(super::OfflineMatrixArgs),
    /// Whether the server and the receiver keep strangers out
    Security(super::CheckSecurityArgs),
    /// Whether dependencies between crates and modules point the right way
    Boundaries(super::CheckBoundariesArgs),
}

/// `orket check skills`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example:\n  orket check skills --manifest skill.json   # exits 1 when it is not in order"
)]
pub struct CheckSkillsArgs {
    /// A manifest; give the flag again for more
    #[arg(long, value_name = "FILE", required = true)]
    pub manifest: Vec<PathBuf>,
}

/// `orket check memory`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  orket check memory --trace memory_trace.json")]
pub struct CheckMemoryArgs {
    /// A memory_trace.json
    #[arg(long, value_name = "FILE")]
    pub trace: PathBuf,
    /// The memory_retrieval_trace.json beside it
    #[arg(long, value_name = "FILE", alias = "retrieval-trace")]
    pub retrieval: Option<PathBuf>,
    /// Write the report to this file too
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The largest file that needs no truncation marker
    #[arg(long, value_name = "BYTES", default_value_t = 10_485_760)]
    pub max_trace_bytes: u64,
}

/// `orket compare`.
#[derive(Debug, Clone, Subcommand)]
pub enum CompareCommand {
    /// Whether two memory traces tell of the same behaviour
    Memory(CompareMemoryArgs),
    /// Whether two replay artifacts tell of the same outcome
    Replay(CompareReplayArgs),
}

/// `orket compare replay`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Exits 0 when they are alike, 2 when they differ; when it was and the id do
not count. ORKET_REPLAY_ARTIFACTS=1 has transactions write them.

Example:
  orket compare replay --left a.json --right b.json   # needs two artifacts")]
pub struct CompareReplayArgs {
    /// An artifact of .orket/replay_artifacts/
    #[arg(long, value_name = "FILE")]
    pub left: PathBuf,
    /// Another one
    #[arg(long, value_name = "FILE")]
    pub right: PathBuf,
    /// Write the report to this file too
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `orket compare memory`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example:\n  orket compare memory --left memory_trace.json --right memory_trace.json"
)]
pub struct CompareMemoryArgs {
    /// A memory_trace.json
    #[arg(long, value_name = "FILE")]
    pub left: PathBuf,
    /// Another one
    #[arg(long, value_name = "FILE")]
    pub right: PathBuf,
    /// The retrieval trace of the left one; only together with that of the right one
    #[arg(long, value_name = "FILE")]
    pub left_retrieval: Option<PathBuf>,
    /// The retrieval trace of the right one
    #[arg(long, value_name = "FILE")]
    pub right_retrieval: Option<PathBuf>,
    /// Write the report to this file too
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}
