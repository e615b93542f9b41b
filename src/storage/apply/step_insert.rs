//! The insert of a step as a query of its own. It says what diesel's `insert_into` would say, and is
//! prepared once like it, but its text is one constant: of a large commit, walking through the
//! columns' types again for each row was a tenth of the writer's time.

use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, RunQueryDsl, SqliteConnection};

const TEXT: &str = "INSERT INTO `turn_steps` (`turn`, `seq`, `at`, `body_json`, `link`) VALUES (";

/// One row of `turn_steps`.
#[derive(Debug)]
pub(super) struct StepInsert<'a> {
    /// The attempt's row.
    pub(super) turn: i64,
    /// Its place in the attempt.
    pub(super) seq: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub(super) at: i64,
    pub(super) body_json: &'a str,
    pub(super) link: &'a [u8],
}

impl QueryFragment<Sqlite> for StepInsert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(TEXT);
        out.push_bind_param::<BigInt, _>(&self.turn)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.seq)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.at)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.body_json)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(self.link)?;
        out.push_sql(")");
        Ok(())
    }
}

impl QueryId for StepInsert<'_> {
    type QueryId = StepInsert<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<SqliteConnection> for StepInsert<'_> {}
