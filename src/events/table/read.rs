//! What is looked up of the stored events: pages of the log, newest first, and what a listener missed,
//! oldest first. The methods block.

use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::r2d2::{ConnectionManager, Pool, PooledConnection};
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::Sqlite;
use orket_actors::port::event::RuntimeEvent;
use serde_json::Value;

use super::TableError;
use super::store::{Number, number};
use crate::events::chunk::{Chunk, ChunkMaker};
use crate::events::filter::{Filter, Wanted};
use crate::log::Zone;
use crate::log::line::LogLine;
use crate::log::zone::Stamp;

/// Reads the table through a pool of connections that cannot write; cheap to clone.
#[derive(Clone)]
pub struct Table {
    pool: Pool<ConnectionManager<SqliteConnection>>,
    zone: Zone,
}

/// Which page of the log is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Which events.
    pub filter: Filter,
    /// Not earlier than this, milliseconds since 1970-01-01 UTC.
    pub from_ms: Option<i64>,
    /// Not later than this.
    pub to_ms: Option<i64>,
    /// Only events with a lower number.
    pub before: Option<i64>,
    /// So many of them are left out.
    pub offset: i64,
    /// So many are wanted at most.
    pub limit: i64,
}

/// Some events of the log, newest first.
#[derive(Debug, Clone)]
pub struct Page {
    /// They.
    pub events: Vec<Stored>,
    /// How many there are, whatever `before`, `offset` and `limit` are.
    pub total: i64,
    /// There are more behind the last one.
    pub is_more: bool,
}

/// A stored event.
#[derive(Debug, Clone)]
pub struct Stored(LogLine);

impl Stored {
    /// Its number.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.0.event.seq
    }
}

impl serde::Serialize for Stored {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Some stored events, oldest first.
#[derive(Debug)]
pub struct Replay {
    /// They; `None` when there are none.
    pub chunk: Option<Chunk>,
    /// All events behind the wish up to this number are here, as far as they are kept.
    pub up_to: u64,
    /// There are more.
    pub is_more: bool,
    /// Events up to this number are not kept any more.
    pub pruned: u64,
}

#[derive(QueryableByName)]
pub(super) struct Line {
    #[diesel(sql_type = BigInt)]
    pub(super) seq: i64,
    #[diesel(sql_type = BigInt)]
    at_ms: i64,
    #[diesel(sql_type = Text)]
    event: String,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Nullable<Text>)]
    session_id: Option<String>,
    #[diesel(sql_type = Text)]
    fields: String,
}

impl Line {
    /// The event that makes the same line as the one that was stored.
    pub(super) fn event(self) -> RuntimeEvent {
        let data: Value = serde_json::from_str(&self.fields).unwrap_or(Value::Null);
        // Where the data has a run of its own, that is said only once.
        let has_run = data.get("run_id").is_some();
        RuntimeEvent {
            seq: u64::try_from(self.seq).unwrap_or(0),
            at_ms: self.at_ms,
            event: self.event,
            role: self.role,
            run_id: self.session_id.filter(|_| has_run),
            issue_id: None,
            workspace: None,
            data,
            shown: orket_actors::port::event::Shown::default(),
        }
    }
}

type Query<'a> = BoxedSqlQuery<'a, Sqlite, SqlQuery>;

/// A condition with what is bound in it.
struct Conditions<'a> {
    sql: String,
    texts: Vec<&'a str>,
    numbers: Vec<i64>,
}

impl<'a> Conditions<'a> {
    /// Of a filter and of comparisons with numbers, which are bound first.
    fn new(filter: &'a Filter, numbers: &[(&str, Option<i64>)]) -> Self {
        let mut conditions = Self {
            sql: "1".to_owned(),
            texts: Vec::new(),
            numbers: Vec::new(),
        };
        for (comparison, number) in numbers {
            if let Some(number) = number {
                conditions.sql.push_str(" AND ");
                conditions.sql.push_str(comparison);
                conditions.numbers.push(*number);
            }
        }
        // One index is enough, and which one is best is known here: a plus keeps the others out.
        let has_session = filter.sessions.texts().len() > 0;
        let has_event = filter.events.texts().len() > 0;
        conditions.among("session_id", &filter.sessions);
        conditions.among(if has_session { "+event" } else { "event" }, &filter.events);
        let is_narrowed = has_session || has_event;
        conditions.among(if is_narrowed { "+role" } else { "role" }, &filter.roles);
        conditions
    }

    fn among(&mut self, column: &str, wanted: &'a Wanted) {
        let texts = wanted.texts();
        match texts.len() {
            0 => return,
            1 => self.sql.push_str(&format!(" AND {column} = ?")),
            more => {
                let marks = vec!["?"; more].join(", ");
                self.sql.push_str(&format!(" AND {column} IN ({marks})"));
            }
        }
        self.texts.extend(texts);
    }

    fn bind<'q>(&self, mut query: Query<'q>) -> Query<'q> {
        for number in &self.numbers {
            query = query.bind::<BigInt, _>(*number);
        }
        for text in &self.texts {
            query = query.bind::<Text, _>((*text).to_owned());
        }
        query
    }
}

/// Comparisons that hold for the events between two times. Where times rise with numbers these are
/// comparisons of numbers, which need no index.
fn times(
    connection: &mut SqliteConnection,
    from_ms: Option<i64>,
    to_ms: Option<i64>,
) -> QueryResult<[(&'static str, Option<i64>); 2]> {
    if from_ms.is_none() && to_ms.is_none() {
        return Ok([("", None), ("", None)]);
    }
    if number(connection, "disordered_seq")? > number(connection, "pruned_seq")? {
        return Ok([("+at_ms >= ?", from_ms), ("+at_ms <= ?", to_ms)]);
    }
    let from = from_ms.map(|ms| first_at(connection, ms)).transpose()?;
    let behind = to_ms
        .map(|ms| first_at(connection, ms.saturating_add(1)))
        .transpose()?;
    Ok([("seq >= ?", from), ("seq < ?", behind)])
}

#[derive(QueryableByName)]
struct Moment {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = BigInt)]
    at_ms: i64,
}

/// The number of the first event that is not before a time; one that is too high when all are. Times
/// must rise with numbers.
fn first_at(connection: &mut SqliteConnection, ms: i64) -> QueryResult<i64> {
    let mut end = |text: &str| -> QueryResult<i64> {
        let row: Number = diesel::sql_query(text).get_result(connection)?;
        Ok(row.number)
    };
    let mut low = end("SELECT COALESCE(MIN(seq), 0) AS number FROM events")?;
    let mut high = end("SELECT COALESCE(MAX(seq), 0) + 1 AS number FROM events")?;
    while low < high {
        let middle = low + (high - low) / 2;
        let next: Option<Moment> =
            diesel::sql_query("SELECT seq, at_ms FROM events WHERE seq >= ? ORDER BY seq LIMIT 1")
                .bind::<BigInt, _>(middle)
                .get_result(connection)
                .optional()?;
        match next {
            Some(next) if next.at_ms < ms => low = next.seq.saturating_add(1),
            Some(_) | None => high = middle,
        }
    }
    Ok(low)
}

const COLUMNS: &str =
    "found.seq, found.at_ms, found.event, found.role, found.session_id, event_fields.fields";

/// Events with a number above the first and not above the second: at most so many and one more.
pub(super) fn lines(
    connection: &mut SqliteConnection,
    (after, up_to): (u64, u64),
    filter: &Filter,
    most: i64,
) -> QueryResult<Vec<Line>> {
    let signed = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
    let numbers = [
        ("seq > ?", Some(signed(after))),
        ("seq <= ?", Some(signed(up_to))),
    ];
    let conditions = Conditions::new(filter, &numbers);
    let text = format!(
        "SELECT {COLUMNS} FROM (
            SELECT * FROM events WHERE {} ORDER BY seq LIMIT ?
         ) AS found JOIN event_fields ON event_fields.seq = found.seq ORDER BY found.seq",
        conditions.sql
    );
    conditions
        .bind(diesel::sql_query(text).into_boxed())
        .bind::<BigInt, _>(most.saturating_add(1))
        .load(connection)
}

impl Table {
    pub(super) fn new(pool: Pool<ConnectionManager<SqliteConnection>>, zone: Zone) -> Self {
        Self { pool, zone }
    }

    pub(super) fn connection(
        &self,
    ) -> Result<PooledConnection<ConnectionManager<SqliteConnection>>, TableError> {
        self.pool
            .get()
            .map_err(|error| TableError::Busy(error.to_string()))
    }

    /// A page of the log.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub fn page(&self, wish: &Wish) -> Result<Page, TableError> {
        let mut connection = self.connection()?;
        let times = times(&mut connection, wish.from_ms, wish.to_ms)?;
        let counted = Conditions::new(&wish.filter, &times);
        let is_everything = counted.texts.is_empty() && counted.numbers.is_empty();
        let count = if is_everything {
            "SELECT value AS number FROM numbers WHERE name = 'kept'".to_owned()
        } else {
            format!(
                "SELECT COUNT(*) AS number FROM events WHERE {}",
                counted.sql
            )
        };
        let total: Number = counted
            .bind(diesel::sql_query(count).into_boxed())
            .get_result(&mut *connection)?;
        let [from, to] = times;
        let conditions = Conditions::new(&wish.filter, &[("seq < ?", wish.before), from, to]);
        let text = format!(
            "SELECT {COLUMNS} FROM (
                SELECT * FROM events WHERE {} ORDER BY seq DESC LIMIT ? OFFSET ?
             ) AS found JOIN event_fields ON event_fields.seq = found.seq ORDER BY found.seq DESC",
            conditions.sql
        );
        let lines: Vec<Line> = conditions
            .bind(diesel::sql_query(text).into_boxed())
            .bind::<BigInt, _>(wish.limit.saturating_add(1))
            .bind::<BigInt, _>(wish.offset)
            .load(&mut *connection)?;
        let limit = usize::try_from(wish.limit).unwrap_or(0);
        let is_more = lines.len() > limit;
        let mut stamp = Stamp::new(&self.zone);
        let events = lines
            .into_iter()
            .take(limit)
            .map(|line| {
                Stored(LogLine {
                    timestamp: stamp.at(line.at_ms).to_owned(),
                    event: line.event(),
                })
            })
            .collect();
        Ok(Page {
            events,
            total: total.number,
            is_more,
        })
    }

    /// Events with a number above `after` and not above `up_to`: at most so many, and no more when
    /// there are so many bytes.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub fn replay(
        &self,
        after: u64,
        up_to: u64,
        filter: &Filter,
        most: i64,
        most_bytes: usize,
    ) -> Result<Replay, TableError> {
        let mut connection = self.connection()?;
        let lines = lines(&mut connection, (after, up_to), filter, most)?;
        // Looked up last: what was removed meanwhile is missed too.
        let pruned = number(&mut connection, "pruned_seq")?;
        let most = usize::try_from(most).unwrap_or(0);
        let mut is_more = lines.len() > most;
        let mut chunks = ChunkMaker::default();
        let mut stamp = Stamp::new(&self.zone);
        let mut last = up_to;
        for line in lines.into_iter().take(most) {
            if chunks.bytes() >= most_bytes {
                is_more = true;
                break;
            }
            let event = line.event();
            last = event.seq;
            if !chunks.add(stamp.at(event.at_ms), &event) {
                tracing::error!(seq = event.seq, "a stored event cannot be printed");
            }
        }
        Ok(Replay {
            chunk: chunks.take(),
            up_to: if is_more { last } else { up_to },
            is_more,
            pruned: u64::try_from(pruned).unwrap_or(0),
        })
    }
}
