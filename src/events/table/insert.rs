//! Rows as SQL: many in one statement, which is prepared once. Its text is a constant, so that nothing
//! is put together for each event. `OR FAIL`: whatever fails is rolled back as a whole, so SQLite need not
//! keep copies of pages to take back the first rows of a statement.

use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, RunQueryDsl, SqliteConnection};

/// Rows of one statement.
const AT_ONCE: usize = 16;

/// One event to be stored.
pub(super) struct Row<'a> {
    pub(super) seq: i64,
    pub(super) at_ms: i64,
    pub(super) event: &'a str,
    pub(super) role: &'a str,
    pub(super) session_id: Option<&'a str>,
    /// The fields of its data, an object.
    pub(super) fields: String,
}

/// Inserts all of them.
pub(super) fn insert(connection: &mut SqliteConnection, rows: &[Row<'_>]) -> QueryResult<()> {
    let (many, rest) = rows.as_chunks::<AT_ONCE>();
    for rows in many {
        Events(rows).execute(connection)?;
        Fields(rows).execute(connection)?;
    }
    for row in rest.as_chunks::<1>().0 {
        Events(row).execute(connection)?;
        Fields(row).execute(connection)?;
    }
    Ok(())
}

const INTO_EVENTS: &str =
    "INSERT OR FAIL INTO events (seq, at_ms, event, role, session_id) VALUES ";
const INTO_FIELDS: &str = "INSERT OR FAIL INTO event_fields (seq, fields) VALUES ";

struct Events<'a, const N: usize>(&'a [Row<'a>; N]);
struct Fields<'a, const N: usize>(&'a [Row<'a>; N]);

impl<const N: usize> QueryFragment<Sqlite> for Events<'_, N> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(INTO_EVENTS);
        let mut before = "(";
        for row in self.0 {
            out.push_sql(before);
            out.push_bind_param::<BigInt, _>(&row.seq)?;
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(&row.at_ms)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(row.event)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(row.role)?;
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Text>, _>(&row.session_id)?;
            before = "), (";
        }
        out.push_sql(")");
        Ok(())
    }
}

impl<const N: usize> QueryFragment<Sqlite> for Fields<'_, N> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(INTO_FIELDS);
        let mut before = "(";
        for row in self.0 {
            out.push_sql(before);
            out.push_bind_param::<BigInt, _>(&row.seq)?;
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(&row.fields)?;
            before = "), (";
        }
        out.push_sql(")");
        Ok(())
    }
}

impl<const N: usize> QueryId for Events<'_, N> {
    type QueryId = Events<'static, N>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const N: usize> QueryId for Fields<'_, N> {
    type QueryId = Fields<'static, N>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const N: usize> RunQueryDsl<SqliteConnection> for Events<'_, N> {}
impl<const N: usize> RunQueryDsl<SqliteConnection> for Fields<'_, N> {}
