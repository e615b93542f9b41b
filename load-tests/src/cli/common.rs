//! What all scenarios take.

use std::path::PathBuf;

use clap::Args;

use crate::context::Context;

/// See the file's head.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Every scenario")]
pub struct Common {
    /// The binary to start [default: the one beside this program, else target/release/orket]
    #[arg(long, value_name = "PATH")]
    pub orket: Option<PathBuf>,
    /// Make folders here instead of where temporary files go: on the disk that is to be measured
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// From which everything that is drawn by chance is drawn
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Write the report here, as JSON
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print the report as JSON instead of as a table
    #[arg(long)]
    pub json: bool,
    /// Write the report here, as an HTML page that needs nothing else
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Thresholds, as JSON: `{"api_heartbeat.p99_ms": {"max": 50}}`; the exit code is 1 when one is missed
    #[arg(long, value_name = "FILE")]
    pub assert: Option<PathBuf>,
    /// Say nothing on standard error but what went wrong
    #[arg(long, short)]
    pub quiet: bool,
}

impl Common {
    /// What a scenario is given of it.
    #[must_use]
    pub fn context(&self) -> Context {
        Context {
            orket: self.orket.clone(),
            folder: self.folder.clone(),
            seed: self.seed,
            tells: !self.quiet,
        }
    }
}
