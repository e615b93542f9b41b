//! What one run decided the next one is shown, and operators can see it and take it back.

use serde_json::{Value, json};

use super::house::{House, QUICK};

/// A folder whose epic has a coder that speaks of a decision.
fn house(cards: usize) -> House {
    let house = House::new();
    house.epic("mem", cards, QUICK);
    let path = "config/scenarios/mem.json";
    let text = std::fs::read_to_string(house.path().join(path)).unwrap();
    let mut scenario: Value = serde_json::from_str(&text).unwrap();
    let calls = scenario["replies"][0]["calls"].as_array().unwrap();
    let calls: Vec<String> = calls.iter().map(Value::to_string).collect();
    let reply = scenario["replies"][0].as_object_mut().unwrap();
    reply.remove("calls");
    let said = format!(
        "Decision for {{{{issue_id}}}}: SQLite.\n{}",
        calls.join("\n")
    );
    reply.insert("content".to_owned(), json!(said));
    house.write(path, &scenario);
    house
}

fn run(house: &House, mode: &str) -> String {
    let mode = format!("ORKET_MEMORY_VISIBILITY_MODE={mode}");
    let done = house.run(&["run", "--epic", "mem", "--set", &mode, "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    done.json()["run_id"].as_str().unwrap().to_owned()
}

fn remembered(house: &House) -> Vec<String> {
    let listed = house.run(&["memory", "list", "--json"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    let listed = listed.json();
    let records = listed["records"].as_array().unwrap();
    let content = |record: &Value| record["content"].as_str().unwrap().to_owned();
    records.iter().map(content).collect()
}

fn prompt(house: &House, run: &str, card: &str) -> String {
    let shown = house.run(&["replay", &format!("{run}:{card}:1"), "--json"]);
    shown.json()["messages"].to_string()
}

fn trace(house: &House, run: &str, card: &str, file: &str) -> Value {
    let path = format!("workspace/default/observability/{run}/{card}/001_coder/{file}");
    serde_json::from_slice(&std::fs::read(house.path().join(path)).unwrap()).unwrap()
}

#[test]
fn a_run_is_shown_what_the_one_before_decided_and_nothing_of_its_own() {
    let house = house(2);
    let first = run(&house, "buffered_write");
    assert!(
        !prompt(&house, &first, "MEM-2").contains("Past decisions"),
        "it held its own back"
    );
    assert_eq!(
        remembered(&house),
        [
            "coder on MEM-1 (Part 1): Decision for MEM-1: SQLite.",
            "coder on MEM-2 (Part 2): Decision for MEM-2: SQLite."
        ]
    );
    let second = run(&house, "buffered_write");
    let shown = prompt(&house, &second, "MEM-1");
    assert!(
        shown.contains("Past decisions") && shown.contains("Decision for MEM-2"),
        "{shown}"
    );
    let memory = trace(&house, &second, "MEM-1", "memory_trace.json");
    assert_eq!(
        remembered(&house).len(),
        2,
        "it decided the same, which is remembered once"
    );
    assert_eq!(memory["visibility_mode"], "buffered_write");
    assert_eq!(memory["memory_snapshot_id"], "1");
    let ids = &memory["events"][0]["retrieval_event_ids"];
    let retrieval = trace(&house, &second, "MEM-1", "memory_retrieval_trace.json");
    assert_eq!(&json!([retrieval["events"][0]["retrieval_event_id"]]), ids);
    assert_eq!(retrieval["events"][0]["candidate_count"], 2);
    assert_eq!(
        retrieval["events"][0]["selected_records"][0]["record_id"],
        "1"
    );
    let file =
        |name: &str| format!("workspace/default/observability/{second}/MEM-1/001_coder/{name}");
    let checked = house.run(&[
        "check",
        "memory",
        "--trace",
        &file("memory_trace.json"),
        "--retrieval-trace",
        &file("memory_retrieval_trace.json"),
    ]);
    assert_eq!(checked.code, 0, "{checked:?}");
    // What was found is part of the record: the turn is derived again with it.
    for verb in [vec!["verify", &second], vec!["replay", &second, "--verify"]] {
        let verified = house.run(&verb);
        assert_eq!(verified.code, 0, "{verified:?}");
    }
    let layers = trace(&house, &second, "MEM-1", "prompt_layers.json");
    assert_eq!(layers["role_base"]["name"], "coder", "{layers}");
    assert_eq!(layers["context_profile"], "work");
    let notes = trace(&house, &second, "MEM-1", "tool_parser_diagnostics.json");
    assert_eq!(notes[0]["stage"], "parse_start");
}

#[test]
fn another_decision_on_the_same_card_takes_the_place_of_the_one_before() {
    let house = house(2);
    run(&house, "buffered_write");
    house.change("config/scenarios/mem.json", |scenario| {
        let said = scenario["replies"][0]["content"].as_str().unwrap();
        scenario["replies"][0]["content"] = json!(said.replace("SQLite", "Postgres"));
    });
    let second = run(&house, "buffered_write");
    assert!(prompt(&house, &second, "MEM-1").contains("SQLite"));
    let now = [
        "coder on MEM-1 (Part 1): Decision for MEM-1: Postgres.",
        "coder on MEM-2 (Part 2): Decision for MEM-2: Postgres.",
    ];
    assert_eq!(remembered(&house), now);
    let third = run(&house, "buffered_write");
    let shown = prompt(&house, &third, "MEM-1");
    assert_eq!(
        shown.matches("coder on MEM-1 (Part 1)").count(),
        1,
        "{shown}"
    );
    assert!(!shown.contains("SQLite"), "{shown}");
    // What it took the place of does not come back in its stead.
    let found = house.run(&["memory", "search", "MEM-1", "--json"]).json();
    let id = found["records"][0]["id"].to_string();
    assert_eq!(house.run(&["memory", "forget", &id]).code, 0);
    assert_eq!(remembered(&house), now[1..]);
}

#[test]
fn runs_that_decide_the_same_differ_in_nothing_though_the_memory_went_on() {
    let house = house(1);
    house.change("config/scenarios/mem.json", |scenario| {
        let said = scenario["replies"][0]["content"].as_str().unwrap();
        scenario["replies"][0]["content"] = json!(said.replace("{{run_id}}", "nobody"));
    });
    let first = run(&house, "buffered_write");
    let second = run(&house, "buffered_write");
    // The same record under another number and in another snapshot, which no prompt shows.
    let id = house.run(&["memory", "list", "--json"]).json()["records"][0]["id"].to_string();
    assert_eq!(house.run(&["memory", "forget", &id]).code, 0);
    run(&house, "buffered_write");
    let later = run(&house, "buffered_write");
    let same = house.run(&["diff", &second, &later]);
    assert_eq!((same.code, same.out.as_str()), (0, "no difference\n"));
    // What is shown counts.
    let other = house.run(&["diff", &first, &second, "--json"]);
    assert_eq!(other.code, 1, "{other:?}");
    let field = other.json()["first_difference"]["field"].clone();
    assert_eq!(field, "given.remembered.search");
}

#[test]
fn each_mode_sees_and_adds_what_it_says() {
    let house = house(2);
    run(&house, "off");
    assert_eq!(remembered(&house).len(), 0);
    assert!(
        !house
            .path()
            .join(".orket/durable/db/project_memory.db")
            .exists()
    );
    // Of its own cards it sees those that are done.
    let live = run(&house, "live_read_write");
    assert!(prompt(&house, &live, "MEM-2").contains("Decision for MEM-1"));
    assert_eq!(remembered(&house).len(), 2);
    let reading = run(&house, "read_only");
    assert!(prompt(&house, &reading, "MEM-1").contains("Decision for MEM-2"));
    assert_eq!(remembered(&house).len(), 2, "it added nothing");
    let deaf = run(&house, "off");
    assert!(!prompt(&house, &deaf, "MEM-1").contains("Past decisions"));
    let wrong = house.run(&[
        "run",
        "--epic",
        "mem",
        "--set",
        "ORKET_MEMORY_VISIBILITY_MODE=all",
    ]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.err.contains("live_read_write"), "{wrong:?}");
}

#[test]
fn killed_around_its_end_a_run_commits_once() {
    for fault in [
        "kill@run.before_finish#1",
        "kill@run.after_finish#1",
        "kill@card_actor.turn_ended#3",
    ] {
        let house = house(2);
        let killed = house
            .command(&["run", "--epic", "mem"])
            .env("ORKET_FAULT", fault)
            .output()
            .unwrap();
        assert_eq!(killed.status.code(), None, "{fault} did not come");
        let _ = house.run(&["resume", "last"]);
        assert_eq!(remembered(&house).len(), 2, "{fault}");
        assert_eq!(house.run(&["verify", "last"]).code, 0, "{fault}");
    }
}

#[test]
fn a_halted_run_keeps_its_snapshot_and_refused_work_is_not_remembered() {
    let house = house(1);
    let add = house.run(&["memory", "add", "Part", "1", "uses", "tabs"]);
    assert_eq!(add.code, 0, "{add:?}");
    let refusing = json!({"when": {"role": "integrity_guard"}, "calls": [{"tool": "update_issue_status",
        "args": {"status": "guard_rejected", "rationale": "no", "violations": ["x"], "remediation_actions": ["y"]}}]});
    let path = "config/scenarios/mem.json";
    let text = std::fs::read_to_string(house.path().join(path)).unwrap();
    let mut scenario: Value = serde_json::from_str(&text).unwrap();
    scenario["replies"][1] = refusing;
    house.write(path, &scenario);
    let done = house.run(&["run", "--epic", "mem", "--json"]);
    assert_eq!(done.code, 1, "{done:?}");
    let first = done.json()["run_id"].as_str().unwrap().to_owned();
    assert!(prompt(&house, &first, "MEM-1").contains("uses tabs"));
    assert_eq!(remembered(&house), ["Part 1 uses tabs"]);
}

#[test]
fn operators_see_search_and_forget() {
    let house = House::new();
    let nothing = house.run(&["memory"]);
    assert_eq!(nothing.code, 0, "{nothing:?}");
    assert!(nothing.out.contains("nothing is remembered"), "{nothing:?}");
    assert_eq!(house.run(&["memory", "forget", "1"]).code, 1);
    for text in ["use tabs", "use WAL"] {
        assert_eq!(house.run(&["memory", "add", text]).code, 0);
    }
    let other = house.run(&["memory", "list", "--project", "other"]);
    assert!(
        other.out.contains("projects with a memory: default"),
        "{other:?}"
    );
    let found = house.run(&["memory", "search", "wal", "--json"]);
    assert_eq!(found.json()["records"][0]["content"], "use WAL");
    let id = found.json()["records"][0]["id"].to_string();
    assert_eq!(house.run(&["memory", "forget", &id]).code, 0);
    assert_eq!(remembered(&house), ["use tabs"]);
}

#[test]
fn a_memory_that_cannot_be_used_stops_nothing() {
    let house = house(1);
    let place = house.durable().join("db/project_memory.db");
    std::fs::create_dir_all(&place).unwrap();
    run(&house, "buffered_write");
    let log = house.path().join("workspace/default/orket.log");
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("\"memory_unavailable\""), "{log}");
    assert_eq!(house.run(&["memory"]).code, 1);
    // Once it can be, the next run uses it.
    std::fs::remove_dir(&place).unwrap();
    run(&house, "buffered_write");
    assert_eq!(remembered(&house).len(), 1);
}
