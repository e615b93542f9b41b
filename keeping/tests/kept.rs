//! What of a journal and a webhook database may go, and that looking at a database leaves no trace.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use orket_keeping::retention::{Action, Policy, runs, webhook};
use orket_keeping::schema::{self, State};
use orket_keeping::{Database, database};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn lines(actions: &[Action]) -> String {
    let lines: Vec<String> = actions
        .iter()
        .map(|it| format!("{} {} {} ({})", it.namespace, it.path, it.action, it.reason))
        .collect();
    lines.join("\n")
}

#[test]
fn steps_go_by_age_while_unfinished_pinned_and_newest_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orket_persistence.db");
    schema::apply(Database::Runtime, &path, |_| {}).unwrap();
    let mut connection = database::open(&path).unwrap();
    // Seven runs of one epic, a day apart, each of a build of its own with one card and one step.
    for (number, (status, card)) in [
        ("done", "done"),
        ("done", "done"),
        ("terminal_failure", "blocked"),
        ("done", "archived"),
        ("halted", "done"),
        ("done", "done"),
        ("done", "done"),
    ]
    .into_iter()
    .enumerate()
    {
        let at = i64::try_from(number).unwrap() * DAY_MS;
        connection
            .batch_execute(&format!(
                "INSERT INTO runs (run_id, build_id, epic, status, started_at, ended_at) \
                 VALUES ('R{number}', 'B{number}', 'e', '{status}', {at}, {at}); \
                 INSERT INTO cards VALUES ({number}, 'R{number}', 'B{number}', 'C', 0, 0, '{card}', \
                 NULL, 1, 0, 0, {at}, '{{}}'); \
                 INSERT INTO turns (row, card, fence, status, turn, attempt, started_at, ended_at, \
                 seat, role, card_id, run_id) VALUES ({number}, {number}, 0, 'succeeded', 1, 1, {at}, {at}, \
                 'coder', 'coder', 'C', 'R{number}'); \
                 INSERT INTO turn_steps (turn, seq, at, body_json) VALUES ({number}, 0, {at}, '{{}}')"
            ))
            .unwrap();
    }
    let now_ms = 10 * DAY_MS;
    let policy = Policy {
        older_than_days: 5,
        keep_last: 1,
        ..Policy::default()
    };
    assert!(runs::pin(&mut connection, &path, "R1", true, now_ms).unwrap());
    assert!(!runs::pin(&mut connection, &path, "nobody", true, now_ms).unwrap());
    let plan = runs::plan(&mut connection, &path, &policy, now_ms).unwrap();
    insta::assert_snapshot!(lines(&plan), @"
    steps R6 keep (among the newest of its epic)
    steps R5 keep (too young)
    steps R4 keep (unfinished)
    steps R3 delete (too old)
    steps R2 keep (its build is unfinished)
    steps R1 keep (pinned)
    steps R0 delete (too old)
    ");
    for action in plan.iter().filter(|it| it.is_removal()) {
        let removed = runs::remove_steps(&mut connection, &path, &action.path, now_ms).unwrap();
        assert_eq!(removed, 1);
    }
    let left = runs::plan(&mut connection, &path, &policy, now_ms).unwrap();
    assert_eq!(left.len(), 5);
    assert!(left.iter().all(|it| !it.is_removal()));
}

#[test]
fn a_receiver_forgets_what_is_over_and_nothing_that_is_still_to_be_done() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhook.db");
    schema::apply(Database::Webhook, &path, |_| {}).unwrap();
    let mut connection = database::open(&path).unwrap();
    connection
        .batch_execute(
            "INSERT INTO pr_review_cycles (pr_key, repo_full_name, pr_number, status, updated_at) VALUES
                ('o/r#1', 'o/r', 1, 'merged', '1970-01-02 00:00:00'),
                ('o/r#2', 'o/r', 2, 'closed', '1970-01-03 00:00:00'),
                ('o/r#3', 'o/r', 3, 'active', '1970-01-02 00:00:00'),
                ('o/r#4', 'o/r', 4, 'merged', '1970-01-10 00:00:00'),
                ('o/r#5', 'o/r', 5, 'merged', '1970-01-02 00:00:00'),
                ('o/r#6', 'o/r', 6, 'merged', '1970-01-02 00:00:00'),
                ('o/r#7', 'o/r', 7, 'merged', 'some day');
             INSERT INTO review_failures (pr_key, cycle_number, reviewer) VALUES ('o/r#1', 1, 'a'), ('o/r#3', 1, 'a');
             INSERT INTO outbox (event_row, pr_key, kind, request, once, next_try_ms, created_ms, updated_ms)
                VALUES (1, 'o/r#5', 'comment', '{}', 'x', 1, 1, 1);
             INSERT INTO webhook_events (delivery_id, body_digest, event_type, pr_key, result, received_ms, payload)
                VALUES ('d', x'01', 'pull_request', 'o/r#6', '{}', 1, '{}');
             INSERT INTO past_deliveries VALUES (x'02', 'a', 1), (x'03', 'b', 2), (x'04', 'c', 3);",
        )
        .unwrap();
    let policy = Policy {
        older_than_days: 2,
        keep_digests: 2,
        ..Policy::default()
    };
    let now_ms = 10 * DAY_MS;
    let plan = webhook::plan(&mut connection, &path, &policy, now_ms).unwrap();
    insta::assert_snapshot!(lines(&plan), @"
    digests 1 of 3 past deliveries delete (more than are kept)
    pull_request o/r#1 delete (over, and too old)
    pull_request o/r#2 delete (over, and too old)
    ");
    webhook::remove(&mut connection, &path, &policy, now_ms).unwrap();
    let left = webhook::plan(&mut connection, &path, &policy, now_ms).unwrap();
    assert_eq!(left, []);
    let mut source = orket_legacy::Source::open(&path, folder.path()).unwrap();
    let keys = |source: &mut orket_legacy::Source, table: &str, column: &str| {
        let rows = source.rows(table).unwrap();
        let keys: Vec<String> = rows.iter().map(|row| row.cell(column).shown()).collect();
        keys.join(" ")
    };
    assert_eq!(
        keys(&mut source, "pr_review_cycles", "pr_key"),
        "o/r#3 o/r#4 o/r#5 o/r#6 o/r#7"
    );
    assert_eq!(keys(&mut source, "review_failures", "pr_key"), "o/r#3");
    assert_eq!(keys(&mut source, "past_deliveries", "delivery_id"), "b c");
}

#[test]
fn looking_at_a_database_leaves_no_trace_even_where_a_wal_lies_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let path = folder.path().join("orket_persistence.db");
    let look = |path: &Path| schema::state(Database::Runtime, path, scratch.path()).unwrap();
    assert!(matches!(look(&path), State::Absent { .. }));
    let mut names = Vec::new();
    schema::apply(Database::Runtime, &path, |name| names.push(name.to_owned())).unwrap();
    let due = State::Ours {
        applied: names,
        pending: Vec::new(),
    };
    let files = || {
        let mut all: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let at = std::fs::metadata(&path).unwrap().modified().unwrap();
                (path.clone(), at, std::fs::read(path).unwrap())
            })
            .collect();
        all.sort();
        all
    };
    let before = files();
    assert_eq!(before.len(), 1);
    assert_eq!(look(&path), due);
    assert_eq!(files(), before);
    // Somebody has it open, and what he wrote is in the WAL.
    let mut open = database::open(&path).unwrap();
    open.batch_execute(
        "PRAGMA wal_autocheckpoint=0; INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')",
    )
    .unwrap();
    let before = files();
    let newer = State::Newer {
        found: "9999".to_owned(),
    };
    assert_eq!(look(&path), newer);
    assert_eq!(files(), before);
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn files_that_a_killed_removal_left_are_found_by_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orket_persistence.db");
    schema::apply(Database::Runtime, &path, |_| {}).unwrap();
    let mut connection = database::open(&path).unwrap();
    let workspace = folder.path().join("workspace");
    std::fs::create_dir_all(workspace.join("observability/R")).unwrap();
    let plan = serde_json::json!({"workspace": workspace}).to_string();
    connection
        .batch_execute(&format!(
            "INSERT INTO runs (run_id, build_id, epic, status, started_at, ended_at) \
             VALUES ('R', 'B', 'e', 'done', 1, 1); INSERT INTO run_plans (run_id, plan_json) \
             VALUES ('R', '{plan}')"
        ))
        .unwrap();
    let policy = Policy {
        older_than_days: 0,
        keep_last: 0,
        ..Policy::default()
    };
    let left = runs::plan(&mut connection, &path, &policy, DAY_MS).unwrap();
    let left: Vec<_> = left.iter().map(|it| (it.namespace, it.action)).collect();
    assert_eq!(left, [("files", "delete")]);
}

#[test]
fn each_database_knows_the_others_and_takes_none_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    for made in Database::ALL {
        let path = folder.path().join(made.file_name());
        schema::apply(made, &path, |_| {}).unwrap();
        for wanted in Database::ALL {
            let state = schema::state(wanted, &path, folder.path()).unwrap();
            if wanted == made {
                assert!(matches!(state, State::Ours { .. }), "{made:?}");
            } else {
                assert_eq!(state, State::Another(made), "as {wanted:?}");
            }
        }
    }
}
