//! `orket loop`: runs what weighs most over all departments, then the next, and waits for new work until
//! told to stop. It keeps nothing of its own: what there is to do is read from assets and journal each
//! time, so that a loop that was killed is gone on with by the next one.

use std::process::ExitCode;
use std::time::Duration;

use orket_actors::port::store::RunStatus;
use orket_core::ids::RunId;
use orket_core::picking::{Pick, Rest, Standing, judge, pick};
use serde::Serialize;

use super::loop_look::{Look, Seen};
use super::watch::{Paused, Watched, Watcher};
use crate::cli::args::LoopArgs;
use crate::cli::context::Context;
use crate::cli::enter::DEFAULT_WORKSPACE;
use crate::cli::failure::{Failure, INTERRUPTED};
use crate::cli::files::Stamp;
use crate::cli::progress::{Progress, Style};
use crate::cli::{out, report};
use crate::owner::client::ClientError;
use crate::owner::host::Mode;
use crate::owner::signals::Signals;
use crate::owner::wire::{ResumeRequest, StartRequest, Started, WorkKind};

/// Seconds between two looks when nobody says anything else.
const IDLE: u64 = 10;
/// Between two looks at whether files changed.
const GLANCE: Duration = Duration::from_millis(500);
/// Owners that may turn the loop away in a row before it gives up.
const MOST_TRIES: u32 = 5;

/// One run of the loop.
#[derive(Debug, Serialize)]
struct Ran {
    department: String,
    epic: String,
    run_id: String,
    build_id: String,
    status: String,
    weight: Option<f64>,
}

/// What is printed with `--json`.
#[derive(Debug, Serialize)]
struct Said<'a> {
    left: &'static str,
    runs: &'a [Ran],
    resting: Vec<Resting>,
}

/// An epic that is not run now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Resting {
    department: String,
    epic: String,
    why: String,
}

/// See the file's head.
pub async fn run(context: Context, args: LoopArgs) -> Result<ExitCode, Failure> {
    let look = Look::new(&context, &args.department)?;
    let signals = Signals::listen()
        .map_err(|error| Failure::new("E_SIGNALS", format!("cannot listen to signals: {error}")))?;
    let entered = context.enter(&Mode::Any, || Ok(())).await?;
    let mut lost = Vec::new();
    if let Some(owner) = &entered.owner {
        let service = owner.service().clone();
        lost = service.health().await.active_runs;
        // `orket serve --stop` stops a loop, too, be a run under way or not.
        tokio::spawn(async move {
            let how = service.stop_wished().await;
            service.shutdown(how).await;
        });
    }
    let progress = Progress::start(Style::fitting(context.json));
    let watcher = Watcher::new(&context, Mode::Any, entered, signals, progress);
    let mut round = Round {
        context: &context,
        args: &args,
        look,
        watcher,
        ran: Vec::new(),
        told: None,
    };
    let ended = round.work(lost).await;
    round.finish(ended).await
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Nothing is ready, and it was not to wait.
    Idle,
    /// It ran as often as it was to.
    MaxRuns,
    /// It was told to stop while nothing was under way.
    Stopped,
    /// It was told to stop in the middle of a run.
    Interrupted,
}

impl Left {
    const fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::MaxRuns => "max_runs",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
        }
    }
}

struct Round<'a> {
    context: &'a Context,
    args: &'a LoopArgs,
    look: Look,
    watcher: Watcher<'a>,
    ran: Vec<Ran>,
    /// How many runs there were when it was told what rests, and what did.
    told: Option<(usize, Vec<Resting>)>,
}

impl Round<'_> {
    async fn work(&mut self, lost: Vec<String>) -> Result<Left, Failure> {
        for id in lost {
            self.watcher.say(format!(
                "loop: run {id} had lost its owner; going on with it"
            ));
            if let Some(left) = self.watch(&id, "", "", None).await? {
                return Ok(left);
            }
        }
        loop {
            if self.is_enough() {
                return Ok(Left::MaxRuns);
            }
            // Before the look: what changes while it lasts is new to it.
            let files = self.look.files();
            let seen = self.look.now().await?;
            match pick(&seen.works()) {
                Some(found) => {
                    if let Some(left) = self.run(&seen, &found, &files).await? {
                        return Ok(left);
                    }
                }
                None => {
                    self.rest(&seen);
                    if self.args.once {
                        return Ok(Left::Idle);
                    }
                    if let Some(left) = self.wait(&files).await {
                        return Ok(left);
                    }
                }
            }
        }
    }

    fn is_enough(&self) -> bool {
        let most = self
            .args
            .max_runs
            .and_then(|most| usize::try_from(most).ok());
        most.is_some_and(|most| self.ran.len() >= most)
    }

    /// Runs what was picked, to its end; `files` are those that were looked at.
    async fn run(
        &mut self,
        seen: &Seen,
        found: &Pick,
        files: &Stamp,
    ) -> Result<Option<Left>, Failure> {
        let Some(epic) = seen.epics.get(found.place) else {
            return Ok(None);
        };
        let work = &epic.work;
        self.watcher.say(format!(
            "loop: {}/{} weighs {:.1}: card {}, {}; {} open",
            work.department,
            work.epic,
            found.weight,
            found.card,
            counted(found.unblocks, "card waits for it", "cards wait for it"),
            counted(found.open, "card", "cards"),
        ));
        let mut tries = 0;
        let started = loop {
            tries += 1;
            match self.start(seen, found.place).await {
                Ok(started) => break started,
                Err(error) if error.may_take_over() && tries < MOST_TRIES => {
                    if self.watcher.is_told_to_stop() {
                        return Ok(Some(Left::Stopped));
                    }
                    self.watcher.reenter().await?;
                }
                Err(error) => {
                    // What cannot be planned rests until its files change; what others are in the way of
                    // is tried again after a while, like everything else.
                    let failure = Failure::from(error);
                    let is_busy =
                        ["E_RUN_LIMIT", "E_RUN_ACTIVE", "E_BUSY"].contains(&failure.code.as_str());
                    self.watcher.say(format!(
                        "loop: {}/{} was not started: error[{}]: {}",
                        work.department, work.epic, failure.code, failure.message
                    ));
                    if is_busy {
                        return Ok(self.wait(files).await);
                    }
                    self.look.rests(epic);
                    self.ran.push(Ran {
                        department: work.department.clone(),
                        epic: work.epic.clone(),
                        run_id: String::new(),
                        build_id: String::new(),
                        status: "refused".to_owned(),
                        weight: Some(found.weight),
                    });
                    return Ok(None);
                }
            }
        };
        for run in &started.runs {
            self.watcher.say(run.words.clone());
        }
        let (department, name) = (work.department.clone(), work.epic.clone());
        let before = self.ran.len();
        for id in &started.run_ids {
            let weight = Some(found.weight);
            if let Some(left) = self.watch(id, &department, &name, weight).await? {
                return Ok(Some(left));
            }
        }
        let is_done = |ran: &Ran| ran.status == RunStatus::Done.as_str();
        if !self.ran.iter().skip(before).all(is_done) {
            // Whatever its files' times say: not again before they change.
            self.look.rests(epic);
        }
        Ok(None)
    }

    async fn start(&self, seen: &Seen, place: usize) -> Result<Started, ClientError> {
        let host = self.watcher.host();
        let Some(epic) = seen.epics.get(place) else {
            return Err(ClientError::Gone("nothing was picked".to_owned()));
        };
        if let (Standing::Interrupted, Some(run)) = (epic.work.standing, &epic.run_id) {
            let run = RunId::new(run).map_err(|error| ClientError::Gone(error.to_string()))?;
            let request = ResumeRequest {
                settings: Some(self.context.settings.digests.clone()),
                under_way: false,
            };
            return host.resume(&run, request).await;
        }
        let cwd = &self.context.cwd;
        host.start(StartRequest {
            kind: WorkKind::Epic,
            name: epic.work.epic.clone(),
            department: epic.work.department.clone(),
            // What is finished in its latest build stays so.
            build_id: epic.build_id.clone(),
            target: None,
            model: self.args.model.clone(),
            workspace: Some(cwd.join(DEFAULT_WORKSPACE).display().to_string()),
            workspace_is_wished: false,
            under_way: None,
            asset_root: Some(cwd.display().to_string()),
            settings: Some(self.context.settings.digests.clone()),
        })
        .await
    }

    /// Watches a run to its end and keeps what came of it.
    async fn watch(
        &mut self,
        id: &str,
        department: &str,
        epic: &str,
        weight: Option<f64>,
    ) -> Result<Option<Left>, Failure> {
        let run = RunId::new(id).map_err(|error| Failure::new("E_INTERNAL", error.to_string()))?;
        let ended = match self.watcher.watch(&run).await? {
            Watched::Over(report) => report,
            Watched::Detached => return Ok(Some(Left::Interrupted)),
        };
        self.watcher
            .say(report::closing(&ended).trim_end().to_owned());
        let epic = if epic.is_empty() {
            ended.epic.as_str()
        } else {
            epic
        };
        self.ran.push(Ran {
            department: department.to_owned(),
            epic: epic.to_owned(),
            run_id: ended.run_id.clone(),
            build_id: ended.build_id.clone(),
            status: ended.status.clone(),
            weight,
        });
        if self.watcher.is_told_to_stop() {
            let is_cut = RunStatus::parse(&ended.status) == Some(RunStatus::Interrupted);
            return Ok(Some(if is_cut {
                Left::Interrupted
            } else {
                Left::Stopped
            }));
        }
        Ok(None)
    }

    /// Says once what rests and why.
    fn rest(&mut self, seen: &Seen) {
        let unfit = seen.unfit.iter().map(|unfit| Resting {
            department: unfit.department.clone(),
            epic: unfit.epic.clone(),
            why: unfit.why.clone(),
        });
        let mut resting: Vec<Resting> = unfit.collect();
        for (place, epic) in seen.epics.iter().enumerate() {
            if let Err(rest) = judge(place, &epic.work) {
                // What is finished is nobody's worry.
                if rest != Rest::Finished {
                    resting.push(Resting {
                        department: epic.work.department.clone(),
                        epic: epic.work.epic.clone(),
                        why: rest.words(),
                    });
                }
            }
        }
        let told = (self.ran.len(), resting);
        if self.told.as_ref() == Some(&told) {
            return;
        }
        self.watcher.say(format!(
            "loop: nothing is ready in {}{}",
            self.look.departments().join(", "),
            if self.args.once {
                String::new()
            } else {
                format!(
                    "; looking again every {} s and when files change",
                    self.idle()
                )
            }
        ));
        for rest in &told.1 {
            self.watcher
                .say(format!("  {}/{}: {}", rest.department, rest.epic, rest.why));
        }
        self.told = Some(told);
    }

    fn idle(&self) -> u64 {
        if self.args.idle == 0 {
            IDLE
        } else {
            self.args.idle
        }
    }

    /// Until files are no longer as `before`, or it is time to look again; why to leave instead.
    async fn wait(&mut self, before: &Stamp) -> Option<Left> {
        let glances = (self.idle() * 1_000).div_ceil(500);
        for _ in 0..glances {
            match self.watcher.pause(GLANCE).await {
                Paused::Over => {}
                Paused::Stop => return Some(Left::Stopped),
            }
            if self.look.files() != *before {
                return None;
            }
        }
        None
    }

    async fn finish(mut self, ended: Result<Left, Failure>) -> Result<ExitCode, Failure> {
        self.watcher.close_progress().await;
        let done = self
            .ran
            .iter()
            .filter(|ran| ran.status == RunStatus::Done.as_str())
            .count();
        let code = match ended {
            Err(failure) => failure.tell(self.context.json),
            Ok(left) => {
                if self.context.json {
                    out::json(&Said {
                        left: left.word(),
                        runs: &self.ran,
                        resting: self.told.clone().unwrap_or_default().1,
                    });
                } else {
                    out::print(&format!(
                        "loop: {}, {done} done; left: {}\n",
                        counted(self.ran.len(), "run", "runs"),
                        left.word().replace('_', " ")
                    ));
                }
                match left {
                    Left::Interrupted => ExitCode::from(INTERRUPTED),
                    Left::Stopped => ExitCode::SUCCESS,
                    Left::Idle | Left::MaxRuns if done == self.ran.len() => ExitCode::SUCCESS,
                    Left::Idle | Left::MaxRuns => ExitCode::from(1),
                }
            }
        };
        self.watcher.finish().await;
        Ok(code)
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
