//! How often there is a commit, or a flush of files, while many attempts are at work.
//!
//! Each costs the same flush, and the same pages that every commit changes, whatever is in it. With
//! hundreds of attempts at work the next writes are there within a millisecond or two, so commits that
//! keep a distance have more in them, and the processors are left to the attempts. What comes after one
//! that had hardly anything in it is not kept, and few attempts wait for hardly longer than a flush takes.
//! At work are those that wrote a moment ago: ten thousand that listen to their models are none.

use std::time::{Duration, Instant};

use orket_actors::port::store::{Guard, TurnRow, Write};
use rustc_hash::FxHashSet;

/// The distance for each attempt that is at work, and the longest.
const FOR_EACH: Duration = Duration::from_micros(8);
const MOST: Duration = Duration::from_millis(2);
/// The shortest wait that is worth it.
const LEAST: Duration = Duration::from_micros(100);

/// Commits after which an attempt that wrote nothing is no longer at work: its model takes its time.
const WINDOW: u32 = 16;

/// How many attempts write, of all that are open.
#[derive(Debug, Default)]
pub(in crate::storage) struct AtWork {
    /// Those that wrote in this window.
    these: FxHashSet<TurnRow>,
    /// How many did in the one before.
    before: usize,
    /// Commits of this window.
    commits: u32,
}

impl AtWork {
    /// This is about to be written.
    pub(in crate::storage) fn note(&mut self, write: &Write) {
        if let Guard::Turn(turn, _) = write.guard {
            self.these.insert(turn);
        }
    }

    /// There was a commit.
    pub(in crate::storage) fn committed(&mut self) {
        self.commits += 1;
        if self.commits == WINDOW {
            self.before = self.these.len();
            self.these.clear();
            self.commits = 0;
        }
    }

    /// How many.
    pub(in crate::storage) fn count(&self) -> usize {
        self.these.len().max(self.before)
    }
}

/// See the file's head.
#[derive(Debug)]
pub(in crate::storage) struct Pace {
    /// So many writes together are not alone.
    several: usize,
    /// How many writes the last one had, and when it began.
    last: Option<(usize, Instant)>,
}

impl Pace {
    /// One that waits after so many writes together.
    pub(in crate::storage) const fn after(several: usize) -> Self {
        Self {
            several,
            last: None,
        }
    }

    /// Waits until the next one may begin; whether it waited.
    pub(in crate::storage) fn gather(&self, attempts: usize) -> bool {
        let time = self.time(attempts, Instant::now());
        if time.is_zero() {
            return false;
        }
        std::thread::sleep(time);
        true
    }

    /// One with so many writes began then.
    pub(in crate::storage) fn note(&mut self, writes: usize, began: Instant) {
        self.last = Some((writes, began));
    }

    fn time(&self, attempts: usize, now: Instant) -> Duration {
        let Some((_, began)) = self.last.filter(|(writes, _)| *writes >= self.several) else {
            return Duration::ZERO;
        };
        let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
        let distance = FOR_EACH.saturating_mul(attempts).min(MOST);
        let time = distance.saturating_sub(now.saturating_duration_since(began));
        if time < LEAST { Duration::ZERO } else { time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(turn: TurnRow) -> Write {
        Write {
            guard: Guard::Turn(turn, 1),
            flush: None,
            ops: Vec::new(),
        }
    }

    #[test]
    fn at_work_is_who_wrote_within_the_last_commits() {
        let mut at_work = AtWork::default();
        for turn in 0..100 {
            at_work.note(&of(turn));
        }
        at_work.note(&Write {
            guard: Guard::None,
            ..of(0)
        });
        assert_eq!(at_work.count(), 100);
        for commit in 1..=2 * WINDOW {
            // Eight go on, the others listen to their models.
            for turn in 0..8 {
                at_work.note(&of(turn));
            }
            at_work.committed();
            let is_forgotten = commit == 2 * WINDOW;
            assert_eq!(at_work.count(), if is_forgotten { 8 } else { 100 });
        }
    }

    #[test]
    fn only_what_comes_in_company_waits_for_more() {
        let began = Instant::now();
        let after = |writes: usize, attempts: usize, us: u64| {
            let mut pace = Pace::after(8);
            pace.note(writes, began);
            pace.time(attempts, began + Duration::from_micros(us))
        };
        assert_eq!(Pace::after(8).time(256, began), Duration::ZERO);
        // The last one was alone, or few are under way.
        assert_eq!(after(1, 256, 0), Duration::ZERO);
        assert_eq!(after(8, 8, 0), Duration::ZERO);
        assert_eq!(after(16, 64, 100), Duration::from_micros(412));
        assert_eq!(after(64, 256, 500), Duration::from_micros(1_500));
        assert_eq!(after(1_000, 100_000, 0), MOST);
        // The transaction itself took as long, or nearly.
        assert_eq!(after(64, 256, 1_950), Duration::ZERO);
        assert_eq!(after(64, 256, 60_000), Duration::ZERO);
    }
}
