//! A session in a pipe: one message a line, answers on standard output, everything else on standard
//! error. Nothing is changed without `--yes`.

use std::io::{BufRead as _, Read as _};
use std::process::ExitCode;

use clap::CommandFactory as _;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::desk::{Desk, leaves, of_failure};
use crate::cli::args::Cli;
use crate::cli::failure::{Failure, INTERRUPTED};
use crate::cli::{out, report};
use crate::driver::stream::plain;
use crate::driver::{Errand, LONGEST_MESSAGE, Reply, ReplyKind};
use crate::owner::signals::Signals;

/// A message with its answer, a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    message: &'a str,
    #[serde(flatten)]
    reply: &'a Reply,
    /// With a plan: whether it was carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<bool>,
    /// What was asked to be shown: a run's end, a recorded turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    shown: Option<Value>,
}

/// What came of a message.
struct Outcome {
    reply: Reply,
    applied: Option<bool>,
    shown: Option<Value>,
}

/// Answers messages until there are no more.
pub async fn run(desk: &Desk, is_confirmed: bool) -> Result<ExitCode, Failure> {
    let mut signals = Signals::listen()
        .map_err(|error| Failure::new("E_SIGNALS", format!("cannot listen to signals: {error}")))?;
    let mut messages = messages()?;
    let mut is_first = true;
    let mut all_done = true;
    loop {
        let message = tokio::select! {
            message = messages.recv() => message,
            _ = signals.next() => return Ok(ExitCode::from(INTERRUPTED)),
        };
        let is_blank = |message: &String| message.trim().is_empty();
        is_first &= message.as_ref().is_none_or(is_blank);
        let Some(message) = message.filter(|message| !leaves(message)) else {
            break;
        };
        if message.trim().is_empty() {
            continue;
        }
        let outcome = tokio::select! {
            outcome = answer(desk, &message, is_confirmed) => outcome,
            _ = signals.next() => return Ok(ExitCode::from(INTERRUPTED)),
        };
        all_done &= tell(desk, &message, &outcome);
    }
    if is_first {
        return nothing_said(desk);
    }
    if desk.folder.has_brought_owner() {
        for run in desk.release().await {
            out::warn(&format!(
                "run {run} goes on: `orket show {run}` tells how it stands, `orket halt {run}` stops it"
            ));
        }
    }
    Ok(ExitCode::from(u8::from(!all_done)))
}

/// Nobody said anything: this is what could be said.
fn nothing_said(desk: &Desk) -> Result<ExitCode, Failure> {
    if desk.context.json {
        return Err(Failure::usage(
            "--json needs a command, or messages on standard input",
        ));
    }
    let mut help = Cli::command();
    out::print(&format!(
        "{}\nTry: orket run --epic golden_flow\n",
        help.render_help()
    ));
    Ok(ExitCode::SUCCESS)
}

async fn answer(desk: &Desk, message: &str, is_confirmed: bool) -> Outcome {
    let reply = desk.say(message, None).await;
    let mut outcome = Outcome {
        reply,
        applied: None,
        shown: None,
    };
    if let Some(plan) = &outcome.reply.plan {
        let (words, verdict) = if is_confirmed {
            (plan.words(), format!("confirm {}", plan.id))
        } else {
            (String::new(), "cancel".to_owned())
        };
        let done = desk.say(&verdict, None).await;
        outcome.applied = Some(is_confirmed && done.kind == ReplyKind::Done);
        if is_confirmed {
            outcome.reply = Reply {
                text: format!("{words}{}", done.text),
                plan: outcome.reply.plan,
                ..done
            };
        }
        return outcome;
    }
    let failed = match outcome.reply.errand.take() {
        None => return outcome,
        Some(Errand::Watch(run)) => match desk.watch(&run).await {
            Ok(Some(ended)) => {
                outcome.reply.text = report::closing(&ended).trim_end().to_owned();
                outcome.reply.runs = vec![run];
                outcome.shown = serde_json::to_value(&ended).ok();
                return outcome;
            }
            Ok(None) => {
                outcome.reply.text = format!("run {run} goes on");
                outcome.reply.runs = vec![run];
                return outcome;
            }
            Err(failure) => failure,
        },
        Some(Errand::Board(department)) => match desk.board(department).await {
            Ok(shown) => return with(outcome, shown),
            Err(failure) => failure,
        },
        Some(Errand::Replay(place)) => match desk.replay(&place).await {
            Ok(shown) => return with(outcome, shown),
            Err(failure) => failure,
        },
    };
    outcome.reply = of_failure(&failed);
    outcome
}

fn with(mut outcome: Outcome, (text, object): (String, Value)) -> Outcome {
    text.trim_end().clone_into(&mut outcome.reply.text);
    outcome.shown = Some(object);
    outcome
}

/// Tells what came of a message; whether all of it was done.
fn tell(desk: &Desk, message: &str, outcome: &Outcome) -> bool {
    let Outcome {
        reply,
        applied,
        shown,
    } = outcome;
    let is_done = reply.kind != ReplyKind::NotDone && *applied != Some(false);
    if desk.context.json {
        let line = Line {
            message,
            reply,
            applied: *applied,
            shown: shown.clone(),
        };
        // Our own values are always JSON.
        out::print(&format!("{}\n", json!(line)));
        return is_done;
    }
    match (reply.kind, &reply.plan) {
        (ReplyKind::Plan, Some(plan)) => {
            out::print(&plain(&plan.words()));
            let failure = Failure::new("E_NOT_CONFIRMED", "nothing was changed: nobody said yes")
                .hint("orket --yes carries out what it is told; at a terminal orket asks");
            let _ = failure.tell(false);
        }
        (ReplyKind::NotDone, _) => {
            let code = reply.code.as_ref();
            let code = code.map_or_else(String::new, |code| format!("[{code}]"));
            out::warn(&format!("error{code}: {}", plain(&reply.text)));
        }
        (ReplyKind::Answer | ReplyKind::Done | ReplyKind::Plan, _) => {
            out::print(&format!("{}\n", plain(&reply.text)));
        }
    }
    is_done
}

/// The lines of standard input, read by a thread of its own. What is too long is cut to just that.
fn messages() -> Result<mpsc::Receiver<String>, Failure> {
    let (to, messages) = mpsc::channel(1);
    std::thread::Builder::new()
        .name("orket-input".to_owned())
        .spawn(move || {
            let mut input = std::io::stdin().lock();
            let most = u64::try_from(LONGEST_MESSAGE)
                .unwrap_or(u64::MAX)
                .saturating_add(2);
            loop {
                let mut line = Vec::new();
                match input.by_ref().take(most).read_until(b'\n', &mut line) {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
                if !line.ends_with(b"\n") && input.skip_until(b'\n').is_err() {
                    return;
                }
                let text = String::from_utf8_lossy(&line);
                let text = text.trim_end_matches(['\n', '\r']).to_owned();
                if to.blocking_send(text).is_err() {
                    return;
                }
            }
        })
        .map_err(|error| Failure::new("E_START", format!("no thread for input: {error}")))?;
    Ok(messages)
}
