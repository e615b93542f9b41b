//! One transaction of the writer: what came together, each job whole or not at all.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::prelude::*;
use orket_actors::fault;

use super::StoreError;
use super::prepared::prepared;
use super::receive::{Arrival, Received, State, keep_tats, receive};
use super::writer::{Answering, Job, Told, refuse};

/// What the rate limiter wants kept, by its keys.
type Tats = BTreeMap<String, i64>;

/// All of it in one transaction. A job that fails is taken back alone; when the transaction cannot be
/// committed, all are told so.
pub(super) fn write(connection: &mut SqliteConnection, state: &mut State, batch: Vec<Job>) {
    if let Err(error) = begin(connection) {
        return refuse_all(batch, &error);
    }
    let mut tats = Tats::new();
    let has_others = batch.iter().any(|job| matches!(job, Job::Other(_)));
    let answers: Vec<Answering> = match together(connection, state, &batch) {
        Some(outcomes) => batch
            .into_iter()
            .zip(outcomes)
            .filter_map(|(job, received)| match job {
                Job::Receive(arrival, tell) => {
                    Some(answering(arrival, tell, Ok(received), &mut tats))
                }
                Job::Other(_) | Job::Close => None,
            })
            .collect(),
        None => {
            roll_back(connection);
            if let Err(error) = begin(connection) {
                return refuse_all(batch, &error);
            }
            let alone = |job| one(connection, state, job, &mut tats);
            batch.into_iter().filter_map(alone).collect()
        }
    };
    fault::point("webhook.in_transaction");
    let committed = keep_tats(connection, &tats)
        .and_then(|()| execute(connection, "COMMIT"))
        .map(|_| ())
        .map_err(failed);
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

/// Deliveries, without a savepoint for each: nearly always all of them go well. None when one does not, or
/// when there is something else among them; then nothing of it counts.
fn together(
    connection: &mut SqliteConnection,
    state: &mut State,
    batch: &[Job],
) -> Option<Vec<Received>> {
    if !batch.iter().all(|job| matches!(job, Job::Receive(..))) {
        return None;
    }
    let before = *state;
    let mut outcomes = Vec::with_capacity(batch.len());
    for job in batch {
        let Job::Receive(arrival, _) = job else {
            return None;
        };
        match guarded(connection, |connection| receive(connection, state, arrival)) {
            Ok(received) => outcomes.push(received),
            Err(error) => {
                tracing::warn!(
                    ?error,
                    "deliveries are stored one by one: one of them fails"
                );
                *state = before;
                return None;
            }
        }
    }
    Some(outcomes)
}

/// One job; nothing where nobody is to be told.
fn one(
    connection: &mut SqliteConnection,
    state: &mut State,
    job: Job,
    tats: &mut Tats,
) -> Option<Answering> {
    match job {
        Job::Receive(arrival, tell) => {
            let work = |connection: &mut SqliteConnection| receive(connection, state, &arrival);
            let outcome = alone(connection, work);
            Some(answering(arrival, tell, outcome, tats))
        }
        Job::Other(work) => {
            if execute(connection, "SAVEPOINT job").is_err() {
                tracing::error!("a savepoint cannot be set");
            }
            let worked = catch_unwind(AssertUnwindSafe(|| (work.0)(connection)));
            let Ok((answering, failure)) = worked else {
                tracing::error!("a write broke off");
                take_back(connection);
                return None;
            };
            match failure {
                None => release(connection),
                Some(_) => take_back(connection),
            }
            Some(answering)
        }
        Job::Close => None,
    }
}

/// Tells whoever sent it when it is known how the transaction ended.
fn answering(
    mut arrival: Box<Arrival>,
    tell: Told,
    outcome: Result<Received, StoreError>,
    tats: &mut Tats,
) -> Answering {
    if matches!(&outcome, Ok(received) if !received.is_duplicate) {
        let times = std::mem::take(&mut arrival.tats);
        tats.extend(times.into_iter().map(|tat| (tat.key, tat.at_ns)));
    }
    Box::new(move |committed| tell(committed.and(outcome)))
}

/// One job that leaves nothing when it fails.
fn alone<T>(
    connection: &mut SqliteConnection,
    work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>,
) -> Result<T, StoreError> {
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
        Ok(outcome) => outcome.map_err(failed),
        Err(_) => Err(StoreError::Statement("it broke off".to_owned())),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err calls it")]
fn failed(error: diesel::result::Error) -> StoreError {
    StoreError::Statement(error.to_string())
}

fn execute(connection: &mut SqliteConnection, text: &'static str) -> QueryResult<usize> {
    prepared(text, []).execute(connection)
}

fn begin(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    execute(connection, "BEGIN IMMEDIATE")
        .map(|_| ())
        .map_err(failed)
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

fn refuse_all(batch: Vec<Job>, error: &StoreError) {
    for job in batch {
        refuse(job, error);
    }
}
