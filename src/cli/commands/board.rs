//! `orket board`: rocks, epics and cards with their status, and what a person should look at. What was
//! never run is shown as its asset has it.

use std::process::ExitCode;

use orket_board::text::{Look, text};
use orket_board::{Board, fit};
use orket_core::asset::Library;

use crate::assets::DiskThenEmbedded;
use crate::cli::args::BoardArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::owner::board::whole::{Wish, board};
use crate::owner::ports::PlanRefusal;
use crate::owner::service::Refusal;
use crate::storage::Reader;

/// See the file's head.
pub fn run(context: &Context, args: &BoardArgs) -> Result<ExitCode, Failure> {
    let board = read(context, args, context.reader()?.as_ref())?;
    if context.json {
        out::json(&board);
    } else {
        out::print(&text(&board, look(args)));
    }
    Ok(ExitCode::SUCCESS)
}

/// The board as it is now.
pub fn read(
    context: &Context,
    args: &BoardArgs,
    reader: Option<&Reader>,
) -> Result<Board, Failure> {
    let library = Library::new(DiskThenEmbedded::new(&context.cwd));
    let department = args.department();
    let known = library.departments();
    if !known.iter().any(|name| name == department) {
        let department = fit::line(department, 96);
        return Err(PlanRefusal::NotFound {
            message: format!("there is no department `{department}`"),
            known,
        }
        .into());
    }
    let wish = Wish {
        department,
        whole: context.json || args.all,
    };
    board(&library, reader, &context.folder, wish)
        .map_err(|error| Refusal::internal(error.to_string()).into())
}

/// How it looks where standard output goes: in a pipe as at a terminal of 80 columns.
pub fn look(args: &BoardArgs) -> Look {
    let is_terminal = out::stdout_is_terminal();
    let columns = if is_terminal {
        rustix::termios::tcgetwinsize(rustix::stdio::stdout())
            .ok()
            .map(|size| usize::from(size.ws_col))
            .filter(|columns| *columns > 0)
    } else {
        None
    };
    Look {
        columns: columns.unwrap_or(80),
        colours: is_terminal && out::colours_allowed(),
        all: args.all,
    }
}
