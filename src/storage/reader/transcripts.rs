//! What was said in the turns of a run, and how many there were.

use diesel::dsl::{count_star, max};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Nullable, Text, Untyped};
use diesel::sqlite::Sqlite;
use orket_actors::port::store::StoreError;
use serde::Deserialize;

use super::{Reader, number};
use crate::storage::schema::turns;

/// What a seat said in a turn that ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The turn's place among those of the run that ended well, from 0.
    pub place: u64,
    /// The role.
    pub role: String,
    /// The card.
    pub card_id: String,
    /// The reply, cut as later prompts show it.
    pub text: String,
}

impl Reader {
    /// How many attempts of a run ended well.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn turns_that_ended_well(&self, run_id: &str) -> Result<u64, StoreError> {
        let count = self.query(|connection| {
            turns::table
                .filter(turns::run_id.eq(run_id).and(turns::status.eq("succeeded")))
                .select(count_star())
                .get_result::<i64>(connection)
        })?;
        number("a count", count)
    }

    /// When an attempt of a run last ended.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn last_turn_ms(&self, run_id: &str) -> Result<Option<i64>, StoreError> {
        self.query(|connection| {
            turns::table
                .filter(turns::run_id.eq(run_id))
                .select(max(turns::ended_at))
                .first::<Option<i64>>(connection)
        })
    }

    /// What was said in the turns of a run that ended well, oldest first: the newest `most` of them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn transcript(&self, run_id: &str, most: u32) -> Result<Vec<Said>, StoreError> {
        let limit = most.to_string();
        let newest = LastSteps {
            run_id,
            most: &limit,
        };
        let ended = self.query(|connection| newest.load::<Ended>(connection))?;
        let shown = u64::try_from(ended.len()).unwrap_or(u64::MAX);
        // They are counted only where there may be more than are shown.
        let unsaid = if shown < u64::from(most) {
            0
        } else {
            self.turns_that_ended_well(run_id)?.saturating_sub(shown)
        };
        Ok(ended
            .into_iter()
            .zip(unsaid..)
            .map(|(ended, place)| Said {
                place,
                // One that is damaged does not hide the others.
                text: ended
                    .last_step
                    .and_then(|step| said(&step))
                    .unwrap_or_default(),
                role: ended.role,
                card_id: ended.card_id,
            })
            .collect())
    }
}

/// The turns of a run that ended well, oldest first, the newest `most` of them, each with its last step.
/// One statement that stays prepared: a transcript asked turn by turn took much of the time of a run's
/// detail. The last steps are looked up for those alone that are shown.
struct LastSteps<'a> {
    run_id: &'a str,
    /// A number, as text: SQLite prepares a statement anew each time that a bound LIMIT is bound.
    most: &'a str,
}

impl QueryFragment<Sqlite> for LastSteps<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(
            "SELECT role, card_id, (SELECT body_json FROM turn_steps WHERE turn = turns.row \
             ORDER BY seq DESC LIMIT 1) AS last_step FROM turns WHERE row IN \
             (SELECT row FROM turns WHERE status = 'succeeded' AND run_id = ",
        );
        out.push_bind_param::<Text, _>(self.run_id)?;
        out.push_sql(" ORDER BY ended_at DESC, row DESC LIMIT ");
        out.push_sql(self.most);
        out.push_sql(") ORDER BY ended_at, row");
        Ok(())
    }
}

/// Found again by its text.
impl QueryId for LastSteps<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for LastSteps<'_> {
    type SqlType = Untyped;
}

impl RunQueryDsl<SqliteConnection> for LastSteps<'_> {}

#[derive(QueryableByName)]
struct Ended {
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Text)]
    card_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    last_step: Option<String>,
}

/// What of the end of a turn a transcript shows.
#[derive(Deserialize)]
struct End {
    kind: String,
    outcome: String,
    summary: String,
}

/// The reply in the last step of a turn, where it ended well. Read without the rest of the step.
fn said(step: &str) -> Option<String> {
    let end: End = serde_json::from_str(step).ok()?;
    (end.kind == "turn_finished" && end.outcome == "succeeded").then_some(end.summary)
}

#[cfg(test)]
mod tests {
    use orket_core::status::CardStatus;
    use orket_core::turn::{Step, TurnOutcome};

    use super::said;

    #[test]
    fn the_reply_is_found_in_the_step_as_it_is_stored() {
        let step = Step::TurnFinished {
            outcome: TurnOutcome::Succeeded {
                status: CardStatus::Done,
                wait_reason: None,
                summary: "It is \"done\".".to_owned(),
                through: Vec::new(),
                objection: None,
            },
        };
        let stored = serde_json::to_string(&step).unwrap();
        assert_eq!(said(&stored).as_deref(), Some("It is \"done\"."));
        let other = serde_json::to_string(&Step::Recovered { recoveries: 1 }).unwrap();
        for none in [other.as_str(), "", "{", "[]"] {
            assert_eq!(said(none), None);
        }
    }
}
