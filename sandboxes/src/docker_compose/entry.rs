//! One sandbox in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Mutex as AsyncMutex;
use tokio_util::sync::CancellationToken;

use crate::registry::Record;
use crate::secret::Secrets;

/// See the file's head.
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) rock_id: String,
    /// Held by whoever changes the sandbox, for as long as that takes.
    pub(super) turn: AsyncMutex<()>,
    state: Mutex<State>,
}

struct State {
    /// `None` until there is something to tell.
    record: Option<Record>,
    secrets: Option<Secrets>,
    /// Ends what brings it up.
    cancel: CancellationToken,
    /// Those who wait to take it down.
    unwanted: u32,
}

/// Somebody waits to take it down.
pub(super) struct Unwanted<'a>(&'a Entry);

impl Drop for Unwanted<'_> {
    fn drop(&mut self) {
        self.0.state().unwanted -= 1;
    }
}

impl Entry {
    pub(super) fn new(
        id: &str,
        rock_id: &str,
        record: Option<Record>,
        secrets: Option<Secrets>,
    ) -> Self {
        Self {
            id: id.to_owned(),
            rock_id: rock_id.to_owned(),
            turn: AsyncMutex::new(()),
            state: Mutex::new(State {
                record,
                secrets,
                cancel: CancellationToken::new(),
                unwanted: 0,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn record(&self) -> Option<Record> {
        self.state().record.clone()
    }

    /// A sandbox that begins; what ends it is given back.
    pub(super) fn begin(&self, record: Record, secrets: Secrets) -> CancellationToken {
        let mut state = self.state();
        state.record = Some(record);
        state.secrets = Some(secrets);
        state.cancel = CancellationToken::new();
        if state.unwanted > 0 {
            state.cancel.cancel();
        }
        state.cancel.clone()
    }

    /// A sandbox that could not even begin is as it was before.
    pub(super) fn put_back(&self, before: Option<Record>) {
        let mut state = self.state();
        if !before.as_ref().is_some_and(|it| it.kept) {
            state.secrets = None;
        }
        state.record = before;
    }

    /// Ends what brings it up, and what would until the answer is dropped.
    pub(super) fn unwanted(&self) -> Unwanted<'_> {
        let mut state = self.state();
        state.unwanted += 1;
        state.cancel.cancel();
        Unwanted(self)
    }

    /// Changes the record; as it is then, when there is one.
    pub(super) fn change(&self, change: impl FnOnce(&mut Record)) -> Option<Record> {
        let mut state = self.state();
        let record = state.record.as_mut()?;
        change(record);
        Some(record.clone())
    }

    /// Whether what it stored is kept though its containers are gone.
    pub(super) fn is_kept(&self) -> bool {
        self.state().record.as_ref().is_some_and(|it| it.kept)
    }

    /// The passwords of what is kept.
    pub(super) fn kept_secrets(&self) -> Option<Secrets> {
        let state = self.state();
        let is_kept = state.record.as_ref().is_some_and(|it| it.kept);
        state.secrets.clone().filter(|_| is_kept)
    }

    pub(super) fn forget_secrets(&self) {
        self.state().secrets = None;
    }

    /// A text without its secrets.
    pub(super) fn mask(&self, text: &str) -> String {
        match &self.state().secrets {
            Some(secrets) => secrets.mask(text),
            None => text.to_owned(),
        }
    }
}
