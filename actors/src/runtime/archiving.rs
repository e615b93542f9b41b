//! Cards that a person puts away, and takes out again.

use orket_core::status::CardStatus;
use serde_json::{Value, json};

use super::{Runtime, RuntimeError};
use crate::event_bus::About;
use crate::port::store::{CardRow, Guard, Op, Write};

impl Runtime {
    /// Archives cards, all of them or none; returns when that is durable. `cards` says how each of
    /// them was found.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`]; a conflict when one stands otherwise by now, or its run is under way.
    pub async fn archive(
        &self,
        cards: Vec<(CardRow, CardStatus)>,
        by: String,
        reason: String,
    ) -> Result<(), RuntimeError> {
        let at_ms = self.world.clock.wall_ms();
        let count = cards.len();
        let archive = Op::Archive {
            cards,
            by: by.clone(),
            reason: reason.clone(),
            at_ms,
        };
        self.write_and_tell(
            archive,
            "cards_archived",
            json!({"by": by, "reason": reason, "count": count}),
        )
        .await
    }

    /// Gives archived cards the status back that they had, all of them or none; returns when that is
    /// durable. `cards` says how each of them stood.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`]; a conflict when one is not archived by now, or its run is under way.
    pub async fn unarchive(
        &self,
        cards: Vec<(CardRow, CardStatus)>,
        by: String,
        reason: String,
    ) -> Result<(), RuntimeError> {
        let at_ms = self.world.clock.wall_ms();
        let count = cards.len();
        let unarchive = Op::Unarchive {
            cards,
            by: by.clone(),
            reason: reason.clone(),
            at_ms,
        };
        self.write_and_tell(
            unarchive,
            "cards_unarchived",
            json!({"by": by, "reason": reason, "count": count}),
        )
        .await
    }

    async fn write_and_tell(&self, op: Op, event: &str, data: Value) -> Result<(), RuntimeError> {
        self.refuse_when_stopping()?;
        let write = Write {
            guard: Guard::None,
            flush: None,
            ops: vec![op],
        };
        self.world.store.submit(write).await?;
        let about = About {
            role: "operator",
            ..About::default()
        };
        self.world.events.emit(event, about, data);
        Ok(())
    }
}
