//! The rounds.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::load::{Connection, get, p99, rate};
use super::{bare, filled};

const KEY: &str = "a-key-for-the-bench-0123456789";
const CONNECTIONS: usize = 32;
const ROUNDS: usize = 5;
const WORKERS: usize = 2;

struct Args {
    cards: u32,
    seconds: f64,
    only: Option<String>,
    skip: Option<String>,
    assert: bool,
    floor: f64,
}

fn args() -> Args {
    let given: Vec<String> = std::env::args().collect();
    let after = |flag: &str| {
        let at = given.iter().position(|arg| arg == flag)?;
        given.get(at + 1).cloned()
    };
    let number = |flag: &str, default: f64| {
        after(flag).map_or(default, |text| text.parse().expect("a number"))
    };
    Args {
        cards: number("--cards", 100_000.0) as u32,
        seconds: number("--seconds", 2.0),
        only: after("--only"),
        skip: after("--skip"),
        assert: given.iter().any(|arg| arg == "--assert"),
        floor: number("--floor", 1.0),
    }
}

/// A server that is killed when it is dropped.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(mut command: Command) -> Server {
    let mut child = command
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .expect("started");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let first = lines.next().expect("a line").expect("text");
    let address = first
        .trim_start_matches("listening on ")
        .trim_start_matches("http://");
    let address = address
        .parse()
        .unwrap_or_else(|_| panic!("the server said {first}"));
    std::thread::spawn(move || lines.for_each(drop));
    Server { child, address }
}

fn orket(folder: &Path) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orket"));
    command
        .args(["serve", "--port", "0"])
        .current_dir(folder)
        .env("ORKET_API_KEY", KEY)
        .env("ORKET_API_RATE_LIMIT", "0")
        .env("ORKET_API_WORKERS", WORKERS.to_string())
        .env("ORKET_MAX_CONCURRENT_TURNS", "1000");
    spawn(command)
}

fn bare_server(database: &Path) -> Server {
    let mut command = Command::new(std::env::current_exe().expect("an executable"));
    command.arg("--bare").arg(database);
    spawn(command)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub fn main() -> i32 {
    let given: Vec<String> = std::env::args().collect();
    if given.get(1).is_some_and(|arg| arg == "--bare") {
        bare::serve(Path::new(&given[2]), WORKERS);
        return 0;
    }
    let args = args();
    let folder = tempfile::tempdir().expect("a folder");
    assets(folder.path());
    let database = folder.path().join(".orket/durable/db");
    std::fs::create_dir_all(&database).expect("a folder");
    filled::fill(&database, args.cards);
    // The owner first: it brings the WAL in order.
    let real = orket(folder.path());
    let bare = bare_server(&database);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let missed = runtime.block_on(rounds(&args, &real, &bare));
    for miss in &missed {
        eprintln!("missed: {miss}");
    }
    i32::from(args.assert && !missed.is_empty())
}

async fn rounds(args: &Args, real: &Server, bare: &Server) -> Vec<String> {
    let mut missed = Vec::new();
    let wanted = |name: &str| {
        args.only.as_deref().is_none_or(|only| only == name) && args.skip.as_deref() != Some(name)
    };
    let time = Duration::from_secs_f64(args.seconds);
    let one = |path: &str| vec![get(path, KEY)];
    // A page somewhere in the list, by cursor: rows are numbered from 1.
    let page = |below: u32| get(&format!("/v1/cards?cursor={below}"), KEY);
    let pages =
        |from: u32, to: u32| -> Vec<Vec<u8>> { (from..to).step_by(50).map(&page).collect() };
    let newest = pages(args.cards.saturating_sub(5_000).max(51), args.cards);
    let oldest = pages(60, 1_000.min(args.cards));
    let cases = [
        ("health", one("/health"), 0.85),
        ("heartbeat", one("/v1/system/heartbeat"), 0.85),
        ("cards", newest.clone(), 0.6),
        ("run", one(&format!("/v1/runs/{}", filled::RUN)), 0.5),
    ];
    println!(
        "{:<12} {:>12} {:>12} {:>7} {:>6}",
        "", "orket req/s", "bare req/s", "ratio", "bar"
    );
    for (name, requests, bar) in cases {
        if !wanted(name) {
            continue;
        }
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(rate(real.address, &requests, CONNECTIONS, time).await);
            theirs.push(rate(bare.address, &requests, CONNECTIONS, time).await);
        }
        // Of each round, so that what slows the machine down for a while slows down both.
        let ratio = median(
            ours.iter()
                .zip(&theirs)
                .map(|(our, their)| our / their)
                .collect(),
        );
        println!(
            "{name:<12} {:>12.0} {:>12.0} {ratio:>7.2} {bar:>6}",
            median(ours),
            median(theirs)
        );
        if ratio < bar * args.floor {
            missed.push(format!(
                "{name} has {ratio:.2} of a bare handler, the bar is {bar}"
            ));
        }
    }
    if wanted("cursor") {
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            first.push(rate(real.address, &newest, CONNECTIONS, time).await);
            last.push(rate(real.address, &oldest, CONNECTIONS, time).await);
        }
        let ratio = median(
            last.iter()
                .zip(&first)
                .map(|(last, first)| last / first)
                .collect(),
        );
        println!(
            "pages at the end by cursor: {ratio:.2} of the rate of those at the beginning (bar 0.95)"
        );
        if ratio < 0.95 * args.floor {
            missed.push(format!(
                "pages at the end have {ratio:.2} of the rate of the first ones"
            ));
        }
    }
    if wanted("busy") {
        busy(args, real, &mut missed).await;
    }
    missed
}

/// The heartbeat while 1,000 turns run.
async fn busy(args: &Args, real: &Server, missed: &mut Vec<String>) {
    let beat = get("/v1/system/heartbeat", KEY);
    let time = Duration::from_secs_f64(args.seconds * 2.0);
    let mut idle = Vec::new();
    for _ in 0..3 {
        idle.push(p99(real.address, &beat, 200, time).await.as_secs_f64());
    }
    let mut connection = Connection::open(real.address).await;
    let body = json!({"issue_id": "busy"}).to_string();
    let start = format!(
        "POST /v1/system/run-active HTTP/1.1\r\nHost: bench\r\nX-API-Key: {KEY}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (status, _) = connection.ask(start.as_bytes()).await;
    assert_eq!(
        status,
        200,
        "{}",
        String::from_utf8_lossy(connection.body())
    );
    let started: Value = serde_json::from_slice(connection.body()).expect("JSON");
    assert!(started["session_id"].is_string(), "{started}");
    // Until a thousand turns wait for their model.
    let metrics = get("/metrics", KEY);
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while turns_under_way(&mut connection, &metrics).await < 990 {
        assert!(
            std::time::Instant::now() < deadline,
            "a thousand turns do not get under way"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut loaded = Vec::new();
    for _ in 0..3 {
        loaded.push(p99(real.address, &beat, 200, time).await.as_secs_f64());
    }
    // They still do.
    let after = turns_under_way(&mut connection, &metrics).await;
    assert!(after >= 900, "{after} turns are under way at the end");
    let (idle, loaded) = (median(idle), median(loaded));
    let ratio = loaded / idle;
    println!(
        "heartbeat p99: {:.2} ms idle, {:.2} ms while 1,000 turns run: {ratio:.2} (bar 3)",
        idle * 1_000.0,
        loaded * 1_000.0
    );
    if ratio > 3.0 / args.floor {
        missed.push(format!("the heartbeat's p99 is {ratio:.2} of the idle one"));
    }
}

async fn turns_under_way(connection: &mut Connection, metrics: &[u8]) -> u64 {
    connection.ask(metrics).await;
    let text = String::from_utf8_lossy(connection.body()).into_owned();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("orket_turns_active "));
    line.and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// An epic of 40,000 cards whose model takes 18 seconds for each reply, a chunk of it every 0.4 s.
fn assets(folder: &Path) {
    let write = |path: &str, value: Value| {
        let file = folder.join(path);
        std::fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
        std::fs::write(file, value.to_string()).expect("written");
    };
    let issues: Vec<Value> = (0..40_000)
        .map(|n| {
            json!({"id": format!("B-{n}"), "summary": "Write", "seat": "coder",
                   "params": {"required_write_paths": [format!("agent_output/{n}.txt")], "review_required_read_paths": []}})
        })
        .collect();
    write(
        "model/core/epics/busy.json",
        json!({"name": "busy", "team": "standard", "environment": "busy", "issues": issues}),
    );
    write(
        "model/core/environments/busy.json",
        json!({"name": "busy", "model": "scripted:busy"}),
    );
    write(
        "model/core/scenarios/busy.json",
        json!({"name": "busy", "replies": [],
               "default": {"content": "words ".repeat(100), "first_chunk_delay_ms": 2_000, "chunk_chars": 15, "chunk_delay_ms": 400}}),
    );
}
