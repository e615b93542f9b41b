//! `orket sandbox`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use orket_sandboxes::TechStack;

/// `orket sandbox`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  orket sandbox list")]
pub struct SandboxArgs {
    /// What to do [default: list]
    #[command(subcommand)]
    pub command: Option<SandboxCommand>,
}

/// What to do with sandboxes.
#[derive(Debug, Clone, Subcommand)]
pub enum SandboxCommand {
    /// All of them, with where they are and how they stand
    #[command(after_help = "Example:\n  orket sandbox list")]
    List {
        /// Ask the owner at this Unix socket or http address
        #[arg(long, value_name = "PATH|URL")]
        server: Option<String>,
    },
    /// Bring one up; the one that runs already when the rock has one
    #[command(after_help = "Example:\n  orket sandbox create --rock core_launch   # needs docker")]
    Create(CreateSandboxArgs),
    /// The last lines of its log
    #[command(
        after_help = "Example:\n  orket sandbox logs sandbox-core_launch-1 --service api   # exits 1 without it"
    )]
    Logs {
        /// Its id, sandbox-…
        #[arg(value_name = "ID")]
        id: String,
        /// Only this service of it, such as api or db
        #[arg(long, value_name = "NAME")]
        service: Option<String>,
        /// Ask the owner at this Unix socket or http address
        #[arg(long, value_name = "PATH|URL")]
        server: Option<String>,
    },
    /// Take one down, with all that it stored
    #[command(
        after_help = "Example:\n  orket sandbox stop sandbox-core_launch-1   # exits 1 without it"
    )]
    Stop {
        /// Its id, sandbox-…
        #[arg(value_name = "ID")]
        id: String,
        /// Ask the owner at this Unix socket or http address
        #[arg(long, value_name = "PATH|URL")]
        server: Option<String>,
    },
}

/// `orket sandbox create`.
#[derive(Debug, Clone, Args)]
pub struct CreateSandboxArgs {
    /// The rock that was built
    #[arg(long, value_name = "ROCK")]
    pub rock: String,
    /// What it is made of
    #[arg(long, value_name = "STACK", value_parser = stack, default_value = "fastapi-react-postgres")]
    pub stack: TechStack,
    /// The workspace that it was built in [default: workspace/default]
    #[arg(long, value_name = "FOLDER")]
    pub path: Option<PathBuf>,
    /// The project's name [default: the rock's]
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,
    /// Ask the owner at this Unix socket or http address
    #[arg(long, value_name = "PATH|URL")]
    pub server: Option<String>,
}

fn stack(text: &str) -> Result<TechStack, String> {
    TechStack::parse(text).ok_or_else(|| {
        let known = TechStack::ALL.map(TechStack::name).join(", ");
        format!("must be one of: {known}")
    })
}
