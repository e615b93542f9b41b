//! How the latest builds stand, laid over what the assets say.

use std::collections::HashMap;

use orket_actors::port::store::StoreError;

use super::assets::Unlaid;
use super::shapes::{BoardEpic, BoardIssue, EpicEntry, RockEntry};
use crate::owner::board::{latest_rock_build, rock_status, run_in_rock, telling_run};
use crate::owner::ports::RunRow;
use crate::storage::Reader;
use crate::storage::reader::{BoardCard, BuildRun};

/// Lays the ledger over a board.
///
/// # Errors
///
/// When the journal cannot be read.
pub(super) fn lay_over(board: &mut Unlaid, reader: &Reader) -> Result<(), StoreError> {
    let mut runs = Runs {
        reader,
        known: HashMap::new(),
    };
    for rock in &mut board.rocks {
        let RockEntry::Rock(shown) = &mut rock.shown else {
            continue;
        };
        let mut of_epics = Vec::with_capacity(shown.epics.len());
        for epic in &shown.epics {
            let name = asset(epic);
            of_epics.push((name.to_owned(), runs.of(name)?));
        }
        let pairs = of_epics
            .iter()
            .map(|(name, runs)| (name.as_str(), runs.as_slice()));
        let build = latest_rock_build(&rock.name, pairs);
        let mut statuses = Vec::with_capacity(shown.epics.len());
        for (epic, (name, runs)) in shown.epics.iter_mut().zip(&of_epics) {
            let of_rock = build.and_then(|build| run_in_rock(name, build, runs));
            statuses.push(of_rock.map(|run| run.status));
            if let EpicEntry::Epic(epic) = epic {
                lay_over_epic(epic, telling_run(name, of_rock, runs), reader)?;
            }
        }
        if let Some(build) = build {
            shown.build_id = Some(build.to_owned());
            rock_status(&statuses).clone_into(&mut shown.status);
        }
    }
    for epic in &mut board.orphaned_epics {
        if let EpicEntry::Epic(epic) = epic {
            let runs = runs.of(&epic.asset)?;
            let run = telling_run(&epic.asset, None, &runs);
            lay_over_epic(epic, run, reader)?;
        }
    }
    Ok(())
}

/// The name by which the ledger knows an epic.
fn asset(epic: &EpicEntry) -> &str {
    match epic {
        EpicEntry::Epic(epic) => &epic.asset,
        EpicEntry::Broken(broken) => &broken.name,
    }
}

/// Runs of epics, each read once.
struct Runs<'a> {
    reader: &'a Reader,
    known: HashMap<String, Vec<RunRow>>,
}

impl Runs<'_> {
    fn of(&mut self, epic: &str) -> Result<Vec<RunRow>, StoreError> {
        if let Some(known) = self.known.get(epic) {
            return Ok(known.clone());
        }
        let found = self.reader.newest_of_builds(epic)?;
        let rows: Vec<RunRow> = found.into_iter().map(|run| row(run, epic)).collect();
        self.known.insert(epic.to_owned(), rows.clone());
        Ok(rows)
    }
}

fn row(run: BuildRun, epic: &str) -> RunRow {
    RunRow {
        run_id: run.run_id,
        build_id: run.build_id,
        epic: epic.to_owned(),
        target: run.target,
        status: run.status,
        started_ms: run.started_ms,
        ended_ms: run.ended_ms,
    }
}

fn lay_over_epic(
    epic: &mut BoardEpic,
    run: Option<&RunRow>,
    reader: &Reader,
) -> Result<(), StoreError> {
    let Some(run) = run else { return Ok(()) };
    run.status.as_str().clone_into(&mut epic.status);
    epic.build_id = Some(run.build_id.clone());
    epic.run_id = Some(run.run_id.clone());
    let cards = reader.cards_of_build(&run.build_id)?;
    let places: HashMap<String, usize> = epic
        .issues
        .iter()
        .enumerate()
        .map(|(place, issue)| (issue.id.clone(), place))
        .collect();
    let created: Vec<&str> = cards
        .iter()
        .map(|card| card.card_id.as_str())
        .filter(|id| !places.contains_key(*id))
        .collect();
    let mut plans: HashMap<String, BoardIssue> = reader
        .plans_of_cards(&run.build_id, &created)?
        .into_iter()
        // What the epic's file had once and has no more is of no interest.
        .filter(|plan| plan.created_by.is_some())
        .map(|plan| (plan.id.to_string(), BoardIssue::of_plan(plan)))
        .collect();
    for card in cards {
        if let Some(place) = places.get(&card.card_id) {
            if let Some(issue) = epic.issues.get_mut(*place) {
                stands(issue, card, &run.build_id);
            }
        } else if let Some(mut issue) = plans.remove(&card.card_id) {
            stands(&mut issue, card, &run.build_id);
            epic.issues.push(issue);
        }
    }
    Ok(())
}

fn stands(issue: &mut BoardIssue, card: BoardCard, build: &str) {
    issue.status = card.status.to_string();
    issue.wait_reason = card.wait_reason.map(|reason| reason.to_string());
    issue.code = card.code;
    if !card.note.is_empty() {
        issue.note = card.note;
    }
    issue.retry_count = card.retries;
    issue.build_id = Some(build.to_owned());
}
