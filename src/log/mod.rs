//! `orket.log`: what happens in a run, one JSON object a line, in the run's workspace; and the turn
//! events once more in `agent_output/observability/runtime_events.jsonl`.
//!
//! [`RunLog`] only queues. One thread makes lines of events and writes them in large pieces. This is
//! a record for people and dashboards; the journal is the truth. Diagnostics of Orket itself go
//! through `tracing` to stderr, not here.

mod file;
pub(crate) mod line;
pub mod mask;
mod sheet;
mod thread;
pub(crate) mod zone;

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use futures_util::future::{BoxFuture, FutureExt as _};
use orket_actors::port::event::{EventSink, RuntimeEvent};
use tokio::sync::oneshot;

use crate::events::is_look;
use thread::{Control, Inbox};

pub use thread::RotateError;

pub use zone::{Zone, ZoneError};

/// The name of the log in a workspace.
pub const LOG_FILE: &str = "orket.log";

/// The file of turn events in a workspace.
pub const EVENTS_FILE: &str = "agent_output/observability/runtime_events.jsonl";

/// How the log is written.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// The workspace whose log takes events that name none.
    pub workspace: PathBuf,
    /// In which zone timestamps are written (`ORKET_TIMEZONE`).
    pub zone: Zone,
    /// A file is rotated before it grows beyond this, in bytes (`ORKET_LOG_MAX_MB`); 0 is never.
    pub max_bytes: u64,
    /// How many rotated files are kept (`ORKET_LOG_KEEP`).
    pub keep: u32,
    /// How many events may wait; more are dropped, counted, and told of.
    pub queue: NonZeroUsize,
}

impl LogOptions {
    /// The defaults: UTC, 64 MiB, five rotated files, 65,536 waiting events.
    pub fn new(workspace: impl Into<PathBuf>) -> Self {
        Self {
            workspace: workspace.into(),
            zone: Zone::default(),
            max_bytes: 64 * 1_024 * 1_024,
            keep: 5,
            queue: NonZeroUsize::new(65_536).unwrap_or(NonZeroUsize::MIN),
        }
    }
}

/// The log of a running owner. Dropping it writes what is queued and joins the thread.
pub struct RunLog {
    events: crossbeam_channel::Sender<Arc<RuntimeEvent>>,
    /// Each flush waits for its answer, so no more messages wait here than callers do.
    control: crossbeam_channel::Sender<Control>,
    dropped: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl RunLog {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the system gives no thread. Files are opened later, by the first event for them.
    pub fn start(options: LogOptions) -> io::Result<Self> {
        let (events, inbox) = crossbeam_channel::bounded(options.queue.get());
        let (control, orders) = crossbeam_channel::unbounded();
        let dropped = Arc::new(AtomicU64::new(0));
        let inbox = Inbox {
            events: inbox,
            control: orders,
            dropped: Arc::clone(&dropped),
        };
        let thread = std::thread::Builder::new()
            .name("orket-log".to_owned())
            .spawn(move || thread::run(&options, &inbox))?;
        Ok(Self {
            events,
            control,
            dropped,
            thread: Some(thread),
        })
    }
}

/// Gives orders to a [`RunLog`]; cheap to clone.
#[derive(Debug, Clone)]
pub struct LogHandle {
    control: crossbeam_channel::Sender<Control>,
}

impl RunLog {
    /// To give it orders.
    #[must_use]
    pub fn handle(&self) -> LogHandle {
        LogHandle {
            control: self.control.clone(),
        }
    }
}

impl LogHandle {
    /// Writes what was taken so far and moves the log of the default workspace to its first numbered
    /// name, as if it were full. The new name; `None` when there was nothing to move, or when no
    /// rotated files are kept.
    ///
    /// # Errors
    ///
    /// [`RotateError`]; the log goes on as it was.
    pub async fn rotate(&self) -> Result<Option<String>, RotateError> {
        let (done, answer) = oneshot::channel();
        self.control
            .send(Control::Rotate(done))
            .map_err(|_| RotateError::Gone)?;
        answer.await.map_err(|_| RotateError::Gone)?
    }
}

impl EventSink for RunLog {
    fn take(&self, event: &Arc<RuntimeEvent>) {
        if is_look(&event.event) {
            return;
        }
        if self.events.try_send(Arc::clone(event)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) -> BoxFuture<'static, ()> {
        let (done, answer) = oneshot::channel();
        let asked = self.control.send(Control::Flush(done)).is_ok();
        async move {
            if asked {
                // An error means the thread is gone, and it writes everything before it goes.
                let _ = answer.await;
            }
        }
        .boxed()
    }
}

impl Drop for RunLog {
    fn drop(&mut self) {
        let _ = self.control.send(Control::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
