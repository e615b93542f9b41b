//! The first rows of a query. Diesel's own `limit` binds its number, and SQLite prepares a statement anew
//! each time that a bound LIMIT is bound, which takes longer than a short read itself.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sqlite::Sqlite;

/// [`PAGE`](super::super::PAGE) in SQL.
const LIMIT: &str = " LIMIT 1000";

/// At most [`PAGE`](super::super::PAGE) rows of a query that has no limit yet.
#[derive(Debug, Clone, Copy, QueryId)]
pub(super) struct OnePage<Q>(pub Q);

impl<Q: QueryFragment<Sqlite>> QueryFragment<Sqlite> for OnePage<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(LIMIT);
        Ok(())
    }
}

impl<Q: Query> Query for OnePage<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<SqliteConnection> for OnePage<Q> {}

#[cfg(test)]
mod tests {
    use super::super::super::PAGE;
    use super::LIMIT;

    #[test]
    fn a_page_is_as_long_in_sql_as_elsewhere() {
        assert_eq!(LIMIT, format!(" LIMIT {PAGE}"));
    }
}
