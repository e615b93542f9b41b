//! Answers to looks: from the assets and the journal. Blocking, but for [`run`] and [`under_way`].

use std::fmt::Write as _;

use orket_actors::runtime::RunReport;
use orket_core::asset::{AssetSource, Dialect, Environment, Epic, Library, Rock, Role, Team};
use orket_core::ids::RunId;
use serde_json::Value;

use super::board;
use super::command::Look;
use super::kinds::Resource;
use super::plan::told;
use super::prompt::Facts;
use super::works::Works;
use crate::assets::DiskThenEmbedded;
use crate::owner::ports::{GateView, Records, RecordsError, RunRow};
use crate::owner::service::Refusal;

/// The longest answer, in bytes.
const LONGEST: usize = 64 * 1024;
/// Runs in a list.
const RUNS: u32 = 20;

/// What is there, in words; why it is not, in words.
pub(super) fn answer(
    look: &Look,
    assets: &DiskThenEmbedded,
    records: &dyn Records,
) -> Result<String, String> {
    let library = Library::new(assets);
    let text = match look {
        Look::Departments => lines("departments", library.departments()),
        Look::List(resource, department) => list(&library, *resource, department),
        Look::Cards { epic, department } => board::cards(&library, epic, department, records)?,
        Look::Runs => lines(
            "runs",
            records.runs(RUNS).map_err(unread)?.iter().map(run_line),
        ),
        Look::Gates => lines(
            "questions for you",
            records
                .gates(Some("pending"))
                .map_err(unread)?
                .iter()
                .map(gate_line),
        ),
        Look::Board(department) => board::board(&library, department, records)?,
        Look::Show {
            resource,
            name,
            department,
        } => {
            let found = library.find(resource.one, resource.many, name, department);
            let (file, text) = found.map_err(|error| error.to_string())?;
            let pretty = serde_json::from_str::<Value>(&text)
                .and_then(|value| serde_json::to_string_pretty(&value));
            format!("{file}\n{}", pretty.unwrap_or(text))
        }
        Look::Card { card, department } => board::one_card(&library, card, department, records)?,
        Look::Gate(id) => {
            let gates = records.gates(None).map_err(unread)?;
            let gate = gates.into_iter().find(|gate| gate.id == *id);
            gate.as_ref()
                .map(gate_text)
                .ok_or_else(|| told(&Refusal::unknown_gate(*id)))?
        }
        Look::Replay(place) if place.split(':').count() >= 3 => format!(
            "`orket replay {place}` shows the recorded turn; with --verify it makes its decisions again and compares them. Both only read, and ask no model."
        ),
        Look::Replay(place) => {
            let run = place.split(':').next().unwrap_or_default();
            return Err(format!(
                "say which turn: replay RUN:CARD:TURN; `orket show {run}` lists them"
            ));
        }
        // Asked of the service.
        Look::Status(_) | Look::Watch(_) => String::new(),
    };
    Ok(bounded(text))
}

/// How things stand, for the model. What cannot be read is left out.
pub(super) fn facts(department: &str, assets: &DiskThenEmbedded, records: &dyn Records) -> Facts {
    let library = Library::new(assets);
    let teams = library.list("teams", department).into_iter().map(|name| {
        let seats = library
            .load::<Team>(&name, department)
            .map(|team| team.asset.seats)
            .unwrap_or_default();
        let seats: Vec<String> = seats.into_iter().map(|seat| seat.key).collect();
        format!("{name} ({})", seats.join(", "))
    });
    Facts {
        departments: library.departments(),
        teams: teams.collect(),
        epics: library.list("epics", department),
        rocks: library.list("rocks", department),
        runs: records
            .runs(5)
            .unwrap_or_default()
            .iter()
            .map(run_line)
            .collect(),
    }
}

/// How a run stands.
pub(super) async fn run(works: &dyn Works, reference: &str) -> Result<(String, RunId), Refusal> {
    let row = works.resolve(reference.to_owned()).await?;
    let id = RunId::new(row.run_id).map_err(|error| Refusal::internal(error.to_string()))?;
    let report = works.report(id.clone()).await?;
    Ok((bounded(report_text(&report)), id))
}

/// What is under way, and how the latest run stands.
pub(super) async fn under_way(works: &dyn Works) -> Result<String, Refusal> {
    let active = works.active().await?;
    let mut text = match active.as_slice() {
        [] => "nothing is under way".to_owned(),
        runs => format!("under way: {}", runs.join(", ")),
    };
    let waiting = works.gates(Some("pending".to_owned())).await?.len();
    if waiting > 0 {
        let _ = write!(
            text,
            "\n{waiting} questions wait for you: `gates` lists them"
        );
    }
    match run(works, "last").await {
        Ok((report, _)) => {
            let _ = write!(text, "\n\n{report}");
        }
        Err(refusal) if refusal.status == 404 => text.push_str("\nthere is no run yet"),
        Err(refusal) => return Err(refusal),
    }
    Ok(text)
}

pub(super) fn unread(error: RecordsError) -> String {
    error.to_string()
}

fn bounded(mut text: String) -> String {
    if text.len() <= LONGEST {
        return text;
    }
    let end = (0..=LONGEST)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    text.truncate(end);
    text.push_str("\n… (cut)");
    text
}

fn lines(what: &str, found: impl IntoIterator<Item = String>) -> String {
    let found: Vec<String> = found.into_iter().collect();
    if found.is_empty() {
        return format!("there are no {what}");
    }
    let mut text = format!("{what}:");
    for line in found {
        let _ = write!(text, "\n- {line}");
    }
    text
}

/// The names of a kind, with a few words on each.
fn list<S: AssetSource>(library: &Library<S>, resource: Resource, department: &str) -> String {
    let about = |name: &str| -> Option<String> {
        Some(match resource.one {
            "epic" => {
                let epic = library.load::<Epic>(name, department).ok()?.asset;
                format!(
                    "{} ({} cards, team {})",
                    epic.card.name,
                    epic.issues.len(),
                    epic.team
                )
            }
            "rock" => {
                let rock = library.load::<Rock>(name, department).ok()?.asset;
                format!("{} ({} epics)", rock.card.name, rock.epics.len())
            }
            "team" => {
                let team = library.load::<Team>(name, department).ok()?.asset;
                team.seats
                    .into_iter()
                    .map(|seat| seat.key)
                    .collect::<Vec<_>>()
                    .join(", ")
            }
            "environment" => {
                let environment = library.load::<Environment>(name, department).ok()?.asset;
                environment
                    .model
                    .map_or_else(|| "no model".to_owned(), |model| model.to_string())
            }
            "role" => {
                library
                    .load::<Role>(name, department)
                    .ok()?
                    .asset
                    .description
            }
            "dialect" => {
                library
                    .load::<Dialect>(name, department)
                    .ok()?
                    .asset
                    .model_family
            }
            _ => return None,
        })
    };
    let names = library.list(resource.many, department).into_iter();
    lines(
        &format!("{} of department {department}", resource.many),
        names.map(|name| match about(&name) {
            Some(about) if !about.is_empty() => format!("{name}: {about}"),
            _ => name,
        }),
    )
}

fn run_line(run: &RunRow) -> String {
    format!(
        "{} {} (epic {}, build {})",
        run.run_id,
        run.status.as_str(),
        run.epic,
        run.build_id
    )
}

fn gate_line(gate: &GateView) -> String {
    format!(
        "{}: {} of card {} in run {}: {}",
        gate.id, gate.request_type, gate.issue_id, gate.run_id, gate.reason
    )
}

fn gate_text(gate: &GateView) -> String {
    let payload = serde_json::to_string_pretty(&gate.payload).unwrap_or_default();
    format!(
        "{}\nstatus: {}\nseat: {}\n{payload}",
        gate_line(gate),
        gate.status,
        gate.seat
    )
}

fn report_text(report: &RunReport) -> String {
    let done = report
        .cards
        .iter()
        .filter(|card| matches!(card.status.as_str(), "done" | "canceled" | "archived"));
    let mut text = format!(
        "run {} of epic {} on {}: {}, {} of {} cards done",
        report.run_id,
        report.epic,
        report.build_id,
        report.status,
        done.count(),
        report.cards.len()
    );
    for card in &report.cards {
        let note = if card.note.is_empty() {
            String::new()
        } else {
            format!(": {}", card.note)
        };
        let _ = write!(
            text,
            "\n* [{}] {} ({}) [Status: {}]{note}",
            card.id, card.summary, card.seat, card.status
        );
    }
    text
}
