//! A server of our own, and the epic that its runs are of.

use std::path::Path;

use serde_json::{Value, json};

use super::Place;
use crate::error::LoadError;
use crate::server::{Launch, Role, write_asset};

/// The epic's name.
pub const EPIC: &str = "load";

/// How such a server is started.
pub fn launch(binary: &Path, folder: &Path, role: Role, place: &Place) -> Launch {
    let launch = Launch::new(binary, folder, role)
        .env("ORKET_API_WORKERS", place.workers.to_string())
        .env("ORKET_WEBHOOK_WORKERS", place.workers.to_string())
        // What is accepted is looked for afterwards, so none of it may be let go before.
        .env("ORKET_WEBHOOK_KEEP", "100000000")
        .env("ORKET_WEBHOOK_PEER_LIMIT", "100000000")
        .env("ORKET_MAX_RUNS", "100000")
        .env("ORKET_ARTIFACTS", "none");
    // What somebody sets goes last.
    (place.set.iter()).fold(launch, |launch, (name, value)| {
        launch.env(name, value.as_str())
    })
}

/// Writes the epic: cards of two turns that write one file each, on a scripted model that takes so long for
/// each reply.
///
/// # Errors
///
/// When it cannot be written.
pub fn write_assets(folder: &Path, cards: u32, latency_ms: u64) -> Result<(), LoadError> {
    let issues: Vec<Value> = (0..cards)
        .map(|n| {
            json!({"id": format!("C-{n}"), "summary": format!("Write file {n}"), "seat": "coder",
                   "params": {"required_write_paths": [format!("agent_output/C-{n}.txt")]}})
        })
        .collect();
    let calls = json!([
        {"tool": "write_file", "args": {"path": "agent_output/{{issue_id}}.txt", "content": "made by {{issue_id}}\n"}},
        {"tool": "update_issue_status", "args": {"status": "code_review"}}
    ]);
    let done = json!([{"tool": "update_issue_status", "args": {"status": "done"}}]);
    let scenario = json!({
        "name": EPIC,
        "replies": [{"when": {"role": "coder"}, "calls": calls, "first_chunk_delay_ms": latency_ms}],
        "default": {"calls": done, "first_chunk_delay_ms": latency_ms},
    });
    let epic = json!({"name": "Load", "team": "standard", "environment": EPIC, "issues": issues});
    let environment = json!({"name": EPIC, "model": format!("scripted:{EPIC}")});
    write_asset(folder, "epics", EPIC, &epic)?;
    write_asset(folder, "scenarios", EPIC, &scenario)?;
    write_asset(folder, "environments", EPIC, &environment)
}
