//! The thread with the only writing connection. It takes what has come, does it all in one transaction,
//! and answers when that is durable: many deliveries cost little more than one (group commit).

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use orket_wal::Checkpoints;

use super::receive::{Arrival, Received, State};
use super::{StoreError, batch};

/// Jobs that may wait; one more is refused.
const MOST_WAITING: usize = 8_192;
/// Jobs of one transaction.
const MOST_AT_ONCE: usize = 1_024;

/// Pages of 4 KiB in the WAL that are moved at once: 32 MB.
const CHECKPOINT_PAGES: u32 = 8_192;

/// A transaction of so many is one of several.
const SEVERAL: usize = 4;
/// The part of the last transaction's time that deliveries gather for, the longest time, and the shortest
/// that is worth it: where the disk is so fast, a flush more costs nothing.
const GATHER_PART: u32 = 8;
const GATHER_MOST: Duration = Duration::from_micros(500);
const GATHER_LEAST: Duration = Duration::from_micros(100);

/// Told what became of a delivery.
pub(super) type Told = Box<dyn FnOnce(Result<Received, StoreError>) + Send>;

/// Told how the transaction ended.
pub(super) type Answering = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Work that is not a delivery, and what is told when it is not even begun.
pub(super) type Other = (
    Box<dyn FnOnce(&mut SqliteConnection) -> (Answering, Option<String>) + Send>,
    Box<dyn FnOnce(StoreError) + Send>,
);

pub(super) enum Job {
    Receive(Box<Arrival>, Told),
    Other(Other),
    Close,
}

#[derive(Debug, Clone)]
pub(super) struct Writer {
    jobs: Sender<Job>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Writer {
    /// `connection` writes; `beside` is used for moving what was written out of the WAL.
    pub(super) fn start(
        connection: SqliteConnection,
        beside: SqliteConnection,
        state: State,
    ) -> std::io::Result<Self> {
        let checkpoints =
            Checkpoints::start(beside, "orket-webhook-w", "webhook.db", CHECKPOINT_PAGES)?;
        let (jobs, inbox) = crossbeam_channel::bounded(MOST_WAITING);
        let thread = std::thread::Builder::new()
            .name("orket-webhook".to_owned())
            .spawn(move || run(connection, checkpoints, state, &inbox))?;
        Ok(Self {
            jobs,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// Has it done; when it cannot be, it is refused at once.
    pub(super) fn submit(&self, job: Job) {
        match self.jobs.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(job)) => refuse(job, &StoreError::Full),
            Err(TrySendError::Disconnected(job)) => refuse(job, &StoreError::Closed),
        }
    }

    pub(super) fn close(&self) {
        // A thread that has ended takes nothing, and need not.
        let _ = self.jobs.send(Job::Close);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the writer of the webhook database broke");
        }
    }
}

fn run(
    mut connection: SqliteConnection,
    mut checkpoints: Checkpoints,
    mut state: State,
    inbox: &Receiver<Job>,
) {
    let mut pace = Pace::default();
    let mut is_open = true;
    while is_open {
        let Ok(first) = inbox.recv() else { break };
        pace.gather(inbox);
        let mut jobs = Vec::with_capacity(64);
        for job in std::iter::once(first).chain(inbox.try_iter()) {
            if matches!(job, Job::Close) {
                is_open = false;
                break;
            }
            jobs.push(job);
            if jobs.len() >= MOST_AT_ONCE {
                break;
            }
        }
        if !jobs.is_empty() {
            let (count, began) = (jobs.len(), Instant::now());
            batch::write(&mut connection, &mut state, jobs);
            pace.note(count, began.elapsed());
            checkpoints.committed(&mut connection);
        }
    }
    drop(checkpoints);
    if let Err(error) =
        connection.batch_execute("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);")
    {
        tracing::debug!(%error, "the webhook database was not tidied up");
    }
}

/// How long deliveries gather before a transaction begins. Those that were answered together come again
/// at about the same time: if the first of them were taken at once, the others would wait for one flush
/// of the disk more. A small part of a flush is waited, and only behind a transaction of several: what
/// comes alone is never kept.
#[derive(Default)]
struct Pace {
    last: usize,
    took: Duration,
}

impl Pace {
    fn gather(&self, inbox: &Receiver<Job>) {
        let time = (self.took / GATHER_PART).min(GATHER_MOST);
        if self.last >= SEVERAL && time >= GATHER_LEAST && inbox.len() < self.last / 2 {
            std::thread::sleep(time);
        }
    }

    fn note(&mut self, count: usize, took: Duration) {
        (self.last, self.took) = (count, took);
    }
}

pub(super) fn refuse(job: Job, error: &StoreError) {
    match job {
        Job::Receive(_, tell) => tell(Err(error.clone())),
        Job::Other(work) => work.1(error.clone()),
        Job::Close => {}
    }
}
