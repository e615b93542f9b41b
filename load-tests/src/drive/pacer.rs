//! Says when each request is due, from a thread of its own that does nothing else.
//!
//! The runtime's timer counts whole milliseconds, which would be in the time of every request that is
//! counted from when it was due; a thread that sleeps wakes within some microseconds.

use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::Load;
use super::arrivals::{Arrivals, Due};

/// A request that is due: its number, and since when.
pub type DueNow = (u64, Instant);

/// Begins at `begin`; the channel is closed when the time or the requests of the load are used up. It holds
/// no more than the load's requests. A receiver that is dropped ends the thread with its next request.
pub fn pace(
    load: &Load,
    begin: Instant,
    per_second: f64,
    arrivals: Arrivals,
) -> std::io::Result<UnboundedReceiver<DueNow>> {
    let (say, said) = unbounded_channel();
    let dues = Due::new(arrivals, per_second, load.seed);
    let (warm_up, limits) = (load.warm_up, load.limits);
    std::thread::Builder::new()
        .name("pacer".to_owned())
        .spawn(move || {
            // Without it the system may wake a sleeper 50 microseconds late, to wake several at once.
            let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
            let whole = warm_up + limits.time;
            let mut counted = 0;
            for (number, after) in (0..).zip(dues) {
                if after >= whole || counted == limits.requests {
                    break;
                }
                counted += u64::from(after >= warm_up);
                let at = begin + after;
                sleep_until(at);
                if say.send((number, at)).is_err() {
                    return;
                }
            }
            if counted < limits.requests {
                sleep_until(begin + whole);
            }
        })?;
    Ok(said)
}

fn sleep_until(at: Instant) {
    let left = at.saturating_duration_since(Instant::now());
    if left > Duration::ZERO {
        std::thread::sleep(left);
    }
}
