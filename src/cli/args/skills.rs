//! `orket skills`.

use clap::{Args, Subcommand};

/// `orket skills`.
#[derive(Debug, Clone, Subcommand)]
pub enum SkillsCommand {
    /// Every skill and its tools
    List(SkillsListArgs),
    /// One skill: its entrypoints, what they need and what they may do here
    Show(SkillsShowArgs),
    /// Try one entrypoint outside any run: same gate, limits, permissions and sandbox as in a turn
    ///
    /// Arguments must fit the schema, what is destructive must be confirmed, and permissions must be
    /// granted, as for an agent's call. Nobody is asked for an approval, and the journal has nothing
    /// of it: what was run by whom, and what came of it, is in the workspace's orket.log.
    Run(SkillsRunArgs),
}

/// `orket skills list`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  orket skills list\n  orket skills list --json")]
pub struct SkillsListArgs {
    /// The department whose assets come first
    #[arg(long, value_name = "NAME", default_value = "core")]
    pub department: String,
}

/// `orket skills show`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  orket skills show text_facts")]
pub struct SkillsShowArgs {
    /// The skill's name, as `orket skills list` shows it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The department whose assets come first
    #[arg(long, value_name = "NAME", default_value = "core")]
    pub department: String,
}

/// `orket skills run`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example:\n  orket skills run text_facts --args '{\"path\":\"notes.txt\"}'   # needs notes.txt in the workspace"
)]
pub struct SkillsRunArgs {
    /// The skill's name, as `orket skills list` shows it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Which entrypoint, where the skill has several
    #[arg(long, value_name = "ID")]
    pub entrypoint: Option<String>,
    /// The arguments, a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub args: String,
    /// The folder it works in [default: workspace/default]
    #[arg(long, value_name = "FOLDER")]
    pub workspace: Option<std::path::PathBuf>,
    /// The department whose assets come first
    #[arg(long, value_name = "NAME", default_value = "core")]
    pub department: String,
}
