//! `orket migrate`, `orket import`, `orket backup`, `orket restore` and `orket gc`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `orket migrate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Backs up before anything changes. A database of the Python Orket 0.3 is left as
it is; `orket import legacy` reads it.

Exit code: 0 up to date, or shown; 1 refused or failed; 2 usage.

Examples:
  orket migrate --status
  orket migrate --dry-run
  orket migrate")]
pub struct MigrateArgs {
    /// This journal instead of that of the data folder
    #[arg(long, value_name = "PATH")]
    pub runtime_db: Option<PathBuf>,
    /// This webhook database instead of that of the data folder
    #[arg(long, value_name = "PATH")]
    pub webhook_db: Option<PathBuf>,
    /// Show what would be done; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Show how each database stands; change nothing
    #[arg(long)]
    pub status: bool,
}

/// `orket import`.
#[derive(Debug, Clone, Subcommand)]
pub enum ImportCommand {
    /// The databases of the Python Orket 0.3
    Legacy(ImportLegacyArgs),
}

/// `orket import legacy`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
The source is only read. Every row is kept, read again and compared; a second
time does nothing. Stop the Python Orket first.

Exit code: 0 imported, or nothing new; 1 refused or failed; 2 usage.

Examples (they need databases of the Python Orket 0.3):
  orket import legacy --runtime-db old/orket_persistence.db --dry-run
  orket import legacy --runtime-db old/orket_persistence.db \\
                      --webhook-db old/webhook.db")]
pub struct ImportLegacyArgs {
    /// Cards, comments, transactions, sessions, ledgers, gates
    #[arg(long, value_name = "PATH")]
    pub runtime_db: Option<PathBuf>,
    /// Pull requests, refused reviews, bug-fix phases
    #[arg(long, value_name = "PATH")]
    pub webhook_db: Option<PathBuf>,
    /// What the project remembered [default: project_memory.db beside --runtime-db]
    #[arg(long, value_name = "PATH")]
    pub memory_db: Option<PathBuf>,
    /// Show what would be imported; change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `orket backup`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Journal, webhook deliveries, project memory, user settings and preferences, as of
one moment each; works while an owner runs. Never contains .env.

Exit code: 0 done; 1 failed; 2 usage.

Examples (they need a data folder, which `orket migrate` makes):
  orket backup
  orket backup --out ../orket-backup")]
pub struct BackupArgs {
    /// The folder to make; within it, when it is there already
    /// [default: backups/ of the data folder]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// `orket restore`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Checks every file, and keeps what was there in backups/before-restore-… of the
data folder. Without a terminal nothing is done unless --yes is given.

Exit code: 0 done; 1 refused or failed; 2 usage.

Examples (they need a backup):
  orket restore ../orket-backup         # exits 1 where nobody can be asked
  orket restore ../orket-backup --yes")]
pub struct RestoreArgs {
    /// A folder that `orket backup` made
    #[arg(value_name = "BACKUP")]
    pub backup: PathBuf,
    /// Do it without asking
    #[arg(long)]
    pub yes: bool,
}

/// `orket gc`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Shows what would go; --yes removes it. Kept: pinned runs, runs of builds that are
not finished, the newest. Of a run only its steps and files go: the run, its cards
and their history stay, and `orket verify` says what went.

Exit code: 0 shown or done; 1 refused or failed; 2 usage.

Examples:
  orket gc
  orket gc --older-than 30 --keep-last 10 --yes
  orket gc --plan plan.json")]
pub struct GcArgs {
    /// Only show what would go; the same as without --yes
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Remove it
    #[arg(long)]
    pub yes: bool,
    /// Write what would go to a file too
    #[arg(long, value_name = "FILE", conflicts_with = "yes")]
    pub plan: Option<PathBuf>,
    /// Fail when such a file would remove what must stay
    #[arg(long, value_name = "FILE", conflicts_with_all = ["yes", "plan", "pin", "unpin"])]
    pub check: Option<PathBuf>,
    /// Keep what is younger
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    pub older_than: u32,
    /// Keep so many of the newest: runs of each epic, backups
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub keep_last: u32,
    /// Keep so many digests of past deliveries
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub keep_digests: u32,
    /// Keep this run whatever its age; may be repeated
    #[arg(long, value_name = "RUN")]
    pub pin: Vec<String>,
    /// No longer; may be repeated
    #[arg(long, value_name = "RUN")]
    pub unpin: Vec<String>,
}
