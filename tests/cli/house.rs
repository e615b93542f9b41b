//! A folder of its own for each test, with small epics whose model is scripted.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long anything may take.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A folder to run orket in.
pub struct House {
    place: tempfile::TempDir,
}

/// How the scripted coder of an epic behaves.
#[derive(Clone, Copy)]
pub struct Coder {
    /// Before each reply.
    pub delay_ms: u64,
    /// Whether it does nothing of what is asked.
    pub broken: bool,
}

pub const QUICK: Coder = Coder {
    delay_ms: 0,
    broken: false,
};
pub const SLOW: Coder = Coder {
    delay_ms: 700,
    broken: false,
};
/// For who means to stop it: it does not end by itself while a test watches, however busy the machine.
pub const ENDLESS: Coder = Coder {
    delay_ms: 600_000,
    broken: false,
};
pub const BROKEN: Coder = Coder {
    delay_ms: 0,
    broken: true,
};

impl House {
    pub fn new() -> Self {
        Self {
            place: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self) -> &Path {
        self.place.path()
    }

    pub fn write(&self, name: &str, value: &Value) {
        let file = self.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, serde_json::to_string_pretty(value).unwrap()).unwrap();
    }

    /// Changes an asset that was written before.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let text = std::fs::read_to_string(self.path().join(name)).unwrap();
        let mut value = serde_json::from_str(&text).unwrap();
        change(&mut value);
        self.write(name, &value);
    }

    /// An epic of `cards` cards, each depending on the one before.
    pub fn epic(&self, name: &str, cards: usize, coder: Coder) {
        let issues: Vec<Value> = (1..=cards)
            .map(|number| {
                let id = |number: usize| format!("{}-{number}", name.to_uppercase());
                let before: Vec<String> =
                    (number > 1).then(|| id(number - 1)).into_iter().collect();
                json!({"id": id(number), "summary": format!("Part {number}"), "seat": "coder",
                       "depends_on": before, "max_retries": 0,
                       "params": {"required_write_paths": [format!("agent_output/{}.txt", id(number))],
                                  "review_required_read_paths": []}})
            })
            .collect();
        self.write(
            &format!("config/epics/{name}.json"),
            &json!({"epic": {"name": name, "team": "standard", "environment": name, "issues": issues}}),
        );
        self.write(
            &format!("config/environments/{name}.json"),
            &json!({"environment": {"name": name, "model": format!("scripted:{name}")}}),
        );
        let mut work = json!({"when": {"role": "coder"}, "first_chunk_delay_ms": coder.delay_ms,
            "usage": {"prompt_tokens": 10, "output_tokens": 5},
            "calls": [{"tool": "write_file", "args": {"path": "agent_output/{{issue_id}}.txt", "content": "by {{run_id}}"}},
                      {"tool": "update_issue_status", "args": {"status": "code_review"}}]});
        if coder.broken {
            let work = work.as_object_mut().unwrap();
            work.remove("calls");
            work.insert("content".to_owned(), json!("I would rather not."));
        }
        let review = json!({"when": {"role": "integrity_guard"}, "first_chunk_delay_ms": coder.delay_ms,
            "calls": [{"tool": "update_issue_status", "args": {"status": "done"}}]});
        self.write(
            &format!("config/scenarios/{name}.json"),
            &json!({"name": name, "replies": [work, review]}),
        );
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orket"));
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("ORKET_RETRY_BASE_MS", "1")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Done {
        Done::of(self.command(args).output().unwrap())
    }

    /// Starts a command whose lines are read while it runs.
    pub fn start(&self, args: &[&str]) -> Running {
        Running::of(self.command(args))
    }

    pub fn durable(&self) -> PathBuf {
        self.path().join(".orket/durable")
    }
}

impl Drop for House {
    /// A test that fails must not leave an owner in the background.
    fn drop(&mut self) {
        if self.durable().join("run/orket.sock").exists() {
            let _ = self.command(&["serve", "--stop"]).output();
        }
    }
}

/// A command that has ended.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Done {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output as the one JSON object that it must be.
    pub fn json(&self) -> Value {
        let value: Value =
            serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert!(value.is_object(), "{value}");
        value
    }
}

/// A command that runs.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    pub fn of(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, lines) = channel();
        let out = child.stdout.take().unwrap();
        let err = child.stderr.take().unwrap();
        let to_err = to.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let _ = to.send(line);
            }
        });
        std::thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                let _ = to_err.send(line);
            }
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// Waits for a line that contains `text`.
    pub fn until(&mut self, text: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(_) => panic!("no line with `{text}` in {:#?}", self.seen),
            }
        }
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits for its end; the exit code (-1 after a signal) and all lines.
    pub fn end(mut self) -> (i32, Vec<String>) {
        let deadline = Instant::now() + DEADLINE;
        // The readers end when the pipes do, which is when the process does.
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                    let _ = self.child.kill();
                    panic!("it does not end: {:#?}", self.seen);
                }
            }
        }
        let status = self.child.wait().unwrap();
        (status.code().unwrap_or(-1), std::mem::take(&mut self.seen))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
