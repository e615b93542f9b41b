//! Each error is counted once and under its kind, and leaves the times of successes alone.

use std::time::Duration;

use crate::support::{Play, heartbeat, server};
use serde_json::{Value, json};

/// Twenty requests of which every other one meets `play`.
fn every_other(play: fn() -> Play) -> Value {
    let address = server(move |number| match number % 2 {
        0 => Play::Answer(200, "{}"),
        _ => play(),
    });
    let words = [
        "--requests",
        "20",
        "--concurrency",
        "1",
        "--timeout",
        "0.3",
        "--seconds",
        "60",
    ];
    heartbeat(address, &words)
}

/// The kind that it must be counted under, and what the server does.
type Case = (&'static str, fn() -> Play);

#[test]
fn each_error_is_counted_once_under_its_kind() {
    let cases: [Case; 7] = [
        ("status_503", || Play::Answer(503, "busy")),
        ("status_404", || Play::Answer(404, "")),
        ("reset", || Play::Reset),
        ("closed", || Play::Close),
        ("closed", || Play::Half),
        ("protocol", || Play::Garbage),
        ("timeout", || Play::Silence),
    ];
    for (kind, play) in cases {
        let found = every_other(play);
        assert_eq!(found["samples"], 20, "{kind}: {found}");
        assert_eq!(found["failures"], 10, "{kind}");
        assert_eq!(found["errors"], json!({kind: 10}), "{kind}");
        assert_eq!(found["error_rate_percent"], 50.0, "{kind}");
    }
}

#[test]
fn all_requests_that_fail_are_a_hundred_percent_of_errors() {
    let address = server(|_| Play::Answer(500, ""));
    let found = heartbeat(address, &["--requests", "7", "--concurrency", "2"]);
    assert_eq!(found["samples"], 7);
    assert_eq!(found["error_rate_percent"], 100.0);
    // Nothing succeeded, so no time of a success is known.
    for field in ["p50_ms", "p95_ms", "p99_ms", "max_ms"] {
        assert_eq!(found[field], Value::Null, "{field}");
    }
}

#[test]
fn a_server_that_is_gone_refuses_the_connection() {
    // A port on which nobody listens any more.
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{address}");
    let output =
        crate::support::orket_load(&["api", "--api-url", &url, "--json", "--requests", "3"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        crate::support::said(&output).contains("nobody listens at"),
        "{}",
        crate::support::said(&output)
    );
}

#[test]
fn times_of_failures_are_not_in_those_of_successes() {
    let found = every_other(|| Play::Silence);
    let longest = found["max_ms"].as_f64().unwrap();
    let failed = found["failures_max_ms"].as_f64().unwrap();
    assert!(failed >= 300.0 && longest < failed, "{longest} {failed}");
}

#[test]
fn a_percentile_that_too_few_samples_support_is_null() {
    let address = server(|_| Play::Answer(200, "{}"));
    let found = heartbeat(address, &["--requests", "50", "--concurrency", "1"]);
    assert!(found["p50_ms"].is_number() && found["p95_ms"].is_number());
    assert_eq!(
        (&found["p99_ms"], &found["p999_ms"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn an_open_loop_shows_a_stall_that_a_closed_loop_hides() {
    // The hundredth request holds the only connection up for a second.
    let stall = || {
        server(|number| match number {
            100 => Play::Slow(Duration::from_secs(1)),
            _ => Play::Answer(200, "{}"),
        })
    };
    let closed = ["--requests", "600", "--concurrency", "1", "--seconds", "60"];
    let closed = heartbeat(stall(), &closed);
    let open = [
        "--rate",
        "200",
        "--arrivals",
        "fixed",
        "--seconds",
        "3",
        "--concurrency",
        "1",
    ];
    let open = heartbeat(stall(), &open);
    // One sample of six hundred in the closed loop; in the open one each that was due during the second.
    assert!(closed["max_ms"].as_f64().unwrap() >= 1_000.0);
    assert!(closed["p99_ms"].as_f64().unwrap() < 500.0, "{closed}");
    assert_eq!(open["samples"], 600);
    assert!(open["p90_ms"].as_f64().unwrap() >= 500.0, "{open}");
    assert!(open["late_max_ms"].as_f64().unwrap() >= 900.0, "{open}");
}

#[test]
fn what_is_due_and_cannot_be_sent_is_counted() {
    let address = server(|_| Play::Slow(Duration::from_millis(400)));
    let words = [
        "--rate",
        "100",
        "--arrivals",
        "fixed",
        "--seconds",
        "1",
        "--concurrency",
        "2",
    ];
    let found = heartbeat(address, &words);
    let count = |field: &str| found[field].as_u64().unwrap();
    assert_eq!(count("samples") + count("unsent"), 100, "{found}");
    assert!(count("unsent") > 80 && count("failures") == 0, "{found}");
}

#[test]
fn warming_up_is_not_measured() {
    // The first half second is slow, what comes behind it is not.
    let began = std::time::Instant::now();
    let address = server(
        move |_| match began.elapsed() < Duration::from_millis(500) {
            true => Play::Slow(Duration::from_millis(300)),
            false => Play::Answer(200, "{}"),
        },
    );
    let url = format!("http://{address}");
    let output = crate::support::orket_load(&[
        "api",
        "--api-url",
        &url,
        "--json",
        "--quiet",
        "--warm-up",
        "1.2",
        "--seconds",
        "0.3",
        "--concurrency",
        "1",
    ]);
    let found = crate::support::report(&output)["results"]["api_heartbeat"].clone();
    assert!(found["max_ms"].as_f64().unwrap() < 300.0, "{found}");
    assert_eq!(found["failures"], 0);
}
