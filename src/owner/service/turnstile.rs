//! One at a time: a choice of build and the start that follows from it belong together. How many may wait
//! for it is bounded, so that who comes too fast is told so at once instead of being kept for longer and
//! longer.

use tokio::sync::{Mutex, MutexGuard, Semaphore, SemaphorePermit};

use super::Refusal;

/// Requests that may wait, the one that is served included. A start takes milliseconds, so this is about
/// a second of them.
const MOST_WAITING: usize = 256;

/// See the file's head.
#[derive(Debug)]
pub(super) struct Turnstile {
    places: Semaphore,
    most: usize,
    one: Mutex<()>,
}

/// Whose turn it is, until this is dropped.
#[derive(Debug)]
pub(super) struct Passage<'a> {
    _turn: MutexGuard<'a, ()>,
    _place: Option<SemaphorePermit<'a>>,
}

impl Default for Turnstile {
    fn default() -> Self {
        Self::of(MOST_WAITING)
    }
}

impl Turnstile {
    fn of(most: usize) -> Self {
        Self {
            places: Semaphore::new(most),
            most,
            one: Mutex::new(()),
        }
    }

    /// Waits for its turn, unless too many do.
    ///
    /// # Errors
    ///
    /// `E_BUSY` then, at once.
    pub(super) async fn enter(&self) -> Result<Passage<'_>, Refusal> {
        let place = self
            .places
            .try_acquire()
            .map_err(|_| Refusal::too_many_wait(self.most))?;
        Ok(Passage {
            _turn: self.one.lock().await,
            _place: Some(place),
        })
    }

    /// Waits for its turn, however many do: for what must not be refused.
    pub(super) async fn enter_anyway(&self) -> Passage<'_> {
        Passage {
            _turn: self.one.lock().await,
            _place: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn as_many_wait_as_may_and_one_more_is_told_so_at_once() {
        let turnstile = Arc::new(Turnstile::of(3));
        let first = turnstile.enter().await.unwrap();
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let turnstile = Arc::clone(&turnstile);
                tokio::spawn(async move { turnstile.enter().await.map(|_| ()) })
            })
            .collect();
        while turnstile.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = turnstile.enter().await.unwrap_err();
        assert_eq!((refused.status, refused.code.as_str()), (503, "E_BUSY"));
        assert!(refused.hint.is_some());
        drop(first);
        for waited in waiting {
            waited.await.unwrap().unwrap();
        }
        drop(turnstile.enter().await.unwrap());
        // What is to be done in any case waits only for its turn.
        let all: Vec<_> = (0..3).map(|_| turnstile.places.try_acquire()).collect();
        drop(turnstile.enter_anyway().await);
        drop(all);
    }
}
