//! A folder with a small epic in three tempers, and the real binary run in it with a fault armed.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use orket::storage::Reader;
use serde_json::{Value, json};

/// How long anything may take.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Each card and what it depends on.
const CARDS: [(&str, &[&str]); 5] = [
    ("C-1", &[]),
    ("C-2", &[]),
    ("C-3", &["C-2"]),
    ("C-4", &["C-1"]),
    ("C-5", &["C-3"]),
];

pub struct House {
    place: tempfile::TempDir,
}

impl House {
    pub fn new() -> Self {
        let house = Self {
            place: tempfile::tempdir().unwrap(),
        };
        house.epic("flow", json!([work(0)]));
        house.epic("slow", json!([work(250)]));
        let mut talking = work(0);
        talking["when"] = json!({"role": "coder", "issue": "C-1", "attempt": 1});
        talking["chunk_chars"] = json!(4);
        talking["chunk_delay_ms"] = json!(200);
        house.epic("long", json!([talking, work(0)]));
        // The first card's model says nothing at first, or ever.
        let silent = |times: u32| {
            json!({"when": {"role": "coder", "issue": "C-1"}, "times": times,
                   "content": "…", "fault": "stall_before_first"})
        };
        house.epic("mute", json!([silent(1), work(0)]));
        house.epic("deaf", json!([silent(1_000), work(0)]));
        house
    }

    /// An epic whose first card's turn files a further card.
    pub fn breed(&self) {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/model/core/roles/coder.json");
        let mut role: Value = serde_json::from_slice(&std::fs::read(shipped).unwrap()).unwrap();
        role["role"]["tools"]
            .as_array_mut()
            .unwrap()
            .push(json!("create_issue"));
        self.write("config/roles/coder.json", &role);
        let mut filing = work(0);
        filing["when"] = json!({"role": "coder", "issue": "C-1"});
        let further =
            json!({"tool": "create_issue", "args": {"seat": "coder", "summary": "A further card"}});
        filing["calls"].as_array_mut().unwrap().insert(0, further);
        self.epic("breed", json!([filing, work(0)]));
    }

    fn epic(&self, name: &str, mut replies: Value) {
        let issues: Vec<Value> = CARDS
            .iter()
            .map(|(id, depends_on)| {
                let path = format!("agent_output/{id}.txt");
                json!({"id": id, "summary": format!("Part {id}"), "seat": "coder",
                       "depends_on": depends_on,
                       "params": {"required_write_paths": [path], "review_required_read_paths": [],
                                  "verify": [{"command": ["cat", path], "expect_stdout": format!("by {id}"),
                                              "timeout_ms": 20_000}]}})
            })
            .collect();
        let review = json!({"when": {"role": "integrity_guard"},
            "calls": [{"tool": "update_issue_status", "args": {"status": "done"}}]});
        replies.as_array_mut().unwrap().push(review);
        self.write(
            &format!("config/epics/{name}.json"),
            &json!({"epic": {"name": name, "team": "standard", "environment": name, "issues": issues}}),
        );
        self.write(
            &format!("config/environments/{name}.json"),
            &json!({"environment": {"name": name, "model": format!("scripted:{name}")}}),
        );
        self.write(
            &format!("config/scenarios/{name}.json"),
            &json!({"name": name, "replies": replies}),
        );
    }

    fn write(&self, name: &str, value: &Value) {
        let file = self.place.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, value.to_string()).unwrap();
    }

    /// Whether card `id` waits for `other`, directly or not.
    pub fn depends(id: &str, other: &str) -> bool {
        CARDS
            .iter()
            .find(|(card, _)| *card == id)
            .is_some_and(|(_, on)| on.iter().any(|on| *on == other || Self::depends(on, other)))
    }

    /// Runs the binary to its end; one permit only, so that a lost one would be missed.
    pub fn run(&self, args: &[&str], fault: &str) -> Ended {
        self.start(args, fault).end()
    }

    pub fn start(&self, args: &[&str], fault: &str) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orket"));
        command
            .args(args)
            .current_dir(self.place.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("ORKET_RETRY_BASE_MS", "1")
            .env("ORKET_MAX_CONCURRENT_TURNS", "1")
            .env("ORKET_CLOCK_FIRST_TOKEN_SEC", "0.6")
            .env("ORKET_SHUTDOWN_SEC", "1")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        if !fault.is_empty() {
            command.env("ORKET_FAULT", fault);
        }
        Running::of(command)
    }

    /// Without a fault everything comes to its end: nothing was spoilt.
    pub fn goes_on(&self, epic: &str) {
        // The model that never speaks never will.
        let epic = if epic == "deaf" { "flow" } else { epic };
        let again = self.run(&["--epic", epic, "--json"], "");
        again.is_orderly();
        let report = again.json();
        if report["status"] != "done" {
            let resumed = self.run(&["resume", "last", "--json"], "");
            assert_eq!(resumed.code, 0, "{again:?}\n{resumed:?}");
        }
        self.journal_is_sound(true);
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.place.path().join("workspace/default/orket.log"))
            .unwrap_or_default()
    }

    /// SQLite finds nothing wrong; with `settled` no run is under way and no attempt open.
    pub fn journal_is_sound(&self, settled: bool) {
        let folder: PathBuf = self.place.path().join(".orket/durable/db");
        let file = folder.join("orket_persistence.db");
        let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        let verdict = diesel::dsl::sql::<diesel::sql_types::Text>("PRAGMA integrity_check")
            .get_result::<String>(&mut connection)
            .unwrap();
        assert_eq!(verdict, "ok");
        drop(connection);
        if !settled {
            return;
        }
        let reader = Reader::open(&folder).unwrap().unwrap();
        for run in reader.runs(100).unwrap() {
            assert!(run.status.is_over(), "{run:?}");
            for turn in reader.turns(&run.run_id, None).unwrap() {
                assert_ne!(turn.status, "open", "{turn:?}");
            }
        }
    }
}

fn work(delay_ms: u64) -> Value {
    json!({"when": {"role": "coder"}, "first_chunk_delay_ms": delay_ms,
        "calls": [{"tool": "write_file", "args": {"path": "agent_output/{{issue_id}}.txt", "content": "by {{issue_id}}"}},
                  {"tool": "update_issue_status", "args": {"status": "code_review"}}]})
}

/// A command that has ended.
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl std::fmt::Debug for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tail: Vec<&str> = self.err.lines().rev().take(40).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        write!(
            f,
            "exit {}\n--- out\n{}\n--- err\n{}",
            self.code,
            self.out,
            tail.join("\n")
        )
    }
}

impl Ended {
    /// It came to its own end: no signal, no panic of the main thread, no panic in a panic, and every
    /// panic told in one line.
    pub fn is_orderly(&self) {
        assert!([0, 1].contains(&self.code), "{self:?}");
        for bad in [
            "panicked at",
            "panic in a destructor",
            "while processing",
            "stack backtrace",
            "non-unwinding",
        ] {
            assert!(!self.err.contains(bad), "`{bad}`: {self:?}");
        }
        let panics = self.err.lines().filter(|line| line.contains("panic: "));
        for line in panics {
            assert!(
                line.contains("code=\"E_ACTOR_PANIC\"") && line.contains("place="),
                "{line}"
            );
        }
    }

    /// The command that goes on is told.
    pub fn says_what_goes_on(&self) -> bool {
        self.err.contains("hint: orket") && self.err.contains("orket resume ")
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A command that runs.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    err: Option<std::thread::JoinHandle<String>>,
    out: Vec<String>,
}

impl Running {
    fn of(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, lines) = channel();
        let out = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let _ = to.send(line);
            }
        });
        let mut err = child.stderr.take().unwrap();
        let err = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = err.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Self {
            child,
            lines,
            err: Some(err),
            out: Vec::new(),
        }
    }

    /// Waits for a line of standard output that contains `text`.
    pub fn until(&mut self, text: &str) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    let found = line.contains(text);
                    self.out.push(line);
                    if found {
                        return;
                    }
                }
                Err(_) => panic!("no line with `{text}`: {:#?}", self.out),
            }
        }
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let deadline = Instant::now() + DEADLINE;
        let mut too_long = false;
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.out.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    too_long = true;
                    break;
                }
            }
        }
        if too_long {
            let _ = self.child.kill();
        }
        let status = self.child.wait().unwrap();
        let err = self
            .err
            .take()
            .map(|err| err.join().unwrap())
            .unwrap_or_default();
        let ended = Ended {
            code: status.code().unwrap_or(-1),
            out: std::mem::take(&mut self.out).join("\n"),
            err,
        };
        assert!(!too_long, "it does not end: {ended:?}");
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
