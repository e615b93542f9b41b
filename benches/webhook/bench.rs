//! The rounds.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use orket_webhook::signature::sign;
use serde_json::{Value, json};

use super::bare;
use super::load::{Connection, get, rate};

const SECRET: &str = "a-secret-for-the-bench";
const ROUNDS: usize = 5;
const WORKERS: usize = 2;

/// A server that is killed when it is dropped.
struct Server {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Server {
    /// The time of processors that it has had, its threads together.
    fn cpu(&self) -> Duration {
        let stat = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(stat).expect("Linux");
        // Behind the name, which may hold spaces; in hundredths of a second.
        let (_, rest) = stat.rsplit_once(") ").expect("a name");
        let ticks: u64 = rest
            .split(' ')
            .skip(11)
            .take(2)
            .map(|ticks| ticks.parse::<u64>().expect("a number"))
            .sum();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn folder() -> tempfile::TempDir {
    match std::env::var_os("ORKET_BENCH_DIR") {
        Some(place) => tempfile::tempdir_in(place).expect("a folder"),
        None => tempfile::tempdir().expect("a folder"),
    }
}

fn spawn(mut command: Command, folder: tempfile::TempDir) -> Server {
    let mut child = command
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .expect("started");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let first = lines.next().expect("a line").expect("text");
    let address = first.trim_start_matches("listening on http://");
    let address = address.split(';').next().unwrap_or_default();
    let address = address
        .parse()
        .unwrap_or_else(|_| panic!("the server said {first}"));
    std::thread::spawn(move || lines.for_each(drop));
    Server {
        child,
        address,
        _folder: folder,
    }
}

/// The receiver; `wrong_per_minute` is how often an address may be wrong.
fn orket(wrong_per_minute: &str) -> Server {
    let folder = folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_orket"));
    command
        .args(["webhook", "--port", "0"])
        .current_dir(folder.path())
        .env("GITEA_WEBHOOK_SECRET", SECRET)
        .env("GITEA_TOKEN", "none")
        .env("GITEA_URL", "http://127.0.0.1:9")
        .env("ORKET_RATE_LIMIT", "100000000")
        .env("ORKET_RATE_LIMIT_ALL", "100000000")
        .env("ORKET_WEBHOOK_PEER_LIMIT", wrong_per_minute)
        .env("ORKET_WEBHOOK_WORKERS", WORKERS.to_string());
    spawn(command, folder)
}

fn bare_server() -> Server {
    let folder = folder();
    let mut command = Command::new(std::env::current_exe().expect("an executable"));
    command.arg("--bare").arg(folder.path().join("bare.db"));
    spawn(command, folder)
}

fn user(login: &str) -> Value {
    json!({
        "id": 5, "login": login, "login_name": "", "full_name": "Somebody Whoever", "username": login,
        "email": format!("{login}@noreply.example.org"), "avatar_url": "https://git.example.org/avatars/0f1e2d",
        "language": "en-US", "is_admin": false, "last_login": "2026-01-01T10:00:00Z", "created": "2025-01-01T10:00:00Z",
        "restricted": false, "active": true, "prohibit_login": false, "location": "", "website": "",
        "description": "", "visibility": "public", "followers_count": 0, "following_count": 1,
    })
}

/// A pull request event as large as Gitea's are: about 5 KB.
fn event(title: &str) -> Value {
    let repository = json!({
        "id": 3, "owner": user("acme"), "name": "site", "full_name": "acme/site", "description": "",
        "empty": false, "private": false, "fork": false, "template": false, "mirror": false, "size": 2048,
        "html_url": "https://git.example.org/acme/site", "ssh_url": "git@git.example.org:acme/site.git",
        "clone_url": "https://git.example.org/acme/site.git", "original_url": "", "stars_count": 3,
        "forks_count": 0, "watchers_count": 5, "open_issues_count": 4, "open_pr_counter": 2,
        "default_branch": "main", "archived": false, "created_at": "2025-01-01T10:00:00Z",
        "permissions": {"admin": true, "push": true, "pull": true}, "has_issues": true, "has_wiki": true,
    });
    let branch = |name: &str| {
        json!({"label": name, "ref": name, "sha": "0123456789abcdef0123456789abcdef01234567",
            "repo_id": 3, "repo": repository})
    };
    json!({
        "action": "opened", "number": 7,
        "pull_request": {
            "id": 41, "number": 7, "title": title, "body": "What it is about.", "state": "open", "merged": false,
            "user": user("ada"), "labels": [], "milestone": null, "assignee": null, "assignees": null,
            "url": "https://git.example.org/acme/site/pulls/7", "base": branch("main"), "head": branch("page"),
            "merge_base": "fedcba9876543210fedcba9876543210fedcba98", "created_at": "2026-01-01T10:00:00Z",
            "updated_at": "2026-01-01T10:00:00Z", "closed_at": null, "due_date": null,
        },
        "repository": repository, "sender": user("ada"), "review": null,
    })
}

/// What is sent, each time another one.
#[derive(Clone)]
struct Deliveries {
    event: &'static str,
    before: String,
    next: Arc<AtomicU64>,
}

impl Deliveries {
    fn new(event: &'static str, body: &Value) -> Self {
        let mut before = body.to_string();
        before.pop();
        Self {
            event,
            before,
            next: Arc::new(AtomicU64::new(0)),
        }
    }

    fn next(&self) -> Vec<u8> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let body = format!("{},\"at\":{number}}}", self.before);
        request(
            self.event,
            // As Gitea names them.
            &uuid::Uuid::new_v4().to_string(),
            &sign(SECRET, body.as_bytes()),
            &body,
        )
    }
}

fn request(event: &str, id: &str, signature: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /webhook/gitea HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
         X-Gitea-Event: {event}\r\nX-Gitea-Delivery: {id}\r\nX-Gitea-Signature: {signature}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// What a round showed: answers a second, and microseconds of a processor for each.
#[derive(Clone, Copy)]
struct Round {
    rate: f64,
    cpu_us: f64,
}

/// A round against a server.
async fn round(server: &Server, time: Duration, rate: impl Future<Output = f64>) -> Round {
    let before = server.cpu();
    let rate = rate.await;
    let cpu = server.cpu() - before;
    Round {
        rate,
        cpu_us: cpu.as_secs_f64() * 1e6 / (rate * time.as_secs_f64()),
    }
}

/// Answers of this status a second.
async fn post_rate(
    to: SocketAddr,
    make: impl Fn() -> Vec<u8> + Clone + Send + 'static,
    expected: u16,
    connections: usize,
    time: Duration,
) -> f64 {
    let answered = Arc::new(AtomicU64::new(0));
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(to).await);
    }
    let begin = Instant::now();
    let tasks: Vec<_> = open
        .into_iter()
        .map(|mut connection| {
            let (answered, make) = (Arc::clone(&answered), make.clone());
            tokio::spawn(async move {
                while begin.elapsed() < time {
                    let (status, _) = connection.ask(&make()).await;
                    assert_eq!(status, expected);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("asked");
    }
    answered.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Args {
    time: Duration,
    connections: usize,
    only: Option<String>,
    assert: bool,
    floor: f64,
}

fn args(given: &[String]) -> Args {
    let after = |flag: &str| {
        let at = given.iter().position(|arg| arg == flag)?;
        given.get(at + 1).cloned()
    };
    let number = |flag: &str, default: f64| {
        after(flag).map_or(default, |text| text.parse().expect("a number"))
    };
    Args {
        time: Duration::from_secs_f64(number("--seconds", 2.0)),
        connections: number("--connections", 32.0) as usize,
        only: after("--only"),
        assert: given.iter().any(|arg| arg == "--assert"),
        floor: number("--floor", 1.0),
    }
}

pub fn main() -> i32 {
    let given: Vec<String> = std::env::args().collect();
    if given.get(1).is_some_and(|arg| arg == "--bare") {
        bare::serve(Path::new(&given[2]), SECRET, WORKERS);
        return 0;
    }
    let args = args(&given);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let missed = runtime.block_on(rounds(&args));
    for miss in &missed {
        eprintln!("missed: {miss}");
    }
    i32::from(args.assert && !missed.is_empty())
}

async fn rounds(args: &Args) -> Vec<String> {
    let real = orket("100000000");
    let strict = orket("1");
    let bare = bare_server();
    let (push, opened) = (event("Add a page"), event("Add another page"));
    let stored = [
        ("stored", Deliveries::new("push", &push), 0.75),
        // How its pull request stands is kept besides, which the bare receiver does not do: shown for
        // comparison, without a bar.
        ("opened", Deliveries::new("pull_request", &opened), 0.0),
    ];
    let forged = request("push", "forged", &"0".repeat(64), &push.to_string());
    // Small, and not even like a signed one, as somebody sends it who wants many answers; two before each
    // round, so that it is refused.
    let unread = request("push", "unread", "00", "{}");
    let mut missed = Vec::new();
    // The time of processors is shown besides: where the disk is slow, or others work too, the rates say
    // little of what a request costs.
    println!(
        "{:<10} {:>12} {:>12} {:>7} {:>6} {:>11} {:>11}",
        "", "orket req/s", "bare req/s", "ratio", "bar", "orket CPU", "bare CPU"
    );
    let mut report = |name: &str, ours: Vec<Round>, theirs: Vec<Round>, bar: f64| {
        // Of each round, so that what slows the machine down for a while slows down both.
        let ratio = median(
            ours.iter()
                .zip(&theirs)
                .map(|(our, their)| our.rate / their.rate)
                .collect(),
        );
        let middle =
            |rounds: &[Round], of: fn(&Round) -> f64| median(rounds.iter().map(of).collect());
        println!(
            "{name:<10} {:>12.0} {:>12.0} {ratio:>7.2} {bar:>6} {:>8.1} us {:>8.1} us",
            middle(&ours, |round| round.rate),
            middle(&theirs, |round| round.rate),
            middle(&ours, |round| round.cpu_us),
            middle(&theirs, |round| round.cpu_us),
        );
        if ratio < bar * args.floor {
            missed.push(format!(
                "{name} has {ratio:.2} of the bare server, the bar is {bar}"
            ));
        }
    };
    let wanted = |name: &str| args.only.as_deref().is_none_or(|only| only == name);
    for (name, deliveries, bar) in stored {
        if !wanted(name) {
            continue;
        }
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let make = {
                let deliveries = deliveries.clone();
                move || deliveries.next()
            };
            let (connections, time) = (args.connections, args.time);
            let rate = post_rate(real.address, make.clone(), 200, connections, time);
            ours.push(round(&real, time, rate).await);
            let rate = post_rate(bare.address, make, 200, connections, time);
            theirs.push(round(&bare, time, rate).await);
        }
        report(name, ours, theirs, bar);
    }
    let health = vec![get("/health", "none")];
    for (name, server, request, status, bar) in [
        ("refused", &real, forged, 401, 0.6),
        ("limited", &strict, unread.clone(), 429, 0.8),
    ] {
        if !wanted(name) {
            continue;
        }
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let request = request.clone();
            // It is refused for a minute at a time.
            for _ in 0..2 {
                let _ = Connection::open(strict.address).await.ask(&unread).await;
            }
            let (connections, time) = (args.connections, args.time);
            let make = move || request.clone();
            let asked = post_rate(server.address, make, status, connections, time);
            ours.push(round(server, time, asked).await);
            let asked = rate(bare.address, &health, connections, time);
            theirs.push(round(&bare, time, asked).await);
        }
        report(name, ours, theirs, bar);
    }
    missed
}
