//! Statements that are prepared once: diesel prepares a `sql_query` anew each time, which takes longer
//! than carrying it out.

use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Nullable, Text, Untyped};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, RunQueryDsl, SqliteConnection};

/// What stands in the place of a `?`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bind<'a> {
    /// A text.
    Text(&'a str),
    /// A text, or nothing.
    Maybe(Option<&'a str>),
    /// A number.
    Number(i64),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// A statement, its text a constant.
#[derive(Debug)]
pub(super) struct Prepared<'a, const N: usize> {
    text: &'static str,
    binds: [Bind<'a>; N],
}

/// A statement with what stands in the places of its `?`, in order.
pub(super) fn prepared<'a, const N: usize>(
    text: &'static str,
    binds: [Bind<'a>; N],
) -> Prepared<'a, N> {
    Prepared { text, binds }
}

impl<const N: usize> QueryFragment<Sqlite> for Prepared<'_, N> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let mut parts = self.text.split('?');
        if let Some(first) = parts.next() {
            out.push_sql(first);
        }
        for (part, bind) in parts.zip(&self.binds) {
            match bind {
                Bind::Text(text) => out.push_bind_param::<Text, _>(*text)?,
                Bind::Maybe(text) => out.push_bind_param::<Nullable<Text>, _>(text)?,
                Bind::Number(number) => out.push_bind_param::<BigInt, _>(number)?,
                Bind::Bytes(bytes) => out.push_bind_param::<Binary, _>(*bytes)?,
            }
            out.push_sql(part);
        }
        Ok(())
    }
}

/// Found again by its text.
impl<const N: usize> QueryId for Prepared<'_, N> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<const N: usize> Query for Prepared<'_, N> {
    type SqlType = Untyped;
}

impl<const N: usize> RunQueryDsl<SqliteConnection> for Prepared<'_, N> {}
