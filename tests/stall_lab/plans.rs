//! The assets of the lab, and the plan of one run of each kind.

use std::collections::BTreeMap;
use std::path::PathBuf;

use orket::assets::DiskThenEmbedded;
use orket_actors::runtime::NewRun;
use orket_core::asset::Library;
use orket_core::ids::{BuildId, RunId};
use orket_core::plan::ArtifactMode;
use orket_core::plan_build::{PlanRequest, PlanSettings, build};
use orket_core::stall::Clocks;
use orket_core::tool_catalogue::catalogue;
use serde_json::{Value, json};

use super::kinds::{self, Kind};
use super::lab::{Lab, agree};

/// The wait before a second try, in milliseconds: it begins at half of that.
pub const BACKOFF: u64 = 200;

/// Each kind has a workspace of its own.
pub fn workspace(lab: &Lab, kind: &str) -> PathBuf {
    lab.path().join("workspace").join(kind)
}

/// The ids of a kind's cards.
pub fn cards(kind: &Kind) -> Vec<String> {
    (0..kind.cards)
        .map(|number| format!("{}-{number:02}", kind.name))
        .collect()
}

/// The team, its tools, and what the scripted models say.
pub fn write_assets(lab: &Lab) {
    lab.asset("skills", "stalls", &kinds::skill());
    lab.asset("roles", "worker", &kinds::role());
    lab.asset(
        ".",
        "organization",
        &json!({"name": "lab", "process_rules": {"granted_permissions": {"filesystem": "write"}}}),
    );
    lab.asset(
        "teams",
        "lab",
        &json!({"name": "lab", "seats": {
            "worker": {"name": "Worker", "roles": ["worker"]},
            "integrity_guard": {"name": "Guard", "roles": ["integrity_guard"]}
        }}),
    );
    lab.asset(
        "environments",
        "lab",
        &json!({"name": "lab", "model": "ollama:nobody"}),
    );
    lab.asset(
        "scenarios",
        "guard",
        &json!({"name": "guard", "replies": [], "default": {"calls": agree()}}),
    );
    lab.asset(
        "scenarios",
        "loop",
        &json!({
            "name": "loop",
            "replies": [{
                "when": {"attempt": 1},
                "calls": [{"tool": "read_file", "args": {"path": "note.txt"}}]
            }],
            "default": {"calls": [{"tool": "update_issue_status", "args": {"status": "code_review"}}]}
        }),
    );
    let folder = workspace(lab, "loop");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("note.txt"), "read me once\n").unwrap();
}

/// The plan of a run of `kind`, called `name`.
pub fn plan(lab: &Lab, kind: &Kind, name: &str) -> NewRun {
    let ids: Vec<String> = if name == kind.name {
        cards(kind)
    } else {
        vec![name.to_owned()]
    };
    let issues: Vec<Value> = ids
        .iter()
        .map(|id| {
            let model = match kind.provider {
                "scripted" => format!("scripted:{}", kind.name),
                provider => format!("{provider}:{id}"),
            };
            json!({
                "id": id, "summary": id, "seat": "worker", "max_retries": kind.retries,
                "params": {"model_overrides": {"worker": model}},
            })
        })
        .collect();
    lab.asset(
        "epics",
        name,
        &json!({"name": name, "team": "lab", "environment": "lab", "issues": issues}),
    );
    let mut clocks = Clocks {
        connect_ms: 30_000,
        first_token_ms: 30_000,
        idle_ms: 30_000,
        turn_ms: 90_000,
        tool_idle_ms: 30_000,
        tool_ms: 60_000,
        run_ms: 0,
        repeat_chars: 16_384,
    };
    (kind.clocks)(&mut clocks);
    let mut settings = PlanSettings {
        clocks,
        turn_clock_is_set: true,
        // Whatever the mode: a stalled turn always gets its checkpoint.
        artifacts: ArtifactMode::None,
        env_models: BTreeMap::from([("INTEGRITY_GUARD".to_owned(), "scripted:guard".to_owned())]),
        ..PlanSettings::default()
    };
    settings.retry.base_ms = BACKOFF;
    settings.retry.max_ms = 2 * BACKOFF;
    let workspace = workspace(lab, kind.name);
    std::fs::create_dir_all(&workspace).unwrap();
    let library = Library::new(DiskThenEmbedded::new(lab.path()));
    let request = PlanRequest {
        epic: name.to_owned(),
        department: "core".to_owned(),
        run_id: RunId::new(name).unwrap(),
        build_id: BuildId::new(format!("build-{name}")).unwrap(),
        workspace: workspace.to_string_lossy().into_owned(),
        target: None,
        model_override: None,
        rock: None,
    };
    let built = build(&library, &request, &settings, &catalogue())
        .unwrap_or_else(|errors| panic!("{errors}"));
    NewRun {
        plan: built.plan,
        cards: built.cards,
    }
}
