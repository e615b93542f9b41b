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
}

/// `orket check skills`.
#[derive(Debug, Clone, Args)]
pub struct CheckSkillsArgs {
    /// A manifest; give the flag again for more
    #[arg(long, value_name = "FILE", required = true)]
    pub manifest: Vec<PathBuf>,
}

/// `orket check memory`.
#[derive(Debug, Clone, Args)]
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
}

/// `orket compare memory`.
#[derive(Debug, Clone, Args)]
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
