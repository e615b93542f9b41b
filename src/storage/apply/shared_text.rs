//! Texts that many steps of a run name.

use diesel::prelude::*;
use diesel::sql_types::{Binary, Text};
use orket_actors::port::store::TurnRow;
use orket_core::turn::Step;

use super::statement::statement;
use super::{About, Failure, Transaction};
use crate::storage::step_text::{Digest, shared_text};

statement! {
    /// A text, unless the run has it.
    TextInsert<'a> {
        "INSERT OR IGNORE INTO `run_texts` (`run_id`, `digest`, `body`) VALUES (" => run_id: &'a str as Text,
        ", " => digest: &'a [u8] as Binary,
        ", " => body: &'a str as Text;
        ")"
    }
}

impl Transaction<'_> {
    /// Sees to it that the run of an attempt has the text that a step of it names.
    pub(super) fn keep_text(
        &mut self,
        turn: TurnRow,
        digest: Digest,
        step: &Step,
    ) -> Result<(), Failure> {
        let (Some(run_id), Some(body)) = (self.known.unkept(turn, digest), shared_text(step))
        else {
            return Ok(());
        };
        self.bytes = self.bytes.saturating_add(body.len());
        let insert = TextInsert {
            run_id: &run_id,
            digest: digest.as_bytes(),
            body,
        };
        insert
            .execute(self.connection)
            .about(|| format!("a text of run `{run_id}`"))?;
        self.known.kept(turn, digest);
        Ok(())
    }
}
