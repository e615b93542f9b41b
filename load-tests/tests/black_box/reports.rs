//! Reports, thresholds, comparisons and pages.

use std::path::Path;

use crate::support::{Play, orket_load, report, said, server};
use serde_json::{Value, json};

/// The words that measure a server that is well, by fifty requests.
fn well(words: &[&str]) -> std::process::Output {
    let address = server(|_| Play::Answer(200, "{}"));
    let url = format!("http://{address}");
    let mut all = vec![
        "api",
        "--api-url",
        &url,
        "--quiet",
        "--warm-up",
        "0",
        "--requests",
        "50",
    ];
    all.extend_from_slice(words);
    orket_load(&all)
}

fn write(folder: &Path, name: &str, value: &Value) -> String {
    let path = folder.join(name);
    std::fs::write(&path, value.to_string()).unwrap();
    path.to_string_lossy().into_owned()
}

#[test]
fn a_report_has_the_fields_that_operators_know_and_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report.json");
    let output = well(&["--json", "--out", out.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    let said: Value = report(&output);
    let written: Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!(said, written);
    assert_eq!(said["version"], 1);
    assert!(said["timestamp_utc"].as_str().unwrap().ends_with('Z'));
    assert!(said["config"].is_object());
    let result = said["results"]["api_heartbeat"].as_object().unwrap();
    for field in [
        "samples",
        "failures",
        "p50_ms",
        "p95_ms",
        "p99_ms",
        "error_rate_percent",
    ] {
        assert!(result.contains_key(field), "{field}");
    }
    // Nothing but the report is left in the folder.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_threshold_that_is_missed_ends_with_1_and_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let kept = json!({"api_heartbeat.error_rate_percent": {"max": 0}, "api_heartbeat.errors.timeout": {"max": 0}});
    let kept = write(folder.path(), "kept.json", &kept);
    let output = well(&["--assert", &kept]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let missed =
        json!({"api_heartbeat.samples": {"min": 51}, "api_heartbeat.p50_ms": {"max": 60_000}});
    let missed = write(folder.path(), "missed.json", &missed);
    let output = well(&["--assert", &missed, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("missed: api_heartbeat.samples is 50, at least 51"),
        "{}",
        said(&output)
    );
    assert_eq!(report(&output)["missed"].as_array().unwrap().len(), 1);
    assert_eq!(report(&output)["passed"], false);
}

#[test]
fn a_number_that_is_not_known_misses() {
    let folder = tempfile::tempdir().unwrap();
    let file = json!({"api_heartbeat.p999_ms": {"max": 60_000}});
    let output = well(&["--assert", &write(folder.path(), "a.json", &file)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("p999_ms is not known"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_threshold_for_nothing_is_an_error_that_lists_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = json!({"api_hartbeat.p99_ms": {"max": 1}});
    let output = well(&["--assert", &write(folder.path(), "a.json", &file)]);
    assert_eq!(output.status.code(), Some(2));
    let words = said(&output);
    assert!(words.contains("api_hartbeat.p99_ms"), "{words}");
    assert!(
        words.contains("hint: known are") && words.contains("api_heartbeat.p99_ms"),
        "{words}"
    );
}

#[test]
fn thresholds_that_say_nothing_are_refused_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    for file in [
        json!({"a.b": {}}),
        json!({"a.b": {"maximum": 1}}),
        json!([1]),
    ] {
        let file = write(folder.path(), "a.json", &file);
        // Nobody listens there: it would be said if it were looked at.
        let output = orket_load(&["api", "--api-url", "http://127.0.0.1:9", "--assert", &file]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(
            said(&output).contains("has no thresholds"),
            "{}",
            said(&output)
        );
    }
}

fn compared(p99: f64, per_second: f64, errors: f64) -> Value {
    json!({"version": 1, "scenario": "api", "config": {"rate": 5}, "results": {"api_heartbeat": {
        "samples": 1_000, "p99_ms": p99, "per_second": per_second, "error_rate_percent": errors}}})
}

#[test]
fn a_comparison_says_what_got_slower_and_can_fail() {
    let folder = tempfile::tempdir().unwrap();
    let old = write(folder.path(), "old.json", &compared(10.0, 2_000.0, 0.0));
    let new = write(folder.path(), "new.json", &compared(15.0, 2_400.0, 0.0));
    let output = orket_load(&["compare", &old, &new]);
    let table = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        table.contains("1.50 times worse") && table.contains("1.20 times better"),
        "{table}"
    );
    let failing = |ratio: &str| orket_load(&["--compare", &old, &new, "--fail-above", ratio]);
    assert_eq!(failing("1.6").status.code(), Some(0));
    assert_eq!(failing("1.4").status.code(), Some(1));
    assert!(said(&failing("1.4")).contains("worse: api_heartbeat.p99_ms is 1.50 times worse"));
    // Back again, the rate is what got worse.
    let back = orket_load(&["compare", &new, &old, "--fail-above", "1.1"]);
    assert!(
        said(&back).contains("worse: api_heartbeat.per_second"),
        "{}",
        said(&back)
    );
    // Errors where there were none are worse than any ratio.
    let failed = write(folder.path(), "failed.json", &compared(10.0, 2_000.0, 1.0));
    let output = orket_load(&["compare", &old, &failed, "--fail-above", "1000"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_is_no_report_is_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(folder.path(), "good.json", &compared(1.0, 1.0, 0.0));
    for (value, words) in [
        (json!({"results": {}}), "it has no `version`"),
        (json!({"version": 2}), "version 2"),
    ] {
        let bad = write(folder.path(), "bad.json", &value);
        let output = orket_load(&["compare", &good, &bad]);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains(words), "{}", said(&output));
    }
}

#[test]
fn a_page_is_whole_and_needs_nothing_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let html = folder.path().join("page.html");
    let output = well(&["--html", html.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    let page = std::fs::read_to_string(&html).unwrap();
    is_well_formed(&page);
    assert!(
        page.contains("api_heartbeat") && page.contains("<svg"),
        "{page}"
    );
    for foreign in ["<script", "http://", "https://", "url(", "@import", "src="] {
        // The address of the server that was measured is text, not a link.
        let found = page.replace("http://127.0.0.1", "").contains(foreign);
        assert!(!found, "{foreign}");
    }
    assert!(page.contains("prefers-color-scheme: dark"));
}

#[test]
fn what_a_report_says_is_text_on_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = "</td><script>alert(1)</script>&\"'";
    let mut value = compared(1.0, 1.0, 0.0);
    value["results"] = json!({hostile: {"samples": 1, "errors": {hostile: 1}}});
    value["config"] = json!({hostile: hostile});
    value["scenario"] = hostile.into();
    value["checks"] = json!([{"name": hostile, "passed": false, "words": hostile}]);
    let path = write(folder.path(), "hostile.json", &value);
    let html = folder.path().join("page.html");
    let output = orket_load(&["page", &path, "--html", html.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    let page = std::fs::read_to_string(&html).unwrap();
    is_well_formed(&page);
    assert!(!page.contains("<script"));
}

/// Every element is closed, in order; those that HTML knows as void need not be.
fn is_well_formed(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let body = page.strip_prefix("<!DOCTYPE html>").unwrap();
    let (head, rest) = body.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    for part in head.split('<').chain(rest.split('<')).skip(1) {
        let (tag, _) = part.split_once('>').unwrap_or((part, ""));
        let name = tag
            .split([' ', '\n', '/'])
            .find(|word| !word.is_empty())
            .unwrap_or_default();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "in {tag}");
        } else if !tag.ends_with('/') && !["meta", "br"].contains(&name) && !name.trim().is_empty()
        {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}
