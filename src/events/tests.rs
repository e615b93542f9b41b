//! What comes in is told and stored the same, in order, and found again.

use std::sync::Arc;

use orket_actors::port::event::RuntimeEvent;
use serde_json::{Value, json};

use super::feed::Behind;
use super::filter::{Filter, Wanted};
use super::table::{Page, Wish};
use super::{EventLog, EventOptions};

/// 2026-01-02T03:04:05.678Z.
const AT_MS: i64 = 1_767_323_045_678;

fn event(seq: u64, name: &str, run: Option<&str>, data: Value) -> Arc<RuntimeEvent> {
    Arc::new(RuntimeEvent {
        seq,
        at_ms: AT_MS + i64::try_from(seq & 0xffff).unwrap(),
        event: name.to_owned(),
        role: if seq.is_multiple_of(2) {
            "coder"
        } else {
            "system"
        }
        .to_owned(),
        run_id: run.map(str::to_owned),
        issue_id: run.map(|_| "I-1".to_owned()),
        workspace: None,
        data,
        shown: orket_actors::port::event::Shown::default(),
    })
}

fn open(folder: &tempfile::TempDir, options: &EventOptions) -> EventLog {
    EventLog::open(folder.path(), options).unwrap()
}

/// The texts of all frames in memory.
fn frames(log: &EventLog) -> Vec<Value> {
    let from = log.feed().place_after(log.feed().floor()).unwrap();
    let Behind::Chunks(chunks) = log.feed().behind(from, usize::MAX) else {
        return Vec::new();
    };
    chunks
        .iter()
        .flat_map(|chunk| {
            chunk.frames.iter().map(|frame| {
                let bytes = &chunk.bytes[frame.place()];
                let payload = bytes.iter().position(|byte| *byte == b'{').unwrap();
                serde_json::from_slice(&bytes[payload..]).unwrap()
            })
        })
        .collect()
}

fn page(log: &EventLog, wish: &Wish) -> Page {
    log.table().unwrap().page(wish).unwrap()
}

fn wish() -> Wish {
    Wish {
        limit: 1_000,
        ..Wish::default()
    }
}

/// The lines of a page, oldest first.
fn lines(page: &Page) -> Vec<Value> {
    page.events
        .iter()
        .rev()
        .map(|event| serde_json::to_value(event).unwrap())
        .collect()
}

fn seqs(page: &Page) -> Vec<u64> {
    page.events.iter().map(super::table::Stored::seq).collect()
}

#[tokio::test]
async fn what_is_stored_is_what_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(
        &folder,
        &EventOptions {
            zone: "+02:00".parse().unwrap(),
            ..EventOptions::default()
        },
    );
    let base = log.after();
    let sink = log.sink();
    let datas = [
        (
            Some("R-1"),
            json!({"turn_index": 3, "api_key": "sk-1", "tokens": {"total_tokens": 1.5}}),
        ),
        (Some("R-1"), Value::Null),
        (None, json!([1, "two", {"password": "x"}])),
        (
            None,
            json!({"session_id": "S", "runtime_event": {"session_id": "S", "tokens": null}}),
        ),
        (
            Some("R-2"),
            json!({"run_id": "other", "issue_id": "I-9", "text": "ä\"\n"}),
        ),
        (None, json!({})),
        (None, json!({"long": "x".repeat(200_000)})),
    ];
    for (seq, (run, data)) in (base + 1..).zip(datas) {
        sink.take(&event(seq, "note", run, data));
    }
    sink.take(&event(
        base + 100,
        "turn_progress",
        Some("R-1"),
        json!({"chunks": 1}),
    ));
    log.settle().await;
    let told = frames(&log);
    assert_eq!(
        told[0]["timestamp"].as_str().unwrap().split_at(19).0,
        "2026-01-02T05:04:05"
    );
    assert_eq!(told[0]["data"]["api_key"], "***");
    let stored = lines(&page(&log, &wish()));
    assert_eq!(stored, told[..told.len() - 1], "all but what is only told");
    assert_eq!(told.last().unwrap()["event"], "turn_progress");
    let of = |session: &str| {
        let filter = Filter {
            sessions: Wanted::one(Some(session)),
            ..Filter::default()
        };
        seqs(&page(&log, &Wish { filter, ..wish() }))
    };
    assert_eq!(of("R-1"), [base + 2, base + 1]);
    assert_eq!(
        (of("S"), of("R-2"), of("other")),
        (vec![base + 4], vec![base + 5], vec![])
    );
    // A listener that missed them is given the same once more.
    let replay = log
        .table()
        .unwrap()
        .replay(base, u64::MAX, &Filter::default(), 3, usize::MAX)
        .unwrap();
    assert_eq!(
        (replay.up_to, replay.is_more, replay.pruned),
        (base + 3, true, 0)
    );
    let place = log.feed().place_after(base).unwrap();
    let Behind::Chunks(chunks) = log.feed().behind(place, usize::MAX) else {
        panic!("nothing there")
    };
    let all = chunks.iter().flat_map(|chunk| {
        let frames = chunk.frames.iter();
        frames.map(|frame| chunk.bytes[frame.place()].to_vec())
    });
    assert_eq!(
        replay.chunk.unwrap().bytes,
        all.take(3).collect::<Vec<_>>().concat()
    );
}

#[tokio::test]
async fn numbers_go_on_above_those_of_earlier_processes() {
    let folder = tempfile::tempdir().unwrap();
    let mut last = 0;
    for _ in 0..3 {
        let log = open(&folder, &EventOptions::default());
        assert!(
            log.after() >> 20 > last >> 20,
            "{} after {last}",
            log.after()
        );
        assert_eq!(log.after() % (1 << 20), 0);
        last = log.after() + 7;
        log.sink().take(&event(last, "note", None, json!({})));
        log.close();
    }
    // One that stored nothing counts too.
    let log = open(&folder, &EventOptions::default());
    let before = log.after();
    log.close();
    assert!(open(&folder, &EventOptions::default()).after() > before);
}

#[tokio::test]
async fn the_oldest_rows_go_when_there_are_too_many() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(
        &folder,
        &EventOptions {
            keep: 100,
            ..EventOptions::default()
        },
    );
    let base = log.after();
    for seq in 1..=1_000 {
        log.sink()
            .take(&event(base + seq, "note", Some("R"), json!({})));
        if seq % 50 == 0 {
            log.settle().await;
        }
    }
    let all = page(&log, &wish());
    assert_eq!((all.total, all.events.len()), (100, 100));
    assert_eq!(seqs(&all)[99], base + 901);
    let replay = log
        .table()
        .unwrap()
        .replay(base + 5, base + 1_000, &Filter::default(), 10, 1)
        .unwrap();
    assert_eq!(
        (replay.pruned, replay.is_more, replay.up_to),
        (base + 900, true, base + 901)
    );
    log.close();
    let none = open(
        &folder,
        &EventOptions {
            keep: 0,
            ..EventOptions::default()
        },
    );
    none.sink()
        .take(&event(none.after() + 1, "note", None, json!({})));
    none.settle().await;
    assert_eq!(page(&none, &wish()).total, 0);
    assert_eq!(frames(&none).len(), 1);
}

#[tokio::test]
async fn times_are_found_whether_or_not_the_clock_was_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder, &EventOptions::default());
    let base = log.after();
    let say = |seq: u64, at_ms: i64| {
        let mut told = event(base + seq, "note", None, json!({})).as_ref().clone();
        told.at_ms = AT_MS + at_ms;
        log.sink().take(&Arc::new(told));
    };
    let between = |from: Option<i64>, to: Option<i64>| -> Vec<u64> {
        let wish = Wish {
            from_ms: from.map(|ms| AT_MS + ms),
            to_ms: to.map(|ms| AT_MS + ms),
            ..wish()
        };
        let page = page(&log, &wish);
        assert_eq!(page.total, i64::try_from(page.events.len()).unwrap());
        seqs(&page)
            .into_iter()
            .rev()
            .map(|seq| seq - base)
            .collect()
    };
    for seq in 1..=50 {
        say(seq, i64::try_from(seq / 2).unwrap() * 10);
    }
    log.settle().await;
    assert_eq!(between(Some(10), Some(20)), [2, 3, 4, 5]);
    assert_eq!(between(Some(11), Some(19)), [0; 0]);
    assert_eq!(
        (between(None, Some(0)), between(Some(250), None)),
        (vec![1], vec![50])
    );
    assert_eq!(
        (between(Some(251), None), between(None, Some(-1))),
        (vec![], vec![])
    );
    // An hour back.
    say(51, -3_600_000);
    say(52, 15);
    log.settle().await;
    assert_eq!(between(Some(10), Some(20)), [2, 3, 4, 5, 52]);
    assert_eq!(between(None, Some(0)), [1, 51]);
}

#[test]
fn a_table_that_is_damaged_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("events.db"), vec![7; 100_000]).unwrap();
    let log = open(&folder, &EventOptions::default());
    assert!(log.table().is_some());
    assert!(
        log.after() > 1 << 40 && log.after() < 1 << 52,
        "numbers given before are not known"
    );
    log.close();
    let names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("events.db.unusable-")),
        "{names:?}"
    );
    // Where there can be none, events are told all the same.
    std::fs::create_dir_all(folder.path().join("no/events.db")).unwrap();
    let log = EventLog::open(&folder.path().join("no"), &EventOptions::default()).unwrap();
    assert!(log.table().is_none());
    log.sink()
        .take(&event(log.after() + 1, "note", None, json!({})));
    log.close();
    assert_eq!(frames(&log).len(), 1);
}

#[tokio::test]
async fn the_memory_has_the_latest_and_says_what_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(
        &folder,
        &EventOptions {
            recent: 10,
            ..EventOptions::default()
        },
    );
    let base = log.after();
    let start = log.feed().newest().0;
    for seq in 1..=30 {
        log.sink().take(&event(base + seq, "note", None, json!({})));
        log.settle().await;
    }
    let feed = log.feed();
    assert_eq!((feed.floor(), feed.head().seq), (base + 20, base + 30));
    assert!(feed.place_after(base + 19).is_none());
    assert!(matches!(feed.behind(start, 1), Behind::Gone { missed: 20 }));
    let place = feed.place_after(base + 25).unwrap();
    let Behind::Chunks(chunks) = feed.behind(place, usize::MAX) else {
        panic!("nothing there")
    };
    assert_eq!(chunks[0].frames[place.frame].seq, base + 26);
    assert!(matches!(
        feed.behind(feed.newest().0, usize::MAX),
        Behind::Nothing
    ));
    assert_eq!(feed.place_after(base + 99), Some(feed.newest().0));
}

#[tokio::test]
async fn a_page_of_stored_events_is_made_once_and_goes_on_behind_any_event() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder, &EventOptions::default());
    let base = log.after();
    let long = "x".repeat(400_000);
    for seq in 1..=3_000 {
        let words = if seq < 20 { &long } else { "short" };
        let data = json!({ "words": words });
        log.sink().take(&event(base + seq, "note", None, data));
    }
    while page(&log, &wish()).total < 3_000 {
        log.settle().await;
    }
    let pages = log.pages().unwrap();
    let settled = base + 3_000;
    let (open, some) = (
        Filter::default(),
        Filter {
            roles: Wanted::list(Some("coder")),
            ..Filter::default()
        },
    );
    for (filter, expected) in [(&open, 3_000), (&some, 1_500)] {
        let (mut after, mut seen) = (base, Vec::new());
        while after < settled {
            let replay = pages.behind(after, settled, filter).await.unwrap();
            assert!(replay.up_to > after, "it stays at {after}");
            for frame in replay.chunk.iter().flat_map(|chunk| chunk.frames.iter()) {
                if frame.seq > after {
                    seen.push(frame.seq);
                }
            }
            after = replay.up_to;
        }
        assert_eq!((seen.len(), after), (expected, settled));
        assert!(seen.windows(2).all(|two| two[0] < two[1]));
    }
    let one = pages.behind(base + 1_500, settled, &open).await.unwrap();
    let other = pages.behind(base + 1_600, settled, &open).await.unwrap();
    assert!(Arc::ptr_eq(&one, &other));
}

#[tokio::test]
async fn a_run_that_is_followed_is_read_in_pages_and_by_its_own_events_only() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder, &EventOptions::default());
    let base = log.after();
    let say = |seq: u64, name: &str, run: Option<&str>, data: Value| {
        log.sink().take(&event(base + seq, name, run, data));
    };
    say(1, "session_start", Some("R"), json!({"cards_total": 1}));
    say(2, "session_start", Some("other"), json!({}));
    // It names the run and is none of its events.
    say(3, "api_run_active", None, json!({"session_id": "R"}));
    say(4, "turn_progress", Some("R"), json!({}));
    say(
        5,
        "session_end",
        Some("R"),
        json!({"run_id": "R", "key": "k"}),
    );
    say(6, "session_start", Some("R"), json!({}));
    for name in super::LOOKS {
        say(7, name, None, json!({"session_id": "R"}));
    }
    log.settle().await;
    let pages = log.pages().unwrap();
    let past = pages.of_run("R", base, base + 6).await.unwrap();
    let told = event(
        base + 1,
        "session_start",
        Some("R"),
        json!({"run_id": "R", "issue_id": "I-1", "cards_total": 1}),
    );
    assert_eq!(past.events[0], *told);
    let numbers = |events: &[RuntimeEvent]| -> Vec<u64> {
        events.iter().map(|event| event.seq - base).collect()
    };
    assert_eq!(
        (numbers(&past.events), past.up_to, past.pruned),
        (vec![1, 5, 6], base + 6, 0)
    );
    // A page ends with the last row that was looked at.
    let read = |after: u64| {
        let table = log.table().unwrap();
        let past = table.past("R", base + after, base + 6, 2).unwrap();
        (numbers(&past.events), past.up_to - base)
    };
    assert_eq!((read(0), read(3)), ((vec![1], 3), (vec![5, 6], 6)));
    assert_eq!(pages.last_of("R", "session_end").await, base + 5);
    assert_eq!(pages.last_of("other", "session_end").await, 0);
    let looks = Filter {
        events: Wanted::list(Some(&super::LOOKS.join(","))),
        ..Filter::default()
    };
    let wish = Wish {
        filter: looks,
        ..wish()
    };
    assert_eq!(page(&log, &wish).total, 0, "looking is not stored");
    assert_eq!(frames(&log).len(), 10, "but told");
}

#[tokio::test]
async fn where_nothing_is_kept_the_table_says_so_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let none = EventOptions {
        keep: 0,
        ..EventOptions::default()
    };
    let log = open(&folder, &none);
    let last = log.after() + 3;
    log.sink().take(&event(last, "note", Some("R"), json!({})));
    assert!(!log.is_stored());
    log.close();
    drop(log);
    let log = open(&folder, &EventOptions::default());
    let past = log.pages().unwrap().of_run("R", 0, log.after()).await;
    assert_eq!(past.unwrap().pruned, last);
}
