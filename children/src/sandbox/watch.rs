//! The watch on what a child writes to disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::meter::Scale;
use super::stop::{Limit, Stop, Verdict};

/// How often it asks how much room is left, which costs next to nothing.
const EVERY: Duration = Duration::from_millis(100);
/// It counts when the room has shrunk by one part in this many of what may be written,
const PART: u64 = 16;
/// and this often all the same: somebody else may make room meanwhile.
const AT_LEAST_EVERY: Duration = Duration::from_secs(2);
/// Counting costs at most one part in this many of a processor, more only near the limit.
const SHARE: u32 = 4;

/// Resolves when more than `most` bytes were written, which it says to `verdict`; never when there
/// is no limit.
pub async fn watch_disk(scale: &Scale, most: Option<u64>, verdict: &Verdict) {
    let Some(allowed) = most else {
        return std::future::pending().await;
    };
    let mut room = scale.room();
    let (mut counted, mut pause) = (Instant::now(), EVERY);
    loop {
        sleep(EVERY).await;
        let now = scale.room();
        let since = counted.elapsed();
        let shrunk = room.saturating_sub(now) >= allowed / PART;
        if since < pause || !(shrunk || since >= AT_LEAST_EVERY) {
            continue;
        }
        let began = Instant::now();
        let seen = weigh(scale, allowed).await;
        if seen > allowed {
            verdict.pass(Stop {
                limit: Limit::Disk,
                allowed,
                seen: Some(seen),
            });
            return;
        }
        (room, counted) = (now, Instant::now());
        // Whoever has come so far may be over it at any moment.
        let is_near = seen > allowed / 2;
        let share = if is_near { 1 } else { SHARE };
        pause = EVERY.max(began.elapsed() * share);
    }
}

/// What was written so far, until more than `enough` is found; the search ends when this is dropped.
async fn weigh(scale: &Scale, enough: u64) -> u64 {
    let scale = scale.clone();
    let given_up = GivenUp::default();
    let flag = Arc::clone(&given_up.0);
    let weighed = crate::blocking::blocking(move || scale.weigh(enough, &flag)).await;
    weighed.unwrap_or_default()
}

#[derive(Default)]
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
