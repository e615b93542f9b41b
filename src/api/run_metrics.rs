//! What runs did, counted from their events, and how things stand when somebody asks.

use std::fmt;
use std::sync::atomic::AtomicU64;

use orket_actors::port::event::RuntimeEvent;
use orket_actors::port::store::Store as _;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::Api;
use crate::storage::reader::Standing;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Clock {
    clock: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queue {
    queue: &'static str,
}

/// Counted from events.
#[derive(Debug, Clone, Default)]
struct Counted {
    turns: Family<Outcome, Counter>,
    stalls: Family<Clock, Counter>,
    tokens: Family<Kind, Counter>,
    missed: Counter,
}

/// See the file's head.
#[derive(Debug)]
pub struct RunMetrics {
    registry: Registry,
}

impl RunMetrics {
    /// With what is registered already, fed by events as long as they come. Must be called on a
    /// runtime.
    #[must_use]
    pub fn start(
        mut registry: Registry,
        events: broadcast::Receiver<std::sync::Arc<RuntimeEvent>>,
    ) -> Self {
        let counted = Counted::default();
        registry.register("orket_turns", "Turns by outcome", counted.turns.clone());
        registry.register(
            "orket_stalls",
            "Stalled turns by the clock that ran out",
            counted.stalls.clone(),
        );
        registry.register(
            "orket_tokens",
            "Tokens read and written by models",
            counted.tokens.clone(),
        );
        registry.register(
            "orket_metrics_events_missed",
            "Events that these counters do not know of",
            counted.missed.clone(),
        );
        tokio::spawn(count(counted, events));
        Self { registry }
    }

    /// Everything as text.
    ///
    /// # Errors
    ///
    /// Never in practice: text is written into memory.
    pub fn text(&self, api: &Api, standing: &Standing) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        encode_registry(&mut text, &now(api, standing))?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

async fn count(counted: Counted, mut events: broadcast::Receiver<std::sync::Arc<RuntimeEvent>>) {
    loop {
        match events.recv().await {
            Ok(event) => counted.take(&event),
            Err(RecvError::Lagged(missed)) => {
                counted.missed.inc_by(missed);
            }
            Err(RecvError::Closed) => return,
        }
    }
}

impl Counted {
    fn take(&self, event: &RuntimeEvent) {
        let outcome = match event.event.as_str() {
            "turn_complete" => "succeeded",
            "turn_failed" => "failed",
            "turn_stalled" => "stalled",
            _ => return,
        };
        self.turns.get_or_create(&Outcome { outcome }).inc();
        let number = |pointer: &str| event.data.pointer(pointer).and_then(Value::as_u64);
        for (kind, pointer) in [
            ("prompt", "/tokens/prompt_tokens"),
            ("output", "/tokens/output_tokens"),
        ] {
            if let Some(tokens) = number(pointer) {
                self.tokens.get_or_create(&Kind { kind }).inc_by(tokens);
            }
        }
        if outcome == "stalled"
            && let Some(clock) = event.data.get("phase").and_then(Value::as_str)
        {
            let clock = Clock {
                clock: clock.to_owned(),
            };
            self.stalls.get_or_create(&clock).inc();
        }
    }
}

/// Gauges, and counters that others keep.
fn now(api: &Api, standing: &Standing) -> Registry {
    let mut registry = Registry::default();
    let mut by_status = |name: &str, help: &str, counts: &[(String, i64)]| {
        let family: Family<Status, Gauge> = Family::default();
        for (status, count) in counts {
            let status = Status {
                status: status.clone(),
            };
            family.get_or_create(&status).set(*count);
        }
        registry.register(name, help, family);
    };
    by_status("orket_runs", "Runs by status", &standing.runs);
    by_status("orket_cards", "Cards by status", &standing.cards);
    by_status("orket_gates", "Gates by status", &standing.gates);
    let active: Gauge = Gauge::default();
    active.set(i64::try_from(api.service.active_count()).unwrap_or(i64::MAX));
    registry.register(
        "orket_runs_active",
        "Runs under way in this process",
        active,
    );
    let turns: Gauge = Gauge::default();
    turns.set(i64::try_from(api.service.turns_under_way()).unwrap_or(i64::MAX));
    registry.register(
        "orket_turns_active",
        "Turns under way in this process",
        turns,
    );
    let writer = api.probes.journal.stats();
    let counters = [
        (
            "orket_writer_commits",
            "Transactions of the journal",
            writer.commits,
        ),
        (
            "orket_writer_writes",
            "Writes in them; by commits, the size of a batch",
            writer.writes,
        ),
    ];
    for (name, help, count) in counters {
        registry.register(name, help, ConstCounter::new(count));
    }
    registry.register(
        "orket_writer_commit_seconds",
        "Time that commits took; by commits, the latency of one",
        ConstCounter::new(writer.busy.as_secs_f64()),
    );
    let largest: Gauge = Gauge::default();
    largest.set(i64::try_from(writer.largest_batch).unwrap_or(i64::MAX));
    registry.register(
        "orket_writer_largest_batch",
        "The most writes in one transaction",
        largest,
    );
    let artifacts = api.probes.projections.stats();
    let outcomes: Family<Outcome, Counter<u64, AtomicU64>> = Family::default();
    for (outcome, count) in [
        ("written", artifacts.written),
        ("failed", artifacts.failed),
        ("panicked", artifacts.panicked),
    ] {
        outcomes.get_or_create(&Outcome { outcome }).inc_by(count);
    }
    registry.register(
        "orket_artifacts",
        "Turns whose files were written",
        outcomes,
    );
    let depths: Family<Queue, Gauge> = Family::default();
    for (queue, depth) in [
        ("writer", api.probes.journal.waiting()),
        ("projector", api.probes.projections.waiting()),
    ] {
        let depth = i64::try_from(depth).unwrap_or(i64::MAX);
        depths.get_or_create(&Queue { queue }).set(depth);
    }
    registry.register("orket_queue_depth", "What waits in a queue", depths);
    registry
}
