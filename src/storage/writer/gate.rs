//! What lets writes in, and says why not.

use std::sync::atomic::{AtomicBool, Ordering};

use orket_actors::port::store::StoreError;
use tokio::sync::Semaphore;

/// What lets writes in.
pub(in crate::storage) struct Gate {
    /// Bounds what is accepted and not yet answered, wherever it waits. Closed when nothing more
    /// is taken.
    pub(in crate::storage) room: Semaphore,
    /// Whether that is so because somebody asked for it.
    closing: AtomicBool,
}

impl Gate {
    pub(in crate::storage) fn new(places: usize) -> Self {
        Self {
            room: Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS)),
            closing: AtomicBool::new(false),
        }
    }

    pub(in crate::storage) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.room.close();
    }

    /// Why the writer does not answer.
    pub(in crate::storage) fn gone(&self) -> StoreError {
        if self.closing.load(Ordering::Acquire) {
            StoreError::Closed
        } else {
            StoreError::Unavailable(
                "the journal's writer has died; restart orket, which goes on from what is journaled"
                    .to_owned(),
            )
        }
    }
}
