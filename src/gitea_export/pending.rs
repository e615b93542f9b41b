//! Runs that have ended and are not exported yet: which is next, and when. What is kept here is found
//! again at the next start; nothing is lost with it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// After the first failure; twice as long after each one more.
const FIRST_WAIT: Duration = Duration::from_secs(60);
/// Never longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// Runs by their ids.
#[derive(Debug, Default)]
pub(super) struct Pending(BTreeMap<String, Waiting>);

#[derive(Debug)]
struct Waiting {
    ended_ms: i64,
    failures: u32,
    due: Instant,
}

impl Pending {
    /// Adds a run. One that failed keeps waiting, unless it was resumed and ended again.
    pub(super) fn add(&mut self, run_id: &str, ended_ms: i64, now: Instant) {
        if self
            .0
            .get(run_id)
            .is_some_and(|run| run.ended_ms >= ended_ms)
        {
            return;
        }
        let waiting = Waiting {
            ended_ms,
            failures: 0,
            due: now,
        };
        self.0.insert(run_id.to_owned(), waiting);
    }

    /// The next run that is due: those that did not fail first, the newest end of them first, for it is
    /// what somebody waits for.
    pub(super) fn next(&self, now: Instant) -> Option<String> {
        let due = self.0.iter().filter(|(_, run)| run.due <= now);
        due.min_by_key(|(_, run)| (run.failures, std::cmp::Reverse(run.ended_ms)))
            .map(|(run_id, _)| run_id.clone())
    }

    /// The next run that has not failed yet.
    pub(super) fn next_fresh(&self) -> Option<String> {
        let fresh = self.0.iter().filter(|(_, run)| run.failures == 0);
        fresh
            .max_by_key(|(_, run)| run.ended_ms)
            .map(|(run_id, _)| run_id.clone())
    }

    /// When the next one is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.values().map(|run| run.due).min()
    }

    /// It need not be exported any more.
    pub(super) fn remove(&mut self, run_id: &str) {
        self.0.remove(run_id);
    }

    /// It is tried again after a while; how often it has failed.
    pub(super) fn failed(&mut self, run_id: &str, now: Instant) -> u32 {
        let Some(run) = self.0.get_mut(run_id) else {
            return 0;
        };
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(run.failures));
        run.due = now + wait.min(LONGEST_WAIT);
        run.failures = run.failures.saturating_add(1);
        run.failures
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_fails_waits_longer_and_longer_and_holds_up_nobody() {
        let mut pending = Pending::default();
        let mut now = Instant::now();
        pending.add("old", 1, now);
        pending.add("new", 2, now);
        assert_eq!(pending.next(now).as_deref(), Some("new"));
        assert_eq!(pending.failed("new", now), 1);
        assert_eq!(pending.next(now).as_deref(), Some("old"));
        assert_eq!(pending.next_fresh().as_deref(), Some("old"));
        pending.remove("old");
        assert_eq!((pending.next(now), pending.next_fresh()), (None, None));
        // Found again, as by a look at the journal, it is not tried any sooner.
        pending.add("new", 2, now);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let due = pending.due().expect("due");
            waits.push((due - now).as_secs() / 60);
            now = due;
            assert_eq!(pending.next(now).as_deref(), Some("new"));
            pending.failed("new", now);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        // Resumed, it is another export.
        pending.add("new", 3, now);
        assert_eq!(pending.next_fresh().as_deref(), Some("new"));
        pending.remove("new");
        assert_eq!((pending.len(), pending.due()), (0, None));
    }
}
