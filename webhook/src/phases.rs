//! Bug-fix phases in `webhook.db`, one row a rock. What may happen to them is decided in
//! [`orket_core::phase`].
//!
//! Each function reads, decides and writes in one transaction that takes the write lock first
//! (`BEGIN IMMEDIATE`), so processes that share the file never write over each other. A row whose phase
//! did not change is not written. What is only read is understood outside of the transaction.
//!
//! A phase that is over, and of which nothing is left to do or to tell, is let go of [`KEPT_DAYS`] after
//! its end; one that handed bugs over is kept, for a later phase must not count them again.

mod rows;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use orket_core::asset::name;
use orket_core::phase::{self, Begun, Looked, NotLive, Phase, PhaseRules};

use crate::store::{Store, StoreError};

use rows::{Name, Row, put, read, understood};

/// How long a phase is kept that is over.
pub const KEPT_DAYS: u32 = 365;
/// Phases that are let go of in one transaction.
const AT_ONCE: i64 = 500;

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhaseError {
    /// The database says no. In words.
    #[error("{0}")]
    Store(String),
    /// The name could not be a rock's.
    #[error("{0}")]
    Name(String),
    /// The rock has no phase.
    #[error("rock `{0}` has no bug-fix phase")]
    Unknown(String),
    /// It runs no longer.
    #[error(transparent)]
    NotLive(#[from] NotLive),
    /// Its row is not understood, and is left as it is.
    #[error("the bug-fix phase of rock `{rock}` cannot be understood: {reason}")]
    Damaged {
        /// The rock.
        rock: String,
        /// Why.
        reason: String,
    },
}

impl From<StoreError> for PhaseError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

/// Phases by rock; those that are not understood apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Phases {
    /// Those that are understood.
    pub phases: Vec<Phase>,
    /// The others: a [`PhaseError::Damaged`] each.
    pub damaged: Vec<PhaseError>,
}

/// What a look at a phase led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Advanced {
    /// How it stands now.
    pub phase: Phase,
    /// How many days were added.
    pub added_days: u32,
    /// Whether its time was up, so that it ended.
    pub is_over: bool,
}

/// Starts a phase of a rock. One that runs already is left alone; one that is over makes room, and what
/// was still to be done for it is kept. Durable when it is answered.
///
/// `now_ms`: milliseconds since 1970-01-01 UTC.
///
/// # Errors
///
/// [`PhaseError`]; nothing is changed then.
pub async fn start(
    store: &Store,
    rock_id: &str,
    now_ms: i64,
    rules: &PhaseRules,
) -> Result<Begun, PhaseError> {
    name::check(rock_id).map_err(PhaseError::Name)?;
    start_unless(store, rock_id, now_ms, rules, |_| false)
        .await?
        .ok_or_else(|| PhaseError::Unknown(rock_id.to_owned()))
}

/// The same for a rock that was built at `built_ms`, from that moment on; `None` when the latest phase
/// ended after it, so that it was that phase's rock. Asking again changes nothing.
///
/// # Errors
///
/// [`PhaseError`].
pub async fn start_for_build(
    store: &Store,
    rock_id: &str,
    built_ms: i64,
    rules: &PhaseRules,
) -> Result<Option<Begun>, PhaseError> {
    name::check(rock_id).map_err(PhaseError::Name)?;
    start_unless(store, rock_id, built_ms, rules, move |known| {
        known.started_at.0 >= built_ms || known.actual_end.is_some_and(|end| end.0 >= built_ms)
    })
    .await
}

async fn start_unless(
    store: &Store,
    rock_id: &str,
    now_ms: i64,
    rules: &PhaseRules,
    is_enough: impl Fn(&Phase) -> bool + Send + 'static,
) -> Result<Option<Begun>, PhaseError> {
    let (rock, rules) = (rock_id.to_owned(), *rules);
    let begin = move |connection: &mut SqliteConnection| {
        let known = match read(connection, &rock)?.map(Row::read).transpose() {
            Ok(known) => known,
            Err(damaged) => return Ok(Err(damaged)),
        };
        if known
            .as_ref()
            .is_some_and(|known| !known.status.is_live() && is_enough(known))
        {
            return Ok(Ok(None));
        }
        let begun = phase::begin(known, &rock, now_ms, &rules);
        match &begun {
            Begun::New(phase) => put(connection, phase)?,
            Begun::Live(_) => {}
        }
        Ok(Ok(Some(begun)))
    };
    store.write(begin).await?
}

/// Takes note of what was seen of a phase's bugs: it may be extended, and it ends when its time is up.
///
/// # Errors
///
/// [`PhaseError`].
pub async fn advance(
    store: &Store,
    rock_id: &str,
    looked: Looked,
    now_ms: i64,
) -> Result<Advanced, PhaseError> {
    change(store, rock_id, move |phase| {
        let added_days = phase::observe(phase, &looked, now_ms);
        let is_over = phase.is_expired(now_ms);
        if is_over {
            phase::end(phase, looked.open, now_ms)?;
        }
        Ok(Advanced {
            phase: phase.clone(),
            added_days,
            is_over,
        })
    })
    .await
}

/// Ends a phase before its time. The bugs that are open become its second rock.
///
/// # Errors
///
/// [`PhaseError`].
pub async fn end(
    store: &Store,
    rock_id: &str,
    looked: Looked,
    now_ms: i64,
) -> Result<Phase, PhaseError> {
    change(store, rock_id, move |phase| {
        phase::observe(phase, &looked, now_ms);
        phase::end(phase, looked.open, now_ms)?;
        Ok(phase.clone())
    })
    .await
}

/// Ends a phase so that nothing follows.
///
/// # Errors
///
/// [`PhaseError`].
pub async fn abort(
    store: &Store,
    rock_id: &str,
    by: &str,
    reason: &str,
    now_ms: i64,
) -> Result<Phase, PhaseError> {
    let (by, reason) = (by.to_owned(), reason.to_owned());
    change(store, rock_id, move |phase| {
        phase::abort(phase, &by, &reason, now_ms)?;
        Ok(phase.clone())
    })
    .await
}

/// Changes a phase in one transaction. What `change` refuses is not written.
///
/// # Errors
///
/// [`PhaseError`].
pub async fn change<T: Send + 'static>(
    store: &Store,
    rock_id: &str,
    change: impl FnOnce(&mut Phase) -> Result<T, PhaseError> + Send + 'static,
) -> Result<T, PhaseError> {
    change_row(store, rock_id, false, change).await
}

/// The same; `is_written` writes one too that did not change.
async fn change_row<T: Send + 'static>(
    store: &Store,
    rock_id: &str,
    is_written: bool,
    change: impl FnOnce(&mut Phase) -> Result<T, PhaseError> + Send + 'static,
) -> Result<T, PhaseError> {
    let rock = rock_id.to_owned();
    let work = move |connection: &mut SqliteConnection| {
        let known = match read(connection, &rock)?.map(Row::read).transpose() {
            Ok(Some(known)) => known,
            Ok(None) => return Ok(Err(PhaseError::Unknown(rock))),
            Err(damaged) => return Ok(Err(damaged)),
        };
        let mut phase = known.clone();
        let outcome = change(&mut phase);
        if outcome.is_ok() && (is_written || phase != known) {
            put(connection, &phase)?;
        }
        Ok(outcome)
    };
    store.write(work).await?
}

/// The latest phase of a rock.
///
/// # Errors
///
/// [`PhaseError`].
pub async fn find(store: &Store, rock_id: &str) -> Result<Phase, PhaseError> {
    let rock = rock_id.to_owned();
    let row = store
        .write(move |connection| read(connection, &rock))
        .await?;
    row.map_or_else(|| Err(PhaseError::Unknown(rock_id.to_owned())), Row::read)
}

/// The rock that is meant by `name` among those that have a phase: the one of this name, else the only
/// one whose name is the same but for capitals and for underscores instead of spaces.
///
/// # Errors
///
/// [`PhaseError::Store`], and [`PhaseError::Unknown`] when none or more than one is meant.
pub async fn spelt(store: &Store, name: &str) -> Result<String, PhaseError> {
    let rows = store.write(|connection| {
        diesel::sql_query("SELECT rock_id FROM bug_fix_phases").load::<Name>(connection)
    });
    let rocks: Vec<String> = rows.await?.into_iter().map(|row| row.rock_id).collect();
    if rocks.iter().any(|rock| rock == name) {
        return Ok(name.to_owned());
    }
    let uniform = name::sanitise(name);
    let mut meant = rocks
        .into_iter()
        .filter(|rock| name::sanitise(rock) == uniform);
    match (meant.next(), meant.next()) {
        (Some(rock), None) => Ok(rock),
        (None | Some(_), _) => Err(PhaseError::Unknown(name.to_owned())),
    }
}

/// All of them, by rock.
///
/// # Errors
///
/// [`PhaseError::Store`].
pub async fn list(store: &Store) -> Result<Phases, PhaseError> {
    let rows = store.write(|connection| {
        diesel::sql_query("SELECT rock_id, data_json FROM bug_fix_phases ORDER BY rock_id")
            .load::<Row>(connection)
    });
    Ok(understood(rows.await?))
}

/// Those that somebody has to look after: see [`Phase::is_open`]. Reads no others.
///
/// # Errors
///
/// [`PhaseError::Store`].
pub async fn open(store: &Store) -> Result<Phases, PhaseError> {
    let rows = store.write(|connection| {
        diesel::sql_query(
            "SELECT rock_id, data_json FROM bug_fix_phases WHERE forget_ms IS NULL ORDER BY rock_id",
        )
        .load::<Row>(connection)
    });
    let mut all = understood(rows.await?);
    let (open, over) = all.phases.into_iter().partition(Phase::is_open);
    all.phases = open;
    settle(store, over).await?;
    Ok(all)
}

/// Notes of phases that are over, written by somebody who does not know of it, when they are let go of.
async fn settle(store: &Store, over: Vec<Phase>) -> Result<(), PhaseError> {
    for phase in over {
        // As it is now, not as it was read.
        let noted = change_row(store, &phase.rock_id, true, |_| Ok(())).await;
        // Else it is gone, or somebody damaged it meanwhile: the next look sees.
        if let Err(PhaseError::Store(words)) = noted {
            return Err(PhaseError::Store(words));
        }
    }
    Ok(())
}

/// Lets go of phases whose time has come, some at once. How many.
///
/// # Errors
///
/// [`PhaseError::Store`].
pub async fn forget(store: &Store, now_ms: i64) -> Result<usize, PhaseError> {
    let gone = store.write(move |connection| {
        diesel::sql_query(
            "DELETE FROM bug_fix_phases WHERE rock_id IN \
             (SELECT rock_id FROM bug_fix_phases WHERE forget_ms < ? ORDER BY forget_ms LIMIT ?)",
        )
        .bind::<BigInt, _>(now_ms)
        .bind::<BigInt, _>(AT_ONCE)
        .execute(connection)
    });
    Ok(gone.await?)
}

#[cfg(test)]
#[path = "phases_tests.rs"]
mod tests;
