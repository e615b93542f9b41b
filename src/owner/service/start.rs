//! Starting: a wish becomes a choice of build, a plan, a run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use orket_actors::port::store::{RequestKey, RunStatus};
use orket_actors::runtime::{NewRun, RuntimeError};
use orket_core::asset::name;
use orket_core::ids::{BuildId, CardId, RunId};
use orket_core::model::ModelName;
use orket_core::status::CardStatus;

use super::{Refusal, Service, blocking};
use crate::owner::builds::{Choice, Wish, choose, is_main};
use crate::owner::ports::{Found, PlanWish, RunRow};
use crate::owner::wire::{Outcome, StartRequest, Started, StartedRun, WorkKind};

/// A request whose texts were checked.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    pub name: String,
    pub department: String,
    pub build_id: Option<BuildId>,
    pub target: Option<CardId>,
    pub model: Option<ModelName>,
    pub workspace: PathBuf,
    /// Whether the workspace was named, and is not just the default.
    pub workspace_is_wished: bool,
    pub under_way: Option<String>,
    /// What the client calls this request.
    pub request: Option<RequestKey>,
    /// Eight digits for the run's id, as dashboards know them.
    pub short_id: bool,
}

impl Checked {
    /// Checks the texts of a request. A workspace that is not absolute, or none, is meant below or as
    /// `workspace`.
    fn of(request: &StartRequest, workspace: &Path) -> Result<Self, Refusal> {
        let name = |what: &str, text: &str| match name::check(text) {
            Ok(()) => Ok(text.to_owned()),
            Err(error) => Err(Refusal::bad_request(format!("{what}: {error}"))),
        };
        let build_id = request.build_id.as_deref().map(BuildId::new).transpose();
        let workspace = match &request.workspace {
            Some(path) if path.trim().is_empty() => {
                return Err(Refusal::bad_request("workspace: must not be empty"));
            }
            Some(path) if path.contains('\0') => {
                return Err(Refusal::bad_request("workspace: must be a path"));
            }
            Some(path) => workspace.join(path),
            None => workspace.to_owned(),
        };
        Ok(Self {
            name: name("name", &request.name)?,
            department: name("department", &request.department)?,
            build_id: build_id
                .map_err(|error| Refusal::bad_request(format!("build_id: {error}")))?,
            target: request.target.as_deref().map(card_id).transpose()?,
            model: request
                .model
                .as_deref()
                .map(ModelName::parse)
                .transpose()
                .map_err(|error| Refusal::bad_request(format!("model: {error}")))?,
            workspace,
            workspace_is_wished: request.workspace_is_wished,
            under_way: request.under_way.clone(),
            request: None,
            short_id: false,
        })
    }
}

/// Whether the texts of a request are what they must be; the rest is judged when it is started.
///
/// # Errors
///
/// A [`Refusal`] that names the field.
pub fn check_request(request: &StartRequest) -> Result<(), Refusal> {
    Checked::of(request, Path::new("")).map(drop)
}

impl Service {
    /// Starts what is asked for, or attaches to it, or goes on with it.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]; nothing was started then.
    pub async fn start(&self, request: StartRequest) -> Result<Started, Refusal> {
        self.start_as(request, false, None).await
    }

    /// The same for a dashboard: `short_id` for a run id of eight digits, `key` for a request that
    /// may be sent again and then comes to the same run.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]; nothing was started then.
    pub async fn start_as(
        &self,
        request: StartRequest,
        short_id: bool,
        key: Option<RequestKey>,
    ) -> Result<Started, Refusal> {
        let surroundings = &self.inner.surroundings;
        let mut wish = Checked::of(&request, &surroundings.workspace)?;
        wish.request = key;
        wish.short_id = short_id;
        surroundings.check(&request)?;
        let mut started = self.start_checked(request.kind, wish).await?;
        started
            .warnings
            .extend(surroundings.differing(request.settings.as_ref()));
        Ok(started)
    }

    /// At most three names of rocks, epics and cards that are a few letters away from `name`.
    pub async fn nearest(&self, name: &str, department: &str) -> Vec<String> {
        let planner = Arc::clone(&self.inner.planner);
        let (name, department) = (name.to_owned(), department.to_owned());
        let found = blocking(move || {
            let board = planner.board(&department).unwrap_or_default();
            let within = board.rocks.iter().flat_map(|rock| &rock.epics);
            let mut names: Vec<&str> = board.rocks.iter().map(|rock| rock.name.as_str()).collect();
            for epic in within.chain(&board.epics) {
                names.push(&epic.name);
                names.extend(epic.cards.iter().map(|card| card.id.as_str()));
            }
            name::nearest(&name, names)
                .into_iter()
                .map(str::to_owned)
                .collect()
        });
        found.await.unwrap_or_default()
    }

    async fn start_checked(&self, kind: WorkKind, wish: Checked) -> Result<Started, Refusal> {
        let _one_at_a_time = self.inner.starting.enter().await?;
        self.refuse_when_closing()?;
        let request = wish.request.clone();
        if let Some(request) = &request
            && let Some(answered) = self.answered_before(request).await?
        {
            return Ok(answered);
        }
        let started = self.start_what(kind, wish).await?;
        if let Some(request) = request
            && (started.outcome != Outcome::Started || started.rock.is_some())
            && let Ok(run) = RunId::new(started.run_id.clone())
        {
            self.inner.engine.keep_request(request, run).await?;
        }
        Ok(started)
    }

    /// The run that this request came to before.
    async fn answered_before(&self, request: &RequestKey) -> Result<Option<Started>, Refusal> {
        let key = request.key.clone();
        let Some((digest, run_id)) = self.records(move |records| records.request(&key)).await?
        else {
            return Ok(None);
        };
        if digest != request.digest {
            return Err(Refusal::request_differs(&request.key));
        }
        let row = self.resolve(&run_id).await?;
        let outcome = if row.status.is_over() {
            Outcome::AlreadyDone
        } else {
            Outcome::Attached
        };
        let words = format!("this request began run {run_id} before");
        Ok(Some(one(
            &row.epic,
            row.run_id,
            row.build_id,
            outcome,
            words,
        )))
    }

    async fn start_what(&self, kind: WorkKind, mut wish: Checked) -> Result<Started, Refusal> {
        match kind {
            WorkKind::Epic => self.start_epic(wish).await,
            WorkKind::Rock => self.start_rock(wish).await,
            WorkKind::Card => {
                let planner = Arc::clone(&self.inner.planner);
                let (name, department) = (wish.name.clone(), wish.department.clone());
                match blocking(move || planner.find(&name, &department)).await?? {
                    Found::Epic => self.start_epic(wish).await,
                    Found::Rock => self.start_rock(wish).await,
                    Found::CardOf { epic } => {
                        wish.target = Some(card_id(&wish.name)?);
                        wish.name = epic;
                        self.start_epic(wish).await
                    }
                }
            }
        }
    }

    async fn start_epic(&self, mut wish: Checked) -> Result<Started, Refusal> {
        let planner = Arc::clone(&self.inner.planner);
        let (name, department) = (wish.name.clone(), wish.department.clone());
        wish.name = blocking(move || planner.epic_name(&name, &department)).await?;
        let epic = wish.name.clone();
        // Only the build that is named counts, however many there are; a run that was under way when
        // this was asked for may be of another one.
        let named = wish
            .build_id
            .as_ref()
            .filter(|_| wish.under_way.is_none())
            .map(ToString::to_string);
        let runs = self
            .records(move |records| match named {
                Some(build) => Ok(records
                    .newest_of_build(&epic, &build)?
                    .into_iter()
                    .collect()),
                None => records.builds_of(&epic),
            })
            .await?;
        if let Some(ended) = runs
            .iter()
            .find(|run| wish.under_way.as_ref() == Some(&run.run_id) && !run.status.can_go_on())
        {
            return Ok(ended_meanwhile(&wish.name, &ended.run_id, &ended.build_id));
        }
        let latest = runs.iter().find(|run| is_main(&wish.name, &run.build_id));
        let (mut target_is_finished, mut rest_is_left) = (false, false);
        if let Some(latest) = latest {
            match &wish.target {
                Some(target) => {
                    target_is_finished = self.is_finished(&latest.run_id, Some(target)).await?;
                }
                None if latest.target.is_some() => {
                    rest_is_left = !self.is_finished(&latest.run_id, None).await?;
                }
                None => {}
            }
        }
        if let (Some(target), Some(latest)) = (&wish.target, latest)
            && target_is_finished
            && matches!(latest.status, RunStatus::Halted | RunStatus::Interrupted)
            && wish
                .build_id
                .as_ref()
                .is_none_or(|build| build.as_str() == latest.build_id)
        {
            return Ok(finished_card(&wish.name, target, latest));
        }
        let choice = choose(
            Wish {
                epic: &wish.name,
                build_id: wish.build_id.as_ref().map(BuildId::as_str),
                target: wish.target.as_ref().map(CardId::as_str),
                target_is_finished,
                rest_is_left,
            },
            &runs,
        );
        match choice {
            Choice::Attach { run_id, build_id } => {
                if self.has_ended(&run_id).await? {
                    return Ok(ended_meanwhile(&wish.name, &run_id, &build_id));
                }
                let outcome = self.attach(&run_id).await?;
                let words = match outcome {
                    Outcome::Resumed => {
                        format!("run {run_id} had lost its owner; going on with it")
                    }
                    Outcome::Queued => format!("run {run_id} waits for its turn in its rock"),
                    Outcome::Attached | Outcome::Started | Outcome::AlreadyDone => {
                        format!("run {run_id} is under way; attached to it")
                    }
                };
                Ok(one(&wish.name, run_id, build_id, outcome, words))
            }
            Choice::Wait { run_id } => {
                let row = runs.iter().find(|run| run.run_id == run_id);
                Err(row.map_or_else(
                    || Refusal::internal(format!("run {run_id} is gone")),
                    Refusal::one_card_under_way,
                ))
            }
            Choice::Resume {
                run_id,
                build_id,
                was,
            } => {
                if self.differs(&run_id, &wish).await? {
                    return self.start_new(wish, &build_id, true).await;
                }
                let outcome = self.attach(&run_id).await?;
                let words = format!(
                    "run {run_id} was {}; going on with what is left of it",
                    was.as_str()
                );
                Ok(one(&wish.name, run_id, build_id, outcome, words))
            }
            Choice::Start {
                build_id,
                continued,
            } => self.start_new(wish, &build_id, continued).await,
        }
    }

    async fn start_new(
        &self,
        wish: Checked,
        build: &str,
        continued: bool,
    ) -> Result<Started, Refusal> {
        self.refuse_when_full()?;
        let epic = wish.name.clone();
        let request = wish.request.clone();
        let (new, warnings) = self.plan(wish, build, None).await?;
        let run_id = new.plan.run_id.clone();
        let engine = &self.inner.engine;
        let actual = match request {
            Some(request) => engine.start_run_for(new, request).await?,
            None => engine.start_run(new).await?,
        };
        let (outcome, words) = if actual != run_id {
            let words = format!("run {actual} is under way on build {build}; attached to it");
            (Outcome::Attached, words)
        } else if continued {
            let words = format!("going on with build {build}: finished cards stay as they are");
            (Outcome::Started, words)
        } else {
            (Outcome::Started, format!("new build {build}"))
        };
        let mut started = one(&epic, actual.into(), build.to_owned(), outcome, words);
        started.warnings = warnings;
        Ok(started)
    }

    /// Makes the plan of a new run.
    pub(super) async fn plan(
        &self,
        wish: Checked,
        build: &str,
        rock: Option<String>,
    ) -> Result<(NewRun, Vec<String>), Refusal> {
        let build_id =
            BuildId::new(build).map_err(|error| Refusal::bad_request(error.to_string()))?;
        let run_id = if wish.short_id {
            self.short_run_id().await?
        } else {
            new_run_id()?
        };
        let wish = PlanWish {
            epic: wish.name,
            department: wish.department,
            run_id,
            build_id,
            workspace: wish.workspace,
            target: wish.target,
            model: wish.model,
            rock,
        };
        let planner = Arc::clone(&self.inner.planner);
        Ok(blocking(move || planner.plan(wish)).await??)
    }

    /// Eight hexadecimal digits that no run has. Only one start is under way at a time.
    async fn short_run_id(&self) -> Result<RunId, Refusal> {
        loop {
            let text: String = new_run_id()?.as_str().chars().take(8).collect();
            let run = RunId::new(&text).map_err(|error| Refusal::internal(error.to_string()))?;
            let known = self
                .records(move |records| records.runs_like(&text))
                .await?;
            if known.is_empty() {
                return Ok(run);
            }
        }
    }

    /// A limit on what is under way at once.
    pub(super) fn refuse_when_full(&self) -> Result<(), Refusal> {
        let most = self.inner.surroundings.max_runs;
        if self.inner.engine.active_count() >= most {
            return Err(Refusal::too_many_runs(most));
        }
        Ok(())
    }

    /// Makes sure that a run which is not over is under way.
    pub(super) async fn attach(&self, run_id: &str) -> Result<Outcome, Refusal> {
        let run = RunId::new(run_id).map_err(|error| Refusal::internal(error.to_string()))?;
        if self.inner.engine.active().await.contains(&run) {
            return Ok(Outcome::Attached);
        }
        if self.waits(&run) {
            return Ok(Outcome::Queued);
        }
        match self.inner.engine.resume(run).await {
            Ok(()) => Ok(Outcome::Resumed),
            Err(RuntimeError::AlreadyRunning(_)) => Ok(Outcome::Attached),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a run that the ledger called running has come to its end since. The engine lets go of
    /// a run after it has written its end.
    async fn has_ended(&self, run_id: &str) -> Result<bool, Refusal> {
        let active = self.inner.engine.active().await;
        if active.iter().any(|active| active.as_str() == run_id) {
            return Ok(false);
        }
        let run_id = run_id.to_owned();
        let report = self.records(move |records| records.report(&run_id)).await?;
        let status = report.and_then(|report| RunStatus::parse(&report.status));
        Ok(status.is_some_and(|status| !status.can_go_on()))
    }

    /// Whether a card of a run, or with `None` every card, is finished.
    async fn is_finished(&self, run_id: &str, card: Option<&CardId>) -> Result<bool, Refusal> {
        let run_id = run_id.to_owned();
        let report = self.records(move |records| records.report(&run_id)).await?;
        let finished = |status: &str| {
            status
                .parse::<CardStatus>()
                .is_ok_and(CardStatus::is_finished)
        };
        Ok(report.is_some_and(|report| match card {
            Some(card) => report
                .cards
                .iter()
                .any(|seen| seen.id == card.as_str() && finished(&seen.status)),
            None => report.cards.iter().all(|seen| finished(&seen.status)),
        }))
    }

    /// Whether a stopped run was told another model or workspace than is wished now. A run keeps the
    /// choices it began with, so such a wish needs a new run on the same build.
    pub(super) async fn differs(&self, run_id: &str, wish: &Checked) -> Result<bool, Refusal> {
        if wish.model.is_none() && !wish.workspace_is_wished {
            return Ok(false);
        }
        let run_id = run_id.to_owned();
        let plan = self.records(move |records| records.plan(&run_id)).await?;
        Ok(plan.is_some_and(|plan| {
            let other_model = wish
                .model
                .as_ref()
                .is_some_and(|model| plan.seats.values().any(|seat| &seat.model != model));
            let other_workspace =
                wish.workspace_is_wished && std::path::Path::new(&plan.workspace) != wish.workspace;
            other_model || other_workspace
        }))
    }
}

/// Twelve random hexadecimal digits: short enough to type the beginning of.
///
/// # Errors
///
/// Never: hexadecimal digits are an identifier.
pub fn new_run_id() -> Result<RunId, Refusal> {
    let text: String = uuid::Uuid::new_v4()
        .simple()
        .to_string()
        .chars()
        .take(12)
        .collect();
    RunId::new(text).map_err(|error| Refusal::internal(error.to_string()))
}

fn card_id(text: &str) -> Result<CardId, Refusal> {
    CardId::new(text).map_err(|error| Refusal::bad_request(format!("card: {error}")))
}

pub(super) fn one(
    epic: &str,
    run_id: String,
    build_id: String,
    outcome: Outcome,
    words: String,
) -> Started {
    Started {
        run_id: run_id.clone(),
        run_ids: vec![run_id.clone()],
        outcome,
        rock: None,
        finished_card: None,
        runs: vec![StartedRun {
            run_id,
            build_id,
            epic: epic.to_owned(),
            outcome,
            words,
        }],
        warnings: Vec::new(),
    }
}

/// A run that was under way when it was asked for, and is over.
pub(super) fn ended_meanwhile(epic: &str, run_id: &str, build_id: &str) -> Started {
    let words = format!("run {run_id} was under way and has come to its end; nothing new is begun");
    one(
        epic,
        run_id.to_owned(),
        build_id.to_owned(),
        Outcome::AlreadyDone,
        words,
    )
}

/// One card that is finished in a build whose rest was stopped: nothing is to be done for it.
fn finished_card(epic: &str, card: &CardId, latest: &RunRow) -> Started {
    let words = format!(
        "{card} is finished in build {} already; nothing is run. orket run --epic {epic} goes on with the rest",
        latest.build_id
    );
    let mut started = one(
        epic,
        latest.run_id.clone(),
        latest.build_id.clone(),
        Outcome::AlreadyDone,
        words,
    );
    started.finished_card = Some(card.to_string());
    started
}
