use std::sync::Arc;

use actix_web::web::Bytes;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use orket_actors::rate_limiter::Tat;
use orket_core::webhook::delivery::{Event, PullRequest, Repository, Verdict};
use orket_core::webhook::outcome::CallStatus;
use orket_core::webhook::review_policy::ReviewPolicy;
use sha2::Digest as _;

use super::*;

const NOW: i64 = 1_767_225_600_000;

const ROOM: Room = Room { quick: 10, slow: 1 };

fn store(folder: &tempfile::TempDir) -> Store {
    Store::open(folder.path(), StoreOptions { is_durable: false }).unwrap()
}

fn pull_request() -> PullRequest {
    PullRequest {
        repository: Repository {
            owner: "acme".to_owned(),
            name: "site".to_owned(),
        },
        number: 7,
        title: "[ISSUE-AB12] Add a page".to_owned(),
        author: Some("ada".to_owned()),
        head_sha: Some("a".repeat(40)),
        head_ref: Some("page".to_owned()),
        is_open: None,
    }
}

fn review(id: &str, verdict: Verdict) -> Arrival {
    arrival(
        id,
        Event::Reviewed {
            pull_request: pull_request(),
            reviewer: "grace".to_owned(),
            verdict,
            words: Some(format!("reason of {id}")),
        },
    )
}

fn arrival(id: &str, event: Event) -> Arrival {
    Arrival {
        delivery_id: id.to_owned(),
        body_digest: sha2::Sha256::digest(id.as_bytes()).into(),
        event_type: "pull_request".to_owned(),
        payload: "{}".into(),
        event,
        policy: Arc::new(ReviewPolicy::default()),
        tats: vec![Tat {
            key: "acme/site".to_owned(),
            at_ns: NOW,
        }],
        received_ms: NOW,
    }
}

async fn count(store: &Store, table: &'static str) -> i64 {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let read = move |connection: &mut SqliteConnection| {
        let row: Count = diesel::sql_query(format!("SELECT count(*) AS count FROM {table}"))
            .get_result(connection)?;
        Ok(row.count)
    };
    store.write(read).await.unwrap()
}

#[tokio::test]
async fn a_delivery_is_stored_once_whoever_sends_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let first = store
        .receive(review("one", Verdict::Approved))
        .await
        .unwrap();
    assert_eq!((first.answer.status.as_str(), first.calls), ("success", 1));
    assert!(!first.is_duplicate);
    let senders = (0..64).map(|number| {
        let mut again = review("one", Verdict::Approved);
        if number % 2 == 0 {
            // The id is not signed: the same body under another one is the same delivery.
            again.delivery_id = format!("other-{number}");
        }
        store.receive(again)
    });
    for again in futures_util::future::join_all(senders).await {
        let again = again.unwrap();
        assert!(again.is_duplicate);
        assert_eq!((again.row, &again.answer), (first.row, &first.answer));
    }
    assert_eq!(count(&store, "webhook_events").await, 1);
    assert_eq!(count(&store, "outbox").await, 1);
    // After a restart, too.
    store.close();
    assert!(matches!(store.tats().await, Err(StoreError::Closed)));
    let store = self::store(&folder);
    let again = store
        .receive(review("one", Verdict::Approved))
        .await
        .unwrap();
    assert!(again.is_duplicate);
    let left = store.tats().await.unwrap();
    assert_eq!((left[0].key.as_str(), left[0].at_ns), ("acme/site", NOW));
}

#[tokio::test]
async fn many_at_once_are_stored_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let senders = (0..500).map(|number| {
        let why = "nothing".to_owned();
        let event = Event::Ignored {
            pull_request: None,
            why,
        };
        store.receive(arrival(&format!("d-{}", number % 250), event))
    });
    let outcomes = futures_util::future::join_all(senders).await;
    let fresh = outcomes
        .iter()
        .filter(|outcome| !outcome.as_ref().unwrap().is_duplicate)
        .count();
    assert_eq!((fresh, count(&store, "webhook_events").await), (250, 250));
}

#[tokio::test]
async fn cycles_are_counted_and_the_fourth_closes_with_all_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let mut said = Vec::new();
    for number in 1..=5 {
        let id = format!("r-{number}");
        let received = store
            .receive(review(&id, Verdict::ChangesRequested))
            .await
            .unwrap();
        said.push((received.answer.status, received.calls));
    }
    let expected = [
        ("changes_requested", 0),
        ("changes_requested", 0),
        ("escalated", 1),
        ("rejected", 3),
        ("ignored", 0),
    ];
    assert_eq!(
        said,
        expected.map(|(status, calls)| (status.to_owned(), calls))
    );
    let known = store
        .write(|connection| receive::known(connection, "acme/site#7"))
        .await
        .unwrap();
    assert_eq!(known.cycles, 4);
    let reasons: Vec<&str> = known
        .failures
        .iter()
        .filter_map(|failure| failure.reason.as_deref())
        .collect();
    assert_eq!(
        reasons,
        [
            "reason of r-1",
            "reason of r-2",
            "reason of r-3",
            "reason of r-4"
        ]
    );
    assert_eq!(known.failures[0].day, "2026-01-01");
    // The escalation comes first; what was rejected is done in order, one after another.
    let mut done = Vec::new();
    loop {
        let due = store.due(NOW, ROOM).await.unwrap().0;
        assert!(due.len() <= 1, "one at a time for a pull request");
        let Some(due) = due.into_iter().next() else {
            break;
        };
        let sent = Sent::Ended(CallStatus::Done, "201".to_owned());
        store.sent(due.row.id, sent, NOW).await.unwrap();
        done.push(due.row.kind);
    }
    assert_eq!(done, ["comment", "close", "comment", "open_issue"]);
}

#[tokio::test]
async fn what_was_being_sent_is_known_after_a_crash_and_a_failure_ends_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    for number in 1..=4 {
        let id = format!("r-{number}");
        let _ = store.receive(review(&id, Verdict::ChangesRequested)).await;
    }
    let first = store.due(NOW, ROOM).await.unwrap().0.remove(0);
    assert_eq!((first.was_sending, first.row.attempts), (false, 1));
    // Nothing else of this pull request is due meanwhile, and later tries have their time.
    assert!(store.due(NOW, ROOM).await.unwrap().0.is_empty());
    let later = Sent::Again {
        at_ms: NOW + 5_000,
        words: "503".to_owned(),
        may_have_happened: false,
    };
    store.sent(first.row.id, later, NOW).await.unwrap();
    assert!(store.due(NOW + 4_999, ROOM).await.unwrap().0.is_empty());
    let again = store.due(NOW + 5_000, ROOM).await.unwrap().0.remove(0);
    assert_eq!((again.row.id, again.row.attempts), (first.row.id, 2));
    // Killed here: the next process takes it over and knows that it may have been done.
    store.close();
    let store = self::store(&folder);
    assert_eq!(store.take_over(0).await.unwrap(), 1);
    let taken = store.due(NOW + 5_000, ROOM).await.unwrap().0.remove(0);
    assert_eq!((taken.row.id, taken.was_sending), (first.row.id, true));
    let done = Sent::Ended(CallStatus::Done, "201".to_owned());
    store.sent(taken.row.id, done, NOW).await.unwrap();
    let close = store.due(NOW, ROOM).await.unwrap().0.remove(0);
    assert_eq!(close.row.kind, "close");
    let failed = Sent::Ended(CallStatus::Failed, "404".to_owned());
    store.sent(close.row.id, failed, NOW).await.unwrap();
    assert!(store.due(NOW, ROOM).await.unwrap().0.is_empty());
    let rows = store.calls_of(close.row.event_row).await.unwrap();
    let statuses: Vec<&str> = rows.iter().map(|row| row.status.as_str()).collect();
    assert_eq!(statuses, ["failed", "skipped", "skipped"]);
}

#[tokio::test]
async fn what_takes_minutes_keeps_nothing_else_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    for number in 1..=3 {
        let mut pull_request = pull_request();
        pull_request.number = number;
        let merged = arrival(&format!("m-{number}"), Event::Merged { pull_request });
        store.receive(merged).await.unwrap();
    }
    // Of what takes minutes one at a time; phases do not wait for it.
    let due = store.due(NOW, ROOM).await.unwrap().0;
    let kinds: Vec<&str> = due.iter().map(|due| due.row.kind.as_str()).collect();
    assert_eq!(
        kinds,
        ["start_phase", "start_phase", "start_phase", "deploy"]
    );
    let mut other = pull_request();
    other.number = 9;
    let event = Event::Opened {
        pull_request: other,
        is_again: false,
    };
    store.receive(arrival("o-9", event)).await.unwrap();
    let full = Room { quick: 10, slow: 0 };
    let due = store.due(NOW, full).await.unwrap().0;
    assert_eq!((due.len(), due[0].row.kind.as_str()), (1, "run_card"));
}

#[tokio::test]
async fn a_write_that_fails_leaves_the_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let broken = store.write(|connection| {
        diesel::sql_query("INSERT INTO rate_limits (key, at_ns) VALUES ('x', 1)")
            .execute(connection)?;
        diesel::sql_query("INSERT INTO nowhere VALUES (1)").execute(connection)
    });
    let panics = store.write(|_| -> QueryResult<()> { panic!("no") });
    let good = store.receive(review("one", Verdict::Approved));
    let (broken, panics, good) = futures_util::join!(broken, panics, good);
    assert!(matches!(broken, Err(StoreError::Statement(_))));
    assert!(panics.is_err());
    assert!(good.is_ok());
    let tats = store.tats().await.unwrap();
    assert!(tats.iter().all(|tat| tat.key != "x"));
}

#[test]
fn a_file_of_a_newer_orket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    store(&folder).close();
    let path = folder.path().join(FILE_NAME);
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    diesel::sql_query("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')")
        .execute(&mut connection)
        .unwrap();
    let refused = Store::open(folder.path(), StoreOptions::default()).unwrap_err();
    assert!(matches!(refused, StoreError::Newer(_)), "{refused}");
}

/// What the Python Orket 0.3 leaves, by its documented schema.
const PYTHON: &str = "
    CREATE TABLE pr_review_cycles (id INTEGER PRIMARY KEY AUTOINCREMENT, pr_key TEXT UNIQUE NOT NULL,
        repo_full_name TEXT NOT NULL, pr_number INTEGER NOT NULL, cycle_count INTEGER NOT NULL DEFAULT 0,
        status TEXT NOT NULL DEFAULT 'active', created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
        updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, UNIQUE(repo_full_name, pr_number));
    CREATE TABLE review_failures (id INTEGER PRIMARY KEY AUTOINCREMENT, pr_key TEXT NOT NULL,
        cycle_number INTEGER NOT NULL, reviewer TEXT, reason TEXT,
        created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
        FOREIGN KEY (pr_key) REFERENCES pr_review_cycles(pr_key));
    CREATE TABLE webhook_events (id INTEGER PRIMARY KEY AUTOINCREMENT, event_type TEXT NOT NULL, pr_key TEXT,
        payload TEXT, result TEXT, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
    CREATE INDEX idx_pr_key ON pr_review_cycles(pr_key);
    CREATE INDEX idx_webhook_events_type_created ON webhook_events(event_type, created_at);
    INSERT INTO pr_review_cycles (pr_key, repo_full_name, pr_number, cycle_count)
        VALUES ('acme/site#7', 'acme/site', 7, 2), ('acme/site#8', 'acme/site', 8, 0);
    INSERT INTO review_failures (pr_key, cycle_number, reviewer, reason)
        VALUES ('acme/site#7', 1, 'grace', 'one'), ('acme/site#7', 2, NULL, NULL);
";

#[tokio::test]
async fn what_the_python_orket_left_goes_on_where_it_was() {
    use diesel::connection::SimpleConnection as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute(PYTHON).unwrap();
    drop(connection);
    let store = store(&folder);
    let known = store
        .write(|connection| receive::known(connection, "acme/site#7"))
        .await
        .unwrap();
    assert_eq!((known.cycles, known.failures.len()), (2, 2));
    assert_eq!(known.failures[0].reason.as_deref(), Some("one"));
    // The third cycle escalates.
    let received = store
        .receive(review("three", Verdict::ChangesRequested))
        .await
        .unwrap();
    assert_eq!(received.answer.status, "escalated");
    assert!(folder.path().join("webhook.db.python").exists());
    store.close();
    let store = self::store(&folder);
    assert_eq!(count(&store, "review_failures").await, 3);
    assert_eq!(count(&store, "bug_fix_phases").await, 0);
}

#[tokio::test]
async fn what_is_committed_is_moved_out_of_the_wal_beside_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let large = Bytes::from(format!("{{\"filling\": \"{}\"}}", "x".repeat(64 << 10)));
    let mut arrivals = 0;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    // 32 MB of the WAL are moved at once.
    while std::fs::metadata(store.path()).unwrap().len() < 16 << 20 {
        assert!(std::time::Instant::now() < deadline, "after {arrivals}");
        let why = "nothing follows from it".to_owned();
        let pull_request = None;
        let mut ignored = arrival(
            &format!("large-{arrivals}"),
            Event::Ignored { pull_request, why },
        );
        ignored.payload = large.clone();
        store.receive(ignored).await.unwrap();
        arrivals += 1;
    }
    // Far less than what SQLite itself would wait for.
    assert!(arrivals < 1_200, "{arrivals}");
    assert_eq!(count(&store, "webhook_events").await, arrivals);
    store.close();
    let wal = folder.path().join("webhook.db-wal");
    assert!(!wal.exists() || std::fs::metadata(wal).unwrap().len() == 0);
}

#[test]
fn whoever_opens_a_new_file_at_the_same_moment_gets_it() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("webhook.db");
        let start = std::sync::Barrier::new(6);
        std::thread::scope(|scope| {
            let each: Vec<_> = (0..6)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        let options = super::StoreOptions { is_durable: false };
                        super::open::open(&path, options).map(drop)
                    })
                })
                .collect();
            for one in each {
                one.join().unwrap().unwrap();
            }
        });
    }
}
