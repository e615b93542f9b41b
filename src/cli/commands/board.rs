//! `orket board`: rocks, epics and cards with their status. What was never run is shown as its
//! asset has it.

use std::process::ExitCode;

use orket_actors::runtime::RunReport;

use crate::cli::args::BoardArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::owner::builds::{ROCK_PREFIX, slug};
use crate::owner::ports::{Board, BoardEpic, Records, RecordsError};

pub fn run(context: &Context, args: &BoardArgs) -> Result<ExitCode, Failure> {
    let mut board = context.planner().board(&args.department)?;
    let records = context.records()?;
    let in_rocks = board.rocks.iter_mut().flat_map(|rock| {
        let prefix = format!("{ROCK_PREFIX}{}", slug(&rock.name));
        rock.epics
            .iter_mut()
            .map(move |epic| (epic, Some(prefix.clone())))
    });
    let alone = board.epics.iter_mut().map(|epic| (epic, None));
    for (epic, rock) in in_rocks.chain(alone) {
        overlay(epic, rock.as_deref(), records.as_ref())?;
    }
    if context.json {
        out::json(&board);
    } else {
        out::print(&tree(&board));
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts the latest run's statuses over those of the asset.
fn overlay(
    epic: &mut BoardEpic,
    rock: Option<&str>,
    records: &dyn Records,
) -> Result<(), RecordsError> {
    let runs = records.builds_of(&epic.name)?;
    // Under a rock its own builds come first; an epic run by itself is still the same epic.
    let of_rock = rock.and_then(|rock| runs.iter().find(|run| run.build_id.starts_with(rock)));
    let Some(latest) = of_rock.or_else(|| runs.first()) else {
        return Ok(());
    };
    let Some(RunReport { cards, .. }) = records.report(&latest.run_id)? else {
        return Ok(());
    };
    latest.status.as_str().clone_into(&mut epic.status);
    epic.build_id = Some(latest.build_id.clone());
    for card in &mut epic.cards {
        if let Some(seen) = cards.iter().find(|seen| seen.id == card.id) {
            card.status.clone_from(&seen.status);
        }
    }
    Ok(())
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
    use crate::owner::ports::{BoardCard, BoardRock};

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
