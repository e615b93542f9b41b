//! What `orket --help` says: one screen. Each command's own help says the rest.

/// The whole text. `{name}` and the like are not used in it: a test holds it to the commands there are.
pub const OVERVIEW: &str = "\
{about}

Usage: orket [OPTIONS] [COMMAND]

  Run work      run board runs show halt resume loop archive unarchive
  Decide        gates budget memory phases
  Look back     replay fork verify diff compare export report
  Serve         serve webhook sandbox
  Models        prompts skills sweep
  Projects      init api refactor validate pack inspect
  Keep          migrate import backup restore gc
  Check         doctor check smoke config
  Shell         completions man help

`orket COMMAND --help` says what a command does, with examples. Without one it
opens a desk for commands and plain words, in a pipe one message a line.

Options:
      --json                    Print exactly one JSON object on standard output
      --set <NAME=VALUE>        Set a variable; `orket config` lists them
      --model <PROVIDER:MODEL>  The model that answers at the desk
      --yes                     At the desk, carry out plans without asking
  -h, --help                    Print help
  -V, --version                 Print version

Flags of the Python Orket stand for commands: --epic --rock --card --board
--loop --replay-turn --archive-card --archive-build --archive-related
--archive-reason.

Examples:
  orket run --epic golden_flow
  orket board
  echo 'what is 2+3*4?' | orket
";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::OVERVIEW;
    use crate::cli::args::Cli;

    #[test]
    fn the_overview_names_every_command_and_flags_that_there_are() {
        let mut command = Cli::command();
        command.build();
        let named: BTreeSet<&str> = OVERVIEW
            .lines()
            .filter(|line| line.starts_with("  ") && line.get(2..3) != Some(" "))
            .filter_map(|line| line.get(16..))
            .filter(|rest| {
                !rest.contains("--") && !rest.contains(' ') || rest.split(' ').count() > 1
            })
            .flat_map(|rest| rest.split(' '))
            .collect();
        for known in command.get_subcommands().filter(|it| !it.is_hide_set()) {
            assert!(named.contains(known.get_name()), "{}", known.get_name());
        }
        for flag in OVERVIEW
            .split(|letter: char| letter.is_whitespace() || ".`".contains(letter))
            .filter_map(|word| word.strip_prefix("--"))
        {
            assert!(
                command
                    .get_arguments()
                    .any(|it| it.get_long() == Some(flag)),
                "--{flag}"
            );
        }
        for line in OVERVIEW.lines() {
            assert!(line.len() <= 80, "{line}");
        }
    }
}
