//! What the record of a run proves: every decision derives again, and no stored byte can be changed
//! unseen.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable};
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
    assert_eq!(evidence["replayed"], evidence["attempts"]);

    let reader = open(&house.durable());
    let kinds: Vec<String> = reader
        .turns(report["run_id"].as_str().unwrap(), None)
        .unwrap()
        .iter()
        .flat_map(|turn| reader.stored_steps(turn.row).unwrap())
        .filter_map(|step| step.kind())
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
    #[diesel(sql_type = Binary)]
    body: Vec<u8>,
    #[diesel(sql_type = Binary)]
    link: Vec<u8>,
}

/// A finished run whose record may be changed.
struct Record {
    house: House,
    run_id: RunId,
}

impl Record {
    /// Two cards, one after the other; each comments on itself, and the second fails once.
    fn small() -> Self {
        let house = House::new();
        house.epic("small", 2, QUICK);
        house.change("config/epics/small.json", |epic| {
            epic["epic"]["issues"][1]["max_retries"] = json!(1);
        });
        house.change("config/scenarios/small.json", |scenario| {
            let replies = scenario["replies"].as_array_mut().unwrap();
            let calls = replies[0]["calls"].as_array_mut().unwrap();
            calls.insert(
                0,
                json!({"tool": "add_issue_comment", "args": {"comment": "seen"}}),
            );
            let when = json!({"issue": "SMALL-2", "role": "coder"});
            replies.insert(0, json!({"when": when, "times": 2, "content": "no"}));
        });
        let done = house.run(&["--epic", "small", "--json"]);
        assert_eq!(done.code, 0, "{done:?}");
        let record = Self {
            run_id: RunId::new(done.json()["run_id"].as_str().unwrap()).unwrap(),
            house,
        };
        assert_eq!(record.look().problems, []);
        record
    }

    fn database(&self) -> PathBuf {
        self.house.durable().join("db/orket_persistence.db")
    }

    fn connect(&self) -> SqliteConnection {
        let path = self.database();
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection
            .batch_execute("PRAGMA synchronous=OFF; PRAGMA foreign_keys=OFF")
            .unwrap();
        connection
    }

    fn look(&self) -> Evidence {
        verify_run(&open(&self.house.durable()), &self.run_id).unwrap()
    }

    /// What is found after this damage, which is undone again.
    fn after(&self, damage: &str) -> Vec<String> {
        let whole = std::fs::read(self.database()).unwrap();
        self.connect().batch_execute(damage).unwrap();
        let evidence = self.look();
        assert_eq!(evidence.ok, evidence.problems.is_empty());
        let run = self.run_id.as_str();
        assert_eq!(
            self.house.run(&["verify", run]).code,
            i32::from(!evidence.ok)
        );
        if evidence.replayed < evidence.attempts {
            let replayed = self.house.run(&["replay", run, "--verify"]);
            assert_eq!(replayed.code, 1, "{damage}: {replayed:?}");
        }
        // Nobody has it open any more.
        for beside in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{beside}", self.database().display()));
        }
        std::fs::write(self.database(), whole).unwrap();
        let told = evidence.problems.iter().map(|it| {
            let turn = it.turn.map(|turn| format!(":{turn}")).unwrap_or_default();
            let attempt = it.attempt.map(|it| format!(":{it}")).unwrap_or_default();
            format!("{} {}{turn}{attempt}: {}", it.kind, it.issue_id, it.message)
        });
        told.collect()
    }
}

fn steps(connection: &mut SqliteConnection) -> Vec<Stored> {
    diesel::sql_query(
        "SELECT id, seq, CAST(body_json AS BLOB) AS body, link FROM turn_steps ORDER BY id",
    )
    .load(connection)
    .unwrap()
}

fn set(connection: &mut SqliteConnection, step: i64, body: &[u8], link: Option<&[u8]>) {
    diesel::sql_query("UPDATE turn_steps SET body_json = CAST(? AS TEXT), link = ? WHERE id = ?")
        .bind::<Binary, _>(body)
        .bind::<Nullable<Binary>, _>(link)
        .bind::<BigInt, _>(step)
        .execute(connection)
        .unwrap();
}

#[test]
fn a_bit_turned_over_in_any_stored_step_is_found_and_named() {
    let record = Record::small();
    let mut connection = record.connect();
    let reader = open(&record.house.durable());
    let look = || verify_run(&reader, &record.run_id).unwrap();
    let stored = steps(&mut connection);
    assert!(stored.len() > 20, "{} steps", stored.len());
    let chain_breaks = |evidence: &Evidence| -> Vec<i64> {
        let of_chain = evidence.problems.iter().filter(|it| it.kind == "chain");
        of_chain.filter_map(|it| it.step.map(i64::from)).collect()
    };
    for (nth, step) in stored.iter().enumerate() {
        // Another byte in each step, all bits of it: what comes of it need not be a text.
        let place = (nth * 7) % step.body.len();
        for bit in 0..8 {
            let mut changed = step.body.clone();
            changed[place] ^= 1 << bit;
            set(&mut connection, step.id, &changed, Some(&step.link));
            let evidence = look();
            let told = chain_breaks(&evidence);
            assert_eq!(told, [step.seq], "{nth} {bit}\n{:#?}", evidence.problems);
        }
        for (link, breaks) in [(None, 1), (Some(&b"x"[..]), 1), (Some(&[7; 32][..]), 2)] {
            set(&mut connection, step.id, &step.body, link);
            let evidence = look();
            let told = chain_breaks(&evidence);
            assert_eq!(told.first(), Some(&step.seq), "{:#?}", evidence.problems);
            // A link that is one changes what the next one, or the end, is made from.
            assert_eq!(told.len(), breaks, "{:#?}", evidence.problems);
        }
        set(&mut connection, step.id, &step.body, Some(&step.link));
    }
    assert_eq!(look().problems, []);
}

#[test]
fn what_is_gone_or_changed_is_told_with_its_kind() {
    let record = Record::small();
    let of_role = |role: &str| {
        let turn = format!("{}:SMALL-1:1:{role}", record.run_id);
        record.house.run(&["replay", &turn, "--verify"])
    };
    assert_eq!(of_role("coder").code, 0);
    let nobody = of_role("nobody");
    assert!(nobody.err.contains("E_REPLAY_NOT_FOUND"), "{nobody:?}");
    let mut told = String::new();
    for damage in [
        "DELETE FROM run_plans",
        "DELETE FROM card_definitions WHERE seat = 'coder' AND card = (SELECT min(row) FROM cards)",
        "UPDATE card_definitions SET seat = 'x' WHERE card = (SELECT min(row) FROM cards)",
        "DELETE FROM card_definitions WHERE card = (SELECT max(row) FROM cards);
         DELETE FROM comments WHERE card = (SELECT max(row) FROM cards);
         DELETE FROM cards WHERE row = (SELECT max(row) FROM cards)",
        "UPDATE cards SET turn = 9 WHERE card_id = 'SMALL-1'",
        "DELETE FROM card_events",
        "DELETE FROM card_events WHERE seq = (SELECT max(seq) FROM card_events)",
        "UPDATE card_events SET to_status = 'blocked' WHERE seq = 2",
        "DELETE FROM turn_steps WHERE turn = (SELECT max(row) FROM turns);
         DELETE FROM turns WHERE row = (SELECT max(row) FROM turns)",
        "DELETE FROM turn_steps WHERE turn = (SELECT min(row) FROM turns);
         DELETE FROM turns WHERE row = (SELECT min(row) FROM turns)",
        "DELETE FROM comments",
        "UPDATE comments SET content = 'unseen' WHERE id = 1",
        "INSERT INTO comments (card, key, author, content, at) SELECT min(row), 'k', 'a', 'c', 1 FROM cards",
        "UPDATE turns SET status = 'failed', seat = 'x', prompt_tokens = 99 WHERE row = (SELECT max(row) FROM turns)",
        "UPDATE turns SET code = 'E_X' WHERE status = 'failed'",
        "UPDATE turns SET attempt = 7 WHERE row = (SELECT max(row) FROM turns)",
        "UPDATE turns SET head = NULL; UPDATE turn_steps SET link = NULL",
        "UPDATE turns SET head = NULL, ended_at = NULL WHERE row = (SELECT max(row) FROM turns)",
        "UPDATE turns SET status = 'open', head = NULL, ended_at = NULL WHERE row = (SELECT max(row) FROM turns);
         DELETE FROM turn_steps WHERE turn = (SELECT max(row) FROM turns) AND seq > 2",
        "UPDATE turn_steps SET at = at + 1 WHERE id = (SELECT max(id) - 2 FROM turn_steps)",
        "UPDATE turn_steps SET seq = 99 WHERE id = (SELECT max(id) FROM turn_steps)",
        "DELETE FROM turn_steps WHERE id = (SELECT max(id) - 2 FROM turn_steps)",
        "DELETE FROM turn_steps WHERE id = (SELECT max(id) FROM turn_steps)",
        "DELETE FROM run_texts",
        "UPDATE run_texts SET body = body || ' '",
    ] {
        let found = record.after(damage);
        assert!(!found.is_empty(), "{damage} was not seen");
        let plain: Vec<&str> = damage.split_whitespace().collect();
        told.push_str(&format!("{}\n", plain.join(" ")));
        let all = found.len();
        for line in found.into_iter().take(6) {
            told.push_str(&format!(
                "  {}\n",
                line.replace(record.run_id.as_str(), "RUN")
            ));
        }
        if all > 6 {
            told.push_str(&format!("  and {} more\n", all - 6));
        }
    }
    assert_eq!(record.look().problems, []);
    insta::assert_snapshot!(told);
}

#[test]
fn a_run_under_way_holds_whenever_it_is_looked_at() {
    let house = House::new();
    house.epic("busy", 60, QUICK);
    let mut running = house.command(&["--epic", "busy"]).spawn().unwrap();
    let durable = house.durable();
    let (mut looked, mut whole) = (0, 0);
    while running.try_wait().unwrap().is_none() {
        let Ok(Some(reader)) = Reader::open(&durable.join("db")) else {
            continue;
        };
        let Some(run) = reader.runs(1).unwrap().pop() else {
            continue;
        };
        let evidence = verify_run(&reader, &RunId::new(run.run_id.as_str()).unwrap()).unwrap();
        assert_eq!(evidence.problems, [], "after {looked} looks");
        assert_eq!(evidence.replayed, evidence.attempts);
        looked += 1;
        whole += usize::from(evidence.attempts > 0 && run.ended_ms.is_none());
    }
    assert!(
        whole > 2,
        "{whole} of {looked} looks were at a run under way"
    );
}

#[test]
fn an_attempt_that_a_new_run_of_the_build_took_up_holds_in_both() {
    let house = House::new();
    house.epic("ask", 1, QUICK);
    house.change("config/scenarios/ask.json", |scenario| {
        let calls = scenario["replies"][0]["calls"].as_array_mut().unwrap();
        calls.insert(
            0,
            json!({"tool": "add_issue_comment", "args": {"comment": "seen"}}),
        );
        calls.push(json!({"tool": "add_issue_comment", "args": {"comment": "done"}}));
    });
    let mut asking = house.command(&["--epic", "ask", "--json"]);
    asking.env("ORKET_APPROVAL_REQUIRED_TOOLS", "write_file");
    let parked: Value = serde_json::from_slice(&asking.output().unwrap().stdout).unwrap();
    let first = parked["run_id"].as_str().unwrap();
    assert_eq!(house.run(&["verify", first]).code, 0);
    let build = parked["build_id"].as_str().unwrap();
    let mut again = house.command(&["run", "--epic", "ask", "--build-id", build, "--json"]);
    again.env("ORKET_APPROVAL_REQUIRED_TOOLS", "write_file");
    let held: Value = serde_json::from_slice(&again.output().unwrap().stdout).unwrap();
    let second = held["run_id"].as_str().unwrap();
    let approved = house.run(&["gates", "approve", "1"]);
    assert_eq!(approved.code, 0, "{approved:?}");
    let done = house.run(&["resume", second, "--json"]).json();
    assert_eq!(done["status"], "done", "{held:#} {done:#}");
    assert_ne!(first, second);
    for run in [first, second] {
        let verified = house.run(&["verify", run, "--json"]);
        assert_eq!(verified.code, 0, "{}", verified.out);
        let evidence = verified.json()["evidence"].clone();
        assert_eq!(evidence["replayed"], 2, "{evidence:#}");
    }
}
