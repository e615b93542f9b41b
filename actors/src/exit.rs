//! How a supervisor learns that a child ended, panics included.
//!
//! actix tells nobody when an actor panics: its future is dropped and its address closes. So every
//! supervised actor owns an [`ExitGuard`], which reports when it is dropped. Whoever ends in good
//! order says so first; a guard dropped without a word was a panic.

use std::sync::Arc;

use actix::prelude::*;

use crate::world::World;

/// How an actor ended; named as in quickwit-actors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitStatus {
    /// Its work is done.
    Finished,
    /// It was told to stop.
    Killed,
    /// It could not go on.
    Failed(String),
    /// It panicked.
    Panicked,
}

/// Which child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Child {
    /// The event bus.
    EventBus,
    /// The watchdog.
    Watchdog,
    /// The model gateway.
    ModelGateway,
    /// The reconciler.
    Reconciler,
    /// The supervisor itself, watched by the runtime.
    Supervisor,
    /// A run, by id.
    Run(orket_core::ids::RunId),
    /// A card, by its place in the run.
    Card(usize),
    /// An attempt, by its row.
    Turn(i64),
    /// A tool call of an attempt, by its place in the turn.
    Skill(u32),
}

/// A child ended.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct ChildExit {
    /// Which.
    pub child: Child,
    /// How.
    pub status: ExitStatus,
}

/// Owned by a supervised actor; reports its end when dropped.
pub struct ExitGuard {
    child: Child,
    to: To,
    status: ExitStatus,
}

enum To {
    /// The parent it was started by.
    Parent(Recipient<ChildExit>),
    /// Whoever is the supervisor when it ends.
    Supervisor(Arc<World>),
}

impl ExitGuard {
    /// A guard that reports to `to`.
    #[must_use]
    pub fn new(child: Child, to: Recipient<ChildExit>) -> Self {
        Self {
            child,
            to: To::Parent(to),
            status: ExitStatus::Panicked,
        }
    }

    /// A guard that reports to the supervisor of then, for an actor that outlives the one of now.
    #[must_use]
    pub fn to_supervisor(child: Child, world: Arc<World>) -> Self {
        Self {
            child,
            to: To::Supervisor(world),
            status: ExitStatus::Panicked,
        }
    }

    /// Says how the actor is about to end.
    pub fn ends(&mut self, status: ExitStatus) {
        self.status = status;
    }
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
        let exit = ChildExit {
            child: self.child.clone(),
            status: self.status.clone(),
        };
        match &self.to {
            To::Parent(parent) => parent.do_send(exit),
            To::Supervisor(world) => {
                // Between two supervisors nobody hears it; the next one looks at all runs.
                if let Some(supervisor) = world.supervisor.get() {
                    supervisor.do_send(exit);
                }
            }
        }
    }
}
