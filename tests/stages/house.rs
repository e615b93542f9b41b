//! Labs with one small epic, and looks at what a run left.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use orket::storage::Reader;
use orket::system::System;
use orket_actors::runtime::{RunReport, Shutdown};
use serde_json::{Value, json};

use crate::lab::{Lab, agree, on_actix, run_to_end, write_and_hand_in};

/// A lab with one epic of these seats, each card in a scenario that serves coder and analyst.
pub fn lab_of(seats: &[&str], rules: Value) -> Lab {
    let lab = Lab::new();
    let issues: Vec<Value> = seats
        .iter()
        .enumerate()
        .map(|(place, seat)| {
            let id = format!("C-{}", place + 1);
            let writes = vec![format!("agent_output/{id}.txt")];
            let writes = if *seat == "code_reviewer" {
                vec![]
            } else {
                writes
            };
            json!({"id": id, "summary": "Part", "seat": seat, "max_retries": 0,
                   "params": {"required_write_paths": writes, "required_read_paths": [],
                              "review_required_read_paths": []}})
        })
        .collect();
    let hand_in = json!([{"tool": "update_issue_status", "args": {"status": "code_review"}}]);
    let replies = json!([
        {"when": {"role": "integrity_guard"}, "calls": agree()},
        {"when": {"role": "code_reviewer"}, "calls": hand_in},
        {"calls": write_and_hand_in("agent_output/{{issue_id}}.txt")},
    ]);
    lab.epic("demo", json!(issues), json!({ "replies": replies }));
    let organization = json!({"organization": {"name": "O", "process_rules": rules}});
    let folder = lab.path().join("config");
    std::fs::write(folder.join("organization.json"), organization.to_string()).expect("written");
    lab
}

pub fn run(lab: &Lab, run: &str) -> RunReport {
    on_actix(async {
        let system = System::start(lab.options()).await.expect("starts");
        let report = run_to_end(&system, lab.new_run("demo", run, run)).await;
        system.stop(Shutdown::Graceful).await.expect("stops");
        report
    })
}

/// `event` of every line of the log, with its data.
pub fn log(workspace: &Path) -> Vec<(String, Value)> {
    let text = std::fs::read_to_string(workspace.join("orket.log")).expect("a log");
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|line| {
            let event = line["event"].as_str().expect("an event").to_owned();
            (event, line["data"].clone())
        })
        .collect()
}

pub fn stage_events(workspace: &Path) -> Vec<String> {
    let stages = [
        "scaffolder_",
        "dependency_manager_",
        "deployment_planner_",
        "team_",
    ];
    log(workspace)
        .into_iter()
        .map(|(event, _)| event)
        .filter(|event| stages.iter().any(|stage| event.starts_with(stage)))
        .collect()
}

/// Every file below a folder, as paths relative to it.
pub fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(at).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let path = path.strip_prefix(folder).expect("below it");
                found.insert(path.display().to_string());
            }
        }
    }
    found
}

/// The program on the demo epic of a lab.
pub fn orket(lab: &Lab, environment: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orket"));
    command
        .args(args)
        .current_dir(lab.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").expect("a path"))
        .envs(environment.iter().copied());
    command.output().expect("it runs")
}

pub fn error(output: &Output) -> Value {
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    report["error"].clone()
}

/// The kinds of the entries about no card in the journal of the only run, in their order.
pub fn journaled(lab: &Lab) -> Vec<String> {
    let reader = Reader::open(&lab.path().join(".orket/durable/db"));
    let reader = reader.expect("readable").expect("there");
    let runs = reader.runs(9).expect("readable");
    assert_eq!(runs.len(), 1);
    let events = reader.events(&runs[0].run_id, 0, 1_000).expect("readable");
    let stages = events
        .into_iter()
        .filter(|event| event.card.is_none() && event.kind.ends_with("_completed"));
    stages.map(|event| event.kind).collect()
}
