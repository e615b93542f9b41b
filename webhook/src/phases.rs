//! Bug-fix phases in `webhook.db`, one row a rock. What may happen to them is decided in
//! [`orket_core::phase`].
//!
//! Each function reads, decides and writes in one transaction that takes the write lock first
//! (`BEGIN IMMEDIATE`), so processes that share the file never write over each other. A row whose phase
//! did not change is not written.

use diesel::prelude::*;
use diesel::sql_types::Text;
use orket_core::asset::name;
use orket_core::phase::{self, Begun, Looked, NotLive, Phase, PhaseRules};

use crate::store::{Store, StoreError};

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
        let known = match read(connection, &rock)? {
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
    let rock = rock_id.to_owned();
    let work = move |connection: &mut SqliteConnection| {
        let known = match read(connection, &rock)? {
            Ok(Some(known)) => known,
            Ok(None) => return Ok(Err(PhaseError::Unknown(rock))),
            Err(damaged) => return Ok(Err(damaged)),
        };
        let mut phase = known.clone();
        let outcome = change(&mut phase);
        if outcome.is_ok() && phase != known {
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
    change(store, rock_id, |phase| Ok(phase.clone())).await
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
    let mut all = Phases::default();
    for row in rows.await? {
        match row.read() {
            Ok(phase) => all.phases.push(phase),
            Err(damaged) => all.damaged.push(damaged),
        }
    }
    Ok(all)
}

/// Those that somebody has to look after: see [`Phase::is_open`].
///
/// # Errors
///
/// [`PhaseError::Store`].
pub async fn open(store: &Store) -> Result<Phases, PhaseError> {
    let mut all = list(store).await?;
    all.phases.retain(Phase::is_open);
    Ok(all)
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    rock_id: String,
    #[diesel(sql_type = Text)]
    data_json: String,
}

impl Row {
    fn read(self) -> Result<Phase, PhaseError> {
        serde_json::from_str(&self.data_json).map_err(|error| PhaseError::Damaged {
            rock: self.rock_id,
            reason: error.to_string(),
        })
    }
}

fn read(
    connection: &mut SqliteConnection,
    rock: &str,
) -> QueryResult<Result<Option<Phase>, PhaseError>> {
    let row = diesel::sql_query("SELECT rock_id, data_json FROM bug_fix_phases WHERE rock_id = ?")
        .bind::<Text, _>(rock)
        .get_result::<Row>(connection)
        .optional()?;
    Ok(row.map(Row::read).transpose())
}

fn put(connection: &mut SqliteConnection, phase: &Phase) -> QueryResult<()> {
    let data = serde_json::to_string(phase)
        .map_err(|error| diesel::result::Error::SerializationError(Box::new(error)))?;
    diesel::sql_query(
        "INSERT INTO bug_fix_phases (rock_id, data_json, status) VALUES (?, ?, ?)
         ON CONFLICT (rock_id) DO UPDATE SET data_json = excluded.data_json,
             status = excluded.status, updated_at = CURRENT_TIMESTAMP",
    )
    .bind::<Text, _>(&phase.rock_id)
    .bind::<Text, _>(data)
    .bind::<Text, _>(phase.status.as_str())
    .execute(connection)?;
    Ok(())
}

#[cfg(test)]
#[path = "phases_tests.rs"]
mod tests;
