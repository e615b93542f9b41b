//! The actor that does what follows from events: takes rows from the outbox, each pull request's in
//! order and several pull requests' at once, has each carried out, and notes what became of it.
//!
//! - `attempt`: one try of one row.
//! - `backoff`: when the next try is.

mod attempt;
mod backoff;

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use actix::prelude::*;
use futures_util::FutureExt as _;
use orket_actors::fault;
use orket_actors::port::clock::SharedClock;
use orket_core::webhook::outcome::{CallKind, CallState, CallStatus};
use orket_core::webhook::review_policy::ReviewPolicy;
use orket_gitea::client::Gitea;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::metrics::Metrics;
use crate::outside::Outside;
use crate::store::{Due, DueNow, OutboxRow, Room, Sent, Store, StoreError};
use attempt::{After, Attempt, attempt};

/// Rows that are carried out at once.
const AT_ONCE: Room = Room { quick: 8, slow: 2 };
/// How long until the outbox is looked at again when it could not be read.
const AGAIN: Duration = Duration::from_secs(1);
/// The longest time between two looks at the outbox: another process may have written into it.
const LONGEST_NAP: Duration = Duration::from_secs(5);

/// What the sender works with.
#[derive(Clone)]
pub struct Parts {
    /// The outbox.
    pub store: Store,
    /// The code host.
    pub gitea: Gitea,
    /// Everything else.
    pub outside: Arc<dyn Outside>,
    /// Time.
    pub clock: SharedClock,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// How long a call is tried before it has failed.
    pub give_up: Duration,
    /// How long the code host may take to do what it gave no answer to: a few of its time-outs.
    pub grace: Duration,
    /// The rules that hold now.
    pub policy: Policy,
}

/// The rules about reviews that hold now; they may change while the process runs.
pub type Policy = Arc<RwLock<Arc<ReviewPolicy>>>;

/// The actor.
pub struct Sender {
    parts: Parts,
    /// Those under way; they end with this actor, and the next one takes their rows over.
    under_way: HashMap<i64, UnderWay>,
    waiting: HashMap<i64, Vec<oneshot::Sender<Vec<CallState>>>>,
    looking: bool,
    look_again: bool,
    is_first: bool,
    nap: Option<SpawnHandle>,
}

/// A task; it ends when this is dropped.
struct UnderWay {
    task: AbortHandle,
    is_slow: bool,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// There is something in the outbox.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Wake;

/// What became of the calls of an event, as soon as each that an answer waits for has been tried.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Option<Vec<CallState>>")]
pub struct AwaitCalls {
    /// The event's row.
    pub event_row: i64,
}

impl Sender {
    /// Over its parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            under_way: HashMap::new(),
            waiting: HashMap::new(),
            looking: false,
            look_again: false,
            is_first: true,
            nap: None,
        }
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.looking {
            self.look_again = true;
            return;
        }
        let slow = self.under_way.values().filter(|it| it.is_slow).count();
        let room = Room {
            quick: AT_ONCE.quick.saturating_sub(self.under_way.len() - slow),
            slow: AT_ONCE.slow.saturating_sub(slow),
        };
        if room.quick == 0 && room.slow == 0 {
            return;
        }
        self.looking = true;
        let (store, now) = (self.parts.store.clone(), self.parts.clock.wall_ms());
        let take_over = self.is_first.then_some(millis(self.parts.grace));
        let read = async move {
            if let Some(grace_ms) = take_over {
                store.take_over(grace_ms).await?;
            }
            store.due(now, room).await
        };
        ctx.spawn(read.into_actor(self).map(Self::looked));
    }

    fn looked(read: Result<DueNow, StoreError>, act: &mut Self, ctx: &mut Context<Self>) {
        act.looking = false;
        let nap = match read {
            Ok((due, next)) => {
                act.is_first = false;
                for due in due {
                    act.begin(due, ctx);
                }
                let now = act.parts.clock.wall_ms();
                let until = next.map(|at| u64::try_from(at.saturating_sub(now)).unwrap_or(0));
                until
                    .map_or(LONGEST_NAP, Duration::from_millis)
                    .min(LONGEST_NAP)
            }
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read");
                AGAIN
            }
        };
        if std::mem::take(&mut act.look_again) {
            act.look(ctx);
        } else {
            act.sleep(nap, ctx);
        }
    }

    fn sleep(&mut self, nap: Duration, ctx: &mut Context<Self>) {
        if let Some(before) = self.nap.take() {
            ctx.cancel_future(before);
        }
        let nap = self.parts.clock.sleep(nap.max(Duration::from_millis(10)));
        let nap = nap.into_actor(self).map(|(), act, ctx| {
            act.nap = None;
            act.look(ctx);
        });
        self.nap = Some(ctx.spawn(nap));
    }

    fn begin(&mut self, due: Due, ctx: &mut Context<Self>) {
        let row = due.row.clone();
        let parts = self.parts.clone();
        // In a task of its own: a panic in it is an error here.
        let task = actix_rt::spawn(async move {
            fault::point("webhook.before_attempt");
            let outcome = attempt(&parts, &due).await;
            fault::point("webhook.after_attempt");
            outcome
        });
        let under_way = UnderWay {
            task: task.abort_handle(),
            is_slow: row.kind() == Some(CallKind::Deploy),
        };
        self.under_way.insert(row.id, under_way);
        let parts = self.parts.clone();
        let settle = async move {
            let outcome = task.await.unwrap_or_else(|error| {
                tracing::error!(%error, row = row.id, "a call broke off");
                Attempt::again("it broke off", true)
            });
            settle(&parts, &row, outcome).await;
            fault::point("webhook.after_note");
            row
        };
        ctx.spawn(settle.into_actor(self).map(|row, act, ctx| {
            act.under_way.remove(&row.id);
            act.answer_all(row.id, ctx);
            act.look(ctx);
        }));
    }

    /// Answers those who wait for one of the events that come to a call.
    fn answer_all(&mut self, outbox_id: i64, ctx: &mut Context<Self>) {
        if self.waiting.is_empty() {
            return;
        }
        let store = self.parts.store.clone();
        let read = async move { store.events_of(outbox_id).await };
        ctx.spawn(read.into_actor(self).map(|events, act, ctx| {
            for event in events.unwrap_or_default() {
                act.answer(event, ctx);
            }
        }));
    }

    /// Answers those who wait for an event, if it can be answered.
    fn answer(&mut self, event_row: i64, ctx: &mut Context<Self>) {
        if !self.waiting.contains_key(&event_row) {
            return;
        }
        let store = self.parts.store.clone();
        let read = async move { store.calls_of(event_row).await };
        ctx.spawn(read.into_actor(self).map(move |rows, act, _| {
            let Ok(rows) = rows else { return };
            if is_tried(&rows) {
                let states: Vec<CallState> = rows.iter().filter_map(OutboxRow::state).collect();
                for waiting in act.waiting.remove(&event_row).into_iter().flatten() {
                    // Whoever asked may be gone.
                    let _ = waiting.send(states.clone());
                }
            }
        }));
    }
}

/// Whether there is nothing more to wait for: all is over, or what was tried has to wait.
fn is_tried(rows: &[OutboxRow]) -> bool {
    let awaited: Vec<CallState> = rows
        .iter()
        .filter_map(OutboxRow::state)
        .filter(|call| call.kind.is_awaited())
        .collect();
    let is_open =
        |call: &&CallState| matches!(call.status, CallStatus::Pending | CallStatus::Sending);
    match awaited.iter().find(is_open) {
        None => true,
        Some(first) => first.status == CallStatus::Pending && first.outcome.is_some(),
    }
}

/// Notes what became of a row. Only when that is on disk is it over.
async fn settle(parts: &Parts, row: &OutboxRow, outcome: Attempt) {
    let now = parts.clock.wall_ms();
    let over = now.saturating_sub(row.created_ms) >= millis(parts.give_up);
    let sent = match outcome {
        Attempt::Done(words, calls) if calls.is_empty() => Sent::Ended(CallStatus::Done, words),
        Attempt::Done(words, calls) => Sent::DoneThen(words, calls),
        Attempt::Failed(words) => Sent::Ended(CallStatus::Failed, words),
        Attempt::Again {
            words,
            may_have_happened,
            ..
        } if over => {
            let status = if may_have_happened || row.unsure {
                CallStatus::Unknown
            } else {
                CallStatus::Failed
            };
            Sent::Ended(
                status,
                format!("{words}; it was tried {} times", row.attempts),
            )
        }
        Attempt::Again {
            words,
            may_have_happened,
            after,
        } => {
            let mut backoff = backoff::wait(row.attempts, row.id);
            let is_told_apart =
                !matches!(row.kind(), Some(CallKind::Comment | CallKind::OpenIssue));
            if may_have_happened && !is_told_apart {
                // A host that is slow may still be doing it, and it would be looked for too early.
                backoff = backoff.max(parts.grace);
            }
            let wait = match after {
                After::Backoff => backoff,
                After::AtLeast(wait) => backoff.max(wait),
                After::Soon(wait) => wait.min(backoff::LONGEST),
            };
            Sent::Again {
                at_ms: now.saturating_add(millis(wait)),
                words,
                may_have_happened,
            }
        }
    };
    tell(parts, row, &sent);
    // What cannot be noted is noted later: until then the row is being sent, and nothing overtakes it.
    while let Err(error) = parts.store.sent(row.id, sent.clone(), now).await {
        if matches!(error, StoreError::Closed) {
            return;
        }
        tracing::error!(%error, row = row.id, "what became of a call cannot be noted");
        parts.clock.sleep(AGAIN).await;
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn tell(parts: &Parts, row: &OutboxRow, sent: &Sent) {
    let (status, words) = match sent {
        Sent::Ended(status, words) => (*status, words),
        Sent::DoneThen(words, _) => (CallStatus::Done, words),
        Sent::Again { words, .. } => (CallStatus::Pending, words),
    };
    parts.metrics.call(&row.kind, status);
    let event = match (row.kind(), status) {
        (Some(CallKind::Merge), CallStatus::Done) => "pr_merged",
        (Some(CallKind::Merge), CallStatus::Failed | CallStatus::Unknown) => "pr_merge_failed",
        _ => "webhook_call",
    };
    let data = json!({
        "pr": row.pr_key, "call": row.kind, "status": status, "attempt": row.attempts,
        "outcome": words,
    });
    parts.outside.tell(event, data);
}

impl Actor for Sender {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(4_096);
        self.look(ctx);
    }
}

impl Handler<Wake> for Sender {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Context<Self>) {
        self.look(ctx);
    }
}

impl Handler<AwaitCalls> for Sender {
    type Result = ResponseFuture<Option<Vec<CallState>>>;

    fn handle(&mut self, message: AwaitCalls, ctx: &mut Context<Self>) -> Self::Result {
        let (tell, told) = oneshot::channel();
        self.waiting
            .entry(message.event_row)
            .or_default()
            .push(tell);
        self.answer(message.event_row, ctx);
        self.look(ctx);
        told.map(Result::ok).boxed_local()
    }
}
