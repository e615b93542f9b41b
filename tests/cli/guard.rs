//! What a guard says reaches whom it concerns, and a guard that says nothing usable agrees to nothing.

use serde_json::{Value, json};

use super::house::{Done, House};

/// A folder with one epic of one card, whose seats answer as the replies say.
fn house(card: &Value, replies: &Value) -> House {
    let house = House::new();
    let mut issue = json!({"id": "G-1", "summary": "Write it", "seat": "coder", "max_retries": 1,
        "params": {"required_write_paths": ["agent_output/a.txt"], "review_required_read_paths": []}});
    for (key, value) in card.as_object().unwrap() {
        issue[key] = value.clone();
    }
    house.write(
        "config/epics/g.json",
        &json!({"epic": {"name": "g", "team": "standard", "environment": "g", "issues": [issue]}}),
    );
    house.write(
        "config/environments/g.json",
        &json!({"environment": {"name": "g", "model": "scripted:g"}}),
    );
    house.write(
        "config/scenarios/g.json",
        &json!({"name": "g", "replies": replies}),
    );
    house
}

fn work() -> Value {
    json!({"when": {"role": "coder"}, "calls": [
        {"tool": "write_file", "args": {"path": "agent_output/a.txt", "content": "x"}},
        {"tool": "update_issue_status", "args": {"status": "code_review"}}]})
}

fn status(status: &str) -> Value {
    json!({"tool": "update_issue_status", "args": {"status": status}})
}

/// A guard that refuses without saying why, as often as it is asked about the first work.
fn unclear() -> Value {
    json!({"when": {"role": "integrity_guard", "turn": 2},
           "content": format!("No.\n{}", status("guard_requested_changes"))})
}

fn agrees() -> Value {
    json!({"when": {"role": "integrity_guard"}, "calls": [status("done")]})
}

fn card(done: &Done) -> Value {
    done.json()["cards"][0].clone()
}

fn gates(house: &House) -> Vec<Value> {
    let listed = house.run(&["gates", "list", "--all", "--json"]).json();
    listed["gates"].as_array().unwrap().clone()
}

fn prompts(house: &House) -> String {
    let shown = house.run(&["replay", "last:G-1:3", "--json"]);
    shown.json()["messages"].to_string()
}

#[test]
fn a_refusal_without_reasons_waits_for_a_person_who_lets_it_stand() {
    let right = json!({"when": {"role": "coder", "prompt_contains": "greet Ada"}, "calls": work()["calls"]});
    let house = house(&json!({}), &json!([right, work(), unclear(), agrees()]));
    let waits = house.run(&["run", "--epic", "g", "--json"]);
    assert_eq!(waits.code, 1, "{waits:?}");
    assert_eq!(waits.json()["status"], "incomplete");
    assert_eq!(card(&waits)["status"], "waiting_for_developer");
    assert_eq!(card(&waits)["code"], "E_GUARD_PAYLOAD");
    // The seat's own retries are untouched: one work turn, two tries of the guard.
    assert_eq!(card(&waits)["attempts"], 3);
    let asked = gates(&house);
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0]["request_type"], "guard_rejection_payload");
    let said = asked[0]["payload"]["guard_said"].as_str().unwrap();
    assert!(said.contains("guard_requested_changes"), "{said}");

    // Nothing goes on before somebody decides.
    assert_eq!(house.run(&["resume", "last"]).code, 1);
    assert_eq!(gates(&house).len(), 1);
    let told = ["gates", "approve", "1", "--reason", "it must greet Ada"];
    assert_eq!(house.run(&told).code, 0);
    let done = house.run(&["resume", "last", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(prompts(&house).contains("it must greet Ada"));
    assert!(gates(&house)[0]["spent_ms"].is_i64());
    let verified = house.run(&["verify", "last"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[test]
fn a_guard_without_an_answer_is_asked_again_when_a_person_says_so() {
    let silent = |attempt: u32| json!({"when": {"role": "integrity_guard", "attempt": attempt}, "content": ""});
    let house = house(&json!({}), &json!([work(), silent(1), silent(2), agrees()]));
    let waits = house.run(&["run", "--epic", "g", "--json"]);
    assert_eq!(card(&waits)["code"], "E_GUARD_PAYLOAD", "{waits:?}");
    assert_eq!(house.run(&["gates", "reject", "1"]).code, 0);
    let done = house.run(&["resume", "last", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(card(&done)["attempts"], 4, "the seat was not asked again");
    assert_eq!(house.run(&["verify", "last"]).code, 0);
    let log = house.path().join("workspace/default/orket.log");
    let log = std::fs::read_to_string(log).unwrap();
    for event in [
        "guard_payload_invalid",
        "gate_request_created",
        "guard_approved",
    ] {
        assert!(log.contains(&format!("\"{event}\"")), "no {event}");
    }
}

#[test]
fn killed_around_the_decision_it_is_heeded_once() {
    for fault in [
        "kill@writer.in_transaction#2",
        "kill@card_actor.begin#1",
        "kill@turn.before_claim#1",
    ] {
        let house = house(&json!({}), &json!([work(), unclear(), agrees()]));
        assert_eq!(house.run(&["run", "--epic", "g"]).code, 1);
        assert_eq!(
            house
                .run(&["gates", "approve", "1", "--reason", "greet Ada"])
                .code,
            0
        );
        let killed = house
            .command(&["resume", "last"])
            .env("ORKET_FAULT", fault)
            .output()
            .unwrap();
        assert_eq!(killed.status.code(), None, "{fault} did not come");
        let done = house.run(&["run", "--epic", "g", "--build-id", "build-g", "--json"]);
        assert_eq!(card(&done)["status"], "done", "{fault}: {done:?}");
        assert_eq!(gates(&house).len(), 1, "{fault}");
        assert_eq!(house.run(&["verify", "last"]).code, 0, "{fault}");
    }
}

#[test]
fn long_talk_before_a_refusal_does_not_hide_its_reasons() {
    let says = |what: &str| {
        let payload = json!({"rationale": what, "violations": ["no name"], "remediation_actions": ["greet Ada"]});
        json!({"when": {"role": "integrity_guard"}, "times": 1,
               "content": format!("{}\n{payload}\n{}", "I think about it. ".repeat(300), status("guard_requested_changes"))})
    };
    let replies = json!([
        work(),
        says("it greets nobody"),
        says("it greets Bob"),
        agrees()
    ]);
    let house = house(&json!({"max_retries": 3}), &replies);
    let done = house.run(&["run", "--epic", "g", "--json"]);
    // Two refusals that differ behind the same talk are two.
    assert_eq!(done.code, 0, "{done:?}");
    let asked = prompts(&house);
    assert!(asked.contains("it greets nobody") && asked.contains("greet Ada"));
    assert!(!asked.contains("I think about it. I think about it. I think about it. I think"));
}

#[test]
fn a_seat_that_may_speak_for_the_guard_does_not_get_past_the_verifier() {
    let both = json!({"when": {"role": "coder"}, "calls": [
        {"tool": "write_file", "args": {"path": "agent_output/a.txt", "content": "x"}},
        status("code_review"), status("done")]});
    let card_of = |verify: Value| {
        json!({"seat": "both", "max_retries": 0, "params": {"required_write_paths": ["agent_output/a.txt"],
            "required_statuses": [], "review_required_read_paths": [], "verify": verify}})
    };
    let team = json!({"team": {"name": "own", "seats": {
        "both": {"name": "Both", "roles": ["coder", "integrity_guard"]},
        "integrity_guard": {"name": "Guard", "roles": ["integrity_guard"]}}}});
    let run = |verify: Value| {
        let house = house(&card_of(verify), &json!([both, agrees()]));
        house.write("config/teams/own.json", &team);
        let epic = house.path().join("config/epics/g.json");
        let text = std::fs::read_to_string(&epic).unwrap();
        std::fs::write(&epic, text.replace("standard", "own")).unwrap();
        let done = house.run(&["run", "--epic", "g", "--json"]);
        let verified = house.run(&["verify", "last"]);
        assert_eq!(verified.code, 0, "{verified:?}");
        (card(&done), house)
    };
    let (refused, _) = run(json!([["false"]]));
    assert_eq!(refused["status"], "blocked", "{refused}");
    assert_eq!(refused["code"], "GUARD_RETRY_EXCEEDED", "{refused}");
    let (passed, house) = run(json!([["true"]]));
    assert_eq!(passed["status"], "done", "{passed}");
    assert_eq!(passed["attempts"], 2, "it was reviewed");
    let _ = house;
    // With nothing to verify its own word counts, each step of it on record.
    let (own, house) = run(json!([]));
    assert_eq!(
        (own["status"].as_str(), own["attempts"].as_u64()),
        (Some("done"), Some(1)),
        "{own}"
    );
    let shown = house.run(&["show", "last", "--json"]);
    assert_eq!(shown.code, 0);
}

#[test]
fn the_same_command_again_heeds_a_decision_and_keeps_a_question() {
    let again = ["run", "--epic", "g", "--build-id", "build-g", "--json"];
    let house = house(&json!({}), &json!([work(), unclear(), agrees()]));
    assert_eq!(house.run(&["run", "--epic", "g"]).code, 1);
    // Nobody has decided: it is not asked a second time.
    assert_eq!(house.run(&again).code, 1);
    assert_eq!(gates(&house).len(), 1);
    let told = ["gates", "approve", "1", "--reason", "it must greet Ada"];
    assert_eq!(house.run(&told).code, 0);
    let done = house.run(&again);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(prompts(&house).contains("it must greet Ada"));
    let asked = gates(&house);
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0]["spent_ms"].is_i64());
    // A run that found everything done has nothing to derive, and that is no fault.
    assert_eq!(house.run(&again).code, 0);
    let replayed = house.run(&["replay", "last", "--verify"]);
    assert_eq!(replayed.code, 0, "{replayed:?}");
}

/// A decision that comes while the run writes its last words is heeded all the same.
#[test]
fn a_decision_at_the_very_end_of_a_run_is_heeded() {
    use diesel::connection::SimpleConnection as _;
    use diesel::{Connection as _, SqliteConnection};

    let decides = json!({"when": {"role": "coder", "issue": "G-2"}, "content":
        format!("A decision: tabs.\n{}\n{}", work()["calls"][0], work()["calls"][1])});
    let guard = json!({"when": {"role": "integrity_guard", "issue": "G-1", "turn": 2},
        "content": format!("No.\n{}", status("guard_requested_changes"))});
    let house = house(&json!({}), &json!([guard, decides, work(), agrees()]));
    let epic = house.path().join("config/epics/g.json");
    let mut text: Value = serde_json::from_slice(&std::fs::read(&epic).unwrap()).unwrap();
    let mut second = text["epic"]["issues"][0].clone();
    second["id"] = json!("G-2");
    text["epic"]["issues"].as_array_mut().unwrap().push(second);
    std::fs::write(&epic, text.to_string()).unwrap();
    // The memory is there, so that it can be held.
    assert_eq!(house.run(&["memory", "add", "use tabs"]).code, 0);
    let mut owner = house.start(&["serve", "--socket-only"]);
    owner.until("listening on");
    let started = house
        .run(&["run", "--epic", "g", "--detach", "--json"])
        .json();
    let run = started["run_id"].as_str().unwrap().to_owned();
    let until = |what: &dyn Fn(&Value) -> bool| {
        let deadline = std::time::Instant::now() + super::house::DEADLINE;
        loop {
            let shown = house.run(&["show", &run, "--json"]).json();
            if what(&shown) {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "{shown}");
        }
    };
    let place = house.durable().join("db/project_memory.db");
    let mut held = SqliteConnection::establish(place.to_str().unwrap()).unwrap();
    held.batch_execute("PRAGMA busy_timeout=30000; BEGIN IMMEDIATE")
        .unwrap();
    until(&|shown| {
        let cards = shown["cards"].as_array().unwrap();
        let code = |card: &Value| card["code"].as_str().unwrap_or_default().to_owned();
        cards.iter().any(|card| code(card) == "E_GUARD_PAYLOAD")
            && cards.iter().any(|card| card["status"] == "done")
    });
    let told = house.run(&["gates", "reject", "1"]);
    assert_eq!(told.code, 0, "{told:?}");
    held.batch_execute("COMMIT").unwrap();
    // Asked again it says the same, so that the card waits once more: with a second question.
    let deadline = std::time::Instant::now() + super::house::DEADLINE;
    while gates(&house).len() < 2 {
        assert!(std::time::Instant::now() < deadline, "{:?}", gates(&house));
    }
    assert!(gates(&house)[0]["spent_ms"].is_i64());
}
