//! `orket phases`.

use clap::{Args, Subcommand};

/// `orket phases`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
When all epics of a rock are done its bug-fix phase starts: seven days in which bugs are found and fixed. \
An owner of the data folder (orket serve, or any command that runs something) looks at the rock's bugs \
once a minute. Many bugs a day, or many critical ones, add seven days at a time, up to 28. At the end the \
bugs that are open become the rock ROCK-phase2, and the rock's sandbox is removed.

File bugs as cards of the epic ROCK-bugs, or label cards of the rock `bug`; docs/BUG_FIX_PHASES.md says \
what counts.

Example:
  orket phases list")]
pub struct PhasesArgs {
    /// What to do [default: list]
    #[command(subcommand)]
    pub command: Option<PhasesCommand>,
}

/// The verbs of `orket phases`.
#[derive(Debug, Clone, Default, Subcommand)]
pub enum PhasesCommand {
    /// All phases: how they stand, when they end, what was found
    #[default]
    #[command(after_help = "Example:\n  orket phases list")]
    List,
    /// One phase: bugs, extensions, and what is still to be done for it
    #[command(
        after_help = "Example:\n  orket phases show core_launch   # exits 1 without such a phase"
    )]
    Show {
        /// The rock
        #[arg(value_name = "ROCK")]
        rock: String,
    },
    /// Start the phase of a rock now; one that runs is left alone
    #[command(
        after_help = "Example:\n  orket phases start core_launch   # exits 1 without such a rock"
    )]
    Start {
        /// The rock
        #[arg(value_name = "ROCK")]
        rock: String,
    },
    /// End a phase as if its time were up: open bugs become ROCK-phase2, the sandbox is removed
    #[command(
        after_help = "Example:\n  orket phases end core_launch   # exits 1 without such a phase"
    )]
    End {
        /// The rock
        #[arg(value_name = "ROCK")]
        rock: String,
    },
    /// End a phase so that nothing follows: no second rock, the sandbox stays
    #[command(
        after_help = "Example:\n  orket phases abort core_launch --reason \"starts over\"   # exits 1 without such a phase"
    )]
    Abort {
        /// The rock
        #[arg(value_name = "ROCK")]
        rock: String,
        /// Who decides [default: the user]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}
