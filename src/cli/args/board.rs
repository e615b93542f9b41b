//! `orket board`.

use clap::Args;

/// `orket board`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Archived cards are counted, not listed, and of large epics those are listed that
matter most; --all lists all of them, and --json everything. With --watch it is
drawn again whenever something changed, until Ctrl-C (exit code 0); in a pipe the
whole board is printed once for each change, after a line of dashes, with --json
one line each.

Examples:
  orket board
  orket board --department core --all
  orket board --json")]
pub struct BoardArgs {
    /// The department whose assets come first [default: core]
    #[arg(long, value_name = "NAME")]
    pub department: Option<String>,
    /// List every card, archived ones too
    #[arg(long)]
    pub all: bool,
    /// Draw it again whenever something changes
    #[arg(long)]
    pub watch: bool,
}

impl BoardArgs {
    /// The department.
    #[must_use]
    pub fn department(&self) -> &str {
        self.department.as_deref().unwrap_or("core")
    }
}
