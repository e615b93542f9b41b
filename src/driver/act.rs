//! Carrying a plan out, after the yes.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::Driver;
use super::command::{Change, WorkChange};
use super::edit::write::{WriteError, write};
use super::plan::{NotPlanned, Plan, archive_request, of_assets, told, unarchive_request};
use super::reply::{Answered, ReplyKind, Said};
use super::works::Works;
use crate::assets::DiskThenEmbedded;
use crate::owner::service::Refusal;
use crate::owner::wire::{DecideRequest, StartRequest, Started};

/// What came of a plan.
#[derive(Debug)]
enum Outcome {
    /// It is done; the runs that it is about.
    Done(String, Vec<String>),
    /// It is not done; why, and as a code.
    NotDone(String, Option<String>),
    /// Things stand otherwise than when it was shown: this is what would be done now.
    Anew(Box<Plan>),
}

impl From<NotPlanned> for Outcome {
    fn from(not: NotPlanned) -> Self {
        Self::NotDone(not.words, not.code)
    }
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        Self::NotDone(told(&refusal), Some(refusal.code))
    }
}

impl Driver {
    /// What was begun is finished even when whoever asked leaves meanwhile.
    pub(super) async fn carry_out(&self, plan: Plan, said: &Said) -> Answered {
        if matches!(plan.change, Change::Asset(_)) && !said.may_write_assets {
            let words = "this key may not change assets: it lacks the scope admin";
            return Answered::not_done(words.to_owned(), Some("E_SCOPE".to_owned()));
        }
        let (inner, by) = (Arc::clone(&self.inner), said.by.clone());
        let doing = tokio::spawn(async move {
            match &plan.change {
                Change::Work(_) => work(&plan, inner.parts.works.as_ref(), &by).await,
                Change::Asset(_) => {
                    let writing = move || files(&plan, &inner.parts.root, &inner.writing);
                    let written = crate::blocking::blocking(writing).await;
                    written.unwrap_or_else(|error| Outcome::NotDone(error.to_string(), None))
                }
            }
        });
        match doing.await {
            Ok(Outcome::Done(text, runs)) => {
                let mut answered = Answered::words(ReplyKind::Done, text);
                answered.reply.runs = runs;
                answered
            }
            Ok(Outcome::NotDone(text, code)) => Answered::not_done(text, code),
            Ok(Outcome::Anew(plan)) => Answered::plan(
                *plan,
                "The files were changed since I looked; nothing is done yet.\n",
            ),
            Err(error) => Answered::not_done(format!("it broke off: {error}"), None),
        }
    }
}

/// Writes the files of a plan, if they would still be the same. Blocking; one at a time.
fn files(plan: &Plan, root: &Path, one_at_a_time: &Mutex<()>) -> Outcome {
    let _mine = one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
    let now = match of_assets(&plan.change, &DiskThenEmbedded::new(root)) {
        Ok(now) => now,
        Err(not) => return not.into(),
    };
    if now.files != plan.files {
        return Outcome::Anew(Box::new(now));
    }
    match write(root, &plan.files) {
        Ok(()) => Outcome::Done(done(&plan.steps), Vec::new()),
        Err(error @ WriteError::Changed(_)) => {
            Outcome::NotDone(format!("{error}; ask again"), None)
        }
        Err(error @ WriteError::System { .. }) => {
            tracing::error!(%error, "asset files are not written");
            Outcome::NotDone(error.to_string(), Some("E_ASSETS".to_owned()))
        }
        Err(error @ (WriteError::Elsewhere(_) | WriteError::Half { .. })) => {
            tracing::error!(%error, "asset files are not written");
            Outcome::NotDone(error.to_string(), Some("E_INTERNAL".to_owned()))
        }
    }
}

fn done(steps: &[String]) -> String {
    let mut text = "Done:".to_owned();
    for step in steps {
        text.push_str("\n  - ");
        text.push_str(step);
    }
    text
}

/// Does what a plan says about runs, gates and cards.
async fn work(plan: &Plan, works: &dyn Works, by: &str) -> Outcome {
    let Change::Work(work) = &plan.change else {
        return Outcome::NotDone("that is no work".to_owned(), None);
    };
    match carried_out(work, works, by).await {
        Ok((text, runs)) => Outcome::Done(text, runs),
        Err(refusal) => refusal.into(),
    }
}

async fn carried_out(
    work: &WorkChange,
    works: &dyn Works,
    by: &str,
) -> Result<(String, Vec<String>), Refusal> {
    match work {
        WorkChange::Run {
            kind,
            name,
            department,
            model,
        } => {
            let request = StartRequest {
                kind: *kind,
                name: name.clone(),
                department: department.clone(),
                build_id: None,
                target: None,
                model: model.clone(),
                workspace: None,
                workspace_is_wished: false,
                under_way: None,
                asset_root: None,
                settings: None,
            };
            Ok(started(works.start(request).await?))
        }
        WorkChange::Halt(run) => {
            let report = works.halt(run_of(works, run).await?).await?;
            Ok((
                format!("Run {} is {}.", report.run_id, report.status),
                vec![report.run_id],
            ))
        }
        WorkChange::Resume(run) => {
            let run = run_of(works, run).await?;
            Ok(started(works.resume(run).await?))
        }
        WorkChange::Decide {
            gate,
            decision,
            reason,
        } => {
            let request = DecideRequest {
                by: by.to_owned(),
                reason: reason.clone(),
            };
            let decided = works.decide(*gate, *decision, request).await?;
            let goes_on = if decided.goes_on {
                "goes on"
            } else {
                "is not under way"
            };
            let text = format!(
                "Gate {gate} is {}; run {} {goes_on}.",
                decided.status, decided.run_id
            );
            Ok((text, vec![decided.run_id]))
        }
        WorkChange::Archive { what, reason } => {
            let archived = works.archive(archive_request(what, reason, by)).await?;
            let stay = archived
                .refused
                .iter()
                .map(|card| format!("\n{} stays: {}", card.id, card.reason));
            let text = format!(
                "Archived: {}.{}",
                archived.archived_count,
                stay.collect::<String>()
            );
            Ok((text, Vec::new()))
        }
        WorkChange::Unarchive { what, reason } => {
            let taken = works.unarchive(unarchive_request(what, reason, by)).await?;
            let stay = taken
                .refused
                .iter()
                .map(|card| format!("\n{} stays: {}", card.id, card.reason));
            let text = format!(
                "Unarchived: {}.{}",
                taken.unarchived_count,
                stay.collect::<String>()
            );
            Ok((text, Vec::new()))
        }
    }
}

async fn run_of(works: &dyn Works, reference: &str) -> Result<orket_core::ids::RunId, Refusal> {
    let row = works.resolve(reference.to_owned()).await?;
    orket_core::ids::RunId::new(row.run_id).map_err(|error| Refusal::internal(error.to_string()))
}

fn started(started: Started) -> (String, Vec<String>) {
    let words = started
        .runs
        .iter()
        .map(|run| format!("{}: {}", run.run_id, run.words));
    let lines: Vec<String> = words.chain(started.warnings).collect();
    let watch = format!(
        "`watch {0}` follows it, `halt {0}` stops it.",
        started.run_id
    );
    (format!("{}\n{watch}", lines.join("\n")), started.run_ids)
}
