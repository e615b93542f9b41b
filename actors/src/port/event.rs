//! What happens, as it is shown to people: the log, live progress, dashboards.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing that happened. Names and fields of `data` are those of the reference's log
/// (`core.md` §3.8) where it has one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuntimeEvent {
    /// Rises with each event, over restarts too; stays below 2^53.
    pub seq: u64,
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// The name, such as `turn_start`.
    pub event: String,
    /// The seat or part of Orket that speaks.
    pub role: String,
    /// The run it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The card it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue_id: Option<String>,
    /// The workspace folder of the run, absolute: where its `orket.log` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// Everything else.
    pub data: Value,
}

/// Takes events. Must return at once: it queues, and when its queue is full it counts what it
/// drops and says so.
pub trait EventSink: Send + Sync + 'static {
    /// Takes one event.
    fn take(&self, event: &std::sync::Arc<RuntimeEvent>);

    /// Waits until everything taken so far is written.
    fn flush(&self) -> futures_util::future::BoxFuture<'static, ()>;

    /// The system has stopped: what was flushed was the last of it.
    fn end(&self) {}
}
