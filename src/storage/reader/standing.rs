//! How everything stands, in numbers.

use diesel::dsl::count_star;
use diesel::prelude::*;
use orket_actors::port::store::StoreError;

use super::Reader;
use crate::storage::schema::{cards, gates, runs};

/// Counts by status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Runs.
    pub runs: Vec<(String, i64)>,
    /// Cards.
    pub cards: Vec<(String, i64)>,
    /// Questions for persons.
    pub gates: Vec<(String, i64)>,
}

impl Reader {
    /// How many runs, cards and gates have which status. Looks at every index entry of them: some
    /// milliseconds for 100,000 cards.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn standing(&self) -> Result<Standing, StoreError> {
        self.query(|connection| {
            Ok(Standing {
                runs: runs::table
                    .group_by(runs::status)
                    .select((runs::status, count_star()))
                    .load(connection)?,
                cards: cards::table
                    .group_by(cards::status)
                    .select((cards::status, count_star()))
                    .load(connection)?,
                gates: gates::table
                    .group_by(gates::status)
                    .select((gates::status, count_star()))
                    .load(connection)?,
            })
        })
    }
}
