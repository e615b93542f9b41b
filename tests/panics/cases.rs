//! Where a panic is injected, into what, and what is to come of it.

use Then::{Blocked, Done, EachBlocked, Failed, GivenUp, Refused};

/// What is to come of a fault.
#[derive(Debug, Clone, Copy)]
pub enum Then {
    /// All cards are done; exit 0.
    Done,
    /// This card is blocked with this code, what depends on it too, the others are done; exit 1.
    Blocked(&'static str, &'static str),
    /// Every card that is not done is blocked with this code or depends on one that is; exit 1.
    EachBlocked(&'static str),
    /// The run failed: every card that is not done says this code; exit 1.
    Failed(&'static str),
    /// The whole system was given up with this code, before a run was started or after; exit 1.
    GivenUp(&'static str),
    /// Nothing was started, or no answer came; the command says this code; exit 1.
    Refused(&'static str),
}

pub const PANIC: &str = "E_ACTOR_PANIC";

/// Fault, epic, outcome. `flow` is quick; `slow` takes a second and more; in `long` the first card's
/// model speaks for ten seconds, the first time it is asked; `mute` has a model that
/// falls silent once in the first card; `deaf` one that never speaks there.
pub const CASES: &[(&str, &str, Then)] = &[
    // The event bus.
    ("event_bus.started#1", "flow", Done),
    ("event_bus.publish#1", "flow", Done),
    ("event_bus.publish#9", "flow", Done),
    ("event_bus.publish#*", "slow", Failed(PANIC)),
    ("event_bus.started#*", "flow", GivenUp(PANIC)),
    // The watchdog, and the end of a stalled attempt outside of it.
    ("watchdog.started#1", "flow", Done),
    ("watchdog.tick#2", "mute", Done),
    ("watchdog.tick#*", "long", Failed(PANIC)),
    ("watchdog.before_fence#1", "mute", Done),
    ("watchdog.after_fence#1", "mute", Done),
    ("watchdog.before_fence#*", "deaf", Blocked("C-1", PANIC)),
    (
        "watchdog.after_fence#*",
        "deaf",
        Blocked("C-1", "E_TURN_STALLED"),
    ),
    // The model gateway.
    ("gateway.started#1", "flow", Done),
    ("gateway.acquire#1", "flow", Done),
    ("gateway.acquire#5", "flow", Done),
    ("gateway.acquire#10", "flow", Done),
    ("gateway.acquire#*", "flow", Failed(PANIC)),
    // The reconciler.
    ("reconciler.started#1", "flow", Done),
    ("reconciler.started#*", "flow", GivenUp(PANIC)),
    // The supervisor and the root.
    ("root.raise#1", "flow", Done),
    ("root.raise#*", "flow", GivenUp(PANIC)),
    ("supervisor.started#1", "flow", Done),
    ("supervisor.started#*", "flow", GivenUp(PANIC)),
    ("supervisor.start_run#1", "flow", Done),
    ("supervisor.start_run#*", "flow", Done),
    ("supervisor.child_exit#1", "flow", Done),
    ("supervisor.child_exit#*,event_bus.publish#5", "flow", Done),
    ("supervisor.child_exit#1,gateway.acquire#3", "slow", Done),
    (
        "supervisor.child_exit#1,run_actor.card_settled#2",
        "flow",
        Done,
    ),
    ("supervisor.child_exit#1,watchdog.tick#3", "mute", Done),
    // The run.
    ("run_actor.started#1", "flow", Done),
    ("run_actor.started#*", "flow", Failed(PANIC)),
    ("run_actor.card_settled#1", "flow", Done),
    ("run_actor.card_settled#3", "flow", Done),
    ("run_actor.card_settled#5", "flow", Done),
    ("run_actor.card_settled#*", "flow", Failed(PANIC)),
    ("run.before_insert#1", "flow", Refused("E_INTERNAL")),
    ("run.before_finish#1", "flow", Done),
    ("run.before_finish#*", "flow", Done),
    ("run.after_finish#1", "flow", Done),
    ("run.after_finish#*", "flow", Done),
    // The card.
    ("card_actor.started#1", "flow", Done),
    ("card_actor.started#4", "flow", Done),
    ("card_actor.started@C-2#*", "flow", Blocked("C-2", PANIC)),
    ("card_actor.started#*", "flow", EachBlocked(PANIC)),
    ("card_actor.begin#1", "flow", Done),
    ("card_actor.begin@C-2#*", "flow", Blocked("C-2", PANIC)),
    ("card_actor.turn_ended#1", "flow", Done),
    ("card_actor.turn_ended#5", "flow", Done),
    ("card_actor.turn_ended@C-2#*", "flow", Done),
    ("card_actor.settle#1", "flow", Done),
    ("card_actor.settle#*", "flow", Done),
    // The attempt.
    ("turn_actor.started#1", "flow", Done),
    ("turn_actor.started#5", "flow", Done),
    ("turn_actor.started@C-2#*", "flow", Blocked("C-2", PANIC)),
    ("turn_actor.started#*", "flow", EachBlocked(PANIC)),
    ("turn.before_claim@C-2#*", "flow", Blocked("C-2", PANIC)),
    ("turn.after_claim#3", "flow", Done),
    ("turn.after_claim@C-2#*", "flow", Blocked("C-2", PANIC)),
    ("turn.before_ask#1", "flow", Done),
    ("turn.before_ask@C-2#*", "flow", Blocked("C-2", PANIC)),
    ("turn.after_reply#1", "flow", Done),
    ("turn.after_reply@C-2#*", "flow", Blocked("C-2", PANIC)),
    ("turn.before_step#4", "flow", Done),
    ("turn.after_step#4", "flow", Done),
    ("turn.before_finish#2", "flow", Done),
    ("turn.before_finish@C-2#*", "flow", Blocked("C-2", PANIC)),
    ("turn.after_finish#2", "flow", Done),
    ("turn.after_finish@C-2#*", "flow", Done),
    // The tool.
    ("skill_actor.started#1", "flow", Done),
    ("skill_actor.started@C-2#*", "flow", Blocked("C-2", PANIC)),
    ("skill_actor.ended#2", "flow", Done),
    ("skill_actor.ended@C-2#*", "flow", Blocked("C-2", PANIC)),
    ("tool.before_effect#2", "flow", Done),
    ("tool.after_effect#2", "flow", Done),
    // The writer, its flusher, the projector, the log.
    ("writer.before_begin#4", "flow", Done),
    ("writer.in_transaction#6", "flow", Done),
    ("writer.after_commit#5", "flow", Done),
    ("writer.in_transaction#*", "flow", Refused("E_STORAGE")),
    ("writer.thread#9", "flow", Failed("E_STORAGE")),
    ("writer.before_flush#1", "flow", Done),
    ("writer.after_flush#2", "flow", Done),
    ("writer.before_flush#*", "flow", EachBlocked(PANIC)),
    ("writer.checkpoint#*", "flow", Done),
    ("projector.before_write#1", "flow", Done),
    ("projector.after_write#*", "flow", Done),
    ("log.take#3", "flow", Done),
    ("log.take#*", "flow", Done),
    // Not an actor, and still not the end of the process.
    ("shutdown.begin#1", "flow", Done),
    ("shutdown.drained#1", "flow", Done),
];
