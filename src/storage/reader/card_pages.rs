//! Cards as the API lists them, a page at a time, newest first.
//!
//! A page is one seek on an index and as many rows as are asked for, wherever in the list it lies:
//! every index on `cards` ends with `row`, which says what is newer. The cards of a build are found
//! through its runs, mostly one: a new run takes over all cards of its build.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use orket_actors::port::store::StoreError;
use orket_core::status::CardStatus;

use super::Reader;
use super::issue_row::{IssueRow, LISTED, Listed, issue_row};
use crate::storage::schema::{card_definitions, cards, runs};

/// Which cards are listed: those that meet all that is given.
#[derive(Debug, Clone, Default)]
pub struct CardFilter {
    /// Cards of this build.
    pub build_id: Option<String>,
    /// Cards that belong to this run now.
    pub session_id: Option<String>,
    /// Cards in this status.
    pub status: Option<CardStatus>,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy)]
pub struct CardPage {
    /// Cards older than the one with this row.
    pub before: Option<i64>,
    /// How many of them are left out first. They are walked over: a cursor costs nothing.
    pub offset: i64,
    /// At most so many.
    pub limit: i64,
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct IssuePage {
    /// The cards.
    pub items: Vec<IssueRow>,
    /// Where the next page goes on; `None` at the end.
    pub next: Option<i64>,
}

impl Reader {
    /// Cards, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn issue_rows(&self, filter: &CardFilter, page: CardPage) -> Result<IssuePage, StoreError> {
        let wanted = page.limit.saturating_add(1);
        let stored = self.query(|connection| {
            let runs = match (&filter.session_id, &filter.build_id) {
                (None, None) => return newest(connection, None, filter.status, page, wanted),
                (Some(run), None) => vec![run.clone()],
                (Some(run), Some(build)) => runs_of(connection, build, Some(run))?,
                (None, Some(build)) => runs_of(connection, build, None)?,
            };
            match runs.as_slice() {
                [] => Ok(Vec::new()),
                [run] => newest(connection, Some(run), filter.status, page, wanted),
                several => merged(connection, several, filter.status, page, wanted),
            }
        })?;
        Ok(cut(stored, page.limit))
    }

    /// The cards that belong to a run now, oldest first, after the one with row `after`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn run_issue_rows(
        &self,
        run_id: &str,
        after: Option<i64>,
        limit: i64,
    ) -> Result<IssuePage, StoreError> {
        let stored = self.query(|connection| {
            cards::table
                .inner_join(card_definitions::table)
                .filter(cards::run_id.eq(run_id))
                .filter(cards::row.gt(after.unwrap_or(i64::MIN)))
                .order(cards::row)
                .limit(limit.saturating_add(1))
                .select(LISTED)
                .load::<Listed>(connection)
        })?;
        Ok(cut(stored, limit))
    }
}

/// The runs of a build that have cards; `only` is the one that is asked about. The cards of a run are
/// all of its build.
fn runs_of(
    connection: &mut SqliteConnection,
    build_id: &str,
    only: Option<&str>,
) -> QueryResult<Vec<String>> {
    let mut query = runs::table
        .filter(runs::build_id.eq(build_id))
        .select(runs::run_id)
        .into_boxed::<Sqlite>();
    if let Some(run) = only {
        query = query.filter(runs::run_id.eq(run));
    }
    let mut found = query.load::<String>(connection)?;
    if found.len() > 1 {
        let mut with_cards = Vec::with_capacity(1);
        for run in found {
            let card = cards::table
                .filter(cards::run_id.eq(&run))
                .select(cards::row)
                .first::<i64>(connection)
                .optional()?;
            if card.is_some() {
                with_cards.push(run);
            }
        }
        found = with_cards;
    }
    Ok(found)
}

/// Cards of one run, or of all, newest first.
fn newest(
    connection: &mut SqliteConnection,
    run: Option<&str>,
    status: Option<CardStatus>,
    page: CardPage,
    wanted: i64,
) -> QueryResult<Vec<Listed>> {
    let mut before = page.before.unwrap_or(i64::MAX);
    if page.offset > 0 {
        let mut query = cards::table
            .filter(cards::row.lt(before))
            .select(cards::row)
            .order(cards::row.desc())
            .offset(page.offset)
            .limit(1)
            .into_boxed::<Sqlite>();
        if let Some(run) = run {
            query = query.filter(cards::run_id.eq(run));
        }
        if let Some(status) = status {
            query = query.filter(cards::status.eq(status.as_str()));
        }
        match query.first::<i64>(connection).optional()? {
            Some(first) => before = first.saturating_add(1),
            None => return Ok(Vec::new()),
        }
    }
    let mut query = cards::table
        .inner_join(card_definitions::table)
        .filter(cards::row.lt(before))
        .select(LISTED)
        .order(cards::row.desc())
        .limit(wanted)
        .into_boxed::<Sqlite>();
    if let Some(run) = run {
        query = query.filter(cards::run_id.eq(run));
    }
    if let Some(status) = status {
        query = query.filter(cards::status.eq(status.as_str()));
    }
    query.load(connection)
}

/// Cards of several runs, newest first.
fn merged(
    connection: &mut SqliteConnection,
    runs: &[String],
    status: Option<CardStatus>,
    page: CardPage,
    wanted: i64,
) -> QueryResult<Vec<Listed>> {
    let whole = CardPage { offset: 0, ..page };
    let most = wanted.saturating_add(page.offset);
    let mut all = Vec::new();
    for run in runs {
        all.extend(newest(connection, Some(run), status, whole, most)?);
    }
    all.sort_unstable_by_key(|((row, ..), _)| std::cmp::Reverse(*row));
    let skipped = usize::try_from(page.offset).unwrap_or(usize::MAX);
    Ok(all.into_iter().skip(skipped).collect())
}

/// At most `limit` of what was found, and where it goes on when there is more.
fn cut(mut stored: Vec<Listed>, limit: i64) -> IssuePage {
    let limit = usize::try_from(limit).unwrap_or(0);
    let is_more = stored.len() > limit;
    stored.truncate(limit);
    let next = stored.last().filter(|_| is_more).map(|((row, ..), _)| *row);
    IssuePage {
        items: stored.into_iter().map(issue_row).collect(),
        next,
    }
}
