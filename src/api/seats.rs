//! How many there may be of something at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// See the file's head.
#[derive(Debug)]
pub struct Seats {
    most: usize,
    taken: Arc<AtomicUsize>,
}

/// One of them; free again when it is dropped.
#[derive(Debug)]
pub struct Seat(Arc<AtomicUsize>);

impl Seats {
    /// So many, all of them free.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            taken: Arc::default(),
        }
    }

    /// How many are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// A free one; `None` when all are taken.
    #[must_use]
    pub fn seat(&self) -> Option<Seat> {
        let seat = Seat(Arc::clone(&self.taken));
        (self.taken.fetch_add(1, Ordering::Relaxed) < self.most).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_free_again_when_it_is_dropped() {
        let seats = Seats::new(2);
        let (first, second) = (seats.seat(), seats.seat());
        assert!(first.is_some() && second.is_some());
        assert!(seats.seat().is_none());
        assert_eq!(seats.taken(), 2, "whoever is refused takes none");
        drop(first);
        assert!(seats.seat().is_some());
        assert_eq!(seats.taken(), 1);
    }
}
