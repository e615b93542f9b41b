//! Epics and their cards with the status of their latest run. Blocking.

use std::fmt::Write as _;

use orket_actors::runtime::RunReport;
use orket_core::asset::{AssetSource, Epic, Library, Rock};

use super::look::unread;
use crate::owner::builds::is_fork;
use crate::owner::ports::{Records, RunRow};

/// The latest run of an epic by itself.
fn latest(records: &dyn Records, epic: &str) -> Result<Option<(RunRow, RunReport)>, String> {
    let runs = records.builds_of(epic).map_err(unread)?;
    let Some(row) = runs.into_iter().find(|run| !is_fork(epic, &run.build_id)) else {
        return Ok(None);
    };
    let report = records.report(&row.run_id).map_err(unread)?;
    Ok(report.map(|report| (row, report)))
}

/// The cards of an epic.
pub(super) fn cards<S: AssetSource>(
    library: &Library<S>,
    epic: &str,
    department: &str,
    records: &dyn Records,
) -> Result<String, String> {
    let loaded = library
        .load::<Epic>(epic, department)
        .map_err(|error| error.to_string())?;
    let run = latest(records, &loaded.name)?;
    let mut text = format!("epic {}: {}", loaded.name, loaded.asset.card.name);
    if let Some((row, _)) = &run {
        let _ = write!(text, " (run {}: {})", row.run_id, row.status.as_str());
    }
    push_cards(
        &mut text,
        &loaded.asset,
        run.as_ref().map(|(_, report)| report),
        "",
    );
    Ok(text)
}

fn push_cards(text: &mut String, epic: &Epic, run: Option<&RunReport>, indent: &str) {
    for issue in &epic.issues {
        let seen = run.and_then(|run| run.cards.iter().find(|card| card.id == issue.id.as_str()));
        let status = seen.map_or(issue.card.status.as_str(), |card| card.status.as_str());
        let _ = write!(
            text,
            "\n{indent}* [{}] {} ({}) [Priority: {:.1}, Status: {status}]",
            issue.id, issue.card.name, issue.seat, issue.card.priority
        );
    }
}

/// Rocks, their epics, and epics of no rock.
pub(super) fn board<S: AssetSource>(
    library: &Library<S>,
    department: &str,
    records: &dyn Records,
) -> Result<String, String> {
    let mut text = format!("board of department {department}");
    let mut listed = Vec::new();
    for name in library.list("rocks", department) {
        match library.load::<Rock>(&name, department) {
            Ok(rock) => {
                let _ = write!(text, "\n[ROCK] {name} (Status: {})", rock.asset.card.status);
                for entry in &rock.asset.epics {
                    listed.push(entry.epic.clone());
                    branch(
                        &mut text,
                        library,
                        &entry.epic,
                        &entry.department,
                        records,
                        "  ",
                    )?;
                }
            }
            Err(error) => {
                let _ = write!(text, "\n[ROCK] {name} (Error: {error})");
            }
        }
    }
    for name in library.list("epics", department) {
        if !listed.contains(&name) {
            branch(&mut text, library, &name, department, records, "")?;
        }
    }
    Ok(text)
}

fn branch<S: AssetSource>(
    text: &mut String,
    library: &Library<S>,
    epic: &str,
    department: &str,
    records: &dyn Records,
    indent: &str,
) -> Result<(), String> {
    match library.load::<Epic>(epic, department) {
        Ok(loaded) => {
            let run = latest(records, &loaded.name)?;
            let status = run
                .as_ref()
                .map_or(loaded.asset.card.status.as_str(), |(row, _)| {
                    row.status.as_str()
                });
            let _ = write!(
                text,
                "\n{indent}- [EPIC] {} (Status: {status})",
                loaded.name
            );
            push_cards(
                text,
                &loaded.asset,
                run.as_ref().map(|(_, report)| report),
                &format!("{indent}  "),
            );
        }
        Err(error) => {
            let _ = write!(text, "\n{indent}- [EPIC] {epic} (Error: {error})");
        }
    }
    Ok(())
}

/// A card: its asset, and how it stands.
pub(super) fn one_card<S: AssetSource>(
    library: &Library<S>,
    card: &str,
    department: &str,
    records: &dyn Records,
) -> Result<String, String> {
    let (only, id) = card
        .split_once('/')
        .map_or((None, card), |(epic, id)| (Some(epic), id));
    let mut text = String::new();
    for name in library.list("epics", department) {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let Ok(loaded) = library.load::<Epic>(&name, department) else {
            continue;
        };
        let Some(issue) = loaded
            .asset
            .issues
            .iter()
            .find(|issue| issue.id.as_str() == id)
        else {
            continue;
        };
        let asset = serde_json::to_string_pretty(issue).unwrap_or_default();
        let _ = write!(
            text,
            "card {id} of epic {name} in {}\n{asset}\n",
            loaded.file
        );
        if let Some((row, report)) = latest(records, &name)?
            && let Some(seen) = report.cards.iter().find(|seen| seen.id == id)
        {
            let _ = writeln!(
                text,
                "in run {}: {}, {} attempts, {} tokens {}",
                row.run_id, seen.status, seen.attempts, seen.tokens, seen.note
            );
        }
    }
    if text.is_empty() {
        return Err(format!(
            "there is no card `{card}` in the epics of department `{department}`: /list cards EPIC"
        ));
    }
    Ok(text.trim_end().to_owned())
}
