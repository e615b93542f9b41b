//! `orket smoke`, `orket report`, `orket doctor`, and what `orket check` has besides files.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

/// `orket smoke`.
#[derive(Debug, Clone, Subcommand)]
pub enum SmokeCommand {
    /// init, api add and refactor, in a folder that is thrown away
    Cli(SmokeCliArgs),
    /// What must hold before a release
    Release(SmokeReleaseArgs),
}

/// `orket smoke cli`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  orket smoke cli\n  orket smoke cli --out cli_smoke.json --json"
)]
pub struct SmokeCliArgs {
    /// Write the report to this file too, whatever comes of it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `orket smoke release`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  orket smoke release --skip-tests --skip-docker\n  orket smoke release --out release_smoke.json   # needs a source tree, and docker"
)]
pub struct SmokeReleaseArgs {
    /// Do not run `cargo test`
    #[arg(long)]
    pub skip_tests: bool,
    /// Do not try to get past the server and the receiver
    #[arg(long)]
    pub skip_security_canary: bool,
    /// Do not make databases from nothing
    #[arg(long)]
    pub skip_migrations: bool,
    /// Do not build and start the container
    #[arg(long)]
    pub skip_docker: bool,
    /// No docker is a failure, not a step that is left out
    #[arg(long, conflicts_with = "skip_docker")]
    pub require_docker: bool,
    /// The database that migrations make; must not exist [default: in a folder that is thrown away]
    #[arg(long, value_name = "FILE")]
    pub runtime_db: Option<PathBuf>,
    /// The receiver's database; must not exist [default: in a folder that is thrown away]
    #[arg(long, value_name = "FILE")]
    pub webhook_db: Option<PathBuf>,
    /// The name of the image
    #[arg(long, value_name = "NAME", default_value = "orket:release-smoke")]
    pub docker_image_tag: String,
    /// The port of this machine that the container answers on; 0 for a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub docker_port: u16,
    /// How long the container may take to answer
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub docker_health_timeout_sec: u64,
    /// Write the report to this file too, whatever comes of it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `orket report`.
#[derive(Debug, Clone, Subcommand)]
pub enum ReportCommand {
    /// Failures, retries and turns without progress, from the log
    FailureModes(FailureModesArgs),
}

/// `orket report failure-modes`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "A rule is a figure, one of > >= < <=, and a number. Figures: rates.turn_failure and the\nother rates, a table or one of its values (failure_by_type.model), an event\n(turn_failed, events.NAME), and failed, stalled, non_progress and retries for short.\nOne that holds exits 1.\n\nExamples:\n  orket report failure-modes\n  orket report failure-modes --since 24h --out failure_modes.json\n  orket report failure-modes --fail-on 'rates.turn_failure>=0.2' --fail-on 'stalled>3'"
)]
pub struct FailureModesArgs {
    /// The log; what was rotated is read too [default: workspace/default/orket.log]
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Only this run: its id, or the beginning of it
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Only from then on: 2026-03-01, 2026-03-01T08:00:00Z, or how long ago, such as 12h or 7d
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Exit 1 when this holds; may be repeated
    #[arg(long, value_name = "RULE")]
    pub fail_on: Vec<String>,
    /// Write the report to this file too
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `orket check security`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  orket check security\n  orket check security --out security.json --json"
)]
pub struct CheckSecurityArgs {
    /// Write the report to this file too
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `orket check boundaries`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Needs the source tree of Orket and cargo.\n\nExample:\n  orket check boundaries   # needs the source tree"
)]
pub struct CheckBoundariesArgs {
    /// The source tree
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub root: PathBuf,
    /// Write the report to this file too
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `orket check offline-matrix`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Tries it out: a child that wants to get out must not, and init, api add and
refactor must ask for no socket of the network.

Examples:
  orket check offline-matrix
  orket check offline-matrix --require-default-offline --out offline.json")]
pub struct OfflineMatrixArgs {
    /// Every command must work offline without loss
    #[arg(long)]
    pub require_default_offline: bool,
    /// Write the report to this file too
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The document that must name every command [default: docs/TRANSACTIONS.md,
    /// as it was when the program was built]
    #[arg(long, value_name = "FILE")]
    pub matrix_doc: Option<PathBuf>,
    /// For the child: try to reach these, and say which answered.
    #[arg(long, hide = true, num_args = 1.., value_name = "ADDRESS")]
    pub reach: Vec<std::net::SocketAddr>,
}

/// `orket doctor`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exits 1 when something that is set up does not work; warnings do not count.\n\nExamples:\n  orket doctor\n  orket doctor --json"
)]
pub struct DoctorArgs {
    /// How long each look may take
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=120))]
    pub timeout: u64,
}

/// `orket completions`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  orket completions bash\n  orket completions zsh\n  orket completions fish"
)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// `orket man`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  orket man\n  orket man --out man1")]
pub struct ManArgs {
    /// Write the page of each command into this folder, instead of the first one to standard output
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}
