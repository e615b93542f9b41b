//! The tool host: carries out calls whose home is [`orket_core::tool::ToolHome::Host`], looks at a
//! card's work before the guard does, and lays out what comes before a run's first card.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use orket_core::plan::CommandTool;
use orket_core::stages::{StageFailed, StagePlan, StageReport};
use orket_core::tool::{ToolCall, ToolResult, ToolSpec};
use orket_core::turn::VerifyReport;
use orket_core::verify::VerifyJob;
use tokio_util::sync::CancellationToken;

/// A sign of life, given to whoever does the work; calling it is one atomic store.
pub type Beat = Arc<dyn Fn() + Send + Sync>;

/// Where a call comes from and what it may touch.
#[derive(Debug, Clone)]
pub struct ToolScope {
    /// The workspace folder: nothing outside is touched.
    pub workspace: PathBuf,
    /// The run.
    pub run_id: String,
    /// The build.
    pub build_id: String,
    /// The card.
    pub issue_id: String,
    /// The seat.
    pub seat: String,
    /// The attempt's fence: marks its child processes.
    pub fence: i64,
}

/// One call to carry out.
#[derive(Debug, Clone)]
pub struct ToolJob {
    /// Where it comes from.
    pub scope: ToolScope,
    /// What the tool is.
    pub spec: ToolSpec,
    /// The call.
    pub call: ToolCall,
    /// How to run it, when the tool is a child process.
    pub command: Option<CommandTool>,
    /// The idempotency key.
    pub key: String,
}

/// Carries out calls.
///
/// Contract: the future resolves only when nothing of the work is left: after `cancel` the child's
/// whole process group is gone before it does. Dropping the future kills the group too, without
/// waiting. A tool that fails is a [`ToolResult`] with `ok: false`, never a panic.
pub trait ToolHost: Send + Sync + 'static {
    /// Carries out one call.
    fn run(
        &self,
        job: ToolJob,
        beat: Beat,
        cancel: CancellationToken,
    ) -> BoxFuture<'static, ToolResult>;

    /// Checks the syntax of files, then runs the verify commands in order, all of them, then, when
    /// all of that held, the fixture.
    fn verify(
        &self,
        scope: ToolScope,
        job: VerifyJob,
        beat: Beat,
        cancel: CancellationToken,
    ) -> BoxFuture<'static, VerifyReport>;

    /// Lays out in the workspace what a stage wants there, without writing over anything. Doing it
    /// again changes nothing; stages of one workspace never run at once.
    fn prepare(
        &self,
        workspace: PathBuf,
        plan: StagePlan,
    ) -> BoxFuture<'static, Result<StageReport, StageFailed>>;

    /// Kills what processes of earlier owners of this data folder left running; returns how many.
    fn reap_strays(&self) -> usize;
}
