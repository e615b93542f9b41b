//! Runs that wait for their turn: durable when they are announced, begun later.

use std::sync::Arc;

use orket_core::ids::RunId;
use orket_core::plan::RunPlan;

use super::{NewRun, Runtime, RuntimeError, planned};
use crate::port::queue::{QueueOp, QueuedRun, RockPlace};
use crate::port::store::{Guard, Op, RunStatus, Write};

/// A run that is to wait.
#[derive(Debug, Clone)]
pub enum ToQueue {
    /// A new one, or one that waited before and never began.
    New(Box<NewRun>, RockPlace),
    /// One that was stopped in the middle.
    Again(RunId, RockPlace),
    /// One that is under way or done: only its place is noted.
    Known(RunId, RockPlace),
}

/// Where a run was kept before it began.
pub(super) enum Kept {
    Nowhere,
    InTheQueue,
}

impl Kept {
    pub(super) fn first_op(&self, plan: &Arc<RunPlan>, at_ms: i64) -> Op {
        match self {
            Self::Nowhere => Op::InsertRun {
                plan: Arc::clone(plan),
                at_ms,
            },
            Self::InTheQueue => Op::Queue(QueueOp::Begin {
                run_id: plan.run_id.clone(),
                at_ms,
            }),
        }
    }
}

impl Runtime {
    /// Stores runs whose turn comes later, all or none; returns when they are durable.
    /// [`Runtime::resume`] begins one.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`].
    pub async fn queue_runs(&self, runs: Vec<ToQueue>) -> Result<(), RuntimeError> {
        self.refuse_when_stopping()?;
        let at_ms = self.world.clock.wall_ms();
        let ops = runs
            .into_iter()
            .map(|run| {
                Op::Queue(match run {
                    ToQueue::New(new, place) => QueueOp::Put {
                        plan: planned(new.plan, &new.cards),
                        cards: new.cards.into(),
                        place,
                        at_ms,
                    },
                    ToQueue::Again(run_id, place) => QueueOp::Again { run_id, place },
                    ToQueue::Known(run_id, place) => QueueOp::Place { run_id, place },
                })
            })
            .collect();
        self.write(ops).await
    }

    /// Says in the ledger why a run that waits is not begun. One that has begun, or is over, stays as it
    /// is.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::Store`].
    pub async fn settle_queued(
        &self,
        run_id: RunId,
        status: RunStatus,
        why: String,
    ) -> Result<(), RuntimeError> {
        let at_ms = self.world.clock.wall_ms();
        self.write(vec![Op::Queue(QueueOp::Settle {
            run_id,
            status,
            why,
            at_ms,
        })])
        .await
    }

    pub(super) async fn begin_queued(&self, queued: QueuedRun) -> Result<(), RuntimeError> {
        let QueuedRun { plan, cards } = queued;
        let run_id = plan.run_id.clone();
        let begun = self
            .begin_run(NewRun { plan, cards }, Kept::InTheQueue, None, None)
            .await?;
        if begun == run_id {
            Ok(())
        } else {
            Err(RuntimeError::AlreadyRunning(begun.to_string()))
        }
    }

    async fn write(&self, ops: Vec<Op>) -> Result<(), RuntimeError> {
        let write = Write {
            guard: Guard::None,
            flush: None,
            ops,
        };
        Ok(self.world.store.submit(write).await?)
    }
}
