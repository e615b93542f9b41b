//! `orket init`, `orket api` and `orket refactor`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use orket_transactions::profile::seconds_of;

/// `orket init`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Blueprints: minimal-node, minimal-python, minimal-rust.
When anything fails, nothing is left.

Examples:
  orket init minimal-node demo --no-verify
  orket init minimal-python tool --vars \"description=Counts words\" --no-verify
  orket init minimal-rust words         # needs cargo")]
pub struct InitArgs {
    /// What it begins with
    #[arg(value_name = "TEMPLATE")]
    pub template: String,
    /// Its name: a letter, then letters, digits, - and _, all in lower case
    #[arg(value_name = "PROJECT_NAME")]
    pub project_name: String,
    /// Where it goes; must not be there [default: ./PROJECT_NAME]
    #[arg(long, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
    /// Further values for the blueprint
    #[arg(long, value_name = "K=V,K=V")]
    pub vars: Option<String>,
    /// Make it without running its tests first
    #[arg(long)]
    pub no_verify: bool,
    /// How long its tests may take
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub verify_timeout: Option<Duration>,
}

/// `orket api`.
#[derive(Debug, Clone, Subcommand)]
pub enum ApiCommand {
    /// Add a route with its controller and types
    Add(ApiAddArgs),
}

/// `orket api add`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Needs a clean git work tree with src/routes/index.js, as `orket init
minimal-node` makes it. docs/TRANSACTIONS.md tells what happens.

Examples:
  orket api add users --schema id:int --scope src --dry-run  # needs that
  orket api add users --schema id:int --scope src --yes      # needs that")]
pub struct ApiAddArgs {
    /// The route's name: a letter, then letters, digits, - and _, in lower case
    #[arg(value_name = "ROUTE")]
    pub route: String,
    /// What a request holds, e.g. id:int,name:string,tags:string[]
    #[arg(long, value_name = "NAME:TYPE,…")]
    pub schema: String,
    /// get, post, put, patch, delete, head or options
    #[arg(long, value_name = "METHOD", default_value = "get")]
    pub method: String,
    /// How it is carried out.
    #[command(flatten)]
    pub shell: ShellArgs,
}

/// `orket refactor`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
The instruction is `rename A to B`, and nothing else. It renames identifiers in
JavaScript, TypeScript, Python, Rust and Go; comments and strings stay.
Needs a clean git work tree. docs/TRANSACTIONS.md tells what happens.

Examples:
  orket refactor \"rename User to Member\" --scope . --dry-run  # needs a User
  orket refactor \"rename User to Member\" --scope src --yes    # needs a User")]
pub struct RefactorArgs {
    /// What is to be done
    #[arg(value_name = "INSTRUCTION")]
    pub instruction: String,
    /// How it is carried out.
    #[command(flatten)]
    pub shell: ShellArgs,
}

/// What both have in common.
#[derive(Debug, Clone, Args)]
pub struct ShellArgs {
    /// Write nowhere else; a folder or file, give the flag again for more
    #[arg(long, value_name = "PATH")]
    pub scope: Vec<String>,
    /// Do it without asking
    #[arg(long)]
    pub yes: bool,
    /// Only show the plan, with --yes too
    #[arg(long)]
    pub dry_run: bool,
    /// Which commands of orket.config.json verify it
    #[arg(long, value_name = "NAME", default_value = orket_transactions::profile::DEFAULT)]
    pub verify_profile: String,
    /// How long each of them may take [default: timeout_sec of the profile, 600]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub verify_timeout: Option<Duration>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(seconds_of);
    seconds.ok_or_else(|| "give seconds, more than 0 and at most 86400".to_owned())
}
