//! Cards that a person puts away.

use orket_core::status::CardStatus;
use serde_json::json;

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
        self.refuse_when_stopping()?;
        let world = &self.world;
        let count = cards.len();
        let archive = Op::Archive {
            cards,
            by: by.clone(),
            reason: reason.clone(),
            at_ms: world.clock.wall_ms(),
        };
        let write = Write {
            guard: Guard::None,
            flush: None,
            ops: vec![archive],
        };
        world.store.submit(write).await?;
        world.events.emit(
            "cards_archived",
            About {
                role: "operator",
                ..About::default()
            },
            json!({"by": by, "reason": reason, "count": count}),
        );
        Ok(())
    }
}
