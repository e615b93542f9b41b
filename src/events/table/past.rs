//! What is looked up for whoever follows one run. The methods block.

use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use orket_actors::port::event::RuntimeEvent;
use serde_json::Value;

use super::TableError;
use super::read::{Table, lines};
use super::store::{Number, number};
use crate::events::filter::{Filter, Wanted};

/// Some stored events of one run, oldest first.
#[derive(Debug)]
pub struct Past {
    /// They, without their workspace and with secrets hidden; `data` names run and card too.
    pub events: Vec<RuntimeEvent>,
    /// All events of the run behind the wish up to this number are here, as far as they are kept.
    pub up_to: u64,
    /// Events up to this number are not kept any more.
    pub pruned: u64,
}

impl Table {
    /// Events of a run with a number above `after` and not above `up_to`: at most so many.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub fn past(&self, run: &str, after: u64, up_to: u64, most: i64) -> Result<Past, TableError> {
        let mut connection = self.connection()?;
        let filter = Filter {
            sessions: Wanted::one(Some(run)),
            ..Filter::default()
        };
        let mut lines = lines(&mut connection, (after, up_to), &filter, most)?;
        // Looked up last: what was removed meanwhile is missed too.
        let pruned = number(&mut connection, "pruned_seq")?;
        let most = usize::try_from(most).unwrap_or(0);
        let is_more = lines.len() > most;
        lines.truncate(most);
        let last = lines.last().and_then(|line| u64::try_from(line.seq).ok());
        Ok(Past {
            events: lines
                .into_iter()
                .map(|line| with_card(line.event()))
                // What only names the run says what was done about it, not what it did.
                .filter(|event| event.run_id.as_deref() == Some(run))
                .collect(),
            up_to: last.filter(|_| is_more).unwrap_or(up_to),
            pruned: u64::try_from(pruned).unwrap_or(0),
        })
    }

    /// The number of the last event of this name of a run; 0 when there is none.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub fn last_of(&self, run: &str, event: &str) -> Result<u64, TableError> {
        // The plus keeps the index of names out, which is longer than that of the run.
        let last: Number = diesel::sql_query(
            "SELECT COALESCE(MAX(seq), 0) AS number FROM events WHERE session_id = ? AND +event = ?",
        )
        .bind::<Text, _>(run)
        .bind::<Text, _>(event)
        .get_result(&mut *self.connection()?)?;
        Ok(u64::try_from(last.number).unwrap_or(0))
    }
}

fn with_card(mut event: RuntimeEvent) -> RuntimeEvent {
    let card = event.data.get("issue_id").and_then(Value::as_str);
    event.issue_id = card.map(str::to_owned);
    event
}
