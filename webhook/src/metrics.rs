//! What is counted: deliveries by what became of them, calls by what became of them.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use orket_core::webhook::outcome::CallStatus;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// It was stored and something may follow from it.
    Stored,
    /// It had been stored before.
    Duplicate,
    /// Its address is refused for a while.
    PeerLimited,
    /// Its repository, or all of them, told too much.
    Limited,
    /// It is too large.
    TooLarge,
    /// It did not come to its end in time.
    TooSlow,
    /// It is not signed with our secret.
    Denied,
    /// It cannot be read.
    Invalid,
    /// It could not be stored.
    Failed,
}

impl Came {
    const ALL: [Self; 9] = [
        Self::Stored,
        Self::Duplicate,
        Self::PeerLimited,
        Self::Limited,
        Self::TooLarge,
        Self::TooSlow,
        Self::Denied,
        Self::Invalid,
        Self::Failed,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::PeerLimited => "peer_limited",
            Self::Limited => "limited",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::Failed => "failed",
        }
    }

    const fn place(self) -> usize {
        self as usize
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    call: String,
    status: String,
}

/// The counters of a process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    came: [AtomicU64; 9],
    calls: Family<CallLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let calls = Family::default();
        let mut registry = Registry::default();
        registry.register(
            "orket_webhook_calls",
            "Tries of calls that follow from events, by what became of them",
            calls.clone(),
        );
        Self {
            registry,
            came: Default::default(),
            calls,
        }
    }
}

impl Metrics {
    /// Counts a request.
    pub fn came(&self, came: Came) {
        if let Some(count) = self.came.get(came.place()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many came so.
    #[must_use]
    pub fn count(&self, came: Came) -> u64 {
        self.came
            .get(came.place())
            .map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Counts a try of a call.
    pub fn call(&self, kind: &str, status: CallStatus) {
        let labels = CallLabels {
            call: kind.to_owned(),
            status: status.to_string(),
        };
        self.calls.get_or_create(&labels).inc();
    }

    /// All of it in OpenMetrics text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::from(
            "# HELP orket_webhook_requests Requests to the receiver, by what became of them.\n\
             # TYPE orket_webhook_requests counter\n",
        );
        for came in Came::ALL {
            // Writing into a text does not fail.
            let _ = writeln!(
                text,
                "orket_webhook_requests_total{{result=\"{}\"}} {}",
                came.word(),
                self.count(came)
            );
        }
        let mut rest = String::new();
        if encode(&mut rest, &self.registry).is_err() {
            rest = "# EOF\n".to_owned();
        }
        text + &rest
    }
}
