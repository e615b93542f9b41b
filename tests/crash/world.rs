//! One data folder with its model server, and the processes that live and die on it.
//!
//! The folders lie in memory where the system has such a place: SIGKILL takes nothing from a disk
//! that was written to, so flushing one would only cost time here.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use diesel::prelude::*;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::epic;
use super::journal::Journal;
use super::model::{Manner, Manners, Model};

/// How long anything may take.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// How its processes are started.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// How the model behaves.
    pub manners: Manners,
    /// Further variables.
    pub env: &'static [(&'static str, &'static str)],
}

/// Three turns at once, as for any model on the network.
pub const PARALLEL: Setup = Setup {
    manners: |_| Manner::Answers,
    env: &[],
};

/// One turn at a time, so that the passes of a point come in the same order each time.
pub const SERIAL: Setup = Setup {
    env: &[("ORKET_MAX_CONCURRENT_TURNS", "1")],
    ..PARALLEL
};

/// See the file's head.
pub struct World {
    place: tempfile::TempDir,
    setup: Setup,
    pub model: Model,
    lives: Cell<u32>,
    /// The journal as each life left it.
    pub left: RefCell<Vec<(u32, Journal)>>,
    /// Whether a process was asked to stop: then cards were laid down and taken up again.
    pub was_stopped: Cell<bool>,
}

impl World {
    pub fn new(setup: Setup) -> Self {
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() {
            tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir())
        } else {
            tempfile::tempdir()
        };
        let place = place.unwrap();
        epic::write(place.path());
        Self {
            place,
            setup,
            model: Model::start(setup.manners),
            lives: Cell::new(0),
            left: RefCell::default(),
            was_stopped: Cell::new(false),
        }
    }

    pub fn path(&self) -> &Path {
        self.place.path()
    }

    pub fn workspace(&self) -> PathBuf {
        self.path().join("workspace/default")
    }

    /// Starts the next life: the same command each time.
    pub fn start(&self, fault: &str) -> Life {
        let number = self.lives.get() + 1;
        self.lives.set(number);
        let file = |name: &str| self.path().join(format!("life-{number}.{name}"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_orket"));
        command
            .args(["--epic", epic::NAME, "--json"])
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("ORKET_OLLAMA_URL", self.model.url(number))
            .env("ORKET_RETRY_BASE_MS", "1")
            .env("ORKET_SHUTDOWN_SEC", "0.05")
            .env("ORKET_TOOL_GRACE_MS", "20")
            .envs(self.setup.env.iter().copied())
            .stdin(Stdio::null())
            .stdout(File::create(file("out")).unwrap())
            .stderr(File::create(file("err")).unwrap());
        if !fault.is_empty() {
            command.env("ORKET_FAULT", fault);
        }
        let mut child = command.spawn().unwrap();
        let pid = Pid::from_child(&child);
        // Taken before anybody waits for the child, so it can mean no other process.
        let handle = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        let (tell, ended) = channel();
        std::thread::spawn(move || tell.send(child.wait().unwrap()));
        Life {
            number,
            handle,
            ended,
            status: None,
            out: file("out"),
            err: file("err"),
        }
    }

    /// Lives one life to its end and keeps what it left.
    pub fn live(&self, fault: &str) -> Ended {
        let life = self.start(fault);
        self.bury(life.end())
    }

    /// Keeps what a life left.
    pub fn bury(&self, ended: Ended) -> Ended {
        let scratch = tempfile::tempdir_in(self.path()).unwrap();
        let folder = self.path().join(".orket/durable/db");
        let journal = Journal::read(&folder, scratch.path());
        self.left.borrow_mut().push((ended.number, journal));
        ended
    }

    /// The journal as the last life left it.
    pub fn journal(&self) -> Journal {
        let left = self.left.borrow();
        left.last()
            .map(|(_, journal)| journal.clone())
            .unwrap_or_default()
    }

    /// Changes the journal behind the back of everybody.
    pub fn write_journal(&self, sql: &str) {
        let path = self.path().join(".orket/durable/db/orket_persistence.db");
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        assert_eq!(diesel::sql_query(sql).execute(&mut connection).unwrap(), 1);
    }

    /// Whether there is nothing left to be done.
    pub fn is_over(&self) -> bool {
        let journal = self.journal();
        journal
            .run()
            .is_some_and(|(_, status)| !matches!(status, "running" | "interrupted"))
    }
}

/// A process that runs.
pub struct Life {
    number: u32,
    handle: OwnedFd,
    ended: Receiver<ExitStatus>,
    status: Option<ExitStatus>,
    out: PathBuf,
    err: PathBuf,
}

impl Life {
    pub fn signal(&self, signal: Signal) {
        // It may be gone already.
        let _ = pidfd_send_signal(&self.handle, signal);
    }

    /// Whether it is over.
    pub fn has_ended(&mut self) -> bool {
        self.status = self.status.or_else(|| self.ended.try_recv().ok());
        self.status.is_some()
    }

    /// Waits for its end.
    pub fn end(self) -> Ended {
        let status = self.status.ok_or(());
        match status.or_else(|()| self.ended.recv_timeout(DEADLINE)) {
            Ok(status) => self.over(status),
            Err(_) => {
                self.signal(Signal::KILL);
                let err = std::fs::read_to_string(&self.err).unwrap_or_default();
                panic!("life {} did not end in time:\n{err}", self.number);
            }
        }
    }

    /// Lets it run for this long at most, then kills it.
    pub fn end_within(self, time: Duration) -> Ended {
        match self.ended.recv_timeout(time) {
            Ok(status) => self.over(status),
            Err(RecvTimeoutError::Timeout) => {
                self.signal(Signal::KILL);
                self.end()
            }
            Err(RecvTimeoutError::Disconnected) => panic!("nobody waits for the child"),
        }
    }

    fn over(self, status: ExitStatus) -> Ended {
        let text = |path: &Path| std::fs::read_to_string(path).unwrap();
        Ended {
            number: self.number,
            status,
            out: text(&self.out),
            err: text(&self.err),
        }
    }
}

/// A process that has ended.
#[derive(Debug)]
pub struct Ended {
    pub number: u32,
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// Whether SIGKILL ended it.
    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(9)
    }

    /// The fault points it passed, in order; from a life with `ORKET_FAULT=list`.
    pub fn passed(&self) -> Vec<String> {
        let lines = self.err.lines();
        lines
            .filter_map(|line| line.strip_prefix("fault-point "))
            // Of a point that is told for each card, the passes of all cards are counted together.
            .map(|point| point.split('@').next().unwrap_or(point).to_owned())
            .collect()
    }

    /// The same, those of each card apart: `NAME@CARD`.
    pub fn passed_by_card(&self) -> Vec<String> {
        let lines = self.err.lines();
        lines
            .filter_map(|line| line.strip_prefix("fault-point "))
            .filter(|point| point.contains('@'))
            .map(str::to_owned)
            .collect()
    }
}
