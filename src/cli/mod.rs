//! The command line. stdout is data, stderr is everything else.
//!
//! # Layout
//!
//! - [`args`]: what can be typed.
//! - [`failure`]: errors as people and scripts see them; exit codes.
//! - [`out`]: standard output.
//! - [`context`]: settings, folder and output of one command.
//! - [`assemble`]: puts the parts of an owner together.
//! - [`enter`]: finding the owner, or becoming it.
//! - `out_file`: reports as files.
//! - `open_files`: how many files may be open.
//! - `panic_hook`: what a panic says.
//! - `progress`: what a run looks like while it goes on.
//! - `serving`: listening for HTTP.
//! - `commands`: one file per command.

pub mod args;
pub mod assemble;
mod commands;
mod consent;
pub mod context;
mod detach;
mod elsewhere;
pub mod enter;
pub mod failure;
mod files;
mod open_files;
pub mod out;
mod out_file;
mod panic_hook;
mod progress;
mod receiving;
mod report;
mod serving;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;

use args::{ApiCommand, CheckCommand, Cli, Command, CompareCommand, ImportCommand, ReportCommand};
use context::Context;
use failure::Failure;

use crate::tools::child::sandbox::seal_own_process;
use crate::verifier::apart;

/// Reads the command line, does what it says, and returns the exit code: 0 done, 1 not done, 2
/// usage, 130 interrupted.
#[must_use]
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|it| it == apart::COMMAND) && arguments.next().is_none() {
        return apart::serve();
    }
    panic_hook::install();
    seal_own_process();
    let cli = match Cli::try_parse_from(typed()) {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error),
    };
    let json = cli.global.json;
    let code = match run(cli) {
        Ok(code) => code,
        Err(failure) => failure.tell(json),
    };
    match out::lost() {
        Some(reason) if code == ExitCode::SUCCESS => Failure::new(
            "E_OUTPUT",
            format!("standard output could not be written: {reason}"),
        )
        .hint("what was done is in the journal: orket show last")
        .tell(false),
        Some(_) | None => code,
    }
}

/// What was typed. Called by the name `orket-prompts`, as of old, it is `orket prompts`.
fn typed() -> Vec<std::ffi::OsString> {
    let mut typed: Vec<_> = std::env::args_os().collect();
    let name = typed.first().map(std::path::Path::new);
    if name.is_some_and(|it| it.file_name() == Some("orket-prompts".as_ref())) {
        typed.insert(1, "prompts".into());
    }
    typed
}

/// Help and version are answers; anything else was typed wrongly.
fn not_understood(error: &clap::Error) -> ExitCode {
    // Nobody may be reading.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        let text = error.to_string();
        let (what, _) = text.split_once("\n\n").unwrap_or((&text, ""));
        let what = what.trim().trim_start_matches("error: ");
        out::json(&Failure::usage(what).body());
    }
    ExitCode::from(2)
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let command = cli.command_or_bare()?;
    let context = match (Context::load(&cli.global), &command) {
        (Ok(context), _) => context,
        // The one command that is there for settings that cannot be read.
        (Err(failure), Some(Command::Doctor(_))) => {
            return Ok(commands::doctor::without_settings(
                &failure,
                cli.global.json,
            ));
        }
        (Err(failure), _) => return Err(failure),
    };
    let Some(command) = command else {
        return on_system(commands::driver::run(context, cli.bare));
    };
    match command {
        Command::Run(args) => on_system(commands::run::run(context, args)),
        Command::Resume(args) => on_system(commands::run::resume(context, args)),
        Command::Fork(args) => on_system(commands::run::fork(context, args)),
        Command::Halt(args) => on_system(commands::halt::run(context, args)),
        Command::Serve(args) => on_system(commands::serve::run(context, args)),
        Command::Runs(args) => on_system(commands::runs::run(context, args)),
        Command::Show(args) => on_system(commands::show::run(context, args)),
        Command::Budget(args) => on_system(commands::budget::run(context, args)),
        Command::Gates(args) => on_system(commands::gates::run(context, args)),
        Command::Board(args) if args.watch => on_system(commands::board_watch::run(context, args)),
        Command::Board(args) => commands::board::run(&context, &args),
        Command::Replay(args) if args.against.is_some() => {
            on_system(commands::replay_against::run(context, args))
        }
        Command::Replay(args) => commands::replay::run(&context, &args),
        Command::Verify(args) => commands::verify::run(&context, &args),
        Command::Diff(args) => commands::diff::run(&context, &args),
        Command::Memory(args) => commands::remembered::run(&context, args),
        Command::Phases(args) => on_system(commands::phases::run(context, args)),
        Command::Sandbox(args) => on_system(commands::sandbox::run(context, args)),
        Command::Export(args) => commands::export::run(&context, &args),
        Command::Skills(command) => on_system(commands::skills::run(context, command)),
        Command::Check(CheckCommand::Skills(args)) => {
            Ok(commands::check_skills::run(&context, &args))
        }
        Command::Check(CheckCommand::Memory(args)) => commands::memory::check(&context, &args),
        Command::Compare(CompareCommand::Replay(args)) => {
            commands::transactions::compare::run(&context, &args)
        }
        Command::Compare(CompareCommand::Memory(args)) => {
            commands::memory::compare(&context, &args)
        }
        Command::Webhook(args) => on_system(commands::webhook::run(context, args)),
        Command::Config => commands::config::run(&context),
        Command::Archive(args) => on_system(commands::archive::run(context, args)),
        Command::Unarchive(args) => on_system(commands::unarchive::run(context, args)),
        Command::Loop(args) => on_system(commands::loop_::run(context, args)),
        Command::Init(args) => commands::transactions::init::run(&context, &args),
        Command::Api(ApiCommand::Add(args)) => {
            commands::transactions::api_add::run(&context, &args)
        }
        Command::Refactor(args) => commands::transactions::refactor::run(&context, &args),
        Command::Validate(args) => commands::validate::run(&context, &args),
        Command::Pack(args) => commands::pack::run(&context, &args),
        Command::Inspect(args) => commands::inspect::run(&context, &args),
        Command::Prompts(args) => commands::prompts::run(&context, &args),
        Command::Sweep(args) => commands::sweep::run(&context, &args),
        Command::Migrate(args) => commands::migrate::run(&context, &args),
        Command::Import(ImportCommand::Legacy(args)) => commands::import::run(&context, &args),
        Command::Backup(args) => commands::backup::run(&context, &args),
        Command::Restore(args) => commands::restore::run(&context, &args),
        Command::Gc(args) => commands::gc::run(&context, &args),
        Command::Smoke(command) => on_system(commands::smoke::run(context, command)),
        Command::Report(ReportCommand::FailureModes(args)) => {
            commands::failure_modes::run(&context, &args)
        }
        Command::Check(CheckCommand::OfflineMatrix(args)) => {
            commands::offline::run(&context, &args)
        }
        Command::Check(CheckCommand::Security(args)) => {
            on_system(commands::security::run(context, args))
        }
        Command::Check(CheckCommand::Boundaries(args)) => {
            commands::boundaries::run(&context, &args)
        }
        Command::Doctor(args) => on_system(commands::doctor::run(context, args)),
        Command::Completions(args) => commands::completions::run(&context, &args),
        Command::Man(args) => commands::man::run(&context, &args),
    }
}

fn on_system(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    open_files::make_room()?;
    // A library that gets no thread or descriptor panics; that is no reason to leave without a word.
    let worked = catch_unwind(AssertUnwindSafe(|| actix_rt::System::new().block_on(work)));
    worked.unwrap_or_else(|panic| {
        let words = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Failure::new(
            "E_INTERNAL",
            format!("orket broke down: {}", words.unwrap_or("a panic without words")),
        )
        .hint("nothing acknowledged is lost; look at the limits of the process (ulimit -a), then give the same command again"))
    })
}
