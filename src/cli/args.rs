//! What can be typed.

mod check;
mod phases;
mod sandbox;
mod skills;
mod webhook;

pub use check::{
    CheckCommand, CheckMemoryArgs, CheckSkillsArgs, CompareCommand, CompareMemoryArgs,
};
pub use phases::{PhasesArgs, PhasesCommand};
pub use sandbox::{CreateSandboxArgs, SandboxArgs, SandboxCommand};
pub use skills::{SkillsCommand, SkillsListArgs, SkillsRunArgs, SkillsShowArgs};
pub use webhook::{
    DeliveriesArgs, DeliveriesCommand, ListDeliveriesArgs, WebhookArgs, WebhookCommand,
};

use clap::{Args, Parser, Subcommand};

use super::failure::Failure;
use crate::owner::client::Address;
use crate::owner::host::Mode;
use crate::owner::wire::WorkKind;

/// Runs card-based work with language models, and does not lose it.
#[derive(Debug, Parser)]
#[command(name = "orket", version, about, max_term_width = 100)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The same without a command: `orket --epic NAME`.
    #[command(flatten)]
    pub bare: Bare,
}

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// Print exactly one JSON object on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Set a variable for this command, e.g. ORKET_ARTIFACTS=none; `orket config` lists them
    #[arg(long, global = true, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
}

/// Flags that stand for a command.
#[derive(Debug, Clone, Args)]
pub struct Bare {
    /// Run flags.
    #[command(flatten)]
    pub run: RunArgs,
    /// The same as `orket board`
    #[arg(long)]
    pub board: bool,
    /// The same as `orket replay`
    #[arg(long, value_name = "RUN:ISSUE:TURN[:ROLE]")]
    pub replay_turn: Option<String>,
}

/// The commands.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Run an epic, a rock, or one card
    Run(RunArgs),
    /// Rocks, epics and cards with their status
    Board(BoardArgs),
    /// Runs, newest first
    Runs(RunsArgs),
    /// One run: cards, attempts, failures, and which command goes on
    Show(RunRef),
    /// Stop a run; what is under way is cancelled, `orket resume` goes on
    Halt(RunRef),
    /// Go on with a run that was halted, interrupted or left cards unfinished
    Resume(ResumeArgs),
    /// Show a recorded turn from the journal, byte for byte; asks no model
    Replay(ReplayArgs),
    /// Begin a new run where a turn of another began; everything before it is kept
    Fork(ForkArgs),
    /// Check that the record of a run holds: chain, decisions, transitions, files
    Verify(VerifyArgs),
    /// The first thing in which two recorded turns, or two runs, differ
    Diff(DiffArgs),
    /// What waits for a person's decision: list, show, approve, reject, expire
    Gates(GatesArgs),
    /// What a run may spend, has spent and has set aside; --add lets it spend more
    Budget(BudgetArgs),
    /// What the project remembers of earlier runs: list, search, add, forget
    Memory(MemoryArgs),
    /// Bug-fix phases of rocks: list, show, start, end, abort
    Phases(PhasesArgs),
    /// What was built, brought up by docker compose: list, create, logs, stop
    Sandbox(SandboxArgs),
    /// Write the files of a run under observability/ again, from the journal
    Export(ExportArgs),
    /// Serve the API over HTTP, own the data folder until told to stop
    Serve(ServeArgs),
    /// Receive what Gitea tells of pull requests, until told to stop; and what was delivered
    Webhook(WebhookArgs),
    /// Every setting, its value and where it came from
    Config,
    /// Skills: what there is, and running one
    #[command(subcommand)]
    Skills(SkillsCommand),
    /// Whether files keep their contract
    #[command(subcommand)]
    Check(CheckCommand),
    /// Whether two records tell of the same behaviour
    #[command(subcommand)]
    Compare(CompareCommand),
}

/// `orket run`.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArgs {
    /// Run this epic
    #[arg(long, value_name = "NAME", group = "what")]
    pub epic: Option<String>,
    /// Run this card and what it depends on; the name of an epic or a rock runs that
    #[arg(long, value_name = "ID", group = "what")]
    pub card: Option<String>,
    /// Run the epics of this rock, in the order of their dependencies
    #[arg(long, value_name = "NAME", group = "what")]
    pub rock: Option<String>,
    /// With --epic: only this card of it and what it depends on, in the epic's latest build
    #[arg(long, value_name = "ISSUE", requires = "epic")]
    pub resume: Option<String>,
    /// Go on with this build: finished cards stay as they are
    #[arg(long, value_name = "BUILD")]
    pub build_id: Option<String>,
    /// The model for every seat, e.g. ollama:qwen2.5-coder:14b or scripted:golden_flow
    #[arg(long, value_name = "PROVIDER:MODEL")]
    pub model: Option<String>,
    /// The department whose assets come first [default: core]
    #[arg(long, value_name = "NAME")]
    pub department: Option<String>,
    /// The folder that the cards work in [default: workspace/default]
    #[arg(long, value_name = "FOLDER")]
    pub workspace: Option<String>,
    /// Start it and return at once; an owner in the background runs it
    #[arg(long)]
    pub detach: bool,
    /// Who runs it.
    #[command(flatten)]
    pub door: DoorArgs,
}

/// Which owner is wanted.
#[derive(Debug, Clone, Default, Args)]
pub struct DoorArgs {
    /// Run inside this process; an error when another process owns the data folder
    #[arg(long, conflicts_with_all = ["server", "detach"])]
    pub embedded: bool,
    /// Use the owner at this Unix socket or http address, and no other
    #[arg(long, value_name = "PATH|URL")]
    pub server: Option<String>,
}

impl DoorArgs {
    /// As a mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match &self.server {
            Some(address) => Mode::Server(Address::parse(address)),
            None if self.embedded => Mode::Embedded,
            None => Mode::Any,
        }
    }
}

/// `orket resume`.
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Start it and return at once; an owner in the background runs it
    #[arg(long)]
    pub detach: bool,
    /// Who runs it.
    #[command(flatten)]
    pub door: DoorArgs,
}

/// A command about one run.
#[derive(Debug, Clone, Args)]
pub struct RunRef {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Ask the owner at this Unix socket or http address
    #[arg(long, value_name = "PATH|URL")]
    pub server: Option<String>,
}

/// `orket runs`.
#[derive(Debug, Clone, Args)]
pub struct RunsArgs {
    /// The most runs to list
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Ask the owner at this Unix socket or http address
    #[arg(long, value_name = "PATH|URL")]
    pub server: Option<String>,
}

/// `orket board`.
#[derive(Debug, Clone, Args)]
pub struct BoardArgs {
    /// The department whose assets come first
    #[arg(long, value_name = "NAME", default_value = "core")]
    pub department: String,
}

/// `orket replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// Which turn; RUN may be the beginning of an id, or `last`
    #[arg(value_name = "RUN:ISSUE:TURN[:ROLE]")]
    pub turn: String,
    /// Which try at it [default: the last]
    #[arg(long, value_name = "N")]
    pub attempt: Option<u32>,
    /// Make every decision again from the record and compare, byte for byte; RUN or RUN:ISSUE means
    /// all of its turns
    #[arg(long)]
    pub verify: bool,
    /// Ask another model the same recorded messages and compare the replies; changes nothing
    #[arg(long, value_name = "PROVIDER:MODEL", conflicts_with = "verify")]
    pub against: Option<String>,
}

/// `orket fork`.
#[derive(Debug, Clone, Args)]
pub struct ForkArgs {
    /// The turn to begin before; RUN may be the beginning of an id, or `last`
    #[arg(value_name = "RUN:ISSUE:TURN[:ROLE]")]
    pub turn: String,
    /// The model for every seat of the new run [default: as in the other]
    #[arg(long, value_name = "PROVIDER:MODEL")]
    pub model: Option<String>,
    /// Start it and return at once; an owner in the background runs it
    #[arg(long)]
    pub detach: bool,
    /// Who runs it.
    #[command(flatten)]
    pub door: DoorArgs,
}

/// `orket verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    pub run: String,
}

/// `orket diff`.
#[derive(Debug, Clone, Args)]
pub struct DiffArgs {
    /// A turn, or a run
    #[arg(value_name = "RUN[:ISSUE:TURN[:ROLE]]")]
    pub left: String,
    /// What to compare it with
    #[arg(value_name = "RUN[:ISSUE:TURN[:ROLE]]")]
    pub right: String,
}

/// `orket budget`.
#[derive(Debug, Clone, Args)]
pub struct BudgetArgs {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Let it spend more: tokens=N, turns=N, usd=AMOUNT or wall_sec=SECONDS; may be repeated
    #[arg(long, value_name = "UNIT=AMOUNT")]
    pub add: Vec<String>,
    /// Where that counts: epic, rock or card:ID [default: epic]
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<String>,
    /// Who lets it [default: the user]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Ask this owner
    #[arg(long, value_name = "ADDRESS")]
    pub server: Option<String>,
}

/// `orket gates`.
#[derive(Debug, Clone, Args)]
pub struct GatesArgs {
    /// What to do [default: list]
    #[command(subcommand)]
    pub command: Option<GatesCommand>,
}

/// The verbs of `orket gates`.
#[derive(Debug, Clone, Subcommand)]
pub enum GatesCommand {
    /// What waits for a decision
    List(GatesListArgs),
    /// One gate: what exactly is to be decided
    Show {
        /// Its number
        #[arg(value_name = "GATE")]
        id: i64,
    },
    /// Say yes, once, to exactly this call
    Approve(DecideArgs),
    /// Say no; the seat is told why and asked again
    Reject(DecideArgs),
    /// Let it run out
    Expire(DecideArgs),
}

impl Default for GatesCommand {
    fn default() -> Self {
        Self::List(GatesListArgs::default())
    }
}

/// `orket memory`.
#[derive(Debug, Clone, Args)]
pub struct MemoryArgs {
    /// Whose memory [default: the setting ORKET_MEMORY_PROJECT]
    #[arg(long, value_name = "NAME", global = true)]
    pub project: Option<String>,
    /// What to do; without a verb what is remembered is listed
    #[command(subcommand)]
    pub command: Option<MemoryCommand>,
}

/// The verbs of `orket memory`.
#[derive(Debug, Clone, Subcommand)]
pub enum MemoryCommand {
    /// Everything that is remembered, the oldest first
    List(MemoryListArgs),
    /// What shares words with these, the most words first, as turns find it
    Search {
        /// The words
        #[arg(value_name = "WORD", required = true)]
        words: Vec<String>,
        /// How many
        #[command(flatten)]
        list: MemoryListArgs,
    },
    /// Remember a decision of your own
    Add {
        /// What is decided
        #[arg(value_name = "TEXT", required = true)]
        text: Vec<String>,
    },
    /// Forget a record for good
    Forget {
        /// Its number
        #[arg(value_name = "ID")]
        id: i64,
    },
}

impl Default for MemoryCommand {
    fn default() -> Self {
        Self::List(MemoryListArgs { limit: MOST_SHOWN })
    }
}

/// How many records `orket memory` shows.
const MOST_SHOWN: usize = 50;

/// `orket memory list`.
#[derive(Debug, Clone, Args)]
pub struct MemoryListArgs {
    /// The most records shown
    #[arg(long, value_name = "N", default_value_t = MOST_SHOWN)]
    pub limit: usize,
}

/// `orket gates list`.
#[derive(Debug, Clone, Default, Args)]
pub struct GatesListArgs {
    /// Those that are decided too
    #[arg(long)]
    pub all: bool,
    /// Only those of this run: its id, or the beginning of it
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
}

/// `orket gates approve|reject|expire`.
#[derive(Debug, Clone, Args)]
pub struct DecideArgs {
    /// The gate's number
    #[arg(value_name = "GATE")]
    pub id: i64,
    /// Who decides [default: the user]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Why; after a refusal the seat is told
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Ask the owner at this Unix socket or http address
    #[arg(long, value_name = "PATH|URL")]
    pub server: Option<String>,
}

/// `orket export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Write below this folder instead of the run's workspace
    #[arg(long, value_name = "FOLDER")]
    pub to: Option<std::path::PathBuf>,
    /// Push the run's files into the repository of ORKET_GITEA_ARTIFACT_REPO too
    #[arg(long, conflicts_with = "to")]
    pub gitea: bool,
}

/// `orket serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// The address to listen on [default: ORKET_HOST, 127.0.0.1]; any other than this machine's own
    /// needs a key (ORKET_API_KEY or ORKET_API_KEYS_FILE)
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["socket_only", "stop"])]
    pub host: Option<String>,
    /// The port to listen on [default: ORKET_PORT, 8082]; 0 takes a free one
    #[arg(long, value_name = "PORT", conflicts_with_all = ["socket_only", "stop"])]
    pub port: Option<u16>,
    /// Listen on the Unix socket of the data folder, nowhere else
    #[arg(long)]
    pub socket_only: bool,
    /// Receive webhooks too, on ORKET_WEBHOOK_HOST and ORKET_WEBHOOK_PORT
    #[arg(long, conflicts_with = "stop")]
    pub with_webhook: bool,
    /// Ask the owner of the data folder to stop in good order
    #[arg(long, conflicts_with = "socket_only")]
    pub stop: bool,
    /// Leave the terminal; how `--detach` starts it.
    #[arg(long, hide = true, requires = "socket_only")]
    pub background: bool,
}

/// What a run is about, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct What {
    /// The kind.
    pub kind: WorkKind,
    /// The name.
    pub name: String,
}

impl RunArgs {
    /// What is to be run.
    #[must_use]
    pub fn what(&self) -> Option<What> {
        let of = |kind, name: &Option<String>| name.clone().map(|name| What { kind, name });
        of(WorkKind::Epic, &self.epic)
            .or_else(|| of(WorkKind::Card, &self.card))
            .or_else(|| of(WorkKind::Rock, &self.rock))
    }

    fn is_empty(&self) -> bool {
        self.what().is_none()
            && self.build_id.is_none()
            && self.model.is_none()
            && self.department.is_none()
            && self.workspace.is_none()
            && !self.door.embedded
            && self.door.server.is_none()
    }
}

impl Cli {
    /// The command that was typed, or the one that bare flags stand for; `None` for nothing at all.
    ///
    /// # Errors
    ///
    /// When flags and command do not go together.
    pub fn command_or_bare(&self) -> Result<Option<Command>, Failure> {
        let bare = &self.bare;
        if let Some(command) = self.command.clone() {
            if let Some(server) = &bare.run.door.server {
                return Err(Failure::usage(format!(
                    "--server goes behind the command, where the command has it: orket runs --server {server}"
                )));
            }
            if bare.board || bare.replay_turn.is_some() || !bare.run.is_empty() {
                return Err(Failure::usage(
                    "flags of a run go behind the command: orket run --epic NAME",
                ));
            }
            if let Command::Run(args) = &command
                && args.what().is_none()
            {
                return Err(Failure::usage("orket run needs --epic, --card or --rock"));
            }
            return Ok(Some(command));
        }
        if bare.board {
            let department = bare.run.department.clone();
            return Ok(Some(Command::Board(BoardArgs {
                department: department.unwrap_or_else(|| "core".to_owned()),
            })));
        }
        if let Some(turn) = &bare.replay_turn {
            return Ok(Some(Command::Replay(ReplayArgs {
                turn: turn.clone(),
                attempt: None,
                verify: false,
                against: None,
            })));
        }
        if bare.run.what().is_some() {
            return Ok(Some(Command::Run(bare.run.clone())));
        }
        if bare.run.is_empty() {
            return Ok(None);
        }
        Err(Failure::usage("these flags need --epic, --card or --rock"))
    }
}
