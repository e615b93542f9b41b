//! The load generator against this program: what it expects of each card is what becomes of it.

use std::path::PathBuf;

use clap::Parser as _;
use orket_load::cli::{Cli, Command};
use orket_load::context::Context;
use orket_load::outcome::Outcome;
use orket_load::{epics, overload};

fn context(seed: u64) -> Context {
    Context {
        orket: Some(PathBuf::from(env!("CARGO_BIN_EXE_orket"))),
        folder: Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR"))),
        seed,
        tells: false,
    }
}

/// Runs a scenario as its command line says, and demands that all of its checks hold.
fn run(seed: u64, line: &str) -> Outcome {
    let words = std::iter::once("orket-load").chain(line.split_whitespace());
    let outcome = match Cli::try_parse_from(words).expect("a command line").command {
        Command::Epics { options, .. } => epics::run(&context(seed), &options),
        Command::Overload { options, .. } => overload::run(&context(seed), &options),
        other => panic!("another scenario: {other:?}"),
    }
    .expect("carried out");
    let failed: Vec<String> = (outcome.checks.iter())
        .filter(|check| !check.passed)
        .map(|check| format!("{}: {}", check.name, check.words))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}\n{:#?}", outcome.figures);
    outcome
}

fn figure(outcome: &Outcome, name: &str) -> f64 {
    let found = outcome.figures.get(name).and_then(|figure| figure.value);
    found.unwrap_or_else(|| panic!("no {name} in {:#?}", outcome.figures))
}

#[test]
fn cards_end_as_the_seed_says_whatever_goes_wrong() {
    let outcome = run(
        7,
        "epics --epics 2 --concurrent-epics 2 --cards 60 --shape layers --latency uniform:0ms-20ms \
         --fault-rate 0.15 --hopeless-rate 0.05 --faults http_500,reset,garbage --verify",
    );
    let words: Vec<&str> = (outcome.checks.iter())
        .filter(|check| check.name.starts_with("cards_end_as_planned"))
        .map(|check| check.words.as_str())
        .collect();
    // The seed decides, not the machine.
    assert_eq!(words.len(), 2);
    assert!(
        words.iter().all(|words| !words.contains(" 0 blocked")),
        "{words:?}"
    );
    assert!(figure(&outcome, "steps_per_card") > 5.0);
    assert!(figure(&outcome, "cards_per_second") > 0.0);
}

#[test]
fn a_kill_in_the_middle_changes_no_end() {
    let outcome = run(
        3,
        "epics --cards 80 --latency fixed:200ms --turns 80 --fault-rate 0.1 --faults reset,garbage \
         --kill-at 0.4 --verify",
    );
    assert!(figure(&outcome, "killed_open_cards") > 0.0);
    assert!(figure(&outcome, "ttr_ms") > 0.0);
}

#[test]
fn silences_are_found_by_their_clock() {
    let outcome = run(
        5,
        "epics --cards 20 --stall 4 --latency fixed:10ms --clock 0.5",
    );
    assert_eq!(figure(&outcome, "stalls_seen"), 4.0);
}

#[test]
fn too_much_is_refused_and_what_was_accepted_is_done_once() {
    let outcome = run(
        1,
        "overload --seconds 3 --capacity-seconds 1 --concurrency 8 --connections 64 --max-runs 8 \
         --cards 1 --latency-ms 100 --deliveries-per-minute 6000 --recover-seconds 15 \
         --p99-ratio 4 --p99-allowance-ms 50",
    );
    assert!(figure(&outcome, "runs_refused_per_second") > 0.0);
    assert!(figure(&outcome, "deliveries_refused_per_second") > 0.0);
}
