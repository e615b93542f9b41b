//! What the journal says of the runs, read beside the process that writes it.
//!
//! The figures need the moment of every step. `orket show --json` has the moments of attempts only,
//! `orket verify --json` counts steps, and `orket replay` prints one turn for each process: so the
//! database is read itself, on a connection that cannot write, in statements that are short while the
//! run is under way. Its tables are those of `docs/durability.md`; what they mean is said in the
//! migrations.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::error::LoadError;

/// The journal, read only.
pub struct Journal {
    connection: SqliteConnection,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Run {
    /// How it stands.
    #[diesel(sql_type = Text)]
    pub status: String,
    /// When it began, milliseconds since 1970-01-01 UTC; all times here are.
    #[diesel(sql_type = BigInt)]
    pub started_at: i64,
    /// When it ended.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub ended_at: Option<i64>,
}

/// One card.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct CardRow {
    /// Its id.
    #[diesel(sql_type = Text)]
    pub card_id: String,
    /// Its status.
    #[diesel(sql_type = Text)]
    pub status: String,
    /// Why it waits.
    #[diesel(sql_type = Nullable<Text>)]
    pub wait_reason: Option<String>,
    /// What blocked it.
    #[diesel(sql_type = Nullable<Text>)]
    pub code: Option<String>,
}

/// One attempt of a seat at a card.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct TurnRow {
    /// Its number among all attempts.
    #[diesel(sql_type = BigInt)]
    pub number: i64,
    /// The card.
    #[diesel(sql_type = Text)]
    pub card_id: String,
    /// The card's turn, from 1.
    #[diesel(sql_type = BigInt)]
    pub turn: i64,
    /// `open`, `succeeded`, `failed`, `stalled` or `abandoned`.
    #[diesel(sql_type = Text)]
    pub status: String,
    /// The role that spoke.
    #[diesel(sql_type = Text)]
    pub role: String,
    /// When it was claimed.
    #[diesel(sql_type = BigInt)]
    pub started_at: i64,
    /// When it ended.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub ended_at: Option<i64>,
}

/// One durable step.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct StepRow {
    /// The number of its attempt.
    #[diesel(sql_type = BigInt)]
    pub turn: i64,
    /// When it was handed to the writer; the next one comes only after this one is committed.
    #[diesel(sql_type = BigInt)]
    pub at: i64,
    /// Its kind.
    #[diesel(sql_type = Text)]
    pub kind: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl Journal {
    /// Opens it.
    ///
    /// # Errors
    ///
    /// When it is not there or cannot be read.
    pub fn open(databases: &Path) -> Result<Self, LoadError> {
        let path = databases.join("orket_persistence.db");
        let mut text = path.display().to_string();
        // Those that mean something in a file's address; the first one first.
        for (from, to) in [("%", "%25"), ("?", "%3f"), ("#", "%23")] {
            text = text.replace(from, to);
        }
        let mut connection = SqliteConnection::establish(&format!("file:{text}?mode=ro"))
            .map_err(|error| unreadable(&error))?;
        connection
            .batch_execute("PRAGMA busy_timeout=5000; PRAGMA query_only=ON")
            .map_err(|error| unreadable(&error))?;
        Ok(Self { connection })
    }

    /// A run; `None` when there is none of this id.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read, as for all that follow.
    pub fn run(&mut self, run: &str) -> Result<Option<Run>, LoadError> {
        diesel::sql_query("SELECT status, started_at, ended_at FROM runs WHERE run_id = ?")
            .bind::<Text, _>(run)
            .get_result(&mut self.connection)
            .optional()
            .map_err(|error| unreadable(&error))
    }

    /// The number of the newest attempt of all runs.
    ///
    /// # Errors
    ///
    /// See [`run`](Self::run).
    pub fn newest_turn(&mut self) -> Result<i64, LoadError> {
        self.number("SELECT COALESCE(MAX(row), 0) AS number FROM turns")
    }

    /// The number of the newest step of all runs.
    ///
    /// # Errors
    ///
    /// See [`run`](Self::run).
    pub fn newest_step(&mut self) -> Result<i64, LoadError> {
        self.number("SELECT COALESCE(MAX(id), 0) AS number FROM turn_steps")
    }

    /// The cards that have an attempt under way, by id.
    ///
    /// # Errors
    ///
    /// See [`run`](Self::run).
    pub fn open_cards(&mut self) -> Result<Vec<String>, LoadError> {
        #[derive(QueryableByName)]
        struct Id {
            #[diesel(sql_type = Text)]
            card_id: String,
        }
        let ids: Vec<Id> = diesel::sql_query("SELECT card_id FROM turns WHERE ended_at IS NULL")
            .load(&mut self.connection)
            .map_err(|error| unreadable(&error))?;
        Ok(ids.into_iter().map(|row| row.card_id).collect())
    }

    /// When each card took its first step behind that number: its id and the time.
    ///
    /// # Errors
    ///
    /// See [`run`](Self::run).
    pub fn first_steps_behind(&mut self, step: i64) -> Result<Vec<(String, i64)>, LoadError> {
        #[derive(QueryableByName)]
        struct First {
            #[diesel(sql_type = Text)]
            card_id: String,
            #[diesel(sql_type = BigInt)]
            at: i64,
        }
        let firsts: Vec<First> = diesel::sql_query(
            "SELECT turns.card_id AS card_id, MIN(turn_steps.at) AS at FROM turn_steps \
             JOIN turns ON turns.row = turn_steps.turn WHERE turn_steps.id > ? GROUP BY turns.card_id",
        )
        .bind::<BigInt, _>(step)
        .load(&mut self.connection)
        .map_err(|error| unreadable(&error))?;
        Ok(firsts
            .into_iter()
            .map(|row| (row.card_id, row.at))
            .collect())
    }

    /// The cards of a run.
    ///
    /// # Errors
    ///
    /// See [`run`](Self::run).
    pub fn cards(&mut self, run: &str) -> Result<Vec<CardRow>, LoadError> {
        diesel::sql_query(
            "SELECT card_id, status, wait_reason, json_extract(life_json, '$.code') AS code \
             FROM cards WHERE run_id = ?",
        )
        .bind::<Text, _>(run)
        .load(&mut self.connection)
        .map_err(|error| unreadable(&error))
    }

    /// The attempts of a run, in the order in which they were claimed.
    ///
    /// # Errors
    ///
    /// See [`run`](Self::run).
    pub fn turns(&mut self, run: &str) -> Result<Vec<TurnRow>, LoadError> {
        diesel::sql_query(
            "SELECT row AS number, card_id, turn, status, role, started_at, ended_at FROM turns \
             WHERE run_id = ? ORDER BY row",
        )
        .bind::<Text, _>(run)
        .load(&mut self.connection)
        .map_err(|error| unreadable(&error))
    }

    /// The steps of a run, attempt by attempt, each in its order.
    ///
    /// # Errors
    ///
    /// See [`run`](Self::run).
    pub fn steps(&mut self, run: &str) -> Result<Vec<StepRow>, LoadError> {
        diesel::sql_query(
            "SELECT turn_steps.turn AS turn, at, json_extract(body_json, '$.kind') AS kind \
             FROM turns JOIN turn_steps ON turn_steps.turn = turns.row \
             WHERE run_id = ? ORDER BY turn_steps.turn, seq",
        )
        .bind::<Text, _>(run)
        .load(&mut self.connection)
        .map_err(|error| unreadable(&error))
    }

    fn number(&mut self, query: &str) -> Result<i64, LoadError> {
        diesel::sql_query(query)
            .get_result::<Number>(&mut self.connection)
            .map(|row| row.number)
            .map_err(|error| unreadable(&error))
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> LoadError {
    LoadError::scenario(format!("the journal cannot be read: {error}"))
}
