//! What changes a repository: one file per command. The work is `orket-transactions`'; here are the
//! settings, the terminal and the exit codes.

pub mod api_add;
pub mod compare;
pub mod init;
pub mod refactor;

use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

use orket_transactions::operation::Operation;
use orket_transactions::printable::one_line;
use orket_transactions::transaction::{Answer, Operator, Options, Request, run};
use orket_transactions::verify::Confined;
use orket_transactions::{NetworkMode, Outcome, Refusal};

use crate::cli::args::ShellArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::config::variable;

/// Carries an operation out and tells what came of it.
fn carry_out(
    context: &Context,
    operation: Operation,
    args: &ShellArgs,
) -> Result<ExitCode, Failure> {
    let request = Request {
        folder: context.cwd.clone(),
        operation,
        scope: args.scope.clone(),
        profile: args.verify_profile.clone(),
        timeout: args.verify_timeout,
        dry_run: args.dry_run,
        yes: args.yes,
    };
    let verifier = match verifier(context) {
        Ok(verifier) => verifier,
        Err(refusal) => return Ok(tell(context, &Outcome::default().refused(refusal), false)),
    };
    let mut terminal = Terminal {
        may_ask: !context.json && std::io::stdin().is_terminal() && out::stderr_is_terminal(),
        has_shown: false,
    };
    let outcome = run(&request, options(context), &verifier, &mut terminal);
    Ok(tell(context, &outcome, terminal.has_shown))
}

fn options(context: &Context) -> Options {
    let set = &context.settings.transactions;
    Options {
        replay_artifacts: set.replay_artifacts,
        failure_lessons: set.failure_lessons,
        strict_preflight: set.strict_preflight,
    }
}

/// What runs verify commands, as is set.
fn verifier(context: &Context) -> Result<Confined, Refusal> {
    let mode = NetworkMode::resolve([context.settings.transactions.network_mode.as_str()])?;
    Ok(sandboxed(context, mode))
}

/// What runs commands under this mode.
pub(super) fn sandboxed(context: &Context, mode: NetworkMode) -> Confined {
    Confined {
        mode,
        allowance: context.settings.allowance.clone(),
        is_secret: variable::is_secret,
    }
}

/// Tells an outcome: the plan and what came of it on standard output, the way on beside it.
fn tell(context: &Context, outcome: &Outcome, has_seen_plan: bool) -> ExitCode {
    for recovered in &outcome.recovered {
        let sentence = recovered.sentence();
        out::warn(&format!("recovered: {}", one_line(&sentence)));
    }
    if context.json {
        out::json(outcome);
    } else {
        out::print(&outcome.human(has_seen_plan));
    }
    if let Some(hint) = &outcome.hint {
        out::warn(&format!("hint: {}", one_line(hint)));
    }
    ExitCode::from(outcome.exit())
}

/// Whoever sits at the terminal.
struct Terminal {
    may_ask: bool,
    has_shown: bool,
}

impl Operator for Terminal {
    fn confirm(&mut self, beforehand: &str) -> Answer {
        if !self.may_ask {
            return Answer::Nobody;
        }
        out::print(beforehand);
        self.has_shown = true;
        let mut stderr = std::io::stderr().lock();
        // Whoever does not see the question does not say yes either.
        let _ = write!(stderr, "Do it? [y/N] ");
        let _ = stderr.flush();
        let mut line = String::new();
        match std::io::stdin().lock().read_line(&mut line) {
            Ok(_) if matches!(line.trim(), "y" | "Y" | "yes" | "Yes" | "YES") => Answer::Yes,
            Ok(_) => Answer::No,
            Err(_) => Answer::Nobody,
        }
    }
}
