//! What the record of a run proves: every decision derives again, and no stored byte can be changed
//! unseen.

use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use orket::evidence::{Evidence, verify_run};
use orket::storage::Reader;
use orket_core::ids::RunId;
use serde_json::{Value, json};

use super::house::{House, QUICK};

const CARDS: usize = 150;

/// An epic whose cards go wrong in as many ways as a model can.
fn troubled(house: &House) {
    let id = |number: usize| format!("T-{number}");
    let issues: Vec<Value> = (0..CARDS)
        .map(|number| {
            json!({"id": id(number), "summary": format!("Part {number}"), "seat": "coder",
                   "params": {"required_write_paths": [format!("agent_output/{}.txt", id(number))],
                              "review_required_read_paths": []}})
        })
        .collect();
    let work = json!([
        {"tool": "write_file", "args": {"path": "agent_output/{{issue_id}}.txt", "content": "by {{issue_id}}, 0.1 and 1e-7"}},
        {"tool": "add_issue_comment", "args": {"comment": "made by {{role}}"}},
        {"tool": "update_issue_status", "args": {"status": "code_review"}}
    ]);
    let mut replies = Vec::new();
    for number in 0..CARDS {
        let of = |attempt: u32| json!({"issue": id(number), "role": "coder", "turn": 1, "attempt": attempt});
        let first = match number % 10 {
            // Corrected within the attempt.
            0 => json!({"when": of(1), "times": 1, "content": "I would rather not."}),
            1 => json!({"when": of(1), "times": 1, "fault": "http_500"}),
            2 => json!({"when": of(1), "times": 1, "fault": "truncate", "calls": work}),
            // Looks before it writes.
            3 => {
                json!({"when": of(1), "times": 1, "calls": [{"tool": "list_directory", "args": {"path": "."}}]})
            }
            // Refused by the gate.
            4 => {
                json!({"when": of(1), "times": 1, "calls": [{"tool": "write_file", "args": {"path": "../x", "content": 1.5}}]})
            }
            // Never right at the first try.
            5 => json!({"when": of(1), "times": 2, "content": "no"}),
            // Sent back by the guard.
            6 => {
                json!({"when": {"issue": id(number), "role": "integrity_guard"}, "times": 1,
                "calls": [{"tool": "update_issue_status", "args": {"status": "guard_requested_changes"}}],
                "content": null})
            }
            _ => continue,
        };
        replies.push(first);
    }
    for reply in &mut replies {
        if reply["content"].is_null() {
            reply.as_object_mut().unwrap().remove("content");
        }
    }
    replies.push(json!({"when": {"role": "coder"}, "calls": work, "usage": {"prompt_tokens": 10, "output_tokens": 5}}));
    replies.push(json!({"when": {"role": "integrity_guard"}, "calls": [{"tool": "update_issue_status", "args": {"status": "done"}}]}));
    house.write(
        "config/epics/troubled.json",
        &json!({"epic": {"name": "troubled", "team": "standard", "environment": "troubled", "issues": issues}}),
    );
    house.write(
        "config/environments/troubled.json",
        &json!({"environment": {"name": "troubled", "model": "scripted:troubled", "temperature": 0.1}}),
    );
    house.write(
        "config/scenarios/troubled.json",
        &json!({"name": "troubled", "replies": replies}),
    );
}

#[test]
fn three_hundred_recorded_turns_derive_again_byte_for_byte() {
    let house = House::new();
    troubled(&house);
    let args = ["--epic", "troubled", "--json"];
    for fault in [
        "kill@turn.after_step#60",
        "kill@turn.before_ask#50",
        "kill@tool.after_effect#40",
        "kill@turn.before_finish#50",
    ] {
        let mut command = house.command(&args);
        command.env("ORKET_FAULT", fault);
        let ended = command.output().unwrap();
        assert_eq!(ended.status.code(), None, "{fault} did not come");
    }
    let done = house.run(&args);
    let report = done.json();
    let of_cards = report["cards"].as_array().unwrap();
    let settled = of_cards.iter().filter(|card| card["status"] == "done");
    assert_eq!(settled.count(), CARDS, "{done:?}");

    let replayed = house.run(&["replay", "last", "--verify", "--json"]);
    assert_eq!(replayed.code, 0, "{}", replayed.out);
    let replay = replayed.json()["replay"].clone();
    assert_eq!(replay["equal"], replay["attempts"], "{replay:#}");
    let attempts = replay["attempts"].as_u64().unwrap();
    assert!(attempts >= 300, "{attempts} attempts");

    let verified = house.run(&["verify", "last", "--json"]);
    assert_eq!(verified.code, 0, "{}", verified.out);
    let evidence = verified.json()["evidence"].clone();
    assert_eq!(evidence["problems"], json!([]));
    assert_eq!(evidence["unlinked_steps"], 0);

    let reader = open(&house.durable());
    let kinds: Vec<String> = reader
        .turns(report["run_id"].as_str().unwrap(), None)
        .unwrap()
        .iter()
        .flat_map(|turn| reader.stored_steps(turn.row).unwrap())
        .map(|step| step.kind)
        .collect();
    for kind in ["recovered", "reprompted", "turn_finished"] {
        assert!(
            kinds.iter().any(|it| it == kind),
            "no `{kind}` was recorded"
        );
    }
}

fn open(durable: &Path) -> Reader {
    Reader::open(&durable.join("db")).unwrap().unwrap()
}

#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Text)]
    body_json: String,
}

fn steps(connection: &mut SqliteConnection) -> Vec<Stored> {
    diesel::sql_query("SELECT id, seq, body_json FROM turn_steps ORDER BY id")
        .load(connection)
        .unwrap()
}

fn set(connection: &mut SqliteConnection, sql: &str, id: i64, text: &str) {
    diesel::sql_query(sql)
        .bind::<Text, _>(text)
        .bind::<BigInt, _>(id)
        .execute(connection)
        .unwrap();
}

#[test]
fn a_changed_byte_in_any_stored_step_is_found_and_named() {
    let house = House::new();
    house.epic("small", 2, QUICK);
    let done = house.run(&["--epic", "small", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let run_id = RunId::new(done.json()["run_id"].as_str().unwrap()).unwrap();
    let database = house.durable().join("db/orket_persistence.db");
    let mut connection = SqliteConnection::establish(database.to_str().unwrap()).unwrap();
    let reader = open(&house.durable());
    let look = || verify_run(&reader, &run_id).unwrap();
    assert_eq!(look().problems, []);
    let stored = steps(&mut connection);
    assert!(stored.len() > 20, "{} steps", stored.len());
    let chain_breaks = |evidence: &Evidence| -> Vec<u32> {
        let of_chain = evidence.problems.iter().filter(|it| it.kind == "chain");
        of_chain.filter_map(|it| it.step).collect()
    };
    for (nth, step) in stored.iter().enumerate() {
        let mut bytes = step.body_json.clone().into_bytes();
        // Another place in each step, never outside ASCII.
        let place = (nth * 7) % bytes.len();
        let place = (place..bytes.len())
            .find(|at| bytes[*at].is_ascii_alphanumeric())
            .unwrap_or(2);
        bytes[place] = if bytes[place] == b'x' { b'y' } else { b'x' };
        let changed = String::from_utf8(bytes).unwrap();
        let sql = "UPDATE turn_steps SET body_json = ? WHERE id = ?";
        set(&mut connection, sql, step.id, &changed);
        let evidence = look();
        assert_eq!(
            chain_breaks(&evidence),
            [u32::try_from(step.seq).unwrap()],
            "{changed}\n{:#?}",
            evidence.problems
        );
        set(&mut connection, sql, step.id, &step.body_json);
    }
    // What is no part of a body: the time, a step left out, the last step cut off.
    let last = stored.last().unwrap().id;
    let middle = stored[stored.len() / 2].id;
    for damage in [
        format!("UPDATE turn_steps SET at = at + 1 WHERE id = {middle}"),
        format!("DELETE FROM turn_steps WHERE id = {middle}"),
        format!("DELETE FROM turn_steps WHERE id = {last}"),
        "UPDATE card_events SET to_status = 'blocked' WHERE seq = 2".to_owned(),
    ] {
        diesel::sql_query("BEGIN").execute(&mut connection).unwrap();
        diesel::sql_query(&damage).execute(&mut connection).unwrap();
        diesel::sql_query("COMMIT")
            .execute(&mut connection)
            .unwrap();
        let problems = look().problems.len();
        assert!(problems > 0, "{damage} was not seen");
    }
}
