//! The events of one run: nothing is lost between two questions, over restarts, halts and what memory
//! holds; and what is gone for good is said to be.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use orket::api::sockets::SocketOptions;
use orket::owner::service::Begin;
use orket::owner::wire::Line;
use orket_core::ids::RunId;
use serde_json::{Value, json};

use super::house::{Answer, Builder, DEADLINE, KEY, Server};
use super::inside::Inside;
use super::small_epics::{Coder, epic, run, server_with, start};

/// The highest number that is taken.
const HIGHEST: u64 = (1 << 53) - 1;

fn seq(event: &Value) -> u64 {
    event["seq"].as_u64().unwrap_or_else(|| panic!("{event}"))
}

fn names(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect()
}

/// One long poll.
fn poll(server: &Server, run: &str, query: &str) -> Value {
    let answer = server.get(&format!("/v1/runs/{run}/events?{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// Long polls from behind a number on, until the run is over; what they told, and missed.
fn told(server: &Server, run: &str, after: u64) -> (Vec<Value>, u64) {
    let (mut events, mut missed, mut after) = (Vec::new(), 0, after);
    let deadline = Instant::now() + DEADLINE;
    loop {
        let page = poll(server, run, &format!("after={after}&wait=5"));
        events.extend(page["events"].as_array().unwrap().clone());
        missed += page["missed"].as_u64().unwrap();
        after = page["next_after"].as_u64().unwrap();
        if page["over"] == true {
            break;
        }
        assert!(Instant::now() < deadline, "it is not over: {page}");
    }
    assert!(
        events.windows(2).all(|two| seq(&two[0]) < seq(&two[1])),
        "{events:?}"
    );
    events.retain(|event| event["event"] != "turn_progress");
    (events, missed)
}

/// What is the same whether an event comes out of memory or out of the table.
fn lasting(events: &[Value]) -> Vec<Value> {
    let fields = ["seq", "at_ms", "event", "role", "run_id", "issue_id"];
    let of = |event: &Value| fields.map(|field| event[field].clone());
    events.iter().map(|event| json!(of(event))).collect()
}

/// An epic whose coder never answers.
fn endless() -> Coder {
    Coder {
        delay_ms: 600_000,
        ..Coder::default()
    }
}

fn until_in_progress(server: &Server, run: &str) {
    server.until(&format!("/v1/sessions/{run}/status"), |status| {
        status["backlog"]["by_status"]["in_progress"] == 1
    });
}

#[test]
fn a_run_that_is_done_is_told_after_a_restart_too() {
    let mut server = server_with(&[("tok", 2)]);
    let run = run(&server, "tok");
    let (before, missed) = told(&server, &run, 0);
    assert_eq!(missed, 0);
    assert_eq!(
        (names(&before)[0], *names(&before).last().unwrap()),
        ("session_start", "session_end")
    );
    let half = before.len() / 2;
    let middle = seq(&before[half - 1]);
    for restart in [Server::stop_and_restart, Server::kill_and_restart] {
        restart(&mut server);
        let (after, missed) = told(&server, &run, 0);
        assert_eq!((lasting(&after), missed), (lasting(&before), 0));
        let (after, missed) = told(&server, &run, middle);
        assert_eq!((lasting(&after), missed), (lasting(&before[half..]), 0));
        // What the events say is the same, too; run and card are in it besides.
        for (now, then) in after.iter().zip(&before[half..]) {
            for (field, value) in then["data"].as_object().unwrap() {
                assert_eq!(&now["data"][field], value, "{field} of {then}");
            }
        }
    }
    // As server-sent events, for a browser that comes back.
    let headers = [("X-API-Key", KEY), ("Last-Event-ID", &middle.to_string())];
    let stream = server.send("GET", &format!("/v1/runs/{run}/events"), &headers, None);
    let ids: Vec<u64> = stream
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("id: ")?.parse().ok())
        .collect();
    let expected: Vec<u64> = before[half..].iter().map(seq).collect();
    assert_eq!(ids, expected);
    assert!(!stream.text.contains("event: lagged"), "{}", stream.text);
    // Whoever waits for what comes need not be told it all again.
    let recent = poll(&server, &run, "recent=true&wait=5");
    assert_eq!(
        (&recent["events"], &recent["missed"], &recent["over"]),
        (&json!([]), &json!(0), &json!(true))
    );
}

/// The epic `many` of so many cards, none of which waits for another.
fn many(builder: Builder, cards: usize) -> Builder {
    let issues: Vec<Value> = (0..cards)
        .map(|number| {
            json!({"id": format!("M-{number}"), "summary": "x", "seat": "coder",
            "params": {"required_write_paths": [format!("agent_output/M-{number}.txt")],
                       "review_required_read_paths": []}})
        })
        .collect();
    let many = json!({"epic": {"name": "many", "team": "standard", "environment": "first", "issues": issues}});
    epic(builder, "first", 1, Coder::default()).file("config/epics/many.json", &many.to_string())
}

#[test]
fn what_other_runs_pushed_out_of_memory_is_told() {
    let server = many(Server::build(), 340)
        .env("ORKET_ARTIFACTS", "none")
        .start();
    let first = run(&server, "first");
    let (before, _) = told(&server, &first, 0);
    let others = run(&server, "many");
    let log = format!("/v1/logs?session_id={others}&limit=1");
    let log = server.until(&log, |log| log["items"][0]["event"] == "session_end");
    assert!(log["total"].as_u64().unwrap() > 4_200, "{}", log["total"]);
    let (after, missed) = told(&server, &first, 0);
    assert_eq!((lasting(&after), missed), (lasting(&before), 0));
    let (after, missed) = told(&server, &first, seq(&before[2]));
    assert_eq!((lasting(&after), missed), (lasting(&before[3..]), 0));
    // The other one is longer than memory, too.
    let (all, missed) = told(&server, &others, 0);
    assert_eq!((names(&all)[0], missed), ("session_start", 0));
    assert!(all.len() > 4_200, "{}", all.len());
}

#[test]
fn a_run_that_was_halted_and_goes_on_is_told_from_where_one_was() {
    let mut server = epic(Server::build(), "slow", 1, endless()).start();
    let run = start(&server, "slow");
    until_in_progress(&server, &run);
    let before = poll(&server, &run, "wait=1");
    let first = seq(&before["events"][0]);
    assert_eq!(before["events"][0]["event"], "session_start");
    assert_eq!(
        server
            .post(&format!("/v1/runs/{run}/halt"), json!({}))
            .status,
        200
    );
    let (halted, _) = told(&server, &run, first);
    assert_eq!(names(&halted).last(), Some(&"session_end"));
    assert_eq!(
        server
            .post(&format!("/v1/runs/{run}/resume"), json!({}))
            .status,
        200
    );
    until_in_progress(&server, &run);
    // Whoever was there before hears how the earlier part ended.
    let after = poll(&server, &run, &format!("after={first}&wait=1"));
    let heard = after["events"].as_array().unwrap();
    let earlier = halted.len();
    assert_eq!(lasting(&heard[..earlier]), lasting(&halted));
    assert_eq!(heard[earlier]["event"], "run_recovered");
    assert_eq!(
        (&after["missed"], &after["over"]),
        (&json!(0), &json!(false))
    );
    // Whoever comes new hears the part that is under way.
    let new = poll(&server, &run, "wait=1");
    assert_eq!(new["events"][0], heard[earlier]);

    // So that all of it is stored.
    server.get("/v1/logs");
    server.kill_and_restart();
    until_in_progress(&server, &run);
    let after = poll(&server, &run, &format!("after={first}&wait=1"));
    let again = after["events"].as_array().unwrap();
    assert_eq!(lasting(&again[..heard.len()]), lasting(heard));
    assert_eq!(
        (&after["missed"], &after["over"]),
        (&json!(0), &json!(false))
    );
    let recovered = &again[heard.len()..];
    assert!(names(recovered).contains(&"session_start"), "{recovered:?}");
    let new = poll(&server, &run, "wait=1");
    assert!(
        seq(&new["events"][0]) > seq(heard.last().unwrap()),
        "only what this process does: {new}"
    );
}

#[test]
fn a_number_that_no_event_has_yet_is_the_newest() {
    let server = epic(Server::build(), "slow", 1, endless()).start();
    let run = start(&server, "slow");
    until_in_progress(&server, &run);
    let events = format!("/v1/runs/{run}/events");
    let refused = server.get(&format!("{events}?wait=0&after={}", HIGHEST + 1));
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(refused.json()["detail"][0]["ctx"], json!({ "le": HIGHEST }));
    let newest = seq(&server.get("/v1/logs?limit=1").json()["items"][0]);
    let none = poll(&server, &run, &format!("wait=0&after={HIGHEST}"));
    assert_eq!(
        (&none["events"], &none["over"], &none["missed"]),
        (&json!([]), &json!(false), &json!(0))
    );
    let next = none["next_after"].as_u64().unwrap();
    assert!((newest..newest + 1_000).contains(&next), "{none}");
    // Whoever waits hears what comes, and gets a number that leads on.
    let first = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| poll(&server, &run, &format!("wait=60&after={HIGHEST}")));
        // It may come before or after the end: either way it is told what is behind the newest.
        let halt = server.post(&format!("/v1/runs/{run}/halt"), json!({}));
        assert_eq!(halt.status, 200, "{}", halt.text);
        waiting.join().unwrap()
    });
    let heard = first["events"].as_array().unwrap();
    assert!(heard.iter().all(|event| seq(event) > next), "{first}");
    let (rest, missed) = told(&server, &run, next);
    assert_eq!((names(&rest).last(), missed), (Some(&"session_end"), 0));
    let last = first["next_after"].as_u64().unwrap();
    assert!(last <= seq(rest.last().unwrap()) + 1_000, "{first}");
}

#[test]
fn what_is_not_kept_is_said_to_be_missed() {
    let builder = epic(Server::build(), "tok", 2, Coder::default());
    let mut server = builder.env("ORKET_EVENTS_KEEP", "0").start();
    let id = run(&server, "tok");
    let (all, missed) = told(&server, &id, 0);
    assert_eq!((names(&all)[0], missed), ("session_start", 0));
    server.stop_and_restart();
    for after in [0, seq(&all[3])] {
        let (none, missed) = told(&server, &id, after);
        assert_eq!(none, [Value::Null; 0]);
        assert!(missed > 0, "after {after}");
    }

    let builder = epic(Server::build(), "tok", 2, Coder::default());
    let mut server = builder.env("ORKET_EVENTS_KEEP", "20").start();
    let id = run(&server, "tok");
    let (all, missed) = told(&server, &id, 0);
    assert_eq!((names(&all)[0], missed), ("session_start", 0));
    server.get("/v1/logs");
    server.stop_and_restart();
    let (kept, missed) = told(&server, &id, seq(&all[0]));
    assert!(missed > 0 && kept.len() < all.len() - 1, "{missed}");
    assert_eq!(lasting(&kept), lasting(&all[all.len() - kept.len()..]));
    // Of what is kept nothing is missed.
    let (rest, missed) = told(&server, &id, seq(&kept[0]));
    assert_eq!((lasting(&rest), missed), (lasting(&kept[1..]), 0));
    // It is said before what is kept.
    let stream = server.get(&format!("/v1/runs/{id}/events"));
    let lagged = stream.text.find("event: lagged").expect(&stream.text);
    assert!(lagged < stream.text.find("event: event").unwrap());
}

/// `POST /v1/runs`; the run.
fn start_inside(server: &Inside, epic: &str) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let body = json!({"kind": "epic", "name": epic}).to_string();
    write!(
        stream,
        "POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-API-Key: {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let started = Answer::of(&answer).json();
    started["run_id"].as_str().unwrap().to_owned()
}

/// More events than a reader may be behind come before it reads the first.
#[test]
fn whoever_falls_behind_is_given_what_it_missed() {
    let folder = tempfile::tempdir().unwrap();
    many(Server::build(), 400).command(folder.path());
    let quiet = [("ORKET_ARTIFACTS", "none")];
    let server = Inside::start_in(folder, SocketOptions::default(), 1, &quiet);
    let run = RunId::new(start_inside(&server, "many")).unwrap();
    let service = server.shared.api.service.clone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (numbers, missed) = runtime.block_on(async {
        let mut lines = service.follow(run.clone(), Begin::After(0), ());
        let deadline = Instant::now() + DEADLINE;
        while service.report(&run).await.unwrap().status == "running" {
            assert!(Instant::now() < deadline, "the run is not over");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (mut numbers, mut missed) = (Vec::new(), 0);
        while let Some(line) = lines.recv().await {
            match line {
                Line::Event(event) if event.event == "turn_progress" => {}
                Line::Event(event) => numbers.push(event.seq),
                Line::Lagged { missed: more } => missed += more,
                Line::Snapshot { .. } | Line::Beat | Line::End { .. } => {}
            }
        }
        server.shared.api.events.settle().await;
        (numbers, missed)
    });
    let table = server.shared.api.events.table().unwrap();
    let all = table.past(run.as_str(), 0, HIGHEST, 10_000).unwrap();
    let all: Vec<u64> = all.events.iter().map(|event| event.seq).collect();
    assert!(all.len() > 4_096 + 256, "{}", all.len());
    assert_eq!((numbers.len(), missed), (all.len(), 0));
    assert!(numbers == all, "they are others");
}

/// Begins to follow a run and reads until its first event; the refusal otherwise.
fn follow(server: &Inside, run: &str) -> Result<TcpStream, Answer> {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(
        stream,
        "GET /v1/runs/{run}/events HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\n\r\n"
    )
    .unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut head: Vec<String> = Vec::new();
    loop {
        let line = lines.next().expect("the answer broke off").unwrap();
        if line == "event: event" {
            return Ok(stream);
        }
        if line.starts_with('{') || line.is_empty() && !head[0].contains(" 200 ") {
            return Err(Answer::of(
                format!("{}\r\n\r\n", head.join("\r\n")).as_bytes(),
            ));
        }
        head.push(line);
    }
}

#[test]
fn only_so_many_follow_at_once_and_whoever_goes_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    // The files of the epic.
    epic(Server::build(), "slow", 1, endless()).command(folder.path());
    let server = Inside::start_in(folder, SocketOptions::default(), 2, &[]);
    let run = &start_inside(&server, "slow");
    let (first, _second) = (follow(&server, run).unwrap(), follow(&server, run).unwrap());
    let refused = follow(&server, run).unwrap_err();
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("5"))
    );
    assert_eq!(server.shared.followers.taken(), 2);
    // Nothing happens in the run; its follower ends all the same.
    drop(first);
    let deadline = Instant::now() + DEADLINE;
    while server.shared.followers.taken() > 1 {
        assert!(Instant::now() < deadline, "nobody noticed");
        std::thread::sleep(Duration::from_millis(10));
    }
    let _third = follow(&server, run).unwrap();
}
