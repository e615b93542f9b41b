//! What a follower of a run has missed: out of the table of events where memory lacks it, and where
//! that lacks it too, that it is gone.

use std::sync::atomic::Ordering;

use super::follow::{Follower, Sent};
use crate::events::{APART, EventLog};
use crate::owner::hub::Memory;

/// How often the table is waited for; each time takes half a second at most.
const WAITS: usize = 20;

impl Follower {
    /// The number behind which the latest part of a run that is under way begins: it may have been
    /// stopped before, and gone on.
    pub(super) async fn latest_part(&self, memory: &Memory) -> u64 {
        let mut recent = memory.recent.iter().rev();
        if let Some(end) = recent.find(|event| event.event == "session_end") {
            return end.seq;
        }
        let log = &self.service.inner.events;
        // What an earlier process did of it was an earlier part.
        let begin = log.after();
        match log.pages() {
            Some(pages) if memory.floor.is_none_or(|floor| floor > begin) => {
                log.settle().await;
                begin.max(pages.last_of(self.run.as_str(), "session_end").await)
            }
            Some(_) | None => begin,
        }
    }

    /// Tells everything up to this moment that the reader does not know.
    pub(super) async fn catch_up(&mut self, memory: &Memory) -> Sent {
        if memory.floor.is_none_or(|floor| self.last < floor) {
            self.look_up(memory.floor).await?;
        }
        for event in &memory.recent {
            self.tell(event).await?;
        }
        self.tell_gone().await
    }

    /// Tells what is stored up to `floor`, or up to the newest event when memory has seen none.
    async fn look_up(&mut self, floor: Option<u64>) -> Sent {
        let log = self.service.inner.events.clone();
        let target = match floor {
            Some(floor) => floor,
            None => {
                log.settle().await;
                log.feed().newest().1
            }
        };
        let mut at = self.last;
        let stored = stored(&log, target).await;
        let may_have_holes = at < stored && log.after() < stored;
        while at < stored
            && let Some(pages) = log.pages()
        {
            let Some(past) = pages.of_run(self.run.as_str(), at, stored).await else {
                break;
            };
            if past.pruned > at {
                self.has_lost(at, past.pruned.min(stored));
            }
            for event in &past.events {
                self.tell(event).await?;
            }
            at = past.up_to;
        }
        self.has_lost(at, target);
        if may_have_holes {
            let unstored = log.counts().unstored.load(Ordering::Relaxed);
            self.gone = self.gone.saturating_add(unstored);
        }
        Ok(())
    }

    /// Events behind `after` up to `up_to` are gone. How many they were, those of other runs counted,
    /// is known within a process only.
    fn has_lost(&mut self, after: u64, up_to: u64) {
        if after < up_to {
            let first = after.max(up_to >> APART << APART);
            self.gone = self.gone.saturating_add((up_to - first).max(1));
        }
    }
}

/// Up to where the table has what memory lacks: `target`, unless it has less for good.
async fn stored(log: &EventLog, target: u64) -> u64 {
    if log.pages().is_none() {
        return 0;
    }
    if !log.is_stored() {
        return target.min(log.after());
    }
    for _ in 0..WAITS {
        if log.settled() >= target {
            return target;
        }
        log.settle().await;
    }
    log.settled().min(target)
}
