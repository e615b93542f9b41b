//! Beginning a run where a turn of another began.

use std::path::{Path, PathBuf};

use orket_actors::port::store::RunStatus;
use orket_core::ids::{BuildId, RunId};
use orket_core::model::ModelName;

use super::start::{ended_meanwhile, new_run_id, one};
use super::{Refusal, Service, blocking};
use crate::fork::{Place, Written, workspace};
use crate::owner::builds::fork_number;
use crate::owner::wire::{ForkRequest, Outcome, Started};

/// Whether the texts of a request are what they must be.
///
/// # Errors
///
/// A [`Refusal`] that names the field.
pub fn check_fork(request: &ForkRequest) -> Result<(), Refusal> {
    texts_of(request).map(drop)
}

/// The turn that a request means, in this run.
#[must_use]
pub fn place_of(run_id: String, request: &ForkRequest) -> Place {
    Place {
        run_id,
        issue_id: request.issue.clone(),
        turn: request.turn,
        role: request.role.clone(),
    }
}

fn texts_of(request: &ForkRequest) -> Result<(RunId, Option<ModelName>), Refusal> {
    let run_id = match &request.run_id {
        Some(text) => {
            RunId::new(text).map_err(|error| Refusal::bad_request(format!("run_id: {error}")))?
        }
        None => new_run_id()?,
    };
    let model = request.model.as_deref().map(ModelName::parse).transpose();
    let model = model.map_err(|error| Refusal::bad_request(format!("model: {error}")))?;
    Ok((run_id, model))
}

impl Service {
    /// Starts a run on a build and in a folder of its own; the other run is only read.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]; nothing was started then.
    pub async fn fork(&self, reference: &str, request: ForkRequest) -> Result<Started, Refusal> {
        let (run_id, model) = texts_of(&request)?;
        let _one_at_a_time = self.inner.starting.enter().await?;
        self.refuse_when_closing()?;
        let made = run_id.to_string();
        if let Some(known) = self.records(move |records| records.report(&made)).await? {
            // The same request came before, and its answer was lost.
            if !RunStatus::parse(&known.status).is_some_and(RunStatus::can_go_on) {
                let (run, build) = (&known.run_id, &known.build_id);
                return Ok(ended_meanwhile(&known.epic, run, build));
            }
            let outcome = self.attach(&known.run_id).await?;
            let words = format!("run {} is under way; attached to it", known.run_id);
            return Ok(one(
                &known.epic,
                known.run_id,
                known.build_id,
                outcome,
                words,
            ));
        }
        let run = self.resolve(reference).await?;
        let place = place_of(run.run_id, &request);
        let records = std::sync::Arc::clone(&self.inner.records);
        let fork = blocking(move || records.fork(&place)).await??;
        let (epic, build) = (fork.plan.epic.clone(), fork.plan.build_id.to_string());
        let name = epic.clone();
        let builds = self
            .records(move |records| records.builds_of(&name))
            .await?;
        let beside = PathBuf::from(&fork.plan.workspace);
        let files = fork.files.clone();
        let taken = build.clone();
        let (number, folder) =
            blocking(move || laid_out(&beside, &files, |past| fork_number(&taken, &builds, past)))
                .await??;
        let build = format!("{build}-fork-{number}");
        let build_id =
            BuildId::new(&build).map_err(|error| Refusal::bad_request(error.to_string()))?;
        let (origin, kept) = (fork.origin.clone(), settled(&fork.start));
        let (new, start) = fork.into_run(
            run_id,
            build_id,
            folder.display().to_string(),
            model.as_ref(),
        );
        let actual = self.inner.engine.fork_run(new, start).await?;
        let words = format!(
            "forked from {origin}: new build {build} in {}, {kept} settled cards kept",
            folder.display()
        );
        let mut started = one(&epic, actual.into(), build, Outcome::Started, words);
        let surroundings = &self.inner.surroundings;
        started
            .warnings
            .extend(surroundings.differing(request.settings.as_ref()));
        Ok(started)
    }
}

fn settled(start: &orket_actors::runtime::ForkStart) -> usize {
    let lives = start.cards.values().map(|card| &card.life);
    lives.filter(|life| life.status.is_settled()).count()
}

/// The number of the fork and its folder, which is there with its files.
fn laid_out(
    beside: &Path,
    files: &[Written],
    next: impl Fn(u64) -> u64,
) -> Result<(u64, PathBuf), Refusal> {
    let mut number = next(0);
    loop {
        let mut name = beside.file_name().unwrap_or_default().to_owned();
        name.push(format!("-fork-{number}"));
        let folder = beside.with_file_name(name);
        let failed = |error: &dyn std::fmt::Display| {
            Refusal::workspace(format!("{}: {error}", folder.display()))
        };
        if workspace::claim(&folder).map_err(|error| failed(&error))? {
            let filled = workspace::copy_fixtures(beside, &folder)
                .map_err(|error| failed(&error))
                .and_then(|()| workspace::fill(&folder, files).map_err(|error| failed(&error)));
            if let Err(refusal) = filled {
                let _ = std::fs::remove_dir_all(&folder);
                return Err(refusal);
            }
            return Ok((number, folder));
        }
        number = next(number);
    }
}
