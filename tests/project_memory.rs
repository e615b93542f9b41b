//! The memory of projects on a real database: what is found, in which order, and what survives.

use std::sync::{Arc, Barrier};

use orket::memory::{MemoryError, ProjectMemory};
use orket_core::memory::buffer::{BufferError, BufferState, RecordWrite};
use serde_json::json;

fn ids(memory: &ProjectMemory, project: &str, query: &str, limit: usize) -> Vec<(i64, i64)> {
    let hits = memory.search(project, query, limit).unwrap();
    hits.iter().map(|hit| (hit.id, hit.score)).collect()
}

#[test]
fn the_most_shared_words_come_first_then_the_older_record() {
    let folder = tempfile::tempdir().unwrap();
    let memory = ProjectMemory::open(folder.path()).unwrap();
    let keep = |project: &str, content: &str| {
        let about = json!({"card": "I-1"});
        memory
            .remember(project, "decision", content, &about, 7)
            .unwrap()
    };
    let a = keep("one", "Use SQLite for storage");
    let b = keep("one", "Storage is SQLite, use WAL");
    let other = keep("two", "use sqlite for storage wal");
    let c = keep("one", "The cafe\u{301} menu");
    assert_eq!(
        ids(&memory, "one", "sqlite STORAGE wal", 5),
        [(b, 3), (a, 2)]
    );
    assert_eq!(ids(&memory, "one", "storage sqlite", 5), [(a, 2), (b, 2)]);
    assert_eq!(ids(&memory, "one", "sqlite storage", 1), [(a, 2)]);
    assert_eq!(ids(&memory, "one", "CAFÉ", 5), [(c, 1)]);
    assert_eq!(ids(&memory, "one", "cafe", 5), []);
    assert_eq!(ids(&memory, "one", "", 5), [(a, 0), (b, 0), (c, 0)]);
    assert_eq!(ids(&memory, "two", "sqlite", 5), [(other, 1)]);
    assert_eq!(ids(&memory, "three", "", 5), []);
    // Words of FTS5's own language are words.
    for hostile in [
        "\" OR 1",
        "content:sqlite NOT storage",
        "NEAR(a b)",
        "*",
        "sqlite' --",
    ] {
        memory.search("one", hostile, 5).unwrap();
    }
    let before = memory.search("one", "storage", 5).unwrap();
    drop(memory);
    let again = ProjectMemory::open(folder.path()).unwrap();
    assert_eq!(again.search("one", "storage", 5).unwrap(), before);
    assert_eq!(before[0].metadata, json!({"card": "I-1"}));
}

#[test]
fn runs_that_commit_at_once_lose_nothing() {
    const RUNS: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    ProjectMemory::open(folder.path()).unwrap();
    let start = Arc::new(Barrier::new(RUNS));
    let runs: Vec<_> = (0..RUNS)
        .map(|run| {
            let (folder, start) = (folder.path().to_owned(), Arc::clone(&start));
            std::thread::spawn(move || {
                // A connection of its own, as another process would have.
                let memory = ProjectMemory::open(&folder).unwrap();
                let run = format!("run-{run}");
                let write = RecordWrite {
                    key: run.clone(),
                    value: Some(json!(run)),
                };
                memory.step("p", |shared| shared.open(&run)).unwrap();
                start.wait();
                memory
                    .step("p", |shared| shared.append(&run, write))
                    .unwrap();
                memory
                    .step("p", |shared| shared.request_commit(&run, "s"))
                    .unwrap();
                memory
                    .step("p", |shared| shared.apply(&run, "me", 0))
                    .unwrap();
            })
        })
        .collect();
    for run in runs {
        run.join().unwrap();
    }
    let shared = ProjectMemory::open(folder.path())
        .unwrap()
        .shared("p")
        .unwrap();
    assert_eq!(shared.snapshot(), 8);
    for run in 0..RUNS {
        let run = format!("run-{run}");
        assert_eq!(shared.read(&run, 8), Some(&json!(run)));
    }
}

#[test]
fn a_refused_commit_is_on_record_and_a_pending_one_survives() {
    let folder = tempfile::tempdir().unwrap();
    let memory = ProjectMemory::open(folder.path()).unwrap();
    let commit = |value: i64| {
        let write = RecordWrite {
            key: "k".to_owned(),
            value: Some(json!(value)),
        };
        memory.step("p", |shared| shared.open_at("r", 0)).unwrap();
        memory
            .step("p", |shared| shared.append("r", write))
            .unwrap();
        memory
            .step("p", |shared| shared.request_commit("r", "s"))
            .unwrap();
    };
    commit(1);
    let again = ProjectMemory::open(folder.path()).unwrap();
    assert_eq!(
        again.step("p", |shared| Ok(shared.after_crash())).unwrap(),
        ["r"]
    );
    again
        .step("p", |shared| shared.acquire("r", "me", 0))
        .unwrap();
    assert_eq!(
        again
            .step("p", |shared| shared.apply("r", "me", 1))
            .unwrap(),
        Some(1)
    );
    commit(2);
    let refused = memory.step("p", |shared| shared.apply("r", "me", 0));
    assert!(matches!(
        refused,
        Err(MemoryError::Buffer(BufferError::PayloadMismatch))
    ));
    let shared = again.shared("p").unwrap();
    assert_eq!(
        shared.buffer("r").unwrap().state,
        BufferState::CommitAborted
    );
    assert_eq!(shared.read("k", shared.snapshot()), Some(&json!(1)));
}
