//! What both cases run on: an epic of many cards on the scripted model, planned and started as a
//! person's would be.

use std::path::Path;
use std::sync::Arc;

use orket::system::{System, SystemOptions};
use orket_actors::runtime::NewRun;
use orket_core::asset::{Library, MemorySource};
use orket_core::ids::{BuildId, RunId};
use orket_core::plan::ArtifactMode;
use orket_core::plan_build::{PlanRequest, PlanSettings, build};
use orket_core::tool_catalogue::catalogue;
use serde_json::{Value, json};

/// Chunks of one stream, and the time before each: 5 seconds together.
const CHUNKS: usize = 20;
const CHUNK_DELAY_MS: u64 = 250;
const CHUNK_CHARS: usize = 32;

/// The seat of all cards: one that writes no files, so that what the streams cost is to be seen.
pub const SEAT: &str = "code_reviewer";

/// The name of a card.
pub fn card_name(place: usize) -> String {
    format!("C-{place:06}")
}

/// A run of the bench's epic with these cards.
pub fn planned(cards: &[Value], mode: ArtifactMode, workspace: &Path, scenario: &str) -> NewRun {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("model/core");
    let mut source = MemorySource::default();
    for (category, name) in [
        ("teams", "standard"),
        ("roles", "requirements_analyst"),
        ("roles", "architect"),
        ("roles", "coder"),
        ("roles", "code_reviewer"),
        ("roles", "integrity_guard"),
        ("dialects", "generic"),
    ] {
        let text = std::fs::read_to_string(core.join(category).join(format!("{name}.json")))
            .expect("a shipped asset");
        source = source.with(&format!("model/core/{category}/{name}.json"), text);
    }
    source = source
        .with(
            "model/core/environments/bench.json",
            json!({"name": "bench", "model": "scripted:bench"}).to_string(),
        )
        .with("model/core/scenarios/bench.json", scenario)
        .with(
            "model/core/epics/bench.json",
            json!({"name": "Bench", "team": "standard", "environment": "bench", "issues": cards})
                .to_string(),
        );
    let request = PlanRequest {
        epic: "bench".to_owned(),
        department: "core".to_owned(),
        run_id: RunId::new("bench-run").expect("an id"),
        build_id: BuildId::new("bench-build").expect("an id"),
        workspace: workspace.to_string_lossy().into_owned(),
        target: None,
        model_override: None,
        rock: None,
    };
    let settings = PlanSettings {
        artifacts: mode,
        ..PlanSettings::default()
    };
    let built = build(&Library::new(source), &request, &settings, &catalogue())
        .unwrap_or_else(|errors| panic!("{errors}"));
    NewRun {
        plan: built.plan,
        cards: built.cards,
    }
}

/// A scenario in which every reply is a stream of [`CHUNKS`] chunks: work hands its card over for
/// review, a review passes it.
pub fn scenario() -> String {
    let reply = |status: &str| {
        let call = json!({"tool": "update_issue_status", "args": {"status": status}});
        let mut text = call.to_string();
        let missing = (CHUNKS * CHUNK_CHARS)
            .checked_sub(text.len())
            .expect("the call fits");
        // White space behind the call says nothing and fills the stream.
        text.push_str(&" ".repeat(missing));
        json!({
            "content": text, "first_chunk_delay_ms": CHUNK_DELAY_MS, "chunk_delay_ms": CHUNK_DELAY_MS,
            "chunk_chars": CHUNK_CHARS, "usage": {"prompt_tokens": 400, "output_tokens": 120},
        })
    };
    let mut first = reply("code_review");
    first["when"] = json!({"role": SEAT});
    json!({"name": "bench", "replies": [first], "default": reply("done")}).to_string()
}

/// The whole system over `root`, with as many permits as there may be turns.
pub async fn start(root: &Path, turns: usize, scenario: String) -> System {
    let mut options = SystemOptions::new(
        &root.join("durable"),
        &root.join("workspace"),
        Arc::new(move |_: &str| Ok(scenario.clone())),
    );
    options.actors.max_turns = Some(turns);
    System::start(options).await.expect("starts")
}
