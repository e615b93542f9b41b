//! Child processes: tools that are commands, and verify commands.
//!
//! # Layout
//!
//! - [`prepare`]: program, folder and environment of a command.
//! - [`leash`]: the hold on a direct child, so that its group can be killed at any instant.
//! - [`supervise`]: the life of one child, on threads of the tool host's own.
//! - [`output`]: bounded capture. [`limits`]: what a child may use.
//! - [`sandbox`]: what confines a child, and what is said when a limit stopped it.
//! - [`mark`], [`process`], [`kin`]: who belongs to a child, wherever it has gone.
//! - [`warden`]: the thread that looks and clears up. [`strays`]: the same for those that an earlier
//!   owner left behind.
//!
//! - [`workspace`]: workspace folders as capabilities. [`blocking`]: work that blocks, off the arbiter.
//!
//! Linux only: it relies on `/proc`, process handles and being a subreaper.
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::dbg_macro,
        clippy::allow_attributes,
        missing_docs
    )
)]

use std::collections::HashMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use orket_actors::port::tool::Beat;
use rustix::process::{getpid, set_child_subreaper};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use self::leash::Leash;
use self::limits::Limits;
use self::mark::Marker;
use self::output::Captured;
use self::prepare::Trouble;
use self::sandbox::allowance::Allowance;
use self::sandbox::stop::Stop;
use self::sandbox::{Sandbox, SandboxOptions};
use self::supervise::Supervision;
use self::warden::Warden;
use self::workspace::Workspaces;

pub mod blocking;
pub mod kin;
pub mod leash;
pub mod limits;
pub mod mark;
pub mod output;
pub mod prepare;
pub mod process;
pub mod sandbox;
pub mod strays;
pub mod supervise;
pub mod warden;
pub mod workspace;

/// Supervision is little work: it moves bytes and waits.
const THREADS: usize = 2;

/// A command to be run.
#[derive(Debug, Clone)]
pub struct Errand {
    /// The workspace: home, and working directory unless another is named.
    pub workspace: PathBuf,
    /// The working directory, relative to the workspace.
    pub working_directory: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Variables of this process that the child gets.
    pub pass: Vec<String>,
    /// Further variables.
    pub set: Vec<(&'static str, String)>,
    /// Standard input; `None` is an empty one.
    pub input: Option<Vec<u8>>,
    /// What it may use.
    pub limits: Limits,
    /// What it may do.
    pub allowance: Allowance,
    /// The fence of the attempt.
    pub fence: i64,
}

/// How a command ended.
#[derive(Debug)]
pub enum How {
    /// With this code.
    Exit(i32),
    /// By this signal, which did not come from here.
    Signal(i32),
    /// It was killed when it had run this long.
    TimedOut(Duration),
    /// This limit stopped it.
    Stopped(Stop),
    /// It was cancelled, or never started because of that.
    Cancelled,
    /// It could not be started.
    NotStarted(Trouble),
}

impl How {
    fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exit(code),
            (None, signal) => Self::Signal(signal.unwrap_or(0)),
        }
    }
}

impl How {
    /// The exit code; -1 where there is none.
    #[must_use]
    pub const fn code(&self) -> i32 {
        match self {
            Self::Exit(code) => *code,
            Self::Signal(_)
            | Self::TimedOut(_)
            | Self::Stopped(_)
            | Self::Cancelled
            | Self::NotStarted(_) => -1,
        }
    }
}

/// What a command left.
#[derive(Debug)]
pub struct Ending {
    /// How it ended.
    pub how: How,
    /// What it wrote to standard output.
    pub stdout: Captured,
    /// What it wrote to standard error.
    pub stderr: Captured,
    /// The limit that made it end so: one that it was stopped for, or one that the kernel held
    /// against it and that it did not get over.
    pub stop: Option<Stop>,
    /// What could not be confined on this machine.
    pub gaps: Vec<String>,
    /// What was closed to it.
    pub closed: Vec<&'static str>,
}

impl Ending {
    fn without_output(how: How) -> Self {
        Self {
            how,
            stdout: Captured::default(),
            stderr: Captured::default(),
            stop: None,
            gaps: Vec::new(),
            closed: Vec::new(),
        }
    }
}

/// All children of one tool host. Dropping it kills those that are left.
#[derive(Debug)]
pub struct Children {
    runtime: Option<Runtime>,
    warden: Warden,
    marker: Marker,
    sandbox: Sandbox,
    workspaces: Arc<Workspaces>,
    is_secret: fn(&str) -> bool,
    grace: Duration,
    next: AtomicU64,
    live: Arc<Mutex<HashMap<u64, Weak<Leash>>>>,
}

impl Children {
    /// Starts the threads, and makes this process the one that inherits orphans. No child gets a
    /// variable that `is_secret`.
    ///
    /// # Errors
    ///
    /// When the system gives no threads.
    pub fn start(
        data_folder_id: &str,
        workspaces: Arc<Workspaces>,
        is_secret: fn(&str) -> bool,
        grace: Duration,
        sandbox: &SandboxOptions,
    ) -> io::Result<Self> {
        set_child_subreaper(Some(getpid()))?;
        // First what may fail: a runtime must not be dropped where others are polled.
        let warden = Warden::start()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("orket-tools")
            .enable_io()
            .enable_time()
            .build()?;
        Ok(Self {
            runtime: Some(runtime),
            warden,
            marker: Marker::new(data_folder_id),
            sandbox: Sandbox::new(sandbox),
            workspaces,
            is_secret,
            grace,
            next: AtomicU64::new(1),
            live: Arc::default(),
        })
    }

    /// Runs a command to its end, whatever runtime this is polled on. When it resolves, nothing of
    /// the command is left. Dropping the future kills the command's group at once; the rest is
    /// cleared up behind the scenes.
    pub async fn run(&self, errand: Errand, beat: Beat, cancel: CancellationToken) -> Ending {
        let Some(runtime) = &self.runtime else {
            return Ending::without_output(How::NotStarted(Trouble::LetGo));
        };
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let leash = Arc::new(Leash::default());
        lock(&self.live).insert(id, Arc::downgrade(&leash));
        let held = Held {
            id,
            leash: Arc::clone(&leash),
            live: Arc::clone(&self.live),
        };
        let supervision = Supervision {
            id,
            mark: self.marker.next(errand.fence),
            errand,
            leash,
            warden: self.warden.clone(),
            sandbox: self.sandbox.clone(),
            workspaces: Arc::clone(&self.workspaces),
            is_secret: self.is_secret,
            grace: self.grace,
            beat,
            cancel,
        };
        let ending = runtime.spawn(supervision.run()).await;
        drop(held);
        ending.unwrap_or_else(|_lost| Ending::without_output(How::NotStarted(Trouble::LetGo)))
    }

    /// What these children are confined by.
    #[must_use]
    pub const fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Removes the temporary files that children of an earlier owner left. Blocks.
    pub fn clear_up_temp(&self) {
        let own = format!("-{}-", self.marker.owner());
        sandbox::temp::clear_up(self.marker.folder(), |rest| rest.contains(&own));
        self.sandbox.clear_up();
    }

    /// The marks of these children.
    #[must_use]
    pub const fn marker(&self) -> &Marker {
        &self.marker
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        let left: Vec<_> = lock(&self.live)
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        // Here and now, since the process may be about to end; first those who can only be found
        // through parents that are about to die. The warden clears up behind this when it can.
        if !left.is_empty() {
            strays::kill_once(&self.marker, mark::Origin::Own);
        }
        left.iter().for_each(|leash| leash.abandon());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Whoever waits for a child. Dropped early, it kills.
struct Held {
    id: u64,
    leash: Arc<Leash>,
    live: Arc<Mutex<HashMap<u64, Weak<Leash>>>>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.leash.abandon();
        lock(&self.live).remove(&self.id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
