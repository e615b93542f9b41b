//! The memory of projects on a real database: what is found, in which order, and what survives.

use std::sync::{Arc, Barrier};

use orket::memory::{MemoryError, ProjectMemory};
use orket_core::memory::buffer::{
    AbortReason, BufferError, BufferState, RecordWrite, SharedMemory,
};
use serde_json::json;

fn ids(memory: &ProjectMemory, project: &str, query: &str, limit: usize) -> Vec<(i64, i64)> {
    let found = memory.search(project, None, query, limit).unwrap();
    found.hits.iter().map(|hit| (hit.id, hit.score)).collect()
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
        memory.search("one", None, hostile, 5).unwrap();
    }
    let before = memory.search("one", None, "storage", 1).unwrap();
    drop(memory);
    let again = ProjectMemory::open(folder.path()).unwrap();
    assert_eq!(again.search("one", None, "storage", 1).unwrap(), before);
    assert_eq!(before.hits[0].metadata, json!({"card": "I-1"}));
    assert_eq!((before.hits.len(), before.candidates), (1, 2));
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
                let step = |step: &dyn Fn(&mut SharedMemory) -> Result<(), BufferError>| {
                    memory.step("p", &run, 0, step).unwrap();
                };
                step(&|shared| shared.open(&run).map(|_| ()));
                start.wait();
                step(&|shared| shared.append(&run, write.clone()));
                step(&|shared| shared.request_commit(&run, "s").map(|_| ()));
                step(&|shared| shared.apply(&run, "me", 0).map(|_| ()));
            })
        })
        .collect();
    for run in runs {
        run.join().unwrap();
    }
    let memory = ProjectMemory::open(folder.path()).unwrap();
    assert_eq!(memory.snapshot("p").unwrap(), 8);
    let found = memory.search("p", None, "", 99).unwrap();
    let mut contents: Vec<_> = found.hits.into_iter().map(|hit| hit.content).collect();
    contents.sort();
    let expected: Vec<_> = (0..RUNS)
        .map(|run| json!(format!("run-{run}")).to_string())
        .collect();
    assert_eq!(contents, expected);
    // Each snapshot has one more.
    for at in 0..=8 {
        assert_eq!(memory.search("p", Some(at), "", 99).unwrap().candidates, at);
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
        let whole = |shared: &mut SharedMemory| {
            shared.open_at("r", 0)?;
            shared.append("r", write)?;
            shared.request_commit("r", "s")
        };
        memory.step("p", "r", 0, whole).unwrap();
    };
    commit(1);
    let again = ProjectMemory::open(folder.path()).unwrap();
    let pending = |shared: &mut SharedMemory| Ok(shared.after_crash());
    assert_eq!(again.step("p", "r", 0, pending).unwrap(), ["r"]);
    let acquire = |shared: &mut SharedMemory| shared.acquire("r", "me", 0);
    again.step("p", "r", 0, acquire).unwrap();
    let apply = |shared: &mut SharedMemory| shared.apply("r", "me", 1);
    assert_eq!(again.step("p", "r", 0, apply).unwrap(), Some(1));
    commit(2);
    let refused = memory.step("p", "r", 0, |shared| shared.apply("r", "me", 0));
    assert!(matches!(
        refused,
        Err(MemoryError::Buffer(BufferError::PayloadMismatch))
    ));
    let buffer = again.buffer("p", "r").unwrap().unwrap();
    assert_eq!(buffer.state, BufferState::CommitAborted);
    assert_eq!(buffer.reason_code, Some(AbortReason::PayloadMismatch));
    let found = again.search("p", None, "", 9).unwrap();
    assert_eq!(found.hits[0].content, "1");
}

#[test]
fn a_later_record_takes_the_place_of_an_earlier_one_from_its_snapshot_on() {
    let folder = tempfile::tempdir().unwrap();
    let memory = ProjectMemory::open(folder.path()).unwrap();
    let write = |text: Option<&str>| RecordWrite {
        key: "build/A-1".to_owned(),
        value: text.map(|text| json!({"record_type": "decision", "content": text})),
    };
    let found = |at| {
        let found = memory.search("p", at, "", 9).unwrap();
        let contents = found.hits.into_iter().map(|hit| hit.content);
        contents.collect::<Vec<_>>()
    };
    memory.put("p", &[write(Some("first"))], 0).unwrap();
    let same = memory.news("p", vec![write(Some("first"))]).unwrap();
    assert_eq!(same, []);
    assert_eq!(memory.news("p", vec![write(None)]).unwrap().len(), 1);
    memory.put("p", &[write(Some("second"))], 0).unwrap();
    memory.put("p", &[write(None)], 0).unwrap();
    assert_eq!(found(Some(0)), [""; 0]);
    assert_eq!(found(Some(1)), ["first"]);
    assert_eq!(found(Some(2)), ["second"]);
    assert_eq!(found(None), [""; 0]);
    // What is forgotten is gone from all of them.
    let id = memory.search("p", Some(1), "", 9).unwrap().hits[0].id;
    assert!(!memory.forget("other", id).unwrap());
    assert!(memory.forget("p", id).unwrap());
    assert!(!memory.forget("p", id).unwrap());
    assert_eq!(found(Some(1)), [""; 0]);
    assert_eq!(memory.projects().unwrap(), ["p"]);
}

#[test]
fn what_says_the_same_is_shown_once_and_forgotten_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let memory = ProjectMemory::open(folder.path()).unwrap();
    let put = |key: &str, text: &str| {
        let write = RecordWrite {
            key: key.to_owned(),
            value: Some(json!({"record_type": "decision", "content": text})),
        };
        memory.put("p", &[write], 0).unwrap();
    };
    put("core/shop/A-1", "use files");
    for build in ["one/A-1", "two/A-1", "core/shop/A-1"] {
        put(build, "use sqlite with wal");
    }
    memory
        .remember("p", "note", "tabs and wal", &json!({}), 0)
        .unwrap();
    for (query, scores) in [("wal sqlite", [2, 1]), ("", [0, 0])] {
        let found = memory.search("p", None, query, 2).unwrap();
        let shown: Vec<_> = found
            .hits
            .iter()
            .map(|hit| (hit.content.as_str(), hit.score))
            .collect();
        let [copied, other] = scores;
        assert_eq!(
            shown,
            [("use sqlite with wal", copied), ("tabs and wal", other)]
        );
        assert_eq!(found.candidates, 2);
    }
    let id = memory.search("p", None, "sqlite", 1).unwrap().hits[0].id;
    assert!(memory.forget("p", id).unwrap());
    let left = memory.search("p", None, "", 9).unwrap().hits;
    let left: Vec<_> = left.into_iter().map(|hit| hit.content).collect();
    assert_eq!(left, ["tabs and wal"]);
}
