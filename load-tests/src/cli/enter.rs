//! From the command line to the exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use super::finish::{finish, page, thresholds};
use super::{Cli, Command, Common, compare};
use crate::context::Context;
use crate::error::LoadError;
use crate::outcome::Outcome;
use crate::scenarios::{all, api, mixed, webhook, websocket};
use crate::server::kill_all_on_interrupt;
use crate::{bare, epics, overload};

/// Does what the command line says. 0 when all is well, 1 when a bar was missed or a scenario could not be
/// carried out, 2 when what was asked for cannot be meant, 3 when something was lost, done twice or ended
/// otherwise than it must.
#[must_use]
pub fn enter() -> ExitCode {
    let cli = Cli::parse_from(with_subcommand(std::env::args_os().collect()));
    kill_all_on_interrupt();
    allow_files();
    match carry(&cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(hint) = error.hint() {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(error.exit_code())
        }
    }
}

fn carry(command: &Command) -> Result<ExitCode, LoadError> {
    match command {
        Command::All { options, common } => measured(common, |context| all::run(context, options)),
        Command::Api { options, common } => measured(common, |context| api::run(context, options)),
        Command::Webhook { options, common } => {
            measured(common, |context| webhook::run(context, options))
        }
        Command::Websocket { options, common } => {
            measured(common, |context| websocket::run(context, options))
        }
        Command::Mixed { options, common } => {
            measured(common, |context| mixed::run(context, options))
        }
        Command::Soak { options, common } => {
            measured(common, |context| mixed::run_soak(context, options))
        }
        Command::Epics { options, common } => {
            measured(common, |context| epics::run(context, options))
        }
        Command::Overload { options, common } => {
            measured(common, |context| overload::run(context, options))
        }
        Command::Compare(options) => compare::run(options),
        Command::Page(options) => page(options),
        Command::Bare(options) => bare::serve(options).map(|()| ExitCode::SUCCESS),
    }
}

fn measured(
    common: &Common,
    scenario: impl FnOnce(&Context) -> Result<Outcome, LoadError>,
) -> Result<ExitCode, LoadError> {
    let thresholds = thresholds(common)?;
    let outcome = scenario(&common.context())?;
    finish(&outcome, common, thresholds.as_ref())
}

/// Flags alone, as scripts of operators have them, mean `all`; `--compare OLD NEW` means `compare`.
fn with_subcommand(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let first = arguments.get(1).map(|it| it.to_string_lossy().into_owned());
    match first.as_deref() {
        None => arguments.push("all".into()),
        Some("--compare") => {
            if let Some(word) = arguments.get_mut(1) {
                *word = "compare".into();
            }
        }
        Some("-h" | "--help" | "-V" | "--version") => {}
        Some(flag) if flag.starts_with('-') => arguments.insert(1, "all".into()),
        Some(_) => {}
    }
    arguments
}

/// Raises the limit of open files as far as it may: each connection is one.
fn allow_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = setrlimit(Resource::Nofile, raised);
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn flags_alone_mean_all() {
        let given = |line: &str| -> Vec<String> {
            let words = line.split(' ').map(OsString::from).collect();
            let words = with_subcommand(words).into_iter();
            words.map(|it| it.to_string_lossy().into_owned()).collect()
        };
        assert_eq!(given("l"), ["l", "all"]);
        assert_eq!(given("l --api-total 5"), ["l", "all", "--api-total", "5"]);
        assert_eq!(given("l api"), ["l", "api"]);
        assert_eq!(given("l --help"), ["l", "--help"]);
        assert_eq!(given("l --compare a b"), ["l", "compare", "a", "b"]);
    }

    #[test]
    fn the_command_line_is_sound_and_every_scenario_has_examples() {
        Cli::command().debug_assert();
        for command in Cli::command()
            .get_subcommands()
            .filter(|it| !it.is_hide_set())
        {
            let help = command.get_after_help().map(ToString::to_string);
            let has = help.is_some_and(|help| help.starts_with("Example"));
            assert!(has, "{}", command.get_name());
        }
    }
}
