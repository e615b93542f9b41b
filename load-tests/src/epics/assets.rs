//! The plan as files of a project: epics, environments and scenarios.

use std::path::Path;

use serde_json::{Value, json};

use super::fault::Fault;
use super::latency::Latency;
use super::plan::{Card, Epic, Side, TurnPlan};

/// The epic of one card that is run before anything is measured: so that the owner has its assets read
/// and an endpoint that has answered once, which is not given up when several questions in a row fail.
pub const WARM_UP: &str = "load-warm-up";

/// Writes the files below `root`.
///
/// # Errors
///
/// The file that cannot be written.
pub fn write(root: &Path, epics: &[Epic], latency: Latency) -> std::io::Result<()> {
    let one = json!([issue("W-1", Vec::new())]);
    asset(root, WARM_UP, &one, &[], Latency::Fixed(0))?;
    for epic in epics {
        let issues: Vec<Value> = (epic.cards.iter())
            .map(|card| {
                let before = card
                    .before
                    .iter()
                    .filter_map(|id| epic.cards.get(*id as usize));
                issue(&card.id, before.map(|card| card.id.as_str()).collect())
            })
            .collect();
        let replies: Vec<Value> = (epic.cards.iter())
            .flat_map(|card| replies(card, latency))
            .collect();
        asset(root, &epic.name, &Value::Array(issues), &replies, latency)?;
    }
    Ok(())
}

fn issue(id: &str, before: Vec<&str>) -> Value {
    json!({"id": id, "summary": format!("Write file {id}"), "seat": "coder", "depends_on": before,
           "params": {"required_write_paths": [format!("agent_output/{id}.txt")]}})
}

fn asset(
    root: &Path,
    name: &str,
    issues: &Value,
    replies: &[Value],
    latency: Latency,
) -> std::io::Result<()> {
    let delay_ms = match latency {
        Latency::Fixed(ms) => ms,
        // Every card has replies of its own.
        Latency::Uniform(..) | Latency::LogNormal(..) => 0,
    };
    let mut all = replies.to_vec();
    all.push(good(json!({"role": "coder"}), Side::Work, delay_ms));
    let mut default = good(json!({}), Side::Review, delay_ms);
    if let Some(fields) = default.as_object_mut() {
        fields.remove("when");
    }
    let files = [
        (
            "scenarios",
            json!({"name": name, "replies": all, "default": default}),
        ),
        (
            "environments",
            json!({"name": name, "model": format!("scripted:{name}")}),
        ),
        (
            "epics",
            json!({"name": name, "team": "standard", "environment": name, "issues": issues}),
        ),
    ];
    for (category, value) in files {
        let folder = root.join("config").join(category);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("{name}.json")), value.to_string())?;
    }
    Ok(())
}

/// What the scenario says of one card beyond what holds for all.
fn replies(card: &Card, latency: Latency) -> Vec<Value> {
    let mut all = of_turn(card, Side::Work, &card.work, latency);
    all.extend(of_turn(card, Side::Review, &card.review, latency));
    all
}

fn of_turn(card: &Card, side: Side, turn: &TurnPlan, latency: Latency) -> Vec<Value> {
    let when = |attempt: Option<usize>| {
        let role = match side {
            Side::Work => "coder",
            Side::Review => "integrity_guard",
        };
        let mut when = json!({"issue": card.id, "role": role});
        if let (Some(fields), Some(attempt)) = (when.as_object_mut(), attempt) {
            fields.insert("attempt".to_owned(), attempt.into());
        }
        when
    };
    // By the number of the try, which is journaled: a crash does not begin it anew.
    let mut all: Vec<Value> = (turn.faults.iter().enumerate())
        .map(|(at, fault)| bad(when(Some(at + 1)), *fault))
        .collect();
    match (turn.forever, latency) {
        (Some(fault), _) => all.push(bad(when(None), fault)),
        (None, Latency::Uniform(..) | Latency::LogNormal(..)) => {
            all.push(good(when(None), side, turn.delay_ms));
        }
        (None, Latency::Fixed(_)) => {}
    }
    all
}

fn bad(when: Value, fault: Fault) -> Value {
    let mut reply = json!({"when": when, "fault": fault.in_scenario()});
    if matches!(fault, Fault::Reset | Fault::HangMid)
        && let Some(fields) = reply.as_object_mut()
    {
        fields.insert("content".to_owned(), "Half of this is never said.".into());
    }
    reply
}

fn good(when: Value, side: Side, delay_ms: u64) -> Value {
    let calls = match side {
        Side::Work => json!([
            {"tool": "write_file",
             "args": {"path": "agent_output/{{issue_id}}.txt", "content": "made by {{issue_id}}\n"}},
            {"tool": "update_issue_status", "args": {"status": "code_review"}}
        ]),
        Side::Review => {
            json!([{"tool": "update_issue_status", "args": {"status": "done"}}])
        }
    };
    json!({"when": when, "calls": calls, "first_chunk_delay_ms": delay_ms})
}
