//! The thread that writes. It takes what has come, leaves writes that wait for files to the
//! flusher, and commits the others in one transaction.

mod answers;
mod batch;
mod gate;
mod job;
pub(super) mod pace;
mod parked;
pub mod stats;

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use orket_actors::fault;
use orket_actors::port::store::StoreError;
use orket_wal::Checkpoints;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

use self::answers::Answers;
pub(super) use self::gate::Gate;
pub(super) use self::job::{Job, Order};
use self::pace::{AtWork, Pace};
use self::parked::Parked;
use self::stats::WriterStats;
use super::apply::Known;
use super::connection::{self, Pragmas, WAL_LIMIT_BYTES};
use super::flush::Flusher;
use super::options::{JournalOptions, OpenError};

/// Commits between two looks at the size of the WAL.
const COMMITS_BETWEEN_LOOKS: u32 = 64;

/// A transaction of so many writes is one of several.
const SEVERAL_WRITES: usize = 8;
/// Pages of 8 KiB in the WAL that are moved at once: 32 MB.
const CHECKPOINT_PAGES: u32 = 4_000;

/// What the writer is told.
pub(super) enum Message {
    /// A write.
    Job(Job),
    /// Writes whose files are on disk, or could not be brought there.
    Flushed(Vec<(Job, Result<(), StoreError>)>),
    /// How is the connection set?
    Pragmas(oneshot::Sender<Result<Pragmas, StoreError>>),
    /// Finish what has come, then end.
    Close,
}

/// The state of the thread.
pub(super) struct Writer {
    path: PathBuf,
    options: JournalOptions,
    inbox: UnboundedReceiver<Message>,
    /// `None` after a failure, until it is opened again.
    connection: Option<SqliteConnection>,
    /// Where the knowns of the cards end.
    known: Known,
    flusher: Flusher,
    parked: Parked,
    commits_since_look: u32,
    checkpoints: Checkpoints,
    pace: Pace,
    at_work: AtWork,
    answers: Answers,
    gate: Arc<Gate>,
    stats: Arc<WriterStats>,
}

impl Drop for Writer {
    /// However the thread ends, nobody may wait for a place any more.
    fn drop(&mut self) {
        self.gate.room.close();
    }
}

impl Writer {
    /// Of the two connections one writes, and one moves what was written out of the WAL.
    pub(super) fn new(
        path: PathBuf,
        options: JournalOptions,
        (connection, beside): (SqliteConnection, SqliteConnection),
        gate: Arc<Gate>,
        stats: Arc<WriterStats>,
        inbox: UnboundedReceiver<Message>,
        outbox: UnboundedSender<Message>,
    ) -> std::io::Result<Self> {
        Ok(Self {
            path,
            options,
            inbox,
            connection: Some(connection),
            known: Known::default(),
            flusher: Flusher::start(outbox)?,
            parked: Parked::default(),
            commits_since_look: 0,
            checkpoints: Checkpoints::start(beside, "orket-wal", "journal", CHECKPOINT_PAGES)?,
            pace: Pace::after(SEVERAL_WRITES),
            at_work: AtWork::default(),
            answers: Answers::start(Arc::clone(&gate))?,
            gate,
            stats,
        })
    }

    /// Works until it is closed. Returns what went wrong with the last checkpoint, if anything.
    pub(super) fn run(mut self) -> Result<(), StoreError> {
        let mut closing = false;
        let mut messages = Vec::with_capacity(self.options.batch);
        loop {
            // Outside of all protection: what happens when the thread itself dies.
            fault::point("writer.thread");
            let taken = self
                .inbox
                .blocking_recv_many(&mut messages, self.options.batch.max(1));
            if taken == 0 {
                break;
            }
            if messages.len() < self.options.batch && self.pace.gather(self.at_work.count()) {
                while messages.len() < self.options.batch
                    && let Ok(message) = self.inbox.try_recv()
                {
                    messages.push(message);
                }
            }
            let mut ready = Vec::with_capacity(messages.len());
            let mut waiting = Vec::new();
            for message in messages.drain(..) {
                match message {
                    Message::Job(job) => {
                        self.at_work.note(job.write());
                        if job.write().flush.is_some() || self.parked.must_follow(job.write()) {
                            self.parked.add(job.write());
                            waiting.push(job);
                        } else {
                            ready.push(job);
                        }
                    }
                    Message::Flushed(jobs) => {
                        for (job, flushed) in jobs {
                            self.parked.remove(job.write());
                            match flushed {
                                Ok(()) => ready.push(job),
                                Err(error) => self.answers.give(vec![(job, Err(error))]),
                            }
                        }
                    }
                    Message::Pragmas(reply) => {
                        let _ = reply.send(self.pragmas());
                    }
                    Message::Close => closing = true,
                }
            }
            self.flush_later(waiting);
            if !ready.is_empty() {
                let (count, began) = (ready.len(), Instant::now());
                self.commit(ready);
                self.pace.note(count, began);
                self.at_work.committed();
                if let Some(connection) = &mut self.connection {
                    self.checkpoints.committed(connection);
                }
                self.look_at_wal();
            }
            if closing && self.parked.is_empty() && self.inbox.is_empty() {
                break;
            }
        }
        self.finish()
    }

    fn flush_later(&mut self, waiting: Vec<Job>) {
        if waiting.is_empty() {
            return;
        }
        if let Err(refused) = self.flusher.take(waiting, self.at_work.count()) {
            for job in refused {
                self.parked.remove(job.write());
                let error = "the thread that brings files to disk has died; restart orket";
                self.answers
                    .give(vec![(job, Err(StoreError::Unavailable(error.to_owned())))]);
            }
        }
    }

    /// The connection, opened again when it was given up.
    fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connection::open_writer(&self.path, self.options.sync)
                .map_err(|error: OpenError| StoreError::Unavailable(error.to_string()))?,
        };
        Ok(self.connection.insert(connection))
    }

    fn pragmas(&mut self) -> Result<Pragmas, StoreError> {
        connection::pragmas(self.connection()?)
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// SQLite moves the WAL into the database by itself, in pieces, but never makes its file
    /// smaller while somebody reads: do it when it has grown too large.
    fn look_at_wal(&mut self) {
        self.commits_since_look += 1;
        if self.commits_since_look < COMMITS_BETWEEN_LOOKS {
            return;
        }
        self.commits_since_look = 0;
        let size = std::fs::metadata(connection::wal_path(&self.path)).map_or(0, |wal| wal.len());
        if size <= WAL_LIMIT_BYTES {
            return;
        }
        match self.truncate_wal(Duration::from_millis(20)) {
            Ok(true) => {}
            Ok(false) => tracing::debug!(size, "the WAL is large, but a reader is in the way"),
            Err(error) => tracing::warn!(%error, "the WAL could not be moved into the database"),
        }
    }

    fn truncate_wal(&mut self, patience: Duration) -> Result<bool, StoreError> {
        let connection = self.connection()?;
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            connection::truncate_wal(connection, patience)
        }));
        match result {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => {
                self.connection = None;
                Err(StoreError::Unavailable(error.to_string()))
            }
            Err(panic) => {
                self.connection = None;
                Err(StoreError::Panicked(panic_text(&*panic)))
            }
        }
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        // It would be in the way.
        self.checkpoints.stop();
        if !self.truncate_wal(Duration::from_secs(2))? {
            tracing::info!("a reader kept the WAL from being emptied; the next start does it");
        }
        Ok(())
    }
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
