//! Steps made whole: the texts that they name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use diesel::prelude::*;
use orket_actors::port::store::StoreError;
use orket_core::turn::Step;

use super::{Reader, damaged};
use crate::storage::schema::run_texts;
use crate::storage::step_text::{self, Digest};

/// Past this many it begins anew: a run has one for each seat.
const REMEMBERED: usize = 128;

/// Texts that were read before.
#[derive(Default)]
pub(super) struct SharedTexts(Mutex<HashMap<Digest, Arc<str>>>);

/// Why a step could not be made whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotWhole {
    /// What it names is not there.
    #[error("a text that it names is gone")]
    Gone,
    /// What it names is another text now.
    #[error("a text that it names was changed")]
    Changed,
    /// The journal could not be asked.
    #[error(transparent)]
    Unreadable(#[from] StoreError),
}

impl Reader {
    /// A step as its row has it.
    pub(super) fn step(&self, body: &str) -> Result<Step, StoreError> {
        let whole = self.whole(body).map_err(|why| match why {
            NotWhole::Unreadable(error) => error,
            NotWhole::Gone | NotWhole::Changed => damaged(
                "a step",
                format!(
                    "{why}; `orket verify RUN` names each such step, `orket restore` brings back a backup \
                     that has it"
                ),
            ),
        })?;
        step_text::read(whole.as_deref().unwrap_or(body)).map_err(|error| damaged("a step", error))
    }

    /// The whole text of a step that names one; `None` when it names none.
    pub(super) fn whole(&self, body: &str) -> Result<Option<String>, NotWhole> {
        step_text::whole(body, |digest| self.text(digest))
    }

    fn text(&self, digest: Digest) -> Result<Arc<str>, NotWhole> {
        let lock = || self.texts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = lock().get(&digest) {
            return Ok(Arc::clone(text));
        }
        // Each run has its own; one that is damaged does not keep a sound one from being found.
        let found = self.query(|connection| {
            run_texts::table
                .filter(run_texts::digest.eq(digest.as_bytes().as_slice()))
                .select(run_texts::body)
                .load::<String>(connection)
        })?;
        let none = if found.is_empty() {
            NotWhole::Gone
        } else {
            NotWhole::Changed
        };
        let sound = found.into_iter().find(|text| Digest::of(text) == digest);
        let text = sound.ok_or(none)?;
        let text: Arc<str> = text.into();
        let mut known = lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(digest, Arc::clone(&text));
        Ok(text)
    }
}
