//! `orket check`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `orket check`.
#[derive(Debug, Clone, Subcommand)]
pub enum CheckCommand {
    /// Whether skill manifests keep their contract
    Skills(CheckSkillsArgs),
}

/// `orket check skills`.
#[derive(Debug, Clone, Args)]
pub struct CheckSkillsArgs {
    /// A manifest; give the flag again for more
    #[arg(long, value_name = "FILE", required = true)]
    pub manifest: Vec<PathBuf>,
}
