//! What happens, as it is shown to people: the log, live progress, dashboards.

use std::ops::Range;
use std::sync::OnceLock;

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
    /// `data` as it is shown, made by whoever shows it first.
    #[serde(skip)]
    pub shown: Shown,
}

/// A text that is made once for all who show the same event.
#[derive(Debug, Clone, Default)]
pub struct Shown(OnceLock<Box<(Vec<u8>, Range<usize>)>>);

impl Shown {
    /// The bytes, and a part of them that matters to whoever makes them; made by `make` the first time.
    pub fn get_or_make(
        &self,
        make: impl FnOnce() -> (Vec<u8>, Range<usize>),
    ) -> (&[u8], Range<usize>) {
        let (bytes, part) = &**self.0.get_or_init(|| Box::new(make()));
        (bytes, part.clone())
    }
}

/// How often an event was shown does not make it another one.
impl PartialEq for Shown {
    fn eq(&self, _: &Self) -> bool {
        true
    }
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
