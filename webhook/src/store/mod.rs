//! `<durable>/db/webhook.db`: deliveries, pull requests, and what is still to be done because of them.
//!
//! - [`Store`]: the handle; every write goes through one thread, many to a transaction, and is durable
//!   (synchronous FULL) when it is answered.
//! - `open`: the file and its schema.
//! - `receive`: a delivery, what it comes to and what follows from it, in one transaction.
//! - `outbox`: what is to be done elsewhere, and what became of it.
//! - `deliveries`: what operators look at, and how long it is kept.
//! - `prepared`: statements that are prepared once.
//! - `writer`: the thread, `batch`: one transaction of it.

mod batch;
mod deliveries;
mod open;
mod outbox;
mod prepared;
mod receive;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use diesel::prelude::*;
use orket_actors::rate_limiter::Tat;
use orket_core::webhook::pull_request::Known;
use tokio::sync::oneshot;

pub use deliveries::{Delivery, Retention, Shown, Tidied, Wish};
pub use open::StoreOptions;
pub use outbox::{Due, DueNow, OutboxRow, Room, Sent};
pub use receive::{Answer, Arrival, Received};

use writer::{Job, Writer};

/// The database's file within its folder.
pub const FILE_NAME: &str = "webhook.db";

/// Why it cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened.
    #[error("{0} cannot be used: {1}")]
    Unusable(PathBuf, String),
    /// A newer program has written it.
    #[error("{0} was written by a newer orket; use that one, or another data folder")]
    Newer(PathBuf),
    /// A statement failed; nothing of it is kept.
    #[error("the webhook database could not be written: {0}")]
    Statement(String),
    /// More is waiting than may wait.
    #[error("too much is waiting to be stored")]
    Full,
    /// It was closed.
    #[error("the webhook database is closed")]
    Closed,
}

/// See the file's head. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    writer: Writer,
    path: PathBuf,
}

impl Store {
    /// Opens or makes the database in `folder`, and starts its thread.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn open(folder: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let path = folder.join(FILE_NAME);
        let mut connection = open::open(&path, options)?;
        let state = receive::State::read(&mut connection)
            .map_err(|error| StoreError::Unusable(path.clone(), error.to_string()))?;
        let beside = open::beside(&path, options)?;
        let writer = Writer::start(connection, beside, state)
            .map_err(|error| StoreError::Unusable(path.clone(), error.to_string()))?;
        Ok(Self { writer, path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Stores a delivery with what follows from it. Answers when it is durable; one that was stored
    /// before gets its first answer.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing is stored then.
    pub async fn receive(&self, arrival: Arrival) -> Result<Received, StoreError> {
        let (tell, told) = oneshot::channel();
        self.receive_then(Box::new(arrival), move |received| {
            // Whoever asked may be gone.
            let _ = tell.send(received);
        });
        told.await.unwrap_or(Err(StoreError::Closed))
    }

    /// The same; `then` is called on the writer's thread when it is durable, and must not keep it. It is
    /// dropped without a call when the writer breaks off.
    pub fn receive_then(
        &self,
        arrival: Box<Arrival>,
        then: impl FnOnce(Result<Received, StoreError>) + Send + 'static,
    ) {
        self.writer.submit(Job::Receive(arrival, Box::new(then)));
    }

    /// Does something else in a transaction of its own among those of the others.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tell, told) = oneshot::channel();
        // One of the two tells: when it was done, or that it was not begun.
        let tell = Arc::new(Mutex::new(Some(tell)));
        let refusing = Arc::clone(&tell);
        let answer = move |tell: &Mutex<Option<oneshot::Sender<_>>>, answer| {
            let tell = tell.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(tell) = tell {
                // Whoever asked may be gone.
                let _ = tell.send(answer);
            }
        };
        let work = move |connection: &mut SqliteConnection| {
            let outcome = work(connection);
            let failure = outcome.as_ref().err().map(ToString::to_string);
            let outcome = outcome.map_err(|error| StoreError::Statement(error.to_string()));
            let answering: writer::Answering =
                Box::new(move |committed| answer(&tell, committed.and(outcome)));
            (answering, failure)
        };
        let refuse = move |error| answer(&refusing, Err(error));
        self.writer
            .submit(Job::Other((Box::new(work), Box::new(refuse))));
        // Nobody tells when it panicked.
        told.await
            .unwrap_or_else(|_| Err(StoreError::Statement("it broke off".to_owned())))
    }

    /// What is known of a pull request, `owner/name#number`.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn known(&self, key: String) -> Result<Known, StoreError> {
        self.write(move |connection| receive::known(connection, &key))
            .await
    }

    /// What the rate limiter of an earlier process left.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn tats(&self) -> Result<Vec<Tat>, StoreError> {
        self.write(receive::tats).await
    }

    /// Writes what was submitted, then ends the thread. What is submitted later is refused. Blocks.
    pub fn close(&self) {
        self.writer.close();
    }
}
