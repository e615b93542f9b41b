//! Runs and builds.

use std::collections::{BTreeMap, HashSet};

use diesel::dsl::{count_star, max};
use diesel::prelude::*;
use orket_actors::port::store::{CardRow, RunStatus, StoreError, TurnRow};
use orket_core::ids::RunId;
use orket_core::status::CardStatus;

use super::views::{BareRun, BoardEpic, BuildSummary, LookupError, RunSummary};
use super::{Reader, damaged, from_json, from_word, number};
use crate::storage::schema::{card_events, cards, request_keys, runs, turns};

const COLUMNS: (
    runs::run_id,
    runs::build_id,
    runs::epic,
    runs::status,
    runs::started_at,
    runs::ended_at,
    runs::summary_json,
    runs::target,
) = (
    runs::run_id,
    runs::build_id,
    runs::epic,
    runs::status,
    runs::started_at,
    runs::ended_at,
    runs::summary_json,
    runs::target,
);
type Stored = (
    String,
    String,
    String,
    String,
    i64,
    Option<i64>,
    String,
    Option<String>,
);

impl Reader {
    /// The newest runs, newest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn runs(&self, limit: u32) -> Result<Vec<RunSummary>, StoreError> {
        let stored = self.query(|connection| {
            runs::table
                .select(COLUMNS)
                .order((runs::started_at.desc(), runs::run_id.desc()))
                .limit(i64::from(limit))
                .load::<Stored>(connection)
        })?;
        stored.into_iter().map(|run| self.summary(run)).collect()
    }

    /// The run with this id, or the only one whose id begins like this.
    ///
    /// # Errors
    ///
    /// [`LookupError`].
    pub fn find_run(&self, prefix: &str) -> Result<RunSummary, LookupError> {
        let unknown = || LookupError::Unknown(prefix.to_owned());
        if prefix.is_empty() {
            return Err(unknown());
        }
        let mut found = self.query(|connection| {
            runs::table
                .select(COLUMNS)
                .filter(runs::run_id.ge(prefix))
                .order(runs::run_id)
                .limit(9)
                .load::<Stored>(connection)
        })?;
        found.retain(|run| run.0.starts_with(prefix));
        if found.len() > 1 && found.first().is_some_and(|run| run.0 != prefix) {
            return Err(LookupError::Ambiguous {
                prefix: prefix.to_owned(),
                candidates: found.into_iter().take(8).map(|run| run.0).collect(),
            });
        }
        let run = found.into_iter().next().ok_or_else(unknown)?;
        Ok(self.summary(run)?)
    }

    /// The digest and the run of a request that a client called `key`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn request(&self, key: &str) -> Result<Option<(String, String)>, StoreError> {
        self.query(|connection| {
            request_keys::table
                .find(key)
                .select((request_keys::digest, request_keys::run_id))
                .first::<(String, String)>(connection)
                .optional()
        })
    }

    /// The newest run of `build` that is not over for good: queued, running, halted or interrupted.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn unfinished_run_of_build(&self, build: &str) -> Result<Option<RunSummary>, StoreError> {
        let unfinished = [
            RunStatus::Queued.as_str(),
            RunStatus::Running.as_str(),
            RunStatus::Halted.as_str(),
            RunStatus::Interrupted.as_str(),
        ];
        let stored = self.query(|connection| {
            runs::table
                .select(COLUMNS)
                .filter(
                    runs::build_id
                        .eq(build)
                        .and(runs::status.eq_any(unfinished)),
                )
                .order(runs::started_at.desc())
                .first::<Stored>(connection)
                .optional()
        })?;
        stored.map(|run| self.summary(run)).transpose()
    }

    /// Which of these kinds of entries a run's audit has that are about no card, each once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn run_events(&self, run_id: &str, kinds: &[&str]) -> Result<Vec<String>, StoreError> {
        self.query(|connection| {
            card_events::table
                .filter(
                    card_events::run_id
                        .eq(run_id)
                        .and(card_events::card.is_null())
                        .and(card_events::kind.eq_any(kinds)),
                )
                .select(card_events::kind)
                .distinct()
                .load(connection)
        })
    }

    /// The builds of an epic, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn builds_of(&self, epic: &str) -> Result<Vec<BuildSummary>, StoreError> {
        let stored = self.query(|connection| {
            runs::table
                .select(COLUMNS)
                .filter(runs::epic.eq(epic))
                .order((runs::started_at.desc(), runs::run_id.desc()))
                .load::<Stored>(connection)
        })?;
        let mut builds: Vec<BuildSummary> = Vec::new();
        for run in stored {
            if builds.iter().all(|known| known.build_id != run.1) {
                builds.push(self.build(run)?);
            }
        }
        Ok(builds)
    }

    /// The newest run of each build of an epic, or of one of them, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn newest_runs(&self, epic: &str, build: Option<&str>) -> Result<Vec<BareRun>, StoreError> {
        type Row = (String, String, String, i64, Option<i64>, Option<String>);
        let order = (runs::started_at.desc(), runs::run_id.desc());
        let columns = (
            runs::run_id,
            runs::build_id,
            runs::status,
            runs::started_at,
            runs::ended_at,
            runs::target,
        );
        let stored: Vec<Row> = self.query(|connection| match build {
            Some(build) => runs::table
                .select(columns)
                .filter(runs::build_id.eq(build).and(runs::epic.eq(epic)))
                .order(order)
                .limit(1)
                .load(connection),
            None => runs::table
                .select(columns)
                .filter(runs::epic.eq(epic))
                .order(order)
                .load(connection),
        })?;
        let mut seen = HashSet::new();
        let mut newest = Vec::new();
        for (run_id, build_id, status, started_ms, ended_ms, target) in stored {
            if seen.insert(build_id.clone()) {
                newest.push(BareRun {
                    run_id,
                    build_id,
                    epic: epic.to_owned(),
                    target,
                    status: run_status(&status)?,
                    started_ms,
                    ended_ms,
                });
            }
        }
        Ok(newest)
    }

    /// The newest build of an epic.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn latest_build(&self, epic: &str) -> Result<Option<BuildSummary>, StoreError> {
        let stored = self.query(|connection| {
            runs::table
                .select(COLUMNS)
                .filter(runs::epic.eq(epic))
                .order((runs::started_at.desc(), runs::run_id.desc()))
                .first::<Stored>(connection)
                .optional()
        })?;
        stored.map(|run| self.build(run)).transpose()
    }

    /// The newest build of every epic with its cards, epics in the order of their names.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn board(&self) -> Result<Vec<BoardEpic>, StoreError> {
        let epics = self.query(|connection| {
            runs::table
                .select(runs::epic)
                .distinct()
                .order(runs::epic)
                .load::<String>(connection)
        })?;
        let mut board = Vec::with_capacity(epics.len());
        for epic in epics {
            if let Some(build) = self.latest_build(&epic)? {
                let cards = self.card_summaries_of_build(&build.build_id)?;
                board.push(BoardEpic { epic, build, cards });
            }
        }
        Ok(board)
    }

    /// Runs whose status is `running`, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn running_runs(&self) -> Result<Vec<RunId>, StoreError> {
        let ids = self.query(|connection| {
            runs::table
                .select(runs::run_id)
                .filter(runs::status.eq(RunStatus::Running.as_str()))
                .order((runs::started_at, runs::run_id))
                .load::<String>(connection)
        })?;
        ids.into_iter()
            .map(|id| RunId::new(&id).map_err(|error| damaged("a run's id", error)))
            .collect()
    }

    /// The highest card row and attempt row in use; 0 when there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn highest_rows(&self) -> Result<(CardRow, TurnRow), StoreError> {
        self.snapshot(|connection| {
            let card = cards::table
                .select(max(cards::row))
                .first::<Option<i64>>(connection)?;
            let turn = turns::table
                .select(max(turns::row))
                .first::<Option<i64>>(connection)?;
            Ok((card.unwrap_or(0), turn.unwrap_or(0)))
        })
    }

    fn summary(&self, stored: Stored) -> Result<RunSummary, StoreError> {
        let (run_id, build_id, epic, status, started_ms, ended_ms, summary_json, target) = stored;
        let counted = self.query(|connection| {
            cards::table
                .filter(cards::run_id.eq(&run_id))
                .group_by(cards::status)
                .select((cards::status, count_star()))
                .load::<(String, i64)>(connection)
        })?;
        Ok(RunSummary {
            status: run_status(&status)?,
            counts: by_status(counted)?,
            summary: from_json("a run's summary", &summary_json)?,
            run_id,
            build_id,
            epic,
            target,
            started_ms,
            ended_ms,
        })
    }

    fn build(&self, newest_run: Stored) -> Result<BuildSummary, StoreError> {
        let (run_id, build_id, _, status, started_ms, _, _, _) = newest_run;
        let counted = self.query(|connection| {
            cards::table
                .filter(cards::build_id.eq(&build_id))
                .group_by(cards::status)
                .select((cards::status, count_star()))
                .load::<(String, i64)>(connection)
        })?;
        let counts = by_status(counted)?;
        Ok(BuildSummary {
            status: run_status(&status)?,
            cards: counts.values().sum(),
            unfinished: counts
                .iter()
                .filter(|(status, _)| !status.is_finished())
                .map(|(_, count)| count)
                .sum(),
            build_id,
            run_id,
            started_ms,
        })
    }
}

pub(super) fn run_status(word: &str) -> Result<RunStatus, StoreError> {
    RunStatus::parse(word).ok_or_else(|| damaged("a run's status", format!("`{word}`")))
}

fn by_status(counted: Vec<(String, i64)>) -> Result<BTreeMap<CardStatus, u64>, StoreError> {
    counted
        .into_iter()
        .map(|(status, count)| {
            Ok((
                from_word("a card's status", &status)?,
                number("a count", count)?,
            ))
        })
        .collect()
}
