//! `orket` without a command: a conversation with the operator's desk, at a terminal or in a pipe. What
//! is said goes to [`crate::driver`], which the API's chat route asks too.
//!
//! - `desk`: one session. `works`: the owner that it goes to.
//! - `terminal`: prompt, plans, watching, leaving. `editor`: lines as they are typed. `history`: which of
//!   them are remembered. `wrap`: long lines.
//! - `pipe`: one message a line.

mod desk;
mod editor;
mod history;
mod pipe;
mod terminal;
mod works;
mod wrap;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use crate::cli::args::Bare;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;
use desk::Desk;

/// See the file's head.
pub async fn run(context: Context, bare: Bare) -> Result<ExitCode, Failure> {
    let is_terminal = std::io::stdin().is_terminal() && out::stdout_is_terminal();
    if is_terminal && context.json {
        return Err(Failure::usage(
            "--json needs a command, or messages on standard input",
        ));
    }
    let desk = Desk::new(context, &bare)?;
    if is_terminal {
        terminal::run(&desk, bare.yes).await
    } else {
        pipe::run(&desk, bare.yes).await
    }
}
