//! One owner, many commands.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use serde_json::Value;

use super::house::{House, QUICK, Running, SLOW};

fn json_of(lines: &[String]) -> Value {
    let text = lines.join("\n");
    let from = text.find("\n{").map_or(0, |at| at + 1);
    serde_json::from_str(text.get(from..=text.rfind('}').unwrap()).unwrap())
        .unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_second_shell_attaches_to_the_same_run() {
    let house = House::new();
    house.epic("demo", 2, SLOW);
    let mut first = house.start(&["--epic", "demo"]);
    first.until("DEMO-1  coder: turn 1");
    let socket = house.durable().join("run/orket.sock");
    assert_eq!(
        std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let mut second = house.start(&["--epic", "demo"]);
    let words = second.until("is under way; attached to it");
    let refused = house.run(&["--epic", "demo", "--embedded"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("error[E_OWNED]"), "{refused:?}");
    let (code, lines) = second.end();
    assert_eq!(code, 0, "{lines:#?}");
    // It sees the run from its beginning, though it came late.
    assert!(
        lines
            .iter()
            .any(|line| line.contains("DEMO-1  coder: turn 1")),
        "{lines:#?}"
    );
    let (code, lines) = first.end();
    assert_eq!(code, 0, "{lines:#?}");
    let runs = house.run(&["runs", "--json"]).json();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1);
    assert!(words.contains(runs["runs"][0]["run_id"].as_str().unwrap()));
    assert!(
        !socket.exists(),
        "an owner that ends well takes its socket with it"
    );
}

#[test]
fn an_owner_stays_for_the_runs_of_others_and_two_epics_run_at_once() {
    let house = House::new();
    house.epic("quick", 1, QUICK);
    house.epic("slow", 4, SLOW);
    let mut owner = house.start(&["--epic", "slow"]);
    owner.until("SLOW-1  coder: turn 1");
    let done = house.run(&["--epic", "quick", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(done.json()["epic"], "quick");
    // The other way round: the owner's own run is over first.
    let mut owner_of_quick = owner;
    let mut late = house.start(&["--epic", "slow", "--build-id", "other", "--json"]);
    late.until("other");
    owner_of_quick.until("this process also runs");
    let (code, lines) = late.end();
    assert_eq!(
        (code, &json_of(&lines)["status"]),
        (0, &Value::from("done")),
        "{lines:#?}"
    );
    assert_eq!(owner_of_quick.end().0, 0);
}

#[test]
fn when_the_owner_dies_an_attached_command_takes_over() {
    let house = House::new();
    house.epic("demo", 3, SLOW);
    let mut owner = house.start(&["--epic", "demo"]);
    owner.until("DEMO-1  coder: turn 1");
    let mut attached = house.start(&["--epic", "demo", "--json"]);
    attached.until("is under way; attached to it");
    owner.until("DEMO-2  coder: turn 1");
    owner.signal("KILL");
    let (code, lines) = attached.end();
    assert_eq!(code, 0, "{lines:#?}");
    assert!(
        lines
            .iter()
            .any(|line| line.contains("the owner went away")),
        "{lines:#?}"
    );
    let report = json_of(&lines);
    assert_eq!(report["status"], "done");
    // What was settled before stays settled: no card took more turns than it needs but the one that
    // was under way.
    assert_eq!(report["cards"][0]["attempts"], 2);
    assert_eq!(report["cards"][2]["attempts"], 2);
}

#[test]
fn a_detached_run_is_worked_off_in_the_background() {
    let house = House::new();
    house.epic("demo", 1, SLOW);
    let done = house.run(&["run", "--epic", "demo", "--detach"]);
    assert_eq!(done.code, 0, "{done:?}");
    let run = done.out.trim().to_owned();
    assert_eq!(run.len(), 12, "{done:?}");
    let attached = house.run(&["--epic", "demo", "--json"]);
    assert_eq!(attached.code, 0, "{attached:?}");
    assert_eq!(attached.json()["run_id"], run.as_str());
    // The owner in the background stays until it is told to stop.
    let pid = house.run(&["serve", "--stop", "--json"]).json()["pid"].clone();
    let proc = std::path::PathBuf::from(format!("/proc/{pid}"));
    let deadline = std::time::Instant::now() + super::house::DEADLINE;
    while proc.exists() && !is_zombie(&proc) {
        assert!(std::time::Instant::now() < deadline, "it does not stop");
        std::thread::yield_now();
    }
    assert_eq!(house.run(&["serve", "--stop"]).code, 1);
}

#[test]
fn a_detached_run_goes_to_the_owner_that_is_named_and_to_no_other() {
    let (theirs, ours) = (House::new(), House::new());
    theirs.epic("demo", 1, QUICK);
    ours.epic("demo", 1, QUICK);
    let mut owner = theirs.start(&["serve", "--socket-only"]);
    owner.until("listening on");
    let socket = theirs.durable().join("run/orket.sock");
    let socket = socket.to_str().unwrap();
    let started = ours.run(&["run", "--epic", "demo", "--detach", "--server", socket]);
    assert_eq!(started.code, 0, "{started:?}");
    let run = started.out.trim();
    let shown = theirs.run(&["runs", "--json"]).json();
    assert_eq!(shown["runs"][0]["run_id"], run);
    assert!(!ours.durable().join("run/orket.sock").exists());
    owner.signal("TERM");
    owner.end();
    let nobody = ours.run(&["run", "--epic", "demo", "--detach", "--server", socket]);
    assert_eq!(nobody.code, 1, "{nobody:?}");
    assert!(!ours.durable().join("run/orket.sock").exists());
}

/// Where nobody reaps orphans, an ended process stays as a zombie.
fn is_zombie(proc: &std::path::Path) -> bool {
    let stat = std::fs::read_to_string(proc.join("stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_none_or(|rest| rest.trim_start().starts_with('Z'))
}

#[test]
fn a_deep_data_folder_can_be_attached_to() {
    let house = House::new();
    house.epic("demo", 1, SLOW);
    let deep = house.path().join("d".repeat(80)).join("e".repeat(40));
    let with_root = |args: &[&str]| {
        let mut command = house.command(args);
        command.env("ORKET_DURABLE_ROOT", &deep);
        command
    };
    let mut owner = Running::of(with_root(&["--epic", "demo"]));
    owner.until("DEMO-1  coder: turn 1");
    let mut attached = Running::of(with_root(&["--epic", "demo"]));
    attached.until("is under way; attached to it");
    assert_eq!(attached.end().0, 0);
    assert_eq!(owner.end().0, 0);
}

/// One request over the socket: status and body.
fn ask(house: &House, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = UnixStream::connect(house.durable().join("run/orket.sock")).unwrap();
    stream
        .set_read_timeout(Some(super::house::DEADLINE))
        .unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nhost: orket\r\naccept: application/x-ndjson\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.split(' ').nth(1).unwrap().parse().unwrap(),
        body.to_owned(),
    )
}

#[test]
fn the_socket_speaks_the_routes_of_the_api() {
    let house = House::new();
    house.epic("demo", 1, QUICK);
    let mut owner = house.start(&["serve", "--socket-only"]);
    owner.until("listening on");
    let json = |(status, body): (u16, String)| -> (u16, Value) {
        (
            status,
            serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}")),
        )
    };
    let (status, health) = json(ask(&house, "GET", "/health", ""));
    assert_eq!((status, &health["status"]), (200, &Value::from("ok")));
    let (status, started) = json(ask(
        &house,
        "POST",
        "/v1/runs",
        r#"{"kind":"epic","name":"demo"}"#,
    ));
    assert_eq!(
        (status, &started["outcome"]),
        (200, &Value::from("started")),
        "{started}"
    );
    let run = started["run_id"].as_str().unwrap().to_owned();
    let (status, lines) = ask(&house, "GET", &format!("/v1/runs/{run}/events?after=0"), "");
    assert_eq!(status, 200);
    // Each line is a chunk of its own.
    let lines: Vec<Value> = lines
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kind = |line: &Value| line["type"].as_str().unwrap().to_owned();
    assert_eq!(kind(&lines[0]), "snapshot");
    assert_eq!(kind(lines.last().unwrap()), "end");
    assert_eq!(lines.last().unwrap()["report"]["status"], "done");
    let numbers: Vec<u64> = lines
        .iter()
        .filter_map(|line| line["seq"].as_u64())
        .collect();
    assert!(numbers.len() > 4 && numbers.is_sorted(), "{numbers:?}");
    assert_eq!(
        json(ask(&house, "GET", "/v1/runs/last", "")).1["run_id"],
        run.as_str()
    );
    assert_eq!(
        json(ask(&house, "GET", "/v1/runs?limit=1", "")).1[0]["run_id"],
        run.as_str()
    );
    for (method, path, body, status, code) in [
        ("GET", "/v1/runs/nope", "", 404, "E_RUN_UNKNOWN"),
        ("GET", "/v1/runs/..%2f..%2fx", "", 404, "E_RUN_UNKNOWN"),
        ("GET", "/nowhere", "", 404, "E_NOT_FOUND"),
        ("POST", "/v1/runs", "{", 422, "E_VALIDATION"),
        (
            "POST",
            "/v1/runs",
            r#"{"kind":"epic","name":"../x"}"#,
            400,
            "E_REQUEST",
        ),
        (
            "POST",
            "/v1/runs",
            r#"{"kind":"epic","name":"nope"}"#,
            404,
            "E_NOT_FOUND",
        ),
        (
            "POST",
            "/v1/runs",
            r#"{"kind":"epic","name":"demo","extra":1}"#,
            422,
            "E_VALIDATION",
        ),
        (
            "POST",
            &format!("/v1/runs/{run}/halt"),
            "",
            409,
            "E_RUN_OVER",
        ),
        (
            "POST",
            &format!("/v1/runs/{run}/resume"),
            "",
            409,
            "E_RUN_OVER",
        ),
    ] {
        let (seen, error) = json(ask(&house, method, path, body));
        assert_eq!(
            (seen, &error["code"]),
            (status, &Value::from(code)),
            "{path} {body}: {error}"
        );
        assert!(
            (error["detail"].is_string() || error["detail"].is_array())
                && error["request_id"].is_string(),
            "{error}"
        );
    }
    assert_eq!(ask(&house, "POST", "/v1/shutdown", "").0, 202);
    assert_eq!(owner.end().0, 0);
}

#[test]
fn a_run_of_any_size_can_be_attached_to() {
    const CARDS: usize = 300;
    let house = House::new();
    house.epic("big", 1, SLOW);
    let summary = "what is to be done, at length ".repeat(600);
    let issues: Vec<Value> = (0..CARDS)
        .map(|number| {
            serde_json::json!({"id": format!("BIG-{number}"), "summary": summary, "seat": "coder",
            "params": {"required_write_paths": [format!("agent_output/BIG-{number}.txt")],
                       "review_required_read_paths": []}})
        })
        .collect();
    house.write(
        "config/epics/big.json",
        &serde_json::json!({"epic": {"name": "big", "team": "standard", "environment": "big", "issues": issues}}),
    );
    let begun = house.run(&[
        "run",
        "--epic",
        "big",
        "--detach",
        "--set",
        "ORKET_ARTIFACTS=none",
    ]);
    assert_eq!(begun.code, 0, "{begun:?}");
    let attached = house.run(&["--epic", "big", "--json"]);
    assert_eq!(attached.code, 0, "{}", attached.err);
    assert!(attached.err.contains("attached to it"), "{}", attached.err);
    assert!(!attached.err.contains("went away"), "{}", attached.err);
    assert!(
        attached.out.len() > 5 * 1024 * 1024,
        "one line of its stream is longer than 4 MiB"
    );
    assert_eq!(attached.json()["cards"].as_array().unwrap().len(), CARDS);
}
