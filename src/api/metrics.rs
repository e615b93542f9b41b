//! What `/metrics` says: counted here as it happens, or looked up when somebody asks.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of the time that requests take, in seconds.
const SECONDS: [f64; 11] = [
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: &'static str,
    status: u16,
}

/// Requests over HTTP.
#[derive(Debug)]
pub struct HttpMetrics {
    requests: Family<Request, Counter>,
    seconds: Histogram,
}

impl HttpMetrics {
    /// Registers itself.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Arc<Self> {
        let metrics = Self {
            requests: Family::default(),
            seconds: Histogram::new(SECONDS),
        };
        registry.register(
            "orket_http_requests",
            "Requests by method and status",
            metrics.requests.clone(),
        );
        registry.register(
            "orket_http_request_seconds",
            "From the head of a request to the head of its answer",
            metrics.seconds.clone(),
        );
        Arc::new(metrics)
    }

    /// Counts one.
    pub fn count(&self, method: &Method, status: StatusCode, took: Duration) {
        let request = Request {
            method: word(method),
            status: status.as_u16(),
        };
        self.requests.get_or_create(&request).inc();
        self.seconds.observe(took.as_secs_f64());
    }
}

/// Only methods that there are, so that nobody can make up labels.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::PUT => "PUT",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
