//! A configuration root with one sound asset of each kind, and the mistakes that break it.

use std::fs;
use std::path::Path;

use orket::assets::DiskThenEmbedded;
use orket_core::asset::{Engines, Issue, Library, LoadError, Problem, Rock, check};
use orket_core::ids::{BuildId, RunId};
use orket_core::plan_build::{BuiltPlan, PlanErrors, PlanRequest, PlanSettings, build};
use orket_core::tool::{EffectClass, ToolHome, ToolSpec};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The built-in tools by name; what they do does not matter here.
pub fn catalogue() -> Vec<ToolSpec> {
    let names = [
        "read_file",
        "write_file",
        "list_directory",
        "create_issue",
        "update_issue_status",
        "add_issue_comment",
        "get_issue_context",
    ];
    names
        .map(|name| ToolSpec {
            name: name.to_owned(),
            description: format!("{name}."),
            parameters: json!({"type": "object"}),
            effect: EffectClass::Idempotent,
            home: ToolHome::Host,
            time_limit_ms: None,
        })
        .to_vec()
}

pub fn request(epic: &str, department: &str) -> PlanRequest {
    PlanRequest {
        epic: epic.to_owned(),
        department: department.to_owned(),
        run_id: RunId::new("run-1").unwrap(),
        build_id: BuildId::new("build-1").unwrap(),
        workspace: "/workspace".to_owned(),
        target: None,
        model_override: None,
        rock: None,
    }
}

pub fn plan(root: &Path, epic: &str) -> Result<BuiltPlan, PlanErrors> {
    let library = Library::new(DiskThenEmbedded::new(root));
    build(
        &library,
        &request(epic, "core"),
        &PlanSettings::default(),
        &catalogue(),
    )
}

/// Everything that is wrong with the house.
pub fn problems(root: &Path) -> Vec<Problem> {
    let library = Library::new(DiskThenEmbedded::new(root));
    let mut found = Vec::new();
    let mut keep = |error: LoadError| found.extend(error.into_problems("request", "name"));
    let _ = library.department("sales").map_err(&mut keep);
    let _ = library
        .load::<Engines>("engines", "core")
        .map_err(&mut keep);
    let _ = library.load::<Issue>("chore", "core").map_err(&mut keep);
    match library.load::<Rock>("launch", "core") {
        Ok(rock) => found.extend(check::rock(&rock.asset, &rock.file)),
        Err(error) => keep(error),
    }
    if let Err(errors) = plan(root, "demo") {
        found.extend(errors.0);
    }
    found
}

/// Writes a file below the root.
pub fn write(root: &Path, path: &str, text: &str) {
    let file = root.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// A folder with one sound asset of each kind.
pub fn house() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let files = [
        (
            "config/epics/demo.json",
            json!({"epic": {"name": "Demo", "team": "duo", "environment": "desk", "issues": [
                {"id": "A", "summary": "First", "seat": "maker"},
                {"id": "B", "summary": "Second", "seat": "maker", "depends_on": ["A"],
                 "params": {"required_write_paths": ["agent_output/b.txt"]}}
            ]}}),
        ),
        (
            "config/teams/duo.json",
            json!({"team": {"name": "duo", "seats": {
                "maker": {"name": "Maker", "roles": ["maker"]},
                "guard": {"name": "Guard", "roles": ["watch", "integrity_guard"]}
            }}}),
        ),
        (
            "config/roles/maker.json",
            json!({"role": {"name": "maker", "tools": ["write_file", "update_issue_status"]}}),
        ),
        (
            "config/roles/watch.json",
            json!({"role": {"name": "watch", "tools": ["read_file", "update_issue_status"]}}),
        ),
        (
            "config/environments/desk.json",
            json!({"environment": {"name": "desk", "model": "m:7b", "timeout": 30}}),
        ),
        (
            "config/organization.json",
            json!({"organization": {"name": "Acme"}}),
        ),
        (
            "config/rocks/launch.json",
            json!({"rock": {"epics": [{"epic": "demo"}]}}),
        ),
        (
            "config/engines/engines.json",
            json!({"engines": {"mappings": {}}}),
        ),
        ("config/departments/sales.json", json!({"name": "Sales"})),
        ("config/issues/chore.json", json!({"summary": "Sweep"})),
    ];
    for (path, value) in files {
        write(root.path(), path, &value.to_string());
    }
    root
}

pub const EPIC: &str = "config/epics/demo.json";
pub const TEAM: &str = "config/teams/duo.json";
pub const MAKER: &str = "config/roles/maker.json";
pub const WATCH: &str = "config/roles/watch.json";
pub const DESK: &str = "config/environments/desk.json";
pub const HOUSE: &str = "config/organization.json";
pub const ROCK: &str = "config/rocks/launch.json";
pub const SKILL: &str = "config/skills/tidy.json";

/// One edit that breaks a sound house: the file, the place in it as a JSON pointer, and the value.
pub fn mistakes() -> Vec<(&'static str, &'static str, Value)> {
    let card = "/epic/issues/0";
    let in_card = |field: &str| -> &'static str { format!("{card}{field}").leak() };
    vec![
        (EPIC, "/epic/team", Value::Null),
        (EPIC, "/epic/team", json!("dou")),
        (EPIC, "/epic/team", json!("../../etc/passwd")),
        (EPIC, "/epic/environment", json!(7)),
        (EPIC, "/epic/environment", json!("elsewhere")),
        (EPIC, "/epic/issues", json!([])),
        (EPIC, "/epic/issues", json!("none")),
        (EPIC, "/epic/issues/1", json!("B")),
        (EPIC, "/epic/status", json!("begun")),
        (EPIC, "/epic/iterations", json!(-1)),
        (EPIC, "/epic/handshake_enabled", json!("yes")),
        (EPIC, "/epic/architecture_governance", json!({"idesign": 1})),
        (EPIC, "/epic/params", json!({"model_overrides": ["m"]})),
        (
            EPIC,
            "/epic/params",
            json!({"model_overrides": {"maker": " "}}),
        ),
        (EPIC, in_card("/id"), json!("../x")),
        (EPIC, in_card("/id"), json!("B")),
        (EPIC, in_card("/id"), json!("x".repeat(200))),
        (EPIC, in_card("/summary"), Value::Null),
        (EPIC, in_card("/summary"), json!(" ")),
        (EPIC, in_card("/type"), json!("story")),
        (EPIC, in_card("/type"), json!("app")),
        (EPIC, in_card("/status"), json!("active")),
        (EPIC, in_card("/priority"), json!("urgent")),
        (EPIC, in_card("/priority"), json!([1])),
        (EPIC, in_card("/priority"), json!("inf")),
        (EPIC, in_card("/seat"), json!("makr")),
        (EPIC, in_card("/seat"), Value::Null),
        (EPIC, in_card("/depends_on"), json!("B")),
        (EPIC, in_card("/depends_on"), json!(["Z"])),
        (EPIC, in_card("/depends_on"), json!([5])),
        (EPIC, in_card("/depends_on"), json!(["A"])),
        (EPIC, in_card("/depends_on"), json!(["B"])),
        (EPIC, in_card("/max_retries"), json!(1.5)),
        (EPIC, in_card("/wait_reason"), json!("weather")),
        (EPIC, in_card("/metrics"), json!({"score": "A"})),
        (
            EPIC,
            in_card("/verification"),
            json!({"scenarios": [{"status": "maybe"}]}),
        ),
        (EPIC, in_card("/params"), json!("none")),
        (
            EPIC,
            in_card("/params"),
            json!({"required_statuses": ["finished"]}),
        ),
        (
            EPIC,
            in_card("/params"),
            json!({"required_tools": ["read_file"]}),
        ),
        (
            EPIC,
            in_card("/params"),
            json!({"required_write_paths": ["/tmp/x", "a/../../b"]}),
        ),
        (
            EPIC,
            in_card("/params"),
            json!({"required_read_paths": ["a.txt"]}),
        ),
        (
            EPIC,
            in_card("/params"),
            json!({"review_required_statuses": ["ready"]}),
        ),
        (EPIC, in_card("/params"), json!({"verify": "make"})),
        (
            EPIC,
            in_card("/params"),
            json!({"verify": ["make && true", [], {"expect_exit": 0}, {"command": ["x"], "timeout_ms": 0}]}),
        ),
        (TEAM, "/team/seats", Value::Null),
        (TEAM, "/team/seats", json!(["maker"])),
        (TEAM, "/team/seats/maker/roles", json!([])),
        (TEAM, "/team/seats/maker/roles", json!(["makr"])),
        (TEAM, "/team/seats/Maker", json!({"roles": ["maker"]})),
        (TEAM, "/team/seats/guard/roles", json!(["watch"])),
        (MAKER, "/role/tools", json!(["write_fil", 3])),
        (MAKER, "/role/tools/1", json!("tidy_up")),
        (MAKER, "/role/type", json!("wizard")),
        (
            MAKER,
            "/role/contract",
            json!({"required_tools": ["read_file"], "required_statuses": ["done"]}),
        ),
        (
            MAKER,
            "/role/contract",
            json!({"required_statuses": ["dun"], "tool_calls_only": "no"}),
        ),
        (WATCH, "/role/tools", json!(["read_file"])),
        (DESK, "/environment/model", json!("scripted:nowhere")),
        (DESK, "/environment/model", json!("ollama:")),
        (DESK, "/environment/temperature", json!(-0.1)),
        (DESK, "/environment/seed", json!(1.5)),
        (DESK, "/environment/timeout", json!(0)),
        (DESK, "/environment/params", json!([])),
        (HOUSE, "/organization/name", Value::Null),
        (HOUSE, "/organization/departments", json!("core")),
        (
            HOUSE,
            "/organization/bottleneck_thresholds",
            json!({"wip_limit_per_seat": -3}),
        ),
        (
            HOUSE,
            "/organization/process_rules",
            json!({"default_llm": 5}),
        ),
        (
            HOUSE,
            "/organization/process_rules",
            json!({"runtime_verifier_commands": ["a | b"], "runtime_verifier_timeout_sec": "1m"}),
        ),
        (ROCK, "/rock/epics", Value::Null),
        (ROCK, "/rock/epics", json!([])),
        (ROCK, "/rock/epics/0", json!({"department": "core"})),
        (ROCK, "/rock/status", json!("rolling")),
        (
            ROCK,
            "/rock/epics",
            json!([{"epic": "x", "depends_on": ["y"]}, {"epic": "y", "depends_on": ["x"]}]),
        ),
        (
            "config/engines/engines.json",
            "/engines/mappings",
            json!({"coder": {"catalog": [{"tier": "high"}]}}),
        ),
        ("config/departments/sales.json", "/name", json!(1)),
        ("config/issues/chore.json", "/references", json!({"a": 1})),
    ]
}

/// Sets the value at a JSON pointer, making the last step if it is not there.
pub fn set(root: &mut Value, pointer: &str, value: Value) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match root.pointer_mut(parent).unwrap() {
        Value::Object(map) => {
            map.insert(last.to_owned(), value);
        }
        Value::Array(items) => {
            let place: usize = last.parse().unwrap();
            items[place] = value;
        }
        other => panic!("{pointer} leads into {other}"),
    }
}
