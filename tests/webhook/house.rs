//! A receiver as a process in a folder of its own, with a fake Gitea behind it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use orket_fake_gitea::FakeGitea;
use orket_webhook::signature::sign;
use serde_json::{Value, json};

pub const SECRET: &str = "a-secret-of-the-tests";
pub const DEADLINE: Duration = Duration::from_secs(60);
pub const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

pub struct House {
    pub folder: tempfile::TempDir,
    pub gitea: FakeGitea,
    env: Vec<(String, String)>,
    pub child: Option<Child>,
    pub webhook: String,
}

impl House {
    pub fn new() -> Self {
        let gitea = FakeGitea::start();
        gitea.add_repository("acme/site");
        gitea.add_pull("acme/site", 7, SHA, "ada");
        gitea.review("acme/site", 7, "grace", "APPROVED");
        let env = [
            ("GITEA_WEBHOOK_SECRET", SECRET),
            ("GITEA_URL", gitea.url()),
            ("GITEA_TOKEN", gitea.token()),
            ("ORKET_WEBHOOK_PORT", "0"),
            ("ORKET_RETRY_BASE_MS", "1"),
            // What may still be done at Gitea is waited for three times as long.
            ("ORKET_GITEA_TIMEOUT_SEC", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            folder: tempfile::tempdir().unwrap(),
            env: env.to_vec(),
            gitea,
            child: None,
            webhook: String::new(),
        }
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    pub fn file(&self, path: &str, text: &str) {
        let file = self.folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orket"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The JSON that a command prints.
    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.command(args).arg("--json").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text).unwrap_or_else(|error| {
            panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr))
        })
    }

    /// Starts a receiver and waits until it listens; what it says when it does.
    pub fn start(&mut self, args: &[&str]) -> Value {
        self.try_start(args).unwrap_or_else(|| {
            let log = read(&self.folder.path().join("process.log"));
            panic!("it did not start: {log}");
        })
    }

    /// The same; nothing when it ends before it listens.
    pub fn try_start(&mut self, args: &[&str]) -> Option<Value> {
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(self.folder.path().join("process.log"))
            .unwrap();
        let mut child = self
            .command(args)
            .arg("--json")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        // It prints one object, over several lines, and goes on.
        let told = loop {
            if lines.read_line(&mut text).unwrap() == 0 {
                self.child = Some(child);
                return None;
            }
            if let Ok(told) = serde_json::from_str::<Value>(&text) {
                break told;
            }
        };
        let url = told["webhook_url"].as_str().unwrap().to_owned();
        self.webhook = url.trim_start_matches("http://").to_owned();
        self.child = Some(child);
        Some(told)
    }

    /// Waits until it ends of itself.
    pub fn ended(&mut self) {
        let mut child = self.child.take().unwrap();
        let end = std::time::Instant::now() + DEADLINE;
        while child.try_wait().unwrap().is_none() {
            assert!(std::time::Instant::now() < end, "it lives on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn unset(&mut self, name: &str) {
        self.env.retain(|(known, _)| known != name);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops it in good order.
    pub fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(child.wait().unwrap().success());
    }

    pub fn deliver(&self, id: &str, event: &str, body: &Value) -> std::io::Result<(u16, Value)> {
        deliver(&self.webhook, id, event, body)
    }

    /// Waits until every call of every delivery is over; all deliveries, newest first.
    pub fn settled(&self) -> Vec<Value> {
        let end = std::time::Instant::now() + DEADLINE;
        loop {
            let told = self.json(&["webhook", "deliveries"]);
            let all = told["deliveries"].as_array().unwrap().clone();
            let is_open =
                |call: &Value| matches!(call["status"].as_str(), Some("pending" | "sending"));
            let open = all
                .iter()
                .flat_map(|it| it["calls"].as_array().unwrap())
                .filter(|call| is_open(call))
                .count();
            if open == 0 {
                return all;
            }
            assert!(std::time::Instant::now() < end, "it does not end: {all:#?}");
            // Another process is at work; it tells nobody here.
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn deliver(to: &str, id: &str, event: &str, body: &Value) -> std::io::Result<(u16, Value)> {
    let body = body.to_string();
    let signature = sign(SECRET, body.as_bytes());
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    write!(
        stream,
        "POST /webhook/gitea HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nX-Gitea-Event: {event}\r\n\
         X-Gitea-Delivery: {id}\r\nX-Gitea-Signature: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let broken = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let status = answer.get(9..12).and_then(|digits| digits.parse().ok());
    let (_, json) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
    let json = serde_json::from_str(json).map_err(|_| broken())?;
    Ok((status.ok_or_else(broken)?, json))
}

fn base(number: u64, title: &str) -> Value {
    json!({
        "action": "opened", "number": number,
        "pull_request": {
            "number": number, "title": title, "user": {"login": "ada"}, "merged": false,
            "head": {"ref": "page", "sha": SHA},
        },
        "repository": {"name": "site", "full_name": "acme/site", "owner": {"login": "acme"}},
        "sender": {"login": "ada"},
    })
}

pub fn opened(number: u64, title: &str) -> Value {
    base(number, title)
}

pub fn merged(number: u64) -> Value {
    let mut body = base(number, "Add a page");
    body["action"] = json!("closed");
    body["pull_request"]["merged"] = json!(true);
    body
}

/// A review as stock Gitea tells of it; `words` make it another one.
pub fn review(kind: &str, reviewer: &str, words: &str) -> Value {
    let mut body = base(7, "Add a page");
    body["action"] = json!("reviewed");
    body["review"] = json!({"type": format!("pull_request_review_{kind}"), "content": words});
    body["sender"] = json!({"login": reviewer});
    body
}

pub fn push(number: usize) -> Value {
    json!({"ref": "refs/heads/main", "number": 1, "x": number,
        "repository": {"name": "site", "owner": {"login": "acme"}}})
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
