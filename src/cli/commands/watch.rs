//! Watching runs to their end, wherever they are: signals, an owner that goes away, the closing of
//! our own.

use std::time::Duration;

use orket_actors::port::store::RunStatus;
use orket_actors::runtime::{RunReport, Shutdown};
use orket_core::ids::RunId;

use super::serve;
use crate::cli::context::Context;
use crate::cli::enter::Entered;
use crate::cli::failure::{Failure, INTERRUPTED};
use crate::cli::out;
use crate::cli::progress::Progress;
use crate::owner::host::{Host, Mode};
use crate::owner::signals::Signals;
use crate::owner::wire::{Line, ResumeRequest};

/// Owners that may go away under one command before it gives up.
const MOST_OWNERS: u32 = 5;

/// How watching a run ended.
pub enum Watched {
    /// The run is over.
    Over(RunReport),
    /// The watcher left; the run goes on.
    Detached,
}

/// How a pause ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paused {
    /// It is over.
    Over,
    /// The command was told to stop.
    Stop,
}

/// One command's watch over its runs.
pub struct Watcher<'a> {
    context: &'a Context,
    mode: Mode,
    entered: Entered,
    signals: Signals,
    progress: Option<Progress>,
    owners_lost: u32,
    stops: u32,
}

impl<'a> Watcher<'a> {
    /// A watcher that talks to `entered`.
    pub fn new(
        context: &'a Context,
        mode: Mode,
        entered: Entered,
        signals: Signals,
        progress: Progress,
    ) -> Self {
        Self {
            context,
            mode,
            entered,
            signals,
            progress: Some(progress),
            owners_lost: 0,
            stops: 0,
        }
    }

    /// Whom it talks to.
    pub fn host(&self) -> &Host {
        &self.entered.host
    }

    /// Says something between the lines.
    pub fn say(&self, text: String) {
        self.note(text);
    }

    /// Whether this command was told to stop: by a signal, or its owner by somebody.
    pub fn is_told_to_stop(&self) -> bool {
        let owner = self.entered.owner.as_ref();
        self.stops > 0 || owner.is_some_and(|owner| owner.service().is_closing())
    }

    /// Waits a while with nothing under way.
    pub async fn pause(&mut self, how_long: Duration) -> Paused {
        tokio::select! {
            () = tokio::time::sleep(how_long) => {}
            name = self.signals.next() => {
                self.stops += 1;
                self.note(format!("{name}: leaving"));
            }
        }
        if self.is_told_to_stop() {
            Paused::Stop
        } else {
            Paused::Over
        }
    }

    /// Looks for another owner after this one turned the command away, or becomes it.
    pub async fn reenter(&mut self) -> Result<(), Failure> {
        if self.entered.owner.is_none() {
            self.entered = self.context.enter(&self.mode, || Ok(())).await?;
        }
        Ok(())
    }

    /// Follows a run to its end.
    pub async fn watch(&mut self, run: &RunId) -> Result<Watched, Failure> {
        loop {
            let lines = match self.entered.host.follow(run).await {
                Ok(lines) => Some(lines),
                Err(error) if error.may_take_over() && !self.entered.host.is_here() => None,
                Err(error) => return Err(error.into()),
            };
            if let Some(mut lines) = lines {
                loop {
                    tokio::select! {
                        line = lines.recv() => match line {
                            Some(Line::End { report }) => {
                                self.show(Line::End { report: report.clone() });
                                // An owner that was told to stop in the middle knows no end.
                                return Ok(Watched::Over(report));
                            }
                            Some(line) => self.show(line),
                            None => break,
                        },
                        name = self.signals.next() => {
                            if self.stop_or_leave(name, run) {
                                return Ok(Watched::Detached);
                            }
                        }
                    }
                }
            }
            self.find_another_owner(run).await?;
        }
    }

    fn show(&self, line: Line) {
        if let Some(progress) = &self.progress {
            progress.line(line);
        }
    }

    fn note(&self, text: String) {
        match &self.progress {
            Some(progress) if !self.context.json => progress.note(text),
            Some(_) | None => out::warn(&text),
        }
    }

    /// A signal: our own runs are stopped, a stranger's are left. `true` to leave.
    fn stop_or_leave(&mut self, name: &str, run: &RunId) -> bool {
        let Some(owner) = &self.entered.owner else {
            self.note(format!(
                "{name}: detached; run {run} goes on\nhint: orket halt {run} stops it, orket run --epic … attaches again"
            ));
            return true;
        };
        let service = owner.service().clone();
        self.stops += 1;
        match self.stops {
            1 => {
                self.note(format!(
                    "{name}: stopping; tool calls may finish for {} s; again to stop at once",
                    self.context.settings.shutdown.as_secs_f64()
                ));
                tokio::spawn(async move { service.shutdown(Shutdown::Graceful).await });
            }
            2 => {
                self.note(format!("{name}: stopping at once"));
                tokio::spawn(async move { service.shutdown(Shutdown::Immediate).await });
            }
            _ => {
                out::warn(&format!(
                    "{name}: leaving at once; nothing acknowledged is lost"
                ));
                std::process::exit(i32::from(INTERRUPTED));
            }
        }
        false
    }

    /// The stream broke off: attaches to whoever owns the folder now, or takes over.
    async fn find_another_owner(&mut self, run: &RunId) -> Result<(), Failure> {
        if self.entered.host.is_here() || self.owners_lost >= MOST_OWNERS {
            return Err(
                Failure::new("E_OWNER_GONE", "the owner stopped telling what happens")
                    .hint(format!("orket show {run}")),
            );
        }
        self.owners_lost += 1;
        self.note("the owner went away; looking for another one".to_owned());
        self.entered = self.context.enter(&self.mode, || Ok(())).await?;
        if self.entered.host.is_here() {
            self.note("nobody owns the data folder now; going on with its runs here".to_owned());
        }
        let standing = self.entered.host.report(run).await?;
        if standing.status == RunStatus::Running.as_str() {
            // Most likely it was taken up already, which is what is wanted.
            let _ = self
                .entered
                .host
                .resume(run, ResumeRequest::default())
                .await;
        }
        Ok(())
    }

    /// Takes the live lines away, so that results can be printed.
    pub async fn close_progress(&mut self) {
        if let Some(progress) = self.progress.take() {
            // A terminal that stands still must not hold up the arbiter.
            let _ = crate::blocking::blocking(move || progress.finish()).await;
        }
    }

    /// Closes our own owner, when there is one: waits until other runs in it are over, unless it was
    /// told to stop.
    pub async fn finish(self) {
        let Some(owner) = self.entered.owner else {
            return;
        };
        let mut signals = self.signals;
        let service = owner.service().clone();
        let mut how = Shutdown::Graceful;
        if self.stops == 0 {
            let others = service.health().await.active_runs;
            if !others.is_empty() {
                out::warn(&format!(
                    "this process also runs {}; staying until they are over (Ctrl-C stops them, orket resume goes on)",
                    others.join(", ")
                ));
            }
            tokio::select! {
                () = service.idle() => {}
                wished = service.stop_wished() => how = wished,
                name = signals.next() => {
                    out::warn(&format!("{name}: stopping in good order; again to stop at once"));
                }
            }
        } else if self.stops > 1 {
            how = Shutdown::Immediate;
        }
        serve::stop(owner, how, &mut signals).await;
    }
}
