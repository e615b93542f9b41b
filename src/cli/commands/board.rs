//! `orket board`: rocks, epics and cards with their status. What was never run is shown as its
//! asset has it.

use std::process::ExitCode;

use orket_actors::port::store::RunStatus;
use orket_actors::runtime::RunReport;

use crate::cli::args::BoardArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::owner::board::{latest_rock_build, rock_status, run_in_rock, telling_run};
use crate::owner::ports::{Board, BoardEpic, BoardRock, Records, RecordsError, RunRow};

pub fn run(context: &Context, args: &BoardArgs) -> Result<ExitCode, Failure> {
    let mut board = context.planner().board(&args.department)?;
    let records = context.records()?;
    for rock in &mut board.rocks {
        overlay_rock(rock, records.as_ref())?;
    }
    for epic in &mut board.epics {
        let runs = records.builds_of(&epic.name)?;
        overlay(epic, None, &runs, records.as_ref())?;
    }
    if context.json {
        out::json(&board);
    } else {
        out::print(&tree(&board));
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts the statuses of a rock's latest build over those of its assets.
fn overlay_rock(rock: &mut BoardRock, records: &dyn Records) -> Result<(), RecordsError> {
    let mut runs = Vec::with_capacity(rock.epics.len());
    for epic in &rock.epics {
        runs.push(records.builds_of(&epic.name)?);
    }
    let names = rock.epics.iter().map(|epic| epic.name.as_str());
    let epics = names.zip(runs.iter().map(Vec::as_slice));
    let build = latest_rock_build(&rock.name, epics).map(str::to_owned);
    let mut statuses = Vec::with_capacity(rock.epics.len());
    for (epic, runs) in rock.epics.iter_mut().zip(&runs) {
        statuses.push(overlay(epic, build.as_deref(), runs, records)?);
    }
    if build.is_some() {
        rock.status = rock_status(&statuses).to_owned();
    }
    Ok(())
}

/// Puts the latest run's statuses over those of the asset. How that of the rock's build stands.
fn overlay(
    epic: &mut BoardEpic,
    rock_build: Option<&str>,
    runs: &[RunRow],
    records: &dyn Records,
) -> Result<Option<RunStatus>, RecordsError> {
    let of_rock = rock_build.and_then(|build| run_in_rock(&epic.name, build, runs));
    let status = of_rock.map(|run| run.status);
    let Some(latest) = telling_run(&epic.name, of_rock, runs) else {
        return Ok(status);
    };
    let Some(RunReport { cards, .. }) = records.report(&latest.run_id)? else {
        return Ok(status);
    };
    latest.status.as_str().clone_into(&mut epic.status);
    epic.build_id = Some(latest.build_id.clone());
    for card in &mut epic.cards {
        if let Some(seen) = cards.iter().find(|seen| seen.id == card.id) {
            card.status.clone_from(&seen.status);
        }
    }
    Ok(status)
}

fn tree(board: &Board) -> String {
    let mut text = String::new();
    for rock in &board.rocks {
        text.push_str(&format!("[ROCK] {} (Status: {})\n", rock.name, rock.status));
        if let Some(error) = &rock.error {
            text.push_str(&format!("  (Error: {error})\n"));
        }
        for epic in &rock.epics {
            branch(epic, "  ", &mut text);
        }
    }
    for epic in &board.epics {
        branch(epic, "", &mut text);
    }
    if text.is_empty() {
        text.push_str("there are no rocks and no epics\n");
    }
    text
}

fn branch(epic: &BoardEpic, indent: &str, text: &mut String) {
    match &epic.error {
        Some(error) => {
            text.push_str(&format!(
                "{indent}- [EPIC] {} (Error: {error})\n",
                epic.name
            ));
        }
        None => text.push_str(&format!(
            "{indent}- [EPIC] {} (Status: {})\n",
            epic.name, epic.status
        )),
    }
    for card in &epic.cards {
        text.push_str(&format!(
            "{indent}  * [{}] {} ({}) [Priority: {:.1}, Status: {}]\n",
            card.id, card.summary, card.seat, card.priority, card.status
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::ports::BoardCard;

    #[test]
    fn the_board_is_a_tree() {
        let epic = |name: &str, error: Option<&str>| BoardEpic {
            name: name.to_owned(),
            title: name.to_owned(),
            status: "ready".to_owned(),
            build_id: None,
            error: error.map(str::to_owned),
            cards: if error.is_some() {
                Vec::new()
            } else {
                vec![BoardCard {
                    id: "ISSUE-1".to_owned(),
                    summary: "Write parser".to_owned(),
                    seat: "coder".to_owned(),
                    priority: 2.0,
                    status: "done".to_owned(),
                }]
            },
        };
        let board = Board {
            rocks: vec![BoardRock {
                name: "core_launch".to_owned(),
                status: "in_progress".to_owned(),
                error: None,
                epics: vec![epic("baseline", None), epic("lost_epic", Some("not found"))],
            }],
            epics: vec![epic("alone", None)],
        };
        insta::assert_snapshot!(tree(&board));
    }
}
