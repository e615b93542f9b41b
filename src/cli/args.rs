//! What can be typed.

mod archive;
mod board;
mod bundles;
mod check;
mod gate_commands;
mod overview;
mod phases;
mod prompts;
mod sandbox;
mod skills;
mod storage;
pub mod sweep;
mod transactions;
mod webhook;

pub use archive::{ArchiveArgs, Consent, LoopArgs, MANUAL, Selection, UnarchiveArgs};
pub use board::BoardArgs;
pub use bundles::{InspectArgs, PackArgs, ValidateArgs};
pub use check::{
    CheckCommand, CheckMemoryArgs, CheckSkillsArgs, CompareCommand, CompareMemoryArgs,
    CompareReplayArgs,
};
pub use gate_commands::{
    CheckBoundariesArgs, CheckSecurityArgs, CompletionsArgs, DoctorArgs, FailureModesArgs, ManArgs,
    OfflineMatrixArgs, ReportCommand, SmokeCliArgs, SmokeCommand, SmokeReleaseArgs,
};
pub use phases::{PhasesArgs, PhasesCommand};
pub use prompts::{
    ChangeArgs, DeprecateArgs, DiffPromptsArgs, KindWish, ListPromptsArgs, NewPromptArgs,
    PromoteArgs, PromptsArgs, PromptsCommand, ResolveArgs, RoleArgs, SlaArgs,
};
pub use sandbox::{CreateSandboxArgs, SandboxArgs, SandboxCommand};
pub use skills::{SkillsCommand, SkillsListArgs, SkillsRunArgs, SkillsShowArgs};
pub use storage::{BackupArgs, GcArgs, ImportCommand, ImportLegacyArgs, MigrateArgs, RestoreArgs};
pub use sweep::{SweepArgs, SweepCommand};
pub use transactions::{ApiAddArgs, ApiCommand, InitArgs, RefactorArgs, ShellArgs};
pub use webhook::{
    DeliveriesArgs, DeliveriesCommand, ListDeliveriesArgs, WebhookArgs, WebhookCommand,
};

use clap::{Args, Parser, Subcommand};
use overview::OVERVIEW;

use super::failure::Failure;
use crate::owner::client::Address;
use crate::owner::host::Mode;
use crate::owner::wire::WorkKind;

/// Runs card-based work with language models, and does not lose it.
#[derive(Debug, Parser)]
#[command(name = "orket", version, about, max_term_width = 100)]
#[command(help_template = OVERVIEW)]
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
    /// The same as `orket loop`
    #[arg(long = "loop")]
    pub is_loop: bool,
    /// The same as `orket archive --card`
    #[arg(long, value_name = "ID")]
    pub archive_card: Vec<String>,
    /// The same as `orket archive --build`
    #[arg(long, value_name = "BUILD")]
    pub archive_build: Option<String>,
    /// The same as `orket archive --related`
    #[arg(long, value_name = "TEXT")]
    pub archive_related: Vec<String>,
    /// Why cards are archived [default: manual archive]
    #[arg(long, value_name = "TEXT")]
    pub archive_reason: Option<String>,
    /// Do what is asked for without asking again
    #[arg(long)]
    pub yes: bool,
}

impl Bare {
    /// What is to be archived, if anything is.
    fn archive(&self) -> Option<ArchiveArgs> {
        let which = Selection {
            card: self.archive_card.clone(),
            build: self.archive_build.clone(),
            related: self.archive_related.clone(),
        };
        let is_meant = !which.card.is_empty() || which.build.is_some() || !which.related.is_empty();
        is_meant.then(|| ArchiveArgs {
            which,
            reason: (self.archive_reason.clone()).unwrap_or_else(|| MANUAL.to_owned()),
            consent: Consent {
                yes: self.yes,
                dry_run: false,
                server: self.run.door.server.clone(),
            },
        })
    }
}

/// The commands.
#[derive(Debug, Clone, Subcommand)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one, and it is taken apart at once"
)]
pub enum Command {
    /// Run an epic, a rock, or one card
    #[command(
        after_help = "Examples:\n  orket run --epic golden_flow\n  orket run --card GF-2 --json\n  orket run --epic golden_flow --model scripted:golden_flow --detach"
    )]
    Run(RunArgs),
    /// Rocks, epics and cards with their status
    Board(BoardArgs),
    /// Runs, newest first
    #[command(after_help = "Examples:\n  orket runs\n  orket runs --limit 5 --json")]
    Runs(RunsArgs),
    /// One run: cards, attempts, failures, and which command goes on
    #[command(after_help = "Example:\n  orket show last")]
    Show(RunRef),
    /// Stop a run; what is under way is cancelled, `orket resume` goes on
    #[command(after_help = "Example:\n  orket halt last   # exits 1 when that run is over")]
    Halt(RunRef),
    /// Go on with a run that was halted, interrupted or left cards unfinished
    #[command(
        after_help = "Example:\n  orket resume last   # exits 1 when there is nothing to go on with"
    )]
    Resume(ResumeArgs),
    /// Show a recorded turn from the journal, byte for byte; asks no model
    #[command(
        after_help = "Examples:\n  orket replay last:GF-3:1\n  orket replay last:GF-3:1:coder --json\n  orket replay last --verify\n  orket replay last:GF-3:1 --against scripted:golden_flow"
    )]
    Replay(ReplayArgs),
    /// Begin a new run where a turn of another began; everything before it is kept
    #[command(
        after_help = "Examples:\n  orket fork last:GF-3:1\n  orket fork last:GF-3:1 --model scripted:golden_flow --detach"
    )]
    Fork(ForkArgs),
    /// Check that the record of a run holds: chain, decisions, transitions, files
    #[command(after_help = "Example:\n  orket verify last")]
    Verify(VerifyArgs),
    /// The first thing in which two recorded turns, or two runs, differ
    #[command(
        after_help = "Examples:\n  orket diff last last\n  orket diff last:GF-3:1 last:GF-4:1   # exits 1: they differ"
    )]
    Diff(DiffArgs),
    /// What waits for a person's decision: list, show, approve, reject, expire
    Gates(GatesArgs),
    /// What a run may spend, has spent and has set aside; --add lets it spend more
    #[command(
        after_help = "Examples:\n  orket budget last\n  orket budget last --add tokens=50000   # exits 2 where tokens are not limited"
    )]
    Budget(BudgetArgs),
    /// What the project remembers of earlier runs: list, search, add, forget
    Memory(MemoryArgs),
    /// Bug-fix phases of rocks: list, show, start, end, abort
    Phases(PhasesArgs),
    /// What was built, brought up by docker compose: list, create, logs, stop
    Sandbox(SandboxArgs),
    /// Write the files of a run under observability/ again, from the journal
    #[command(after_help = "Examples:\n  orket export last\n  orket export last --to exported")]
    Export(ExportArgs),
    /// Serve the API over HTTP, own the data folder until told to stop
    #[command(
        after_help = "Examples:\n  orket serve --port 0\n  orket serve --socket-only\n  orket serve --stop   # exits 1 when nobody serves"
    )]
    Serve(ServeArgs),
    /// Receive what Gitea tells of pull requests, until told to stop; and what was delivered
    Webhook(WebhookArgs),
    /// Every setting, its value and where it came from
    #[command(after_help = "Examples:\n  orket config\n  orket config --set ORKET_ARTIFACTS=none")]
    Config,
    /// Skills: what there is, and running one
    #[command(subcommand, after_help = "Example:\n  orket skills list")]
    Skills(SkillsCommand),
    /// Whether files keep their contract
    #[command(subcommand, after_help = "Example:\n  orket check offline-matrix")]
    Check(CheckCommand),
    /// Whether two records tell of the same behaviour
    #[command(subcommand, after_help = "Example:\n  orket compare memory --help")]
    Compare(CompareCommand),
    /// Archive cards: by id, by build, or by what they have in common
    Archive(ArchiveArgs),
    /// Give archived cards the status back that they had
    Unarchive(UnarchiveArgs),
    /// Run what weighs most, over all departments, until told to stop
    Loop(LoopArgs),
    /// Make a project from a blueprint
    Init(InitArgs),
    /// Routes of a Node project
    #[command(subcommand, after_help = "Example:\n  orket api add --help")]
    Api(ApiCommand),
    /// Rename an identifier in a whole project
    Refactor(RefactorArgs),
    /// Whether a bundle is whole
    Validate(ValidateArgs),
    /// Pack a bundle into one file
    Pack(PackArgs),
    /// What is in a bundle
    Inspect(InspectArgs),
    /// Prompts of roles and dialects: list, show, validate, resolve, diff, promote
    Prompts(PromptsArgs),
    /// Which quantization of a model is worth it: measure, compare, report
    Sweep(SweepArgs),
    /// Bring the databases to this version's schema, with a backup first
    Migrate(MigrateArgs),
    /// Take over what another system stored
    #[command(subcommand, after_help = "Example:\n  orket import legacy --help")]
    Import(ImportCommand),
    /// Copy what must not be lost, while work goes on
    Backup(BackupArgs),
    /// Put a backup in place
    Restore(RestoreArgs),
    /// Remove what is old and not needed any more
    Gc(GcArgs),
    /// Whether this installation works
    #[command(subcommand, after_help = "Example:\n  orket smoke cli")]
    Smoke(SmokeCommand),
    /// Reports of what happened
    #[command(subcommand, after_help = "Example:\n  orket report failure-modes")]
    Report(ReportCommand),
    /// What is set up, what is missing, and which command mends it
    Doctor(DoctorArgs),
    /// A completion script for your shell
    Completions(CompletionsArgs),
    /// The manual pages
    Man(ManArgs),
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
#[command(after_help = "Examples:\n  orket gates\n  orket gates list --all")]
pub struct GatesArgs {
    /// What to do [default: list]
    #[command(subcommand)]
    pub command: Option<GatesCommand>,
}

/// The verbs of `orket gates`.
#[derive(Debug, Clone, Subcommand)]
pub enum GatesCommand {
    /// What waits for a decision
    #[command(after_help = "Example:\n  orket gates list --all")]
    List(GatesListArgs),
    /// One gate: what exactly is to be decided
    #[command(after_help = "Example:\n  orket gates show 3   # exits 1 without gate 3")]
    Show {
        /// Its number
        #[arg(value_name = "GATE")]
        id: i64,
    },
    /// Say yes, once, to exactly this call
    #[command(
        after_help = "Example:\n  orket gates approve 3 --reason \"looked at it\"   # exits 1 without gate 3"
    )]
    Approve(DecideArgs),
    /// Say no; the seat is told why and asked again
    #[command(
        after_help = "Example:\n  orket gates reject 3 --reason \"not this file\"   # exits 1 without gate 3"
    )]
    Reject(DecideArgs),
    /// Let it run out
    #[command(after_help = "Example:\n  orket gates expire 3   # exits 1 without gate 3")]
    Expire(DecideArgs),
}

impl Default for GatesCommand {
    fn default() -> Self {
        Self::List(GatesListArgs::default())
    }
}

/// `orket memory`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  orket memory\n  orket memory search greeting")]
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
    #[command(after_help = "Example:\n  orket memory list --limit 10")]
    List(MemoryListArgs),
    /// What shares words with these, the most words first, as turns find it
    #[command(after_help = "Example:\n  orket memory search greeting program")]
    Search {
        /// The words
        #[arg(value_name = "WORD", required = true)]
        words: Vec<String>,
        /// How many
        #[command(flatten)]
        list: MemoryListArgs,
    },
    /// Remember a decision of your own
    #[command(after_help = "Example:\n  orket memory add \"We indent with two spaces\"")]
    Add {
        /// What is decided
        #[arg(value_name = "TEXT", required = true)]
        text: Vec<String>,
    },
    /// Forget a record for good
    #[command(after_help = "Example:\n  orket memory forget 1")]
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
            if bare.board
                || bare.is_loop
                || bare.replay_turn.is_some()
                || bare.archive().is_some()
                || !bare.run.is_empty()
            {
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
            return Ok(Some(Command::Board(BoardArgs {
                department: bare.run.department.clone(),
                ..BoardArgs::default()
            })));
        }
        if bare.is_loop {
            return Ok(Some(Command::Loop(LoopArgs {
                department: bare.run.department.clone().into_iter().collect(),
                model: bare.run.model.clone(),
                ..LoopArgs::default()
            })));
        }
        if let Some(archive) = bare.archive() {
            return Ok(Some(Command::Archive(archive)));
        }
        if bare.archive_reason.is_some() {
            return Err(Failure::usage(
                "--archive-reason needs --archive-card, --archive-build or --archive-related",
            ));
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
        // Which model answers, and which department is meant, is asked of a conversation too.
        let talk = RunArgs {
            model: None,
            department: None,
            ..bare.run.clone()
        };
        if talk.is_empty() {
            return Ok(None);
        }
        Err(Failure::usage("these flags need --epic, --card or --rock"))
    }
}
