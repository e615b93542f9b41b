//! Which leases are to be looked at, and when.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use crate::lease::Lease;

/// Looks that are so many milliseconds apart are kept together, and come with the last of them: one
/// place in an order of hours is found faster for all than for each.
const TOGETHER_MS: u64 = 8;
/// Fewer looks than these are not worth clearing.
const CLEAR_FROM: usize = 4_096;

/// The looks to come. A look costs nothing until its time.
#[derive(Default)]
pub struct Agenda {
    due: BTreeMap<u64, Vec<Look>>,
    len: usize,
    /// So many looks were left after the last clearing.
    cleared_to: usize,
}

struct Look {
    at: u64,
    lease: Weak<Lease>,
}

impl Agenda {
    /// Has `lease` looked at, at this time; a later look that was planned before is void then.
    pub fn add(&mut self, at: u64, lease: &Arc<Lease>) {
        lease.schedule(at);
        let looks = self.due.entry(at.div_ceil(TOGETHER_MS)).or_default();
        looks.push(Look {
            at,
            lease: Arc::downgrade(lease),
        });
        self.len += 1;
        self.clear();
    }

    /// The next lease whose time has come, if its attempt is still there.
    pub fn next_due(&mut self, now: u64) -> Option<Arc<Lease>> {
        while let Some(mut first) = self.due.first_entry() {
            if *first.key() > now / TOGETHER_MS {
                return None;
            }
            let Some(look) = first.get_mut().pop() else {
                first.remove();
                continue;
            };
            self.len -= 1;
            // A look that was moved to an earlier time has taken place.
            if let Some(lease) = look.lease.upgrade()
                && lease.is_scheduled(look.at)
            {
                return Some(lease);
            }
        }
        None
    }

    /// How many looks are kept.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is to be looked at.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets looks at attempts that are over: with clocks of half an hour and thousands of turns
    /// a second they would pile up.
    fn clear(&mut self) {
        if self.len < 2 * self.cleared_to + CLEAR_FROM {
            return;
        }
        self.due.retain(|_, looks| {
            looks.retain(|look| look.lease.strong_count() > 0);
            !looks.is_empty()
        });
        self.len = self.due.values().map(Vec::len).sum();
        self.cleared_to = self.len;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use orket_core::stall::{Phase, Verdict};

    use super::*;
    use crate::clock::VirtualClock;
    use crate::lease::tests::{Bench, clocks};

    #[test]
    fn a_hundred_thousand_living_leases_cost_nothing_until_their_time() {
        let clock = Arc::new(VirtualClock::default());
        let bench = Bench::new(clock.clone(), clocks());
        let mut agenda = Agenda::default();
        let leases: Vec<_> = (0..100_000).map(|card| bench.open(card)).collect();
        for lease in &leases {
            lease.enter(Phase::Idle);
            agenda.add(1_000, lease);
        }
        for _ in 0..39 {
            clock.advance(Duration::from_millis(25));
            leases[7].beat();
            assert!(agenda.next_due(clock_ms(&clock)).is_none());
            assert_eq!(agenda.len(), leases.len(), "nothing was touched");
        }
        clock.advance(Duration::from_millis(25));
        let mut stalled = 0;
        while let Some(lease) = agenda.next_due(1_000) {
            stalled += usize::from(matches!(lease.judge(), Verdict::Stalled { .. }));
        }
        assert_eq!(stalled, leases.len() - 1, "all but the one that beat");
    }

    #[test]
    fn only_the_earliest_look_counts_and_the_dead_are_forgotten() {
        let clock = Arc::new(VirtualClock::default());
        let bench = Bench::new(clock, clocks());
        let mut agenda = Agenda::default();
        let lease = bench.open(1);
        agenda.add(1_800_000, &lease);
        agenda.add(10_000, &lease);
        assert!(agenda.next_due(10_000).is_some());
        lease.unschedule();
        agenda.add(20_000, &lease);
        assert!(agenda.next_due(20_000).is_some());
        assert!(agenda.next_due(1_800_000).is_none(), "the old look is void");

        for card in 2..200_000 {
            let brief = bench.open(card);
            agenda.add(1_800_000, &brief);
            bench.leases.close(&brief);
        }
        assert!(agenda.len() <= 2 * CLEAR_FROM, "{} are kept", agenda.len());
    }

    fn clock_ms(clock: &VirtualClock) -> u64 {
        use crate::port::clock::Clock;
        clock.now_ms()
    }
}
