//! Cases of the reference that need a story: what an agent asks for is a scripted reply, what becomes of
//! it is read over the socket. Cases 19, 26, 41, 42, 82 to 87 and 90; each of 41, 42 and 82 to 87 is
//! held on its table, scheduler or journal too.

use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use orket_actors::port::store::CardRow;
use orket_core::card_life::CardLife;
use orket_core::ids::CardId;
use orket_core::plan::CardPlan;
use orket_core::status::CardStatus;
use serde_json::{Value, json};

use super::cards::{insert, over, run_with, seed, server_over};
use super::house::{Builder, KEY, Server};
use super::journal::insert_run;
use super::small_epics::{Coder, epic, run, start};

/// A card of the developer, who writes one file and may leave any status behind.
fn issue(id: &str, depends_on: &[&str]) -> Value {
    json!({"id": id, "summary": format!("Part {id}"), "seat": "developer", "depends_on": depends_on,
           "max_retries": 0, "params": {"required_write_paths": [format!("agent_output/{id}.txt")],
                                        "required_statuses": [], "review_required_read_paths": []}})
}

fn ask(status: &str) -> Value {
    json!({"tool": "update_issue_status", "args": {"status": status}})
}

/// The reply in which the developer of a card, or of any, writes its file and makes these calls.
fn work(id: Option<&str>, calls: &[Value]) -> Value {
    let file = json!({"path": "agent_output/{{issue_id}}.txt", "content": "x"});
    let mut all = vec![json!({"tool": "write_file", "args": file})];
    all.extend_from_slice(calls);
    json!({"when": {"role": "developer", "issue": id}, "calls": all})
}

/// The reply in which the guard of a card, or of any, asks for these statuses.
fn review(id: Option<&str>, statuses: &[&str]) -> Value {
    let calls: Vec<Value> = statuses.iter().map(|status| ask(status)).collect();
    json!({"when": {"role": "integrity_guard", "issue": id}, "calls": calls})
}

/// Work and reviews that go well.
fn well() -> [Value; 2] {
    [work(None, &[ask("code_review")]), review(None, &["done"])]
}

/// With an epic of these cards, whose model replies so.
fn story(builder: Builder, name: &str, issues: &[Value], replies: &[Value]) -> Builder {
    let team = json!({"team": {"name": "pair", "seats": {
        "developer": {"name": "Developer", "roles": ["developer"]},
        "integrity_guard": {"name": "Guard", "roles": ["integrity_guard"]}}}});
    let epic =
        json!({"epic": {"name": name, "team": "pair", "environment": name, "issues": issues}});
    let environment = json!({"environment": {"name": name, "model": format!("scripted:{name}")}});
    let scenario = json!({"name": name, "replies": replies});
    [
        ("teams", "pair", team),
        ("epics", name, epic),
        ("environments", name, environment),
        ("scenarios", name, scenario),
    ]
    .into_iter()
    .fold(builder, |builder, (kind, name, asset)| {
        builder.file(&format!("config/{kind}/{name}.json"), &asset.to_string())
    })
}

fn card(server: &Server, id: &str) -> Value {
    server.get(&format!("/v1/cards/{id}")).json()
}

fn detail(server: &Server, run: &str) -> Value {
    server.get(&format!("/v1/runs/{run}")).json()
}

/// How a card came to where it stands: `who: status`.
fn steps(server: &Server, id: &str) -> Vec<String> {
    let history = server.get(&format!("/v1/cards/{id}/history")).json();
    let lines = history["history"].as_array().unwrap().iter();
    lines
        .map(|line| {
            let line = line.as_str().unwrap();
            let (who, rest) = line[20..].split_once(" -> Set Status to '").unwrap();
            format!("{who}: {}", rest.split_once('\'').unwrap().0)
        })
        .collect()
}

/// The turns of a run that ended well, as its session tells them.
fn transcript(server: &Server, run: &str) -> Vec<Value> {
    let session = server.get(&format!("/v1/sessions/{run}")).json();
    serde_json::from_str(session["transcript"].as_str().unwrap()).unwrap()
}

/// All events of a run that is over.
fn events(server: &Server, run: &str) -> Vec<Value> {
    let page = server
        .get(&format!("/v1/runs/{run}/events?after=0&wait=5"))
        .json();
    assert_eq!(
        (&page["over"], &page["missed"]),
        (&json!(true), &json!(0)),
        "{page}"
    );
    page["events"].as_array().unwrap().clone()
}

/// The cards in the order in which their first turns began.
fn first_turns(events: &[Value]) -> Vec<&str> {
    let mut ids = Vec::new();
    for event in events.iter().filter(|event| event["event"] == "turn_start") {
        // In the log it is part of what is said.
        let id = event["issue_id"].as_str();
        let id = id.unwrap_or_else(|| event["data"]["issue_id"].as_str().unwrap());
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// What the server says of a turn that was refused, everywhere it says something of it.
fn assert_refused(server: &Server, run: &str, id: &str, role: &str, why: &str) {
    let shown = card(server, id);
    assert_eq!(
        (&shown["status"], &shown["code"], &shown["wait_reason"]),
        (&json!("blocked"), &json!("E_TOOL_GATE"), &json!("system")),
        "{shown}"
    );
    assert!(shown["note"].as_str().unwrap().contains(why), "{shown}");
    assert_eq!(steps(server, id).last().unwrap(), "scheduler: blocked");
    let events = events(server, run);
    let failed: Vec<&Value> = events
        .iter()
        .filter(|event| event["event"] == "turn_failed" && event["issue_id"] == json!(id))
        .collect();
    assert_eq!(failed.len(), 1, "{id}: {failed:?}");
    assert_eq!(
        (&failed[0]["role"], &failed[0]["data"]["code"]),
        (&json!(role), &json!("E_TOOL_GATE"))
    );
    assert!(
        failed[0]["data"]["error"].as_str().unwrap().contains(why),
        "{failed:?}"
    );
    let said = transcript(server, run);
    assert!(
        said.iter()
            .all(|turn| turn["issue"] != json!(id) || turn["role"] != json!(role)),
        "{said:?}"
    );
}

#[test]
fn case_82_an_agent_s_status_follows_the_table_and_a_wait_says_why() {
    let why = json!({"tool": "update_issue_status", "args": {"status": "blocked", "wait_reason": "dependency"}});
    let replies = [
        work(Some("DONE"), &[ask("done")]),
        work(Some("SAME"), &[ask("in_progress"), ask("code_review")]),
        work(Some("MUTE"), &[ask("blocked")]),
        work(Some("WHY"), &[why]),
        work(Some("REVIEW"), &[ask("code_review")]),
        review(None, &["done"]),
    ];
    let issues = ["DONE", "SAME", "MUTE", "WHY", "REVIEW"].map(|id| issue(id, &[]));
    let server = story(Server::build(), "table", &issues, &replies).start();
    let run = run(&server, "table");
    for (id, why) in [
        ("DONE", "the card is `in_progress` and cannot become `done`"),
        (
            "SAME",
            "the card is `in_progress` and cannot become `in_progress`",
        ),
        ("MUTE", "`blocked` needs a wait_reason"),
    ] {
        assert_refused(&server, &run, id, "developer", why);
        assert_eq!(
            steps(&server, id),
            ["scheduler: in_progress", "scheduler: blocked"]
        );
        // Nothing of a turn that is refused happens.
        let file = format!("workspace/default/agent_output/{id}.txt");
        assert!(!server.folder.path().join(file).exists(), "{id}");
    }
    let shown = card(&server, "WHY");
    assert_eq!(
        (&shown["status"], &shown["wait_reason"], &shown["code"]),
        (&json!("blocked"), &json!("dependency"), &Value::Null)
    );
    assert_eq!(
        steps(&server, "WHY"),
        ["scheduler: in_progress", "developer: blocked"]
    );
    let written = server
        .folder
        .path()
        .join("workspace/default/agent_output/WHY.txt");
    assert!(written.exists());
    assert_eq!(steps(&server, "REVIEW")[1], "developer: code_review");
    assert_eq!(
        detail(&server, &run)["summary"]["status_counts"],
        json!({"blocked": 4, "done": 1})
    );
}

#[test]
fn an_agent_that_asked_for_what_may_not_be_is_told_and_mends_it() {
    let mut mended = work(None, &[ask("code_review")]);
    mended["when"]["prompt_contains"] = json!("cannot become `done`");
    let replies = [mended, work(None, &[ask("done")]), review(None, &["done"])];
    let server = story(Server::build(), "told", &[issue("T-1", &[])], &replies).start();
    let run = run(&server, "told");
    assert_eq!(detail(&server, &run)["status"], "done");
    assert_eq!(
        steps(&server, "T-1"),
        [
            "scheduler: in_progress",
            "developer: code_review",
            "scheduler: awaiting_guard_review",
            "integrity_guard: done"
        ]
    );
}

#[test]
fn case_83_an_agent_hands_in_and_only_the_guard_approves() {
    let hand_in = [ask("code_review"), ask("awaiting_guard_review")];
    let approve = [hand_in.as_slice(), &[ask("guard_approved")]].concat();
    let replies = [
        work(Some("OWN"), &approve),
        work(Some("DONE"), &[ask("code_review"), ask("done")]),
        work(None, &hand_in),
        review(None, &["guard_approved"]),
    ];
    let issues = ["OWN", "DONE", "GUARD"].map(|id| issue(id, &[]));
    let server = story(Server::build(), "guard", &issues, &replies).start();
    let run = run(&server, "guard");
    for (id, status) in [("OWN", "guard_approved"), ("DONE", "done")] {
        let why = format!("only a seat with the role `integrity_guard` may set `{status}`");
        assert_refused(&server, &run, id, "developer", &why);
    }
    assert_eq!(
        steps(&server, "GUARD"),
        [
            "scheduler: in_progress",
            "developer: code_review",
            "developer: awaiting_guard_review",
            "integrity_guard: guard_approved",
            "scheduler: done"
        ]
    );
    let guard = server.get("/v1/cards/GUARD/guard-history").json();
    assert_eq!(guard["summary"]["guard_approved"], 1);
    let guard = server.get("/v1/cards/OWN/guard-history").json();
    assert_eq!(guard["summary"]["guard_approved"], 0);
}

#[test]
fn case_84_the_guard_cannot_take_back_what_is_done_but_may_put_it_away() {
    let replies = [
        work(None, &[ask("code_review")]),
        review(Some("BACK"), &["done", "in_progress", "done"]),
        review(Some("TWICE"), &["done", "done"]),
        review(Some("AWAY"), &["done", "archived"]),
    ];
    let mut issues = ["BACK", "TWICE", "AWAY"].map(|id| issue(id, &[]));
    issues[2]["params"]["review_required_statuses"] = json!(["done", "archived"]);
    let server = story(Server::build(), "back", &issues, &replies).start();
    let run = run(&server, "back");
    for (id, status) in [("BACK", "in_progress"), ("TWICE", "done")] {
        let why = format!("the card is `done` and cannot become `{status}`");
        assert_refused(&server, &run, id, "integrity_guard", &why);
        assert!(!steps(&server, id).contains(&"integrity_guard: done".to_owned()));
    }
    assert_eq!(
        steps(&server, "AWAY")[3..],
        ["integrity_guard: done", "integrity_guard: archived"]
    );
}

#[test]
fn case_84_no_request_changes_a_done_card_but_one_to_archive_it() {
    let server = story(Server::build(), "once", &[issue("O-1", &[])], &well()).start();
    let run = run(&server, "once");
    let before = (card(&server, "O-1"), steps(&server, "O-1"));
    assert_eq!(before.0["status"], "done");
    let headers = [("X-API-Key", KEY), ("Content-Type", "application/json")];
    let body = json!({"status": "in_progress"}).to_string();
    for verb in ["PATCH", "PUT", "POST", "DELETE"] {
        let answer = server.send(verb, "/v1/cards/O-1", &headers, Some(&body));
        assert_eq!(answer.status, 405, "{verb}: {}", answer.text);
    }
    for verb in ["resume", "halt"] {
        let answer = server.post(&format!("/v1/runs/{run}/{verb}"), json!({}));
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (409, &json!("E_RUN_OVER")),
            "{verb}"
        );
    }
    server.post(&format!("/v1/sessions/{run}/halt"), json!({}));
    assert_eq!(
        (card(&server, "O-1"), steps(&server, "O-1")),
        before,
        "something changed it"
    );
    // The same epic again has a card of its own.
    let again = start(&server, "once");
    assert_ne!(again, run);
    server.until(&format!("/v1/runs/{again}"), |it| it["status"] == "done");
    let first = format!("/v1/cards/O-1?session_id={run}");
    assert_eq!(server.get(&first).json(), before.0);
    let build = before.0["build_id"].as_str().unwrap();
    let asked = json!({"card_ids": [format!("{build}/O-1")], "reason": "shipped"});
    for (count, already) in [(1, json!([])), (0, json!(["O-1"]))] {
        let archived = server.post("/v1/cards/archive", asked.clone()).json();
        assert_eq!(
            (&archived["archived_count"], &archived["already_archived"]),
            (&json!(count), &already),
            "{archived}"
        );
    }
    assert_eq!(server.get(&first).json()["status"], "archived");
    assert_eq!(card(&server, "O-1")["status"], "done");
}

#[test]
fn case_85_the_higher_priority_begins_first_and_what_unblocks_more_counts_for_more() {
    let one_at_a_time = json!({"organization": {"name": "House",
        "bottleneck_thresholds": {"wip_limit_per_seat": 1}}});
    let with = |id: &str, priority: Value, depends_on: &[&str]| {
        let mut issue = issue(id, depends_on);
        issue["priority"] = priority;
        issue
    };
    let words = [
        with("LOW", json!("LOW"), &[]),
        with("HALF", json!("2.5"), &[]),
        with("HIGH", json!("high"), &[]),
    ];
    let queue = [
        with("one", json!(1), &[]),
        with("three", json!(3), &[]),
        with("two", json!(2), &[]),
    ];
    // `B` waits for `A`, whatever it is worth; that lends `A` enough to go before `C`.
    let chain = [
        with("A", json!(1), &[]),
        with("B", json!(3), &["A"]),
        with("C", json!(2), &[]),
    ];
    let builder = Server::build().file("config/organization.json", &one_at_a_time.to_string());
    let builder = story(builder, "words", &words, &well());
    let builder = story(builder, "queue", &queue, &well());
    let server = story(builder, "chain", &chain, &well()).start();
    for (epic, order) in [
        ("words", ["HIGH", "HALF", "LOW"]),
        ("queue", ["three", "two", "one"]),
        ("chain", ["A", "B", "C"]),
    ] {
        let run = run(&server, epic);
        let told = events(&server, &run);
        assert_eq!(first_turns(&told), order, "{epic}");
        let log = format!("/v1/logs?session_id={run}&event=turn_start");
        let log = server.until(&log, |log| log["total"] == 6);
        let mut logged = log["items"].as_array().unwrap().clone();
        logged.reverse();
        assert_eq!(first_turns(&logged), order, "{epic}, in the log");
    }
    for (id, priority) in [("LOW", 1.0), ("HALF", 2.5), ("HIGH", 3.0)] {
        assert_eq!(card(&server, id)["priority"], json!(priority), "{id}");
    }
}

#[test]
fn case_86_a_card_begins_when_what_it_depends_on_is_done() {
    // The first attempt at `A` is not answered; it is halted then, and there is another.
    let mut endless = work(Some("A"), &[ask("code_review")]);
    endless["when"]["attempt"] = json!(1);
    endless["first_chunk_delay_ms"] = json!(600_000);
    let [work, review_all] = well();
    let replies = [
        endless,
        work,
        review(Some("AWAY"), &["done", "archived"]),
        review_all,
    ];
    let mut issues = [
        issue("B", &["A"]),
        issue("A", &[]),
        issue("AWAY", &[]),
        issue("AFTER", &["AWAY"]),
    ];
    issues[2]["params"]["review_required_statuses"] = json!(["done", "archived"]);
    let server = story(Server::build(), "waits", &issues, &replies).start();
    let run = start(&server, "waits");
    // What is archived counts as done; what is only under way does not.
    server.until("/v1/cards/AFTER", |card| card["status"] == "done");
    server.until("/v1/cards/A", |card| card["status"] == "in_progress");
    assert_eq!(card(&server, "AWAY")["status"], "archived");
    let waiting = card(&server, "B");
    assert_eq!(
        (&waiting["status"], &waiting["turn"]),
        (&json!("ready"), &json!(0))
    );
    let graph = server
        .get(&format!("/v1/runs/{run}/execution-graph"))
        .json();
    let blocked: Vec<(&Value, &Value)> = graph["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (&node["id"], &node["blocked_by"]))
        .filter(|(_, by)| **by != json!([]))
        .collect();
    assert_eq!(blocked, [(&json!("B"), &json!(["A"]))]);
    for verb in ["halt", "resume"] {
        let answer = server.post(&format!("/v1/runs/{run}/{verb}"), json!({}));
        assert_eq!(answer.status, 200, "{verb}: {}", answer.text);
    }
    server.until(&format!("/v1/runs/{run}"), |it| it["status"] == "done");
    let told = events(&server, &run);
    let place = |is_it: &dyn Fn(&Value) -> bool| told.iter().position(is_it).unwrap();
    for (first, then) in [("A", "B"), ("AWAY", "AFTER")] {
        let done = place(&|event| {
            event["event"] == "card_status"
                && event["issue_id"] == json!(first)
                && event["data"]["to"] == "done"
        });
        let begun =
            place(&|event| event["event"] == "turn_start" && event["issue_id"] == json!(then));
        assert!(done < begun, "{then} began before {first} was done");
    }
}

#[test]
fn case_87_twenty_cards_saved_at_once_are_all_there() {
    let ids: Vec<String> = (0..20).map(|number| format!("K-{number}")).collect();
    let issues: Vec<Value> = ids.iter().map(|id| issue(id, &[])).collect();
    let [work, review] = well();
    let mut endless = work.clone();
    endless["when"]["attempt"] = json!(1);
    endless["first_chunk_delay_ms"] = json!(600_000);
    let server = story(Server::build(), "many", &issues, &[endless, work, review]).start();
    let run = start(&server, "many");
    let mut expected: Vec<&str> = ids.iter().map(String::as_str).collect();
    expected.sort_unstable();
    let listed = |status: &str| {
        let path = format!("/v1/cards?session_id={run}&status={status}&limit=500");
        let list = server.until(&path, |list| list["count"] == 20);
        let items = list["items"].as_array().unwrap().iter();
        let mut ids: Vec<String> = items
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort_unstable();
        ids
    };
    // All at once.
    assert_eq!(listed("in_progress"), expected);
    for verb in ["halt", "resume"] {
        let answer = server.post(&format!("/v1/runs/{run}/{verb}"), json!({}));
        assert_eq!(answer.status, 200, "{verb}: {}", answer.text);
    }
    server.until(&format!("/v1/runs/{run}"), |it| it["status"] == "done");
    assert_eq!(listed("done"), expected);
    for id in &ids {
        assert_eq!(steps(&server, id).last().unwrap(), "integrity_guard: done");
    }
    // And by twenty clients.
    std::thread::scope(|scope| {
        for id in &ids {
            let server = &server;
            scope.spawn(move || {
                let archived = server.post("/v1/cards/archive", json!({"card_ids": [id]}));
                assert_eq!(
                    archived.json()["archived_ids"],
                    json!([id]),
                    "{}",
                    archived.text
                );
            });
        }
    });
    assert_eq!(listed("archived"), expected);
}

#[test]
fn case_87_a_card_whose_dependencies_are_damaged_is_shown_with_none() {
    use CardStatus::{Done, Ready};
    let server = server_over(run_with("R", "B", &[(1, "I1", Done), (2, "I2", Ready)]));
    let file = server
        .folder
        .path()
        .join(".orket/durable/db/orket_persistence.db");
    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    connection
        .batch_execute("UPDATE card_definitions SET depends_on_json = '[\"I1' WHERE card = 2")
        .unwrap();
    let damaged = card(&server, "I2");
    assert_eq!(
        (&damaged["status"], &damaged["depends_on"]),
        (&json!("ready"), &json!([]))
    );
    let listed = server.get("/v1/cards?session_id=R").json();
    assert_eq!(
        (&listed["count"], &listed["items"][0]["depends_on"]),
        (&json!(2), &json!([]))
    );
}

#[test]
fn case_90_a_run_whose_cards_wait_for_a_person_is_incomplete() {
    let issues = [issue("W-1", &[]), issue("W-2", &["W-1"])];
    let server = story(Server::build(), "waits", &issues, &well())
        .env("ORKET_APPROVAL_REQUIRED_TOOLS", "write_file")
        .start();
    let run = run(&server, "waits");
    let shown = detail(&server, &run);
    assert_eq!(
        (&shown["status"], &shown["run_ledger"]["status"]),
        (&json!("incomplete"), &json!("incomplete"))
    );
    assert_eq!(
        shown["summary"]["status_counts"],
        json!({"ready": 1, "waiting_for_developer": 1})
    );
    let reason = shown["run_ledger"]["failure_reason"].as_str().unwrap();
    assert!(
        reason.starts_with("W-1: waits for a person to approve write_file"),
        "{reason}"
    );
    let listed = server.get("/v1/runs?status=incomplete").json();
    assert_eq!(
        (&listed[0]["run_id"], &listed[1]),
        (&json!(run), &Value::Null)
    );
    let session = server.get(&format!("/v1/sessions/{run}")).json();
    assert_eq!(session["status"], "incomplete");
}

/// What the ledger says of a run that failed.
fn assert_failed(server: &Server, run: &str, class: &str, reason: &str) {
    let shown = detail(server, run);
    let ledger = &shown["run_ledger"];
    assert_eq!(
        (
            &shown["status"],
            &ledger["status"],
            &ledger["failure_class"]
        ),
        (&json!("failed"), &json!("failed"), &json!(class)),
        "{shown}"
    );
    let told = ledger["failure_reason"].as_str().unwrap();
    assert!(told.contains(reason), "{told}");
    for card in shown["cards"].as_array().unwrap() {
        assert_eq!(
            (&card["status"], &card["code"], &card["attempts"]),
            (&json!("blocked"), &json!(class), &json!(0)),
            "{card}"
        );
        let note = card["note"].as_str().unwrap();
        assert!(note.contains(&format!("`orket resume {run}`")), "{note}");
    }
    let listed = server.get("/v1/runs?status=failed").json();
    assert_eq!(listed[0]["run_id"], json!(run));
    assert_eq!(server.get("/ready").json()["active_runs"], 0);
}

#[test]
fn case_90_a_run_that_breaks_says_the_class_and_the_reason() {
    let issues = [issue("F-1", &[]), issue("F-2", &["F-1"])];
    let panics = story(Server::build(), "panics", &issues, &well())
        .env("ORKET_FAULT", "panic@run_actor.started#*")
        .keep_log()
        .start();
    let broken = run(&panics, "panics");
    assert_failed(&panics, &broken, "E_ACTOR_PANIC", "it panicked");
    // A stage that lays out the project is refused by what lies there.
    let rules = json!({"organization": {"name": "House",
        "process_rules": {"project_surface_profile": "cli"}}});
    let manifest = "workspace/default/agent_output/dependencies/requirements.txt";
    let stages = story(Server::build(), "stages", &issues, &well())
        .file("config/organization.json", &rules.to_string())
        .file(manifest, "requests>=2\n")
        .start();
    let broken = run(&stages, "stages");
    assert_failed(
        &stages,
        &broken,
        "E_STAGE_DEPENDENCIES",
        "`requests>=2` names no exact version",
    );
}

#[test]
fn case_42_tokens_are_summed_for_each_of_two_models() {
    let other = json!({"name": "other", "replies": [
        {"when": {"role": "integrity_guard"}, "calls": [ask("done")],
         "usage": {"prompt_tokens": 6, "output_tokens": 4}}]});
    let server = epic(Server::build(), "tok", 2, Coder::default())
        .file("config/scenarios/other.json", &other.to_string())
        .env("ORKET_MODEL_INTEGRITY_GUARD", "scripted:other")
        .start();
    let (run, _another) = (run(&server, "tok"), run(&server, "tok"));
    let summary = server.get(&format!("/v1/runs/{run}/token-summary")).json();
    assert_eq!(
        (&summary["total_tokens"], &summary["turn_count"]),
        (&json!(70), &json!(4))
    );
    assert_eq!(
        summary["by_model"],
        json!([{"model": "scripted:other", "tokens_total": 20}, {"model": "scripted:tok", "tokens_total": 50}])
    );
    assert_eq!(
        summary["by_role_model"],
        json!([{"role": "coder", "model": "scripted:tok", "tokens_total": 50},
               {"role": "integrity_guard", "model": "scripted:other", "tokens_total": 20}])
    );
    assert_eq!(
        server.get("/v1/cards/TOK-1").json()["tokens"],
        json!(35),
        "of the newest build"
    );
}

/// A card of a journal that depends on others.
fn tied(
    row: CardRow,
    id: &str,
    status: CardStatus,
    on: &[&str],
) -> (CardRow, u32, Arc<CardPlan>, CardLife) {
    let (row, place, plan, life) = seed(row, id, status);
    let depends_on = on.iter().map(|id| CardId::new(id).unwrap()).collect();
    let plan = CardPlan {
        depends_on,
        ..Arc::unwrap_or_clone(plan)
    };
    (row, place, Arc::new(plan), life)
}

#[test]
fn case_41_the_graph_names_a_dependency_that_is_not_there() {
    use CardStatus::{Done, InProgress, Ready};
    let cards = vec![
        tied(1, "A", Done, &[]),
        tied(2, "B", InProgress, &["A"]),
        tied(3, "C", Ready, &["B"]),
        tied(4, "D", Ready, &["X"]),
    ];
    let server = server_over(vec![
        insert_run("R", "B", "epic"),
        insert("R", "B", cards),
        over("R"),
    ]);
    let graph = server.get("/v1/runs/R/execution-graph").json();
    assert_eq!(
        (&graph["node_count"], &graph["edge_count"]),
        (&json!(4), &json!(2))
    );
    assert_eq!(graph["execution_order"], json!(["A", "B", "C", "D"]));
    assert_eq!(graph["has_cycle"], json!(false));
    let ties: Vec<Value> = graph["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            json!([
                node["id"],
                node["blocked"],
                node["blocked_by"],
                node["unresolved_dependencies"],
                node["dependency_statuses"]
            ])
        })
        .collect();
    assert_eq!(
        json!(ties),
        json!([
            ["A", false, [], [], {}],
            ["B", false, [], [], {"A": "done"}],
            ["C", true, ["B"], [], {"B": "in_progress"}],
            ["D", true, ["X"], ["X"], {"X": "missing"}],
        ])
    );
}

#[test]
fn case_19_a_path_alone_names_the_card_or_the_epic() {
    let issues = [issue("demo", &[]), issue("rest", &[])];
    let server = story(Server::build(), "paths", &issues, &well()).start();
    // The card by the file's stem; it alone is run.
    let run = server.run_done(json!({"path": "model/core/issues/demo.json", "type": "issue"}));
    assert_eq!(run.len(), 8);
    let shown = detail(&server, &run);
    assert_eq!(shown["summary"]["target_issue_id"], "demo", "{shown}");
    let card = |id: &str| {
        server
            .get(&format!("/v1/cards/{id}?session_id={run}"))
            .json()
    };
    assert_eq!(
        (&card("demo")["status"], &card("rest")["status"]),
        (&json!("done"), &json!("ready"))
    );
    let whole = server.run_done(json!({"path": "config/epics/paths.json"}));
    assert_eq!(whole.len(), 8);
    assert_eq!(
        detail(&server, &whole)["summary"]["status_counts"],
        json!({"done": 2})
    );
}

#[test]
fn case_26_nobody_having_said_where_state_is_kept_is_the_default() {
    let server = Server::start();
    let settings = server.get("/v1/settings").json()["settings"].clone();
    let backend = &settings["state_backend_mode"];
    assert_eq!(
        (&backend["value"], &backend["source"], &backend["origin"]),
        (&json!("local"), &json!("default"), &json!("default"))
    );
}
