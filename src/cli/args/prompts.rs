//! `orket prompts`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use orket_core::policy::Selection;
use orket_core::turn::Purpose;
use orket_prompts::Status;

/// `orket prompts`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Nothing is written without --apply. A prompt that came with the program is never
changed: --apply writes a file of this project that is before it from then on.

Examples:
  orket prompts list --kind dialect
  orket prompts validate --json
  orket prompts resolve --role coder --text")]
pub struct PromptsArgs {
    /// The project's folder
    #[arg(
        id = "prompts_root",
        long = "root",
        value_name = "FOLDER",
        global = true,
        default_value = "."
    )]
    pub root: PathBuf,
    /// The department whose assets come first
    // A global flag is seen above its command too, where `department` is a flag of runs.
    #[arg(
        id = "prompts_department",
        long = "department",
        value_name = "NAME",
        global = true,
        default_value = "core"
    )]
    pub department: String,
    /// What to do.
    #[command(subcommand)]
    pub command: PromptsCommand,
}

/// What to do with prompts.
#[derive(Debug, Clone, Subcommand)]
pub enum PromptsCommand {
    /// Which prompts there are, and how far they have got
    List(ListPromptsArgs),
    /// One prompt's file
    Show(ShowPromptArgs),
    /// What is wrong with them
    #[command(after_help = "Examples:\n  orket prompts validate\n  orket prompts validate --json")]
    Validate,
    /// What a run would send, and where it comes from
    Resolve(ResolveArgs),
    /// What differs between two of them
    Diff(DiffPromptsArgs),
    /// Begin a new version, or a new prompt
    New(NewPromptArgs),
    /// Take one further: draft, candidate, canary, stable
    Promote(PromoteArgs),
    /// Take one out of use
    Deprecate(DeprecateArgs),
    /// Renew or take out of use what is a candidate for too long
    EnforceSla(SlaArgs),
}

/// `orket prompts list`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  orket prompts list
  orket prompts list --kind role --status stable --json")]
pub struct ListPromptsArgs {
    /// Only these: all, role, dialect
    #[arg(long, value_enum, default_value = "all", hide_possible_values = true)]
    pub kind: KindWish,
    /// Only those that have got so far
    #[arg(long, value_name = "STATUS")]
    pub status: Option<Status>,
}

/// Which kinds of prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KindWish {
    /// All
    All,
    /// Those of roles
    Role,
    /// Those of dialects
    Dialect,
}

/// `orket prompts show`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  orket prompts show --id role.coder
  orket prompts show --id dialect.qwen")]
pub struct ShowPromptArgs {
    /// role.NAME or dialect.NAME
    #[arg(long, value_name = "ID")]
    pub id: String,
}

/// Which prompt of a run.
#[derive(Debug, Clone, Args)]
pub struct RoleArgs {
    /// The role
    #[arg(long, value_name = "NAME")]
    pub role: String,
    /// The dialect [default: that of the role's model]
    #[arg(long, value_name = "NAME")]
    pub dialect: Option<String>,
    /// The team in which the role has its seat
    #[arg(long, value_name = "NAME", default_value = "standard")]
    pub team: String,
    /// The environment, which may choose the model
    #[arg(long, value_name = "NAME", default_value = "standard")]
    pub environment: String,
    /// Whether what may not speak is an error [default: as in a run]
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub strict: Option<bool>,
}

/// `orket prompts resolve`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  orket prompts resolve --role coder --dialect qwen
  orket prompts resolve --role coder --text")]
pub struct ResolveArgs {
    /// Which prompt.
    #[command(flatten)]
    pub which: RoleArgs,
    /// Which versions may speak: stable, canary, exact [default: as in a run]
    #[arg(long, value_name = "POLICY")]
    pub selection_policy: Option<Selection>,
    /// The one version that may, ROLE'S/DIALECT'S, such as 1.0.0/1.0.0
    #[arg(long, value_name = "VERSION")]
    pub version_exact: Option<String>,
    /// What the turn is about: work or review [default: the seat's own]
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<Purpose>,
    /// Give the text too
    #[arg(long)]
    pub include_prompt: bool,
    /// Give the text and nothing else, for people
    #[arg(long, conflicts_with_all = ["include_prompt", "json"])]
    pub text: bool,
}

/// `orket prompts diff`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  orket prompts diff --role coder --left-shipped
  orket prompts diff --role coder --dialect qwen --right-policy canary")]
pub struct DiffPromptsArgs {
    /// Which prompt.
    #[command(flatten)]
    pub which: RoleArgs,
    /// On the left, as it came with the program, whatever this project's files say
    #[arg(long)]
    pub left_shipped: bool,
    /// Which versions may speak on the left
    #[arg(long, value_name = "POLICY", default_value = "stable")]
    pub left_policy: Selection,
    /// The one version that may on the left
    #[arg(long, value_name = "VERSION")]
    pub left_version_exact: Option<String>,
    /// Which versions may speak on the right
    #[arg(long, value_name = "POLICY", default_value = "canary")]
    pub right_policy: Selection,
    /// The one version that may on the right
    #[arg(long, value_name = "VERSION")]
    pub right_version_exact: Option<String>,
}

/// How a prompt is changed.
#[derive(Debug, Clone, Args)]
pub struct ChangeArgs {
    /// role.NAME or dialect.NAME
    #[arg(long, value_name = "ID")]
    pub id: String,
    /// Why, for the changelog
    #[arg(long, value_name = "TEXT")]
    pub notes: Option<String>,
    /// The day it is dated [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub as_of: Option<Date>,
    /// Write it; without it nothing is changed
    #[arg(long)]
    pub apply: bool,
}

/// `orket prompts new`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  orket prompts new --id role.coder --version 1.1.0
  orket prompts new --id role.tester --version 0.1.0 --apply")]
pub struct NewPromptArgs {
    /// How.
    #[command(flatten)]
    pub change: ChangeArgs,
    /// Its version, later than the one of now
    #[arg(long, value_name = "VERSION")]
    pub version: String,
    /// Its status: draft or candidate
    #[arg(long, value_name = "STATUS", default_value = "draft")]
    pub status: Status,
}

/// `orket prompts promote`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
From draft to candidate or canary, from candidate to canary or stable, from
canary to stable. A report on the way to canary or stable must say pass.

Example:
  orket prompts promote --id role.coder --status stable   # exits 1: it is one")]
pub struct PromoteArgs {
    /// How.
    #[command(flatten)]
    pub change: ChangeArgs,
    /// How far
    #[arg(long, value_name = "STATUS")]
    pub status: Status,
    /// A JSON file that says whether it may: {"pass": true}
    #[arg(long, value_name = "FILE")]
    pub promotion_report: Option<PathBuf>,
}

/// `orket prompts deprecate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  orket prompts deprecate --id role.developer
  orket prompts deprecate --id role.developer --apply")]
pub struct DeprecateArgs {
    /// How.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// `orket prompts enforce-sla`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Exit code: 0 nothing is stale, or it was dealt with; 1 something is stale.

Examples:
  orket prompts enforce-sla
  orket prompts enforce-sla --max-candidate-age-days 30 --as-of 2026-12-01")]
pub struct SlaArgs {
    /// How many days a candidate may be one
    #[arg(long, value_name = "DAYS", default_value_t = 14)]
    pub max_candidate_age_days: u32,
    /// Candidates that stay candidates for another while
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub renew: Vec<String>,
    /// The day from which is counted [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub as_of: Option<Date>,
    /// Write it; without it nothing is changed
    #[arg(long)]
    pub apply: bool,
}
