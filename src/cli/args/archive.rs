//! `orket archive`, `orket unarchive` and `orket loop`.

use clap::Args;

/// Why cards are archived when nobody says so.
pub const MANUAL: &str = "manual archive";

/// Which cards are meant; each flag adds to the others.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// This card, of the newest build that has it; BUILD/CARD names the build; may be repeated
    #[arg(long, value_name = "ID")]
    pub card: Vec<String>,
    /// All cards of this build
    #[arg(long, value_name = "BUILD")]
    pub build: Option<String>,
    /// Cards with this text in id, build, title or note, as it is, in any case; 3 characters or
    /// more; may be repeated
    #[arg(long, value_name = "TEXT")]
    pub related: Vec<String>,
}

/// How a change is agreed to.
#[derive(Debug, Clone, Default, Args)]
pub struct Consent {
    /// Do it without asking; needed where nobody can be asked
    #[arg(long)]
    pub yes: bool,
    /// Only show what would be done
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Ask the owner at this Unix socket or http address
    #[arg(long, value_name = "PATH|URL")]
    pub server: Option<String>,
}

/// `orket archive`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Shows the cards and asks first; without a terminal nothing is done unless --yes
is given. Exit code: 0 archived, or archived before; 1 a card is missing or
stays; 2 usage.

Examples:
  orket archive --related login --dry-run
  orket archive --related login --reason \"superseded\" --yes")]
pub struct ArchiveArgs {
    /// Which.
    #[command(flatten)]
    pub which: Selection,
    /// Why; the journal keeps it
    #[arg(long, value_name = "TEXT", default_value = MANUAL)]
    pub reason: String,
    /// Agreed how.
    #[command(flatten)]
    pub consent: Consent,
}

/// `orket unarchive`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Each card gets the status back that it had when it was archived. Exit code: 0
done, or not archived anyway; 1 a card is missing or stays; 2 usage.

Examples:
  orket unarchive --related login --dry-run
  orket unarchive --related login --yes")]
pub struct UnarchiveArgs {
    /// Which.
    #[command(flatten)]
    pub which: Selection,
    /// Why; the journal keeps it
    #[arg(long, value_name = "TEXT", default_value = "manual unarchive")]
    pub reason: String,
    /// Agreed how.
    #[command(flatten)]
    pub consent: Consent,
}

/// `orket loop`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Runs the epic whose ready card weighs most (its priority and the cards that wait
for it), then the next, and waits for new work. What is finished or archived is
not run again; what failed waits until its files change or `orket resume` goes on
with it. Ctrl-C stops in good order, twice at once; the next loop goes on.
Exit code: 0 told to stop while idle, or --once and --max-runs with all runs
done; 1 a run failed; 130 a run was interrupted.

Examples:
  orket loop --once --max-runs 1
  orket loop --department core --idle 5 --once --max-runs 1")]
pub struct LoopArgs {
    /// Only this department; may be repeated [default: all]
    #[arg(long, value_name = "NAME")]
    pub department: Vec<String>,
    /// Seconds between two looks while there is nothing to do
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub idle: u64,
    /// Leave when nothing is ready, instead of waiting
    #[arg(long)]
    pub once: bool,
    /// Leave after this many runs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_runs: Option<u32>,
    /// The model for every seat, e.g. scripted:golden_flow
    #[arg(long, value_name = "PROVIDER:MODEL")]
    pub model: Option<String>,
}
