//! Asking a model: feeds its stream into the lease and gathers the reply.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use orket_core::failure::{Failure, FailureClass};
use orket_core::model::{ModelEvent, ModelRequest, Reply};
use orket_core::stall::Phase;
use serde_json::json;

use crate::ending;
use crate::event_bus::About;
use crate::lease::Lease;
use crate::port::model::ModelProvider;
use crate::world::World;

/// How the question ended.
#[derive(Debug)]
pub enum Asked {
    /// With a reply.
    Replied(Reply),
    /// With a failure of the model's side.
    Failed {
        /// Which.
        failure: Failure,
        /// The server had stopped because the reply had the most tokens it was allowed.
        cut: bool,
    },
    /// The attempt was ended from outside.
    Cancelled,
}

/// How often the progress of one turn is shown at most.
const SHOW_EVERY: Duration = Duration::from_millis(500);
/// From so many turns under way on each is shown more rarely: nobody follows more of them, and what
/// is shown of all together would cost more than they do.
const SHOWN_OFTEN: usize = 1_000;
/// How much new text is worth a look for repetition.
const LOOK_EVERY: usize = 4_096;

/// Asks, and resolves with the whole reply. The stream is dropped, and with it the connection, as
/// soon as the lease is cancelled.
pub async fn ask(
    world: Arc<World>,
    provider: Arc<dyn ModelProvider>,
    request: Arc<ModelRequest>,
    lease: Arc<Lease>,
) -> Asked {
    let _token = lease.tracker.token();
    let began = world.clock.now_ms();
    let mut shown = began;
    let mut show_every = SHOW_EVERY * rarer(world.leases.open_now());
    let mut looked = 0_usize;
    let mut reply = Reply::default();
    lease.clear_partial();
    lease.enter_watched(Phase::Connect);
    let mut stream = provider.ask(request);
    // One for all events: each of its own would stand in line anew.
    let mut cancelled = pin!(lease.cancel.cancelled());
    loop {
        let event = tokio::select! {
            biased;
            () = &mut cancelled => return Asked::Cancelled,
            event = stream.next() => event,
        };
        match event {
            Some(ModelEvent::Connected) => lease.enter_watched(Phase::FirstToken),
            Some(ModelEvent::Beat) => lease.beat(),
            Some(ModelEvent::Text(text)) => {
                reply.text.push_str(&text);
                let was = lease.phase();
                lease.chunk(&text);
                if was != Phase::Idle {
                    lease.enter_watched(Phase::Idle);
                }
                if reply.text.len() >= looked + LOOK_EVERY {
                    looked = reply.text.len();
                    if lease.repeats() {
                        actix_rt::spawn(ending::end_stalled(
                            world,
                            Arc::clone(&lease),
                            Phase::Repeat,
                            0,
                        ));
                        drop(stream);
                        return Asked::Cancelled;
                    }
                }
            }
            Some(ModelEvent::ToolCall(call)) => {
                if lease.phase() == Phase::Idle {
                    lease.beat();
                } else {
                    lease.enter_watched(Phase::Idle);
                }
                reply.calls.push(call);
            }
            Some(ModelEvent::Usage(usage)) => {
                lease.beat();
                reply.usage.prompt_tokens = usage.prompt_tokens.or(reply.usage.prompt_tokens);
                reply.usage.output_tokens = usage.output_tokens.or(reply.usage.output_tokens);
            }
            Some(ModelEvent::Measured(measured)) => {
                lease.beat();
                reply.measured = measured;
            }
            Some(ModelEvent::Cut) => {
                lease.beat();
                reply.cut = true;
            }
            Some(ModelEvent::Done) => {
                reply.latency_ms = world.clock.now_ms().saturating_sub(began);
                lease.enter(Phase::Queued);
                return Asked::Replied(reply);
            }
            Some(ModelEvent::Failed(failure)) => {
                return Asked::Failed {
                    failure,
                    cut: reply.cut,
                };
            }
            None => {
                let what = "the reply broke off before its end";
                return Asked::Failed {
                    failure: Failure::new(FailureClass::ModelBroken, what),
                    cut: reply.cut,
                };
            }
        }
        let now = world.clock.now_ms();
        if u128::from(now.saturating_sub(shown)) >= show_every.as_millis() {
            shown = now;
            show_every = SHOW_EVERY * rarer(world.leases.open_now());
            let (chunks, bytes) = lease.counts();
            let of = &lease.of;
            world.events.emit(
                "turn_progress",
                About {
                    run: Some(of.plan.run_id.as_str()),
                    card: Some(of.card_id.as_str()),
                    workspace: Some(&of.plan.workspace),
                    role: &of.role,
                },
                json!({"phase": lease.phase().as_str(), "chunks": chunks, "bytes": bytes, "turn_index": of.turn}),
            );
        }
    }
}

/// How many times more rarely a turn is shown with so many attempts under way.
fn rarer(open: usize) -> u32 {
    u32::try_from(open.div_ceil(SHOWN_OFTEN))
        .unwrap_or(u32::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_shown_more_rarely_the_more_there_are() {
        let shown_a_second = |open: usize| open as f64 * 2.0 / f64::from(rarer(open));
        assert_eq!(shown_a_second(1), 2.0);
        assert_eq!(shown_a_second(1_000), 2_000.0);
        for open in [1_001, 10_000, 100_000, 1_234_567] {
            assert!(shown_a_second(open) <= 2_000.0, "{open}");
        }
    }
}
