//! Opening and closing the journal: pragmas, migrations, and what keeps it from being used.

use std::path::Path;
use std::sync::Arc;

use orket::storage::{Journal, JournalOptions, OpenError, SyncMode};
use orket_actors::port::store::{Store, StoreError};
use orket_core::ids::RunId;

mod support {
    pub mod journal;
}
use support::journal::*;

fn open(folder: &Path) -> Arc<Journal> {
    Journal::open(folder, JournalOptions::default()).unwrap()
}

fn id(text: &str) -> RunId {
    RunId::new(text).unwrap()
}

async fn close(journal: &Arc<Journal>) {
    let journal = Arc::clone(journal);
    tokio::task::spawn_blocking(move || journal.close().unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn every_connection_is_set_as_the_durability_page_says() {
    let folder = tempfile::tempdir().unwrap();
    for (sync, synchronous) in [(SyncMode::Full, 2), (SyncMode::Normal, 1)] {
        let options = JournalOptions {
            sync,
            ..JournalOptions::default()
        };
        let journal = Journal::open(folder.path(), options).unwrap();
        let all = journal.pragmas().await.unwrap();
        assert_eq!(all.len(), 5);
        let (writer, readers) = all.split_first().unwrap();
        assert_eq!(
            (writer.synchronous, writer.query_only, writer.busy_timeout),
            (synchronous, 0, 5_000)
        );
        assert_eq!(writer.journal_size_limit, 64 * 1024 * 1024);
        for reader in readers {
            assert_eq!((reader.query_only, reader.busy_timeout), (1, 1_000));
        }
        for connection in &all {
            assert_eq!(connection.journal_mode, "wal");
            assert_eq!(connection.foreign_keys, 1);
        }
        close(&journal).await;
    }
}

#[tokio::test]
async fn a_closed_journal_says_so_and_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let second = Journal::open(folder.path(), JournalOptions::default());
    assert!(
        matches!(&second, Err(error @ OpenError::AlreadyOpen { .. }) if error.code() == "E_JOURNAL_ALREADY_OPEN"),
        "{second:?}"
    );
    let accepted = journal.submit(write(vec![insert_run("R", "B", "epic")]));
    let accepted = tokio::spawn(accepted);
    tokio::task::yield_now().await;
    close(&journal).await;
    accepted.await.unwrap().unwrap();
    journal.ended().await;
    assert_eq!(
        journal.submit(write(Vec::new())).await,
        Err(StoreError::Closed)
    );
    let wal = folder.path().join("orket_persistence.db-wal");
    assert_eq!(std::fs::metadata(&wal).map_or(0, |wal| wal.len()), 0);
    let again = open(folder.path());
    assert_eq!(again.running_runs().await.unwrap(), vec![id("R")]);
    // Dropping closes as well.
    drop(again);
    drop(open(folder.path()));
}

#[tokio::test]
async fn a_journal_that_cannot_be_used_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let attempt = |folder: &Path| {
        Journal::open(folder, JournalOptions::default())
            .map(|_| ())
            .map_err(|error| (error.code(), error.to_string()))
    };
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert_eq!(attempt(&file.join("db")).unwrap_err().0, "E_JOURNAL_PATH");

    let garbage = folder.path().join("garbage");
    std::fs::create_dir(&garbage).unwrap();
    std::fs::write(
        garbage.join("orket_persistence.db"),
        "no database".repeat(1_000),
    )
    .unwrap();
    let (code, words) = attempt(&garbage).unwrap_err();
    assert_eq!(code, "E_JOURNAL_UNUSABLE");
    assert!(words.contains("file is not a database"), "{words}");

    let newer = folder.path().join("newer");
    open(&newer).close().unwrap();
    execute(
        &newer,
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')",
    );
    let (code, words) = attempt(&newer).unwrap_err();
    assert_eq!(code, "E_JOURNAL_NEWER_SCHEMA");
    assert!(words.contains("9999"), "{words}");
    // What was refused is not open: the same folder can be tried again.
    execute(
        &newer,
        "DELETE FROM __diesel_schema_migrations WHERE version = '9999'",
    );
    assert_eq!(attempt(&newer), Ok(()));
}

#[test]
fn the_schema_goes_up_from_nothing_and_down_to_nothing() {
    use diesel::prelude::*;
    let folder = tempfile::tempdir().unwrap();
    let schema = || {
        let path = folder.path().join("orket_persistence.db");
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        diesel::dsl::sql::<diesel::sql_types::Text>(
            "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' AND name NOT LIKE '__diesel%' ORDER BY name",
        )
        .load::<String>(&mut connection)
        .unwrap()
    };
    open(folder.path()).close().unwrap();
    let once = schema();
    open(folder.path()).close().unwrap();
    assert_eq!(schema(), once);
    let tables = [
        "runs",
        "cards",
        "card_definitions",
        "card_events",
        "turns",
        "turn_steps",
        "run_texts",
        "gates",
        "comments",
        "budgets",
        "memory",
        "settings",
        "leases",
    ];
    for table in tables {
        assert!(once.iter().any(|name| name == table), "{table} in {once:?}");
    }
    for migration in migrations().iter().rev() {
        let down = std::fs::read_to_string(migration.join("down.sql")).unwrap();
        execute(folder.path(), &down);
    }
    assert_eq!(schema(), Vec::<String>::new());
}

/// The folders of the migrations, oldest first.
fn migrations() -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite/runtime");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

#[tokio::test]
async fn cards_of_the_first_schema_are_listed_with_what_their_plans_say() {
    use orket::storage::reader::{CardFilter, CardPage};
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("orket_persistence.db"), "").unwrap();
    let first = include_str!("../migrations/sqlite/runtime/0001_journal/up.sql");
    let mut plan = card("C-1");
    plan.note = "mind 'this'".to_owned();
    plan.depends_on = vec![orket_core::ids::CardId::new("C-0").unwrap()];
    plan.fixture = Some(
        serde_json::from_value(
            serde_json::json!({"path": "verification/a.py", "scenarios": [{"id": "s"}]}),
        )
        .unwrap(),
    );
    let plan = serde_json::to_string(&plan).unwrap().replace('\'', "''");
    execute(
        folder.path(),
        &format!(
            "{first}
             CREATE TABLE __diesel_schema_migrations (
                 version VARCHAR(50) PRIMARY KEY NOT NULL,
                 run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
             INSERT INTO __diesel_schema_migrations (version) VALUES ('0001');
             INSERT INTO runs (run_id, build_id, epic, status, started_at)
             VALUES ('R', 'B', 'epic', 'done', 2000);
             INSERT INTO cards VALUES
             (1, 'R', 'B', 'C-1', 0, 0, 'done', NULL, 1, 0, 5, 9000, '{{}}'),
             (2, 'R', 'B', 'C-2', 1, 0, 'ready', NULL, 0, 0, 0, 1000, '{{}}');
             INSERT INTO card_definitions VALUES
             (1, 'issue', 'coder', 'Do C-1', '{plan}'), (2, 'issue', 'coder', 'Do C-2', 'damaged');
             INSERT INTO card_events (run_id, card, kind, at) VALUES ('R', 1, 'status', 3000);"
        ),
    );
    let journal = open(folder.path());
    let page = CardPage {
        before: None,
        offset: 0,
        limit: 9,
    };
    let page = journal
        .reader()
        .issue_rows(&CardFilter::default(), page)
        .unwrap();
    let [second, first] = page.items.as_slice() else {
        panic!("{page:?}");
    };
    assert_eq!((first.created_at, second.created_at), (2_000, 1_000));
    assert_eq!(first.note.as_deref(), Some("mind 'this'"));
    assert_eq!((first.priority, first.max_retries), (2.5, 3));
    assert_eq!(first.depends_on, ["C-0"]);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(first.verification.get()).unwrap(),
        serde_json::json!({"fixture_path": "verification/a.py", "last_run": null,
            "scenarios": [{"id": "s", "input_data": {}, "expected_output": null}]})
    );
    assert_eq!((second.priority, second.max_retries), (2.0, 3));
    // What was written before reads as what is written now.
    let write_again = write(vec![
        insert_run("S", "D", "epic"),
        insert_cards("S", "D", 3, 1),
    ]);
    journal.submit(write_again).await.unwrap();
    assert!(journal.load_run(id("S")).await.unwrap().is_some());
}

fn execute(folder: &Path, sql: &str) {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    let path = folder.join("orket_persistence.db");
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute(sql).unwrap();
}
