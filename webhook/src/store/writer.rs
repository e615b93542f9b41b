//! The thread with the only writing connection. It takes what has come, does it all in one transaction,
//! and answers when that is durable: many deliveries cost little more than one (group commit).

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::prelude::*;
use orket_actors::fault;

use super::StoreError;
use super::prepared::prepared;
use super::receive::{Arrival, Received, State, keep_tats, receive};

/// Jobs that may wait; one more is refused.
const MOST_WAITING: usize = 8_192;
/// Jobs of one transaction.
const MOST_AT_ONCE: usize = 1_024;

/// Told how the transaction ended.
pub(super) type Answering = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Work that is not a delivery, and what is told when it is not even begun.
pub(super) type Other = (
    Box<dyn FnOnce(&mut SqliteConnection) -> (Answering, Option<String>) + Send>,
    Box<dyn FnOnce(StoreError) + Send>,
);

pub(super) enum Job {
    Receive(
        Box<Arrival>,
        Box<dyn FnOnce(Result<Received, StoreError>) + Send>,
    ),
    Other(Other),
    Close,
}

#[derive(Debug, Clone)]
pub(super) struct Writer {
    jobs: Sender<Job>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection, state: State) -> std::io::Result<Self> {
        let (jobs, inbox) = crossbeam_channel::bounded(MOST_WAITING);
        let thread = std::thread::Builder::new()
            .name("orket-webhook".to_owned())
            .spawn(move || run(connection, state, &inbox))?;
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

fn run(mut connection: SqliteConnection, mut state: State, inbox: &Receiver<Job>) {
    let mut is_open = true;
    while is_open {
        let Ok(first) = inbox.recv() else { break };
        let mut batch = Vec::with_capacity(64);
        for job in std::iter::once(first).chain(inbox.try_iter()) {
            if matches!(job, Job::Close) {
                is_open = false;
                break;
            }
            batch.push(job);
            if batch.len() >= MOST_AT_ONCE {
                break;
            }
        }
        if !batch.is_empty() {
            write(&mut connection, &mut state, batch);
        }
    }
    if let Err(error) =
        connection.batch_execute("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);")
    {
        tracing::debug!(%error, "the webhook database was not tidied up");
    }
}

/// All of it in one transaction. A job that fails is taken back alone; when the transaction cannot be
/// committed, all are told so.
fn write(connection: &mut SqliteConnection, state: &mut State, batch: Vec<Job>) {
    let mut answers: Vec<Answering> = Vec::with_capacity(batch.len());
    let mut tats = BTreeMap::new();
    let has_others = batch.iter().any(|job| matches!(job, Job::Other(_)));
    if let Err(error) = connection.batch_execute("BEGIN IMMEDIATE") {
        let error = StoreError::Statement(error.to_string());
        for job in batch {
            refuse(job, &error);
        }
        return;
    }
    for job in batch {
        let answer = match job {
            Job::Receive(arrival, tell) => {
                let times = arrival.tats.clone();
                let work = |connection: &mut SqliteConnection| receive(connection, state, &arrival);
                let outcome = if arrival.is_one_statement() {
                    guarded(connection, work)
                } else {
                    alone(connection, work)
                };
                if matches!(&outcome, Ok(received) if !received.is_duplicate) {
                    tats.extend(times.into_iter().map(|tat| (tat.key, tat.at_ns)));
                }
                let answering: Answering = Box::new(move |committed| tell(committed.and(outcome)));
                answering
            }
            Job::Other(work) => {
                if connection.batch_execute("SAVEPOINT job").is_err() {
                    tracing::error!("a savepoint cannot be set");
                }
                let worked = catch_unwind(AssertUnwindSafe(|| (work.0)(connection)));
                let Ok((answering, failure)) = worked else {
                    tracing::error!("a write broke off");
                    take_back(connection);
                    continue;
                };
                match failure {
                    None => release(connection),
                    Some(_) => take_back(connection),
                }
                answering
            }
            Job::Close => continue,
        };
        answers.push(answer);
    }
    fault::point("webhook.in_transaction");
    let committed = keep_tats(connection, &tats)
        .and_then(|()| connection.batch_execute("COMMIT"))
        .map_err(|error| StoreError::Statement(error.to_string()));
    if committed.is_err() {
        roll_back(connection);
    }
    // What others did, or another process, may have let go of deliveries.
    if has_others {
        match State::read(connection) {
            Ok(read) => *state = read,
            Err(error) => tracing::error!(%error, "the webhook database cannot be read"),
        }
    }
    fault::point("webhook.after_commit");
    for answer in answers {
        answer(committed.clone());
    }
}

/// One job that leaves nothing when it fails.
fn alone<T>(
    connection: &mut SqliteConnection,
    work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>,
) -> Result<T, StoreError> {
    let failed = |error: diesel::result::Error| StoreError::Statement(error.to_string());
    execute(connection, "SAVEPOINT job").map_err(failed)?;
    let outcome = guarded(connection, work);
    match outcome {
        Ok(_) => release(connection),
        Err(_) => take_back(connection),
    }
    outcome
}

/// One job; a panic in it is an error.
fn guarded<T>(
    connection: &mut SqliteConnection,
    work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>,
) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(|| work(connection))) {
        Ok(outcome) => outcome.map_err(|error| StoreError::Statement(error.to_string())),
        Err(_) => Err(StoreError::Statement("it broke off".to_owned())),
    }
}

fn execute(connection: &mut SqliteConnection, text: &'static str) -> QueryResult<usize> {
    prepared(text, []).execute(connection)
}

fn release(connection: &mut SqliteConnection) {
    if let Err(error) = execute(connection, "RELEASE job") {
        tracing::error!(%error, "a savepoint cannot be released");
    }
}

fn take_back(connection: &mut SqliteConnection) {
    if let Err(error) = connection.batch_execute("ROLLBACK TO job; RELEASE job") {
        tracing::error!(%error, "a write cannot be taken back alone");
    }
}

fn roll_back(connection: &mut SqliteConnection) {
    // Diesel does not know of a transaction that it has not begun itself.
    if let Err(error) = connection.batch_execute("ROLLBACK") {
        tracing::error!(%error, "a transaction cannot be rolled back");
        let _ = AnsiTransactionManager::rollback_transaction(connection);
    }
}

fn refuse(job: Job, error: &StoreError) {
    match job {
        Job::Receive(_, tell) => tell(Err(error.clone())),
        Job::Other(work) => work.1(error.clone()),
        Job::Close => {}
    }
}
