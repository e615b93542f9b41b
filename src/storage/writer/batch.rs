//! Many writes in one transaction, and what to do when one of them goes wrong.
//!
//! | What goes wrong | What is done |
//! |---|---|
//! | a guard does not hold | that write is answered `Fenced`; it applied nothing |
//! | a write is refused (constraint) | roll back, run all again with a savepoint each; that one is answered `Conflict` |
//! | a panic before the commit | open the connection again, run each write in a transaction of its own; the one that panics again is answered `Panicked` |
//! | a panic after the commit | all answers stand; open the connection again |
//! | the database fails | open the connection again, each write by itself; after three failures in a row the rest is answered `Unavailable` untried |
//!
//! A savepoint costs two statements a write, so they are used only once something was refused.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use diesel::prelude::*;
use orket_actors::fault;
use orket_actors::port::store::StoreError;

use super::{Job, Writer, panic_text};
use crate::storage::apply::{Failure, Known, Transaction};

/// Bytes of JSON after which a transaction is ended, however few writes it has: what is in the
/// transaction is in memory.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// Failures of the database in a row after which the rest of a batch is not tried.
const FAILURES_IN_A_ROW: u32 = 3;

type Answers = Vec<Result<(), StoreError>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Savepoints {
    /// A refused write fails the transaction.
    None,
    /// A refused write is rolled back by itself.
    Each,
}

/// How one transaction ended.
enum Ended {
    /// Committed; one answer for each write that was part of it, which may be fewer than given.
    Committed(Answers),
    /// Rolled back: this write was refused. Only without savepoints.
    Refused(StoreError),
    /// Rolled back, or never begun: the database fails.
    Broken(String),
    /// Rolled back with the connection: a panic.
    Panicked(String),
}

impl Writer {
    /// Commits `jobs` and answers each.
    pub(super) fn commit(&mut self, mut jobs: Vec<Job>) {
        while !jobs.is_empty() {
            let taken = jobs.len().min(self.options.batch.max(1));
            let began = Instant::now();
            let answers = self.commit_some(jobs.get(..taken).unwrap_or_default());
            self.stats.count(answers.len(), began.elapsed());
            // At least one is answered each time, so this ends.
            let answered = answers.len().clamp(1, jobs.len());
            self.answers
                .give(jobs.drain(..answered).zip(answers).collect());
        }
    }

    fn commit_some(&mut self, jobs: &[Job]) -> Answers {
        match self.transact(jobs, Savepoints::None) {
            Ended::Committed(answers) => answers,
            Ended::Refused(error) if jobs.len() == 1 => vec![Err(error)],
            Ended::Refused(_) => match self.transact(jobs, Savepoints::Each) {
                Ended::Committed(answers) => answers,
                Ended::Refused(_) | Ended::Broken(_) | Ended::Panicked(_) => self.one_by_one(jobs),
            },
            Ended::Broken(_) | Ended::Panicked(_) => self.one_by_one(jobs),
        }
    }

    fn one_by_one(&mut self, jobs: &[Job]) -> Answers {
        let mut failures_in_a_row = 0;
        let mut last_failure = String::new();
        jobs.iter()
            .map(|job| {
                if failures_in_a_row >= FAILURES_IN_A_ROW {
                    return Err(StoreError::Unavailable(last_failure.clone()));
                }
                match self.transact(std::slice::from_ref(job), Savepoints::None) {
                    Ended::Committed(mut answers) => {
                        failures_in_a_row = 0;
                        answers.pop().unwrap_or(Ok(()))
                    }
                    Ended::Refused(error) => {
                        failures_in_a_row = 0;
                        Err(error)
                    }
                    Ended::Broken(reason) => {
                        failures_in_a_row += 1;
                        tracing::error!(reason, "a write did not reach the journal");
                        last_failure.clone_from(&reason);
                        Err(StoreError::Unavailable(reason))
                    }
                    Ended::Panicked(message) => Err(StoreError::Panicked(message)),
                }
            })
            .collect()
    }

    /// One transaction with as many of `jobs` as it may hold. Gives the connection up when it
    /// cannot be trusted any more.
    fn transact(&mut self, jobs: &[Job], savepoints: Savepoints) -> Ended {
        let mut known = std::mem::take(&mut self.known);
        let ended = self.transact_linked(jobs, savepoints, &mut known);
        match &ended {
            Ended::Committed(_) => known.committed(),
            Ended::Refused(_) => known.rolled_back(),
            Ended::Broken(_) | Ended::Panicked(_) => known.forget(),
        }
        self.known = known;
        ended
    }

    fn transact_linked(
        &mut self,
        jobs: &[Job],
        savepoints: Savepoints,
        known: &mut Known,
    ) -> Ended {
        let connection = match self.connection() {
            Ok(connection) => connection,
            Err(error) => return Ended::Broken(error.to_string()),
        };
        let mut committed = None;
        let result = catch_unwind(AssertUnwindSafe(|| {
            fault::point("writer.before_begin");
            let answers = connection.immediate_transaction(|connection| {
                apply_all(connection, known, jobs, savepoints)
            })?;
            committed = Some(answers);
            fault::point("writer.after_commit");
            Ok::<(), Failure>(())
        }));
        let trusted = matches!(result, Ok(Ok(()) | Err(Failure::Refused(_))));
        if !trusted {
            self.connection = None;
        }
        match (committed, result) {
            (Some(answers), _) => Ended::Committed(answers),
            (None, Ok(Err(Failure::Refused(error)))) => Ended::Refused(error),
            (None, Ok(Err(Failure::Broken(reason)))) => Ended::Broken(reason),
            (None, Ok(Ok(()))) => Ended::Broken("a transaction ended without a result".to_owned()),
            (None, Err(panic)) => {
                let message = panic_text(&*panic);
                tracing::error!(message, "the journal's writer panicked and goes on");
                Ended::Panicked(message)
            }
        }
    }
}

fn apply_all(
    connection: &mut SqliteConnection,
    known: &mut Known,
    jobs: &[Job],
    savepoints: Savepoints,
) -> Result<Answers, Failure> {
    let mut transaction = Transaction {
        connection,
        known,
        bytes: 0,
    };
    let mut answers = Vec::with_capacity(jobs.len());
    for job in jobs {
        let applied = match savepoints {
            Savepoints::None => transaction.apply(&job.order),
            Savepoints::Each => transaction.apply_with_savepoint(&job.order),
        };
        answers.push(match applied {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::Fenced),
            Err(Failure::Refused(error)) if savepoints == Savepoints::Each => Err(error),
            Err(failure) => return Err(failure),
        });
        if transaction.bytes > BATCH_BYTES {
            break;
        }
    }
    fault::point("writer.in_transaction");
    Ok(answers)
}
