//! The bound on records under way, and the mark up to which everything is written.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Counts records in and out.
pub(super) struct Backlog {
    permits: Arc<Semaphore>,
    marks: Mutex<Marks>,
    /// Every record with a smaller number is written.
    through: watch::Sender<u64>,
}

#[derive(Default)]
struct Marks {
    next: u64,
    /// Numbers of records admitted and not yet written; workers finish them in any order.
    open: BTreeSet<u64>,
}

/// The right to be in the backlog; dropped when the record is dealt with, panics included.
pub(super) struct Ticket {
    number: u64,
    backlog: Arc<Backlog>,
    _permit: OwnedSemaphorePermit,
}

impl Backlog {
    /// Records admitted and not yet written.
    pub(super) fn waiting(&self) -> usize {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.open.len()
    }

    pub fn new(bound: NonZeroUsize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(bound.get().min(Semaphore::MAX_PERMITS))),
            marks: Mutex::default(),
            through: watch::Sender::new(0),
        }
    }

    /// Waits for room. `None` only if the semaphore was closed, which nobody does.
    pub async fn admit(self: &Arc<Self>) -> Option<Ticket> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let number = marks.next;
        marks.next += 1;
        marks.open.insert(number);
        Some(Ticket {
            number,
            backlog: Arc::clone(self),
            _permit: permit,
        })
    }

    /// Waits until every record admitted before this call is dealt with; later ones do not count.
    pub async fn drained(&self) {
        let mut through = self.through.subscribe();
        let target = self
            .marks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next;
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = through.wait_for(|mark| *mark >= target).await;
    }

    fn settle(&self, number: u64) {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.open.remove(&number);
        let mark = marks.open.first().copied().unwrap_or(marks.next);
        self.through.send_if_modified(|known| {
            let moved = *known != mark;
            *known = mark;
            moved
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.backlog.settle(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn backlog(bound: usize) -> Arc<Backlog> {
        Arc::new(Backlog::new(NonZeroUsize::new(bound).unwrap()))
    }

    #[test]
    fn a_full_backlog_makes_the_next_record_wait() {
        let backlog = backlog(1);
        let first = backlog.admit().now_or_never().unwrap();
        let mut second = Box::pin(backlog.admit());
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        assert!(second.now_or_never().is_some());
    }

    #[test]
    fn drained_means_everything_admitted_before_and_nothing_admitted_later() {
        let backlog = backlog(8);
        assert!(backlog.drained().now_or_never().is_some());
        let first = backlog.admit().now_or_never().unwrap();
        let second = backlog.admit().now_or_never().unwrap();
        let mut drained = Box::pin(backlog.drained());
        assert!((&mut drained).now_or_never().is_none());
        let _later = backlog.admit().now_or_never().unwrap();
        drop(second);
        assert!(
            (&mut drained).now_or_never().is_none(),
            "the first is under way"
        );
        drop(first);
        assert!(drained.now_or_never().is_some());
    }
}
