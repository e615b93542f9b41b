//! What a test can see of a run afterwards: the journal's turns and steps, and its events.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use orket::assets::DiskThenEmbedded;
use orket::storage::reader::TurnSummary;
use orket::system::{System, SystemOptions};
use orket_actors::port::event::RuntimeEvent;
use orket_actors::runtime::{NewRun, RunReport};
use orket_core::asset::Library;
use orket_core::ids::RunId;
use orket_core::plan::CommandTool;
use orket_core::tool::{EffectClass, ToolHome, ToolSpec};
use orket_core::turn::Step;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

/// The attempts of a run with their steps, in the order they began.
pub fn attempts(system: &System, run: &str) -> Vec<(TurnSummary, Vec<Arc<Step>>)> {
    let reader = system.reader();
    let turns = reader.turns(run, None).expect("turns");
    turns
        .into_iter()
        .map(|turn| {
            let steps = reader.steps(turn.row).expect("steps");
            (turn, steps.into_iter().map(|row| row.step).collect())
        })
        .collect()
}

/// `card turn/attempt role status[ code]` of every attempt, by card.
pub fn attempt_lines(system: &System, run: &str) -> Vec<String> {
    let mut lines: Vec<String> = attempts(system, run)
        .into_iter()
        .map(|(turn, _)| {
            format!(
                "{} {}/{} {} {}{}",
                turn.card_id,
                turn.turn,
                turn.attempt,
                turn.role,
                turn.status,
                turn.code.map_or(String::new(), |code| format!(" {code}")),
            )
        })
        .collect();
    lines.sort();
    lines
}

/// The texts of all that was asked of a model at a card, a question a piece.
pub fn prompts(system: &System, run: &str, card: &str) -> Vec<String> {
    attempts(system, run)
        .into_iter()
        .filter(|(turn, _)| turn.card_id == card)
        .flat_map(|(_, steps)| steps)
        .filter_map(|step| match step.as_ref() {
            Step::ModelRequested { messages, .. } => Some(
                messages
                    .iter()
                    .map(|message| message.content.as_str())
                    .collect::<Vec<_>>()
                    .join("\n"),
            ),
            _ => None,
        })
        .collect()
}

/// How many steps of a kind each card has.
pub fn steps_of(system: &System, run: &str, kind: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (turn, steps) in attempts(system, run) {
        *counts.entry(turn.card_id).or_default() +=
            steps.iter().filter(|step| step.kind() == kind).count();
    }
    counts
}

/// Everything the journal holds of a run's attempts, to be compared with itself later.
pub fn journal(system: &System, run: &str) -> Vec<String> {
    attempts(system, run)
        .into_iter()
        .map(|(turn, steps)| {
            let kinds: Vec<_> = steps.iter().map(|step| step.kind()).collect();
            format!("{turn:?} {kinds:?}")
        })
        .collect()
}

/// Whether any step of a card's attempts has this kind.
pub fn has(steps: &[Arc<Step>], kind: &str) -> bool {
    steps.iter().any(|step| step.kind() == kind)
}

/// One line per card as an operator reads it.
pub fn told(report: &RunReport) -> String {
    let mut lines = vec![format!("run: {}", report.status)];
    for card in &report.cards {
        lines.push(format!(
            "{}: {} after {}{}{}",
            card.id,
            card.status,
            card.attempts,
            card.code
                .as_deref()
                .map_or(String::new(), |code| format!(", {code}")),
            if card.note.is_empty() {
                String::new()
            } else {
                format!(": {}", card.note)
            },
        ));
    }
    lines.join("\n")
}

/// The events that are there already.
pub fn waiting(events: &mut Receiver<Arc<RuntimeEvent>>) -> Vec<Arc<RuntimeEvent>> {
    let mut seen = Vec::new();
    loop {
        match events.try_recv() {
            Ok(event) => seen.push(event),
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return seen,
        }
    }
}

/// Whether an event is about a card.
pub fn is(event: &RuntimeEvent, name: &str, card: &str) -> bool {
    event.event == name && event.issue_id.as_deref() == Some(card)
}

/// Offers the seat `coder` one more tool, which runs a shell script in the workspace.
pub fn offer_script(new: &mut NewRun, name: &str, effect: EffectClass, script: &str) {
    offer(
        new,
        ToolSpec {
            name: name.to_owned(),
            description: "runs a script".to_owned(),
            parameters: json!({"type": "object"}),
            effect,
            home: ToolHome::Host,
            time_limit_ms: None,
        },
    );
    new.plan.commands.insert(
        name.to_owned(),
        CommandTool {
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            working_directory: String::new(),
            environment: vec!["PATH".to_owned()],
            ..CommandTool::default()
        },
    );
}

/// Offers the seat `coder` one more tool.
pub fn offer(new: &mut NewRun, spec: ToolSpec) {
    let seat = new.plan.seats.get_mut("coder").expect("a coder");
    let mut tools = seat.tools.to_vec();
    tools.push(spec);
    seat.tools = tools.into();
}

/// A coder's card that writes `agent_output/<id>.txt`, with more fields.
pub fn card(id: &str, more: Value) -> Value {
    let mut card = json!({
        "id": id, "summary": format!("The work of {id}"), "seat": "coder",
        "params": {"required_write_paths": [format!("agent_output/{id}.txt")]},
    });
    for (field, value) in more.as_object().expect("fields") {
        match (field.as_str(), value) {
            ("params", Value::Object(params)) => {
                for (name, value) in params {
                    card["params"][name] = value.clone();
                }
            }
            _ => card[field] = value.clone(),
        }
    }
    card
}

/// The answer of a card's coder, once.
pub fn works(id: &str) -> Value {
    json!({"when": {"issue": id, "role": "coder"}, "times": 1,
           "calls": super::lab::write_and_hand_in(&format!("agent_output/{id}.txt"))})
}

/// The answer of a guard that agrees with a card, once.
pub fn agrees(id: &str) -> Value {
    json!({"when": {"issue": id, "role": "integrity_guard"}, "times": 1, "calls": super::lab::agree()})
}

/// Both for each of these cards: whoever asks twice is refused.
pub fn each_once(ids: &[&str]) -> Vec<Value> {
    ids.iter().flat_map(|id| [works(id), agrees(id)]).collect()
}

/// The options of a lab whose folder an earlier process made.
pub fn options_at(root: &Path) -> SystemOptions {
    let folder = root.to_owned();
    let load = Arc::new(move |name: &str| {
        Library::new(DiskThenEmbedded::new(&folder))
            .find("scenario", "scenarios", name, "core")
            .map(|(_, text)| text)
            .map_err(|error| format!("{error:?}"))
    });
    SystemOptions::new(
        &root.join(".orket/durable"),
        &root.join("workspace/default"),
        load,
    )
}

/// Whether a process lives; one that is dead and only waits for its parent does not.
pub fn alive(pid: &str) -> bool {
    assert!(pid.trim().parse::<u32>().is_ok(), "no process id: {pid:?}");
    let stat = Path::new("/proc").join(pid.trim()).join("stat");
    std::fs::read_to_string(stat).is_ok_and(|stat| {
        let state = stat.rsplit(')').next().unwrap_or_default();
        !state.trim_start().starts_with('Z')
    })
}

/// A run's id.
pub fn run_id(text: &str) -> RunId {
    RunId::new(text).expect("an id")
}

/// The end of a run.
pub async fn ended(system: &System, run: &str) -> RunReport {
    tokio::time::timeout(super::lab::DEADLINE, system.runtime.wait(run_id(run)))
        .await
        .expect("the run did not end in time")
        .expect("a report")
}
