//! Reading the journal. The methods block; call them where blocking is allowed. Each read is short:
//! long lists are read in pages, so that no reader keeps the WAL from being emptied.

mod archive;
mod board;
mod budgets;
mod bugs;
mod card_history;
mod card_pages;
mod cards;
mod evidence;
mod fork;
mod issue_row;
mod load;
mod offline;
mod overview;
mod rocks;
mod runs;
mod sessions;
mod shared_texts;
mod standing;
mod transcripts;
mod turn_facts;
mod turns;
mod views;

use std::sync::{Arc, Mutex, PoisonError};

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, PooledConnection};
use futures_util::future::BoxFuture;
use orket_actors::port::store::StoreError;
use serde::de::DeserializeOwned;

use super::connection::{self, Pragmas, Readers};

pub use archive::{ArchiveCard, ArchiveFound, ArchiveWish, MOST_RELATED};
pub use board::{BoardCard, BuildRun};
pub use budgets::BudgetLine;
pub use bugs::BuiltRock;
pub use card_history::{CardDetail, CommentRow, GuardCounts, HistoryKind, HistoryRow, PlannedCard};
pub use card_pages::{CardFilter, CardPage, IssuePage};
pub use evidence::{StoredAttempt, StoredCard, StoredComment, StoredStep};
pub use fork::Moment;
pub use issue_row::IssueRow;
pub use overview::{Changes, Overview, OverviewCard};
pub use sessions::{SessionFilter, SessionRow};
use shared_texts::SharedTexts;
pub use standing::Standing;
pub use transcripts::Said;
pub use turn_facts::TiedCard;
pub use views::{
    BareRun, BoardEpic, BuildSummary, CardSummary, EventRow, GateRow, LookupError, RunSummary,
    StatusRow, TurnSummary,
};

/// Rows read at once where a list may be long.
const PAGE: i64 = 1_000;

/// A connection that the pool lends.
type Pooled = PooledConnection<ConnectionManager<SqliteConnection>>;

/// Reads the journal through a pool of connections that cannot write; cheap to clone.
#[derive(Clone)]
pub struct Reader {
    pool: Readers,
    /// The one connection of a reader that sees one moment only.
    moment: Option<Arc<Mutex<Pooled>>>,
    texts: Arc<SharedTexts>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}

impl Reader {
    pub(super) fn new(pool: Readers) -> Self {
        Self {
            pool,
            moment: None,
            texts: Arc::default(),
        }
    }

    /// Lends a reader all of whose reads see the same moment. As long as it is lent the WAL cannot be
    /// emptied beyond that moment, so this is for commands that look at a whole run and leave.
    ///
    /// # Errors
    ///
    /// What `read` says, and [`StoreError::Unavailable`].
    pub fn at_one_moment<T>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection()?;
        // It only reads, so it never waits for a lock; a connection that is given back in the middle
        // of it, after a panic, is closed by the pool.
        AnsiTransactionManager::begin_transaction(&mut *connection).map_err(unreadable)?;
        let moment = Arc::new(Mutex::new(connection));
        let answer = read(&Self {
            pool: self.pool.clone(),
            moment: Some(Arc::clone(&moment)),
            // What is looked at closely is read anew.
            texts: Arc::default(),
        });
        let mut connection = moment.lock().unwrap_or_else(PoisonError::into_inner);
        AnsiTransactionManager::rollback_transaction(&mut **connection).map_err(unreadable)?;
        answer
    }

    /// Runs a read on a thread where blocking is allowed. Needs a tokio runtime, which actix brings.
    pub fn run<T, F>(&self, read: F) -> BoxFuture<'static, Result<T, StoreError>>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    {
        let reader = self.clone();
        Box::pin(async move {
            crate::blocking::blocking(move || read(&reader))
                .await
                .unwrap_or_else(|error| {
                    Err(StoreError::Unavailable(format!(
                        "a read broke off: {error}"
                    )))
                })
        })
    }

    /// How each reading connection is set; opens and uses all of them at once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when one is busy for longer than a second.
    pub fn pragmas(&self) -> Result<Vec<Pragmas>, StoreError> {
        let mut connections = (0..self.pool.max_size())
            .map(|_| self.connection())
            .collect::<Result<Vec<_>, _>>()?;
        connections
            .iter_mut()
            .map(|connection| connection::pragmas(connection).map_err(unreadable))
            .collect()
    }

    fn connection(&self) -> Result<Pooled, StoreError> {
        self.pool.get().map_err(|error| {
            StoreError::Unavailable(format!("no reader was free; try again: {error}"))
        })
    }

    /// One or more queries, each seeing its own moment.
    fn query<T>(
        &self,
        read: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        if let Some(moment) = &self.moment {
            let mut connection = moment.lock().unwrap_or_else(PoisonError::into_inner);
            return read(&mut connection).map_err(unreadable);
        }
        read(&mut *self.connection()?).map_err(unreadable)
    }

    /// Several queries that see the same moment. Keep them short.
    fn snapshot<T>(
        &self,
        read: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        if self.moment.is_some() {
            return self.query(read);
        }
        let mut pooled = self.connection()?;
        let connection: &mut SqliteConnection = &mut pooled;
        #[expect(
            clippy::disallowed_methods,
            reason = "a deferred transaction that only reads, on a connection that cannot write, never waits for a lock"
        )]
        connection.transaction(read).map_err(unreadable)
    }
}

fn unreadable(error: diesel::result::Error) -> StoreError {
    StoreError::Unavailable(format!("the journal could not be read: {error}"))
}

fn damaged(what: &str, reason: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!(
        "{what} in the journal cannot be understood: {reason}"
    ))
}

fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| damaged(what, error))
}

fn from_word<T>(what: &str, word: &str) -> Result<T, StoreError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    word.parse().map_err(|error| damaged(what, error))
}

/// A stored integer as the type it came from.
fn number<T: TryFrom<i64>>(what: &str, stored: i64) -> Result<T, StoreError> {
    T::try_from(stored).map_err(|_| damaged(what, format!("{stored} is out of range")))
}
