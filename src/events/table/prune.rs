//! Removes the oldest rows when there are more than are to be kept, a piece at a time.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::store::Number;

/// Rows removed at once: a few milliseconds.
const PIECE: i64 = 2_000;

/// Whether rows are to be removed. A little more than what is to be kept may lie there, so that not
/// every event removes one.
pub(super) fn is_due(kept: i64, keep: u64) -> bool {
    let keep = i64::try_from(keep).unwrap_or(i64::MAX);
    kept > keep.saturating_add((keep / 100).clamp(0, PIECE))
}

/// Removes one piece of what is too much. How many rows that were.
pub(super) fn prune(
    connection: &mut SqliteConnection,
    kept: i64,
    keep: u64,
) -> Result<i64, diesel::result::Error> {
    let keep = i64::try_from(keep).unwrap_or(i64::MAX);
    let many = kept.saturating_sub(keep).clamp(0, PIECE);
    if many == 0 {
        return Ok(0);
    }
    connection.immediate_transaction(|connection| {
        let last: Option<Number> =
            diesel::sql_query("SELECT seq AS number FROM events ORDER BY seq LIMIT 1 OFFSET ?")
                .bind::<BigInt, _>(many - 1)
                .get_result(connection)
                .optional()?;
        let Some(last) = last else {
            // There are fewer rows than were counted.
            let real: Number = diesel::sql_query("SELECT COUNT(*) AS number FROM events")
                .get_result(connection)?;
            set(connection, "kept", real.number)?;
            return Ok(kept.saturating_sub(real.number));
        };
        let gone = diesel::sql_query("DELETE FROM events WHERE seq <= ?")
            .bind::<BigInt, _>(last.number)
            .execute(connection)?;
        diesel::sql_query("DELETE FROM event_fields WHERE seq <= ?")
            .bind::<BigInt, _>(last.number)
            .execute(connection)?;
        let gone = i64::try_from(gone).unwrap_or(0);
        set(connection, "kept", kept.saturating_sub(gone))?;
        // Where nothing is kept it is higher already.
        diesel::sql_query("UPDATE numbers SET value = MAX(value, ?) WHERE name = 'pruned_seq'")
            .bind::<BigInt, _>(last.number)
            .execute(connection)?;
        Ok(gone)
    })
}

/// Sets a number.
pub(super) fn set(
    connection: &mut SqliteConnection,
    name: &str,
    value: i64,
) -> Result<(), diesel::result::Error> {
    diesel::sql_query("UPDATE numbers SET value = ? WHERE name = ?")
        .bind::<BigInt, _>(value)
        .bind::<diesel::sql_types::Text, _>(name)
        .execute(connection)?;
    Ok(())
}
