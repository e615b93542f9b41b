//! Projections of the journal into files for people and tools.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use orket_core::plan::{ArtifactMode, RunPlan};
use orket_core::turn::Step;

/// One attempt that ended, to be shown as files under `observability/`.
#[derive(Debug, Clone)]
pub struct TurnRecord {
    /// Which files are wanted.
    pub mode: ArtifactMode,
    /// The workspace folder.
    pub workspace: Arc<str>,
    /// The run.
    pub run_id: String,
    /// The card.
    pub issue_id: String,
    /// The role that spoke.
    pub role: String,
    /// The card's turn, from 1.
    pub turn: u32,
    /// The try, from 1.
    pub attempt: u32,
    /// When it ended, milliseconds since 1970-01-01 UTC.
    pub ended_ms: i64,
    /// The run's plan.
    pub plan: Option<Arc<RunPlan>>,
    /// Every step, in order.
    pub steps: Vec<Arc<Step>>,
}

/// Writes projections off the turn's path.
pub trait Projector: Send + Sync + 'static {
    /// Queues one record; waits while the bounded backlog is full.
    fn project(&self, record: TurnRecord) -> BoxFuture<'static, ()>;

    /// Resolves when everything queued so far is written.
    fn drained(&self) -> BoxFuture<'static, ()>;
}
