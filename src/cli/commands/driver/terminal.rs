//! A session at a terminal: a prompt, answers while they are written, plans that are asked for, runs
//! that are watched, and a question about what is under way when somebody leaves.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use orket_actors::port::store::{GATE_PENDING, RunStatus};
use orket_core::ids::RunId;

use super::desk::{Desk, leaves, of_failure};
use super::editor::{Editor, Printer, Typed};
use super::history;
use super::wrap::wrapped;
use crate::cli::failure::{Failure, INTERRUPTED};
use crate::cli::{out, report};
use crate::driver::stream::{Listener, plain};
use crate::driver::works::Works as _;
use crate::driver::{Errand, Reply, ReplyKind};
use crate::owner::service::Refusal;
use crate::owner::signals::Signals;
use crate::owner::wire::Line;

/// Ends the mode in which pastes are told from typing.
const NO_BRACKETED_PASTE: &str = "\x1b[?2004l";

/// Why a session is over.
enum Over {
    /// Somebody leaves.
    Left,
    /// A signal other than Ctrl-C's.
    Signal(&'static str),
}

struct Terminal<'a> {
    desk: &'a Desk,
    editor: Editor,
    signals: Signals,
    /// Runs that were begun here.
    begun: BTreeSet<String>,
    notices: Arc<Mutex<Notices>>,
}

/// What is told above the prompt.
struct Notices {
    printer: Option<Printer>,
    /// A run is on the screen already.
    is_watching: bool,
    /// Runs whose end was seen.
    seen: BTreeSet<String>,
}

/// Talks until somebody leaves.
pub async fn run(desk: &Desk, is_confirmed: bool) -> Result<ExitCode, Failure> {
    let unusable = |error: std::io::Error| {
        Failure::new("E_START", format!("the terminal cannot be used: {error}"))
            .hint("echo 'help' | orket talks without one")
    };
    let signals = Signals::listen().map_err(unusable)?;
    let before = rustix::termios::tcgetattr(rustix::stdio::stdin()).ok();
    let environment = &desk.context.sources.environment;
    let variable = |name: &str| environment.get(name).map(Into::into);
    let history = history::path(variable("XDG_STATE_HOME"), variable("HOME"));
    let editing = Editor::start(Arc::clone(&desk.context), desk.department.clone(), history);
    let (editor, printer) = editing.await.map_err(unusable)?;
    let mut terminal = Terminal {
        desk,
        editor,
        signals,
        begun: BTreeSet::new(),
        notices: Arc::new(Mutex::new(Notices {
            printer,
            is_watching: false,
            seen: BTreeSet::new(),
        })),
    };
    terminal.greet().await;
    let over = terminal.talk(is_confirmed).await;
    let over = match over {
        Over::Left => terminal.leave().await,
        over @ Over::Signal(_) => over,
    };
    match over {
        Over::Left => Ok(ExitCode::SUCCESS),
        Over::Signal(name) => {
            // The editor may be in the middle of a line.
            if let Some(before) = before {
                let stdin = rustix::stdio::stdin();
                let _ = rustix::termios::tcsetattr(
                    stdin,
                    rustix::termios::OptionalActions::Now,
                    &before,
                );
            }
            out::print(NO_BRACKETED_PASTE);
            out::warn(&format!("\n{name}: leaving; runs that are under way go on"));
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

impl Terminal<'_> {
    async fn greet(&self) {
        let mut text = format!("Orket {}, the operator's desk. ", env!("CARGO_PKG_VERSION"));
        match self.desk.folder.active().await {
            Ok(runs) if runs.is_empty() => text.push_str("Nothing is under way."),
            Ok(runs) => {
                let _ = write!(text, "Under way: {}.", runs.join(", "));
            }
            Err(refusal) => text.push_str(&refusal.detail),
        }
        let waiting = self.desk.folder.gates(Some(GATE_PENDING.to_owned())).await;
        match waiting.map_or(0, |gates| gates.len()) {
            0 => {}
            1 => text.push_str("\nA question waits for you: `gates` shows it."),
            more => {
                let _ = write!(text, "\n{more} questions wait for you: `gates` lists them.");
            }
        }
        text.push_str("\nAsk in plain words, or give a command: `help` lists them, Ctrl-D leaves.");
        if let Some(trouble) = self.desk.trouble().await {
            let _ = write!(text, "\n{trouble}\nCommands work without it.");
        }
        show(&text);
    }

    async fn talk(&mut self, is_confirmed: bool) -> Over {
        loop {
            let text = match self.typed(None).await {
                Ok(Typed::Line(text)) if leaves(&text) => return Over::Left,
                Ok(Typed::Line(text)) => text,
                Ok(Typed::Cancelled) => continue,
                Ok(Typed::End) => return Over::Left,
                Err(over) => return over,
            };
            if text.trim().is_empty() {
                continue;
            }
            if let Some(over) = self.say(&text, is_confirmed).await {
                return over;
            }
        }
    }

    /// What is typed: a message, or the answer to a question.
    async fn typed(&mut self, question: Option<&'static str>) -> Result<Typed, Over> {
        let editor = &mut self.editor;
        let asking = async {
            match question {
                None => editor.message().await,
                Some(question) => editor.answer(question).await,
            }
        };
        tokio::pin!(asking);
        loop {
            tokio::select! {
                typed = &mut asking => return Ok(typed),
                // Ctrl-C is a key while somebody types; one that comes late means what is over.
                name = self.signals.next() => if name != "SIGINT" {
                    return Err(Over::Signal(name));
                }
            }
        }
    }

    /// Says something, shows the answer, and does what it asks for.
    async fn say(&mut self, text: &str, is_confirmed: bool) -> Option<Over> {
        let heard = Arc::new(Mutex::new(String::new()));
        let hearing = Arc::clone(&heard);
        let listener = Listener::new(move |more| {
            out::print(more);
            let mut heard = hearing.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push_str(more);
        });
        let desk = self.desk;
        let reply = tokio::select! {
            reply = desk.say(text, Some(listener)) => reply,
            name = self.signals.next() => {
                if name != "SIGINT" {
                    return Some(Over::Signal(name));
                }
                out::print("\n(cut off)\n");
                return None;
            }
        };
        let heard = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if heard.is_empty() {
            self.shown(reply, is_confirmed).await
        } else {
            match reply.text.strip_prefix(&heard) {
                Some(rest) => out::print(&format!("{}\n", plain(rest))),
                // It was cut off, or is another one than it looked like.
                None => show(&format!("\n{}", reply.text)),
            }
            None
        }
    }

    async fn shown(&mut self, reply: Reply, is_confirmed: bool) -> Option<Over> {
        if let Some(plan) = &reply.plan {
            // What stands before the plan is the model's reason.
            let before = reply.text.split("This is what I would do:").next();
            show(&format!(
                "{}{}",
                before.unwrap_or_default(),
                plan.words().trim_end()
            ));
            let is_wished = is_confirmed
                || match self.typed(Some("apply? [y/N] ")).await {
                    Ok(Typed::Line(line)) => is_yes(&line),
                    Ok(Typed::Cancelled | Typed::End) => false,
                    Err(over) => return Some(over),
                };
            let verdict = if is_wished {
                format!("confirm {}", plan.id)
            } else {
                "cancel".to_owned()
            };
            let done = self.desk.say(&verdict, None).await;
            // Things may stand otherwise by now; then there is another plan.
            if done.plan.is_some() {
                return Box::pin(self.shown(done, is_confirmed)).await;
            }
            show(&done.text);
            self.follow_ends(&done);
            return None;
        }
        match reply.errand {
            None => {
                let mut text = reply.text;
                if text.starts_with("Ask in plain words") {
                    text.push_str(
                        "\nTab completes. Ctrl-C stops an answer. Ctrl-D, exit, quit or q leave.",
                    );
                }
                show(&text);
            }
            Some(Errand::Watch(run)) => {
                self.notices().is_watching = true;
                match self.desk.watch(&run).await {
                    Ok(Some(ended)) => {
                        self.notices().seen.insert(run);
                        show(report::closing(&ended).trim_end());
                    }
                    Ok(None) => {}
                    Err(failure) => show(&of_failure(&failure).text),
                }
                self.notices().is_watching = false;
            }
            Some(Errand::Board(department)) => match self.desk.board(department).await {
                Ok((text, _)) => show(text.trim_end()),
                Err(failure) => show(&of_failure(&failure).text),
            },
            Some(Errand::Replay(place)) => match self.desk.replay(&place).await {
                Ok((text, _)) => show(text.trim_end()),
                Err(failure) => show(&of_failure(&failure).text),
            },
        }
        None
    }

    /// Has the ends of runs told that were begun or gone on with.
    fn follow_ends(&mut self, done: &Reply) {
        if done.kind != ReplyKind::Done {
            return;
        }
        for run in &done.runs {
            if !self.begun.insert(run.clone()) {
                continue;
            }
            let Ok(id) = RunId::new(run.clone()) else {
                continue;
            };
            let (folder, notices) = (Arc::clone(&self.desk.folder), Arc::clone(&self.notices));
            tokio::spawn(async move {
                let Ok(Some(client)) = folder.living().await else {
                    return;
                };
                let Ok(mut lines) = client.follow(&id).await else {
                    return;
                };
                while let Some(line) = lines.recv().await {
                    if let Line::End { report } = line {
                        let mut notices = notices.lock().unwrap_or_else(PoisonError::into_inner);
                        notices.tell(&report.run_id, &report.status);
                    }
                }
            });
        }
    }

    fn notices(&self) -> MutexGuard<'_, Notices> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks what is to become of runs that were begun here.
    async fn leave(&mut self) -> Over {
        let active = self.desk.folder.active().await.unwrap_or_default();
        let own: Vec<String> = active
            .iter()
            .filter(|run| self.begun.contains(*run))
            .cloned()
            .collect();
        if !own.is_empty() {
            show(&format!(
                "Under way: {}. Runs go on in the background unless they are halted.",
                own.join(", ")
            ));
            let halts = match self.typed(Some("leave them, or halt? [L/h] ")).await {
                Ok(Typed::Line(line)) => line.trim().to_lowercase().starts_with('h'),
                Ok(Typed::Cancelled | Typed::End) => false,
                Err(over) => return over,
            };
            for run in &own {
                if !halts {
                    show(&format!(
                        "Run {run} goes on: `orket show {run}` tells how it stands, `orket halt {run}` stops it."
                    ));
                    continue;
                }
                let id = RunId::new(run.clone());
                let id = id.map_err(|error| Refusal::internal(error.to_string()));
                let halted = match id {
                    Ok(id) => self.desk.folder.halt(id).await,
                    Err(refusal) => Err(refusal),
                };
                match halted {
                    Ok(ended) => show(&format!("Run {run} is {}.", ended.status)),
                    Err(refusal) => show(&format!("Run {run} goes on: {}", refusal.detail)),
                }
            }
        }
        let _ = self.desk.release().await;
        Over::Left
    }
}

impl Notices {
    fn tell(&mut self, run: &str, status: &str) {
        // Who halted it was told so.
        let is_known = status == RunStatus::Halted.as_str() || self.seen.contains(run);
        if self.is_watching || is_known {
            return;
        }
        if let Some(printer) = &mut self.printer {
            printer(format!(
                "Run {run} is {status}: `show run {run}` tells more.\n"
            ));
        }
    }
}

fn is_yes(line: &str) -> bool {
    matches!(line.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Shows a text, its long lines wrapped between words.
fn show(text: &str) {
    let columns = rustix::termios::tcgetwinsize(rustix::stdio::stdout())
        .map_or(80, |size| usize::from(size.ws_col));
    out::print(&format!("{}\n", wrapped(&plain(text), columns)));
}
