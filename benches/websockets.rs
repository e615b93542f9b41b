//! Many who listen to events over WebSockets, some of whom never read.
//!
//! `cargo bench -p orket --bench websockets [-- --clients N --silent N --everything N --rate N
//! --seconds N --assert]`
//!
//! Clients hear one of a thousand sessions each, but for those of `--everything`. Server and clients
//! share this process and its processors. Printed: what was said and heard a second, how long an event
//! took from one to the other, memory, and who used the processors.

#[path = "../tests/support/audience.rs"]
mod audience;
#[path = "../tests/support/inside.rs"]
mod inside;

use std::sync::atomic::Ordering;
use std::time::Duration;

use audience::{Load, Outcome, allow_files, carry};
use inside::Inside;
use orket::api::sockets::SocketOptions;

struct Args {
    clients: u64,
    silent: u64,
    everything: u64,
    rate: u64,
    seconds: u64,
    assert: bool,
}

fn main() {
    let args = args();
    let files = allow_files();
    assert!(
        files > 2 * args.clients + 200,
        "only {files} files may be open; raise `ulimit -n`"
    );
    let server = Inside::start(SocketOptions::default(), &[("ORKET_ARTIFACTS", "none")]);
    let reading = args.clients - args.silent;
    let load = Load {
        all: args.everything.min(reading),
        one: reading.saturating_sub(args.everything),
        silent: args.silent,
        sessions: 1_000,
        per_second: args.rate,
        events: args.rate * args.seconds,
        deadline: Duration::from_secs(120),
    };
    let outcome = carry(&server, load);
    tell(&server, load, &outcome);
    if args.assert {
        check(&server, load, &outcome);
    }
}

fn args() -> Args {
    let given: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: u64| {
        let at = given.iter().position(|it| it == name);
        at.and_then(|at| given.get(at + 1)?.parse().ok())
            .unwrap_or(default)
    };
    Args {
        clients: number("--clients", 2_000),
        silent: number("--silent", 50),
        everything: number("--everything", 50),
        rate: number("--rate", 10_000),
        seconds: number("--seconds", 10),
        assert: given.iter().any(|it| it == "--assert"),
    }
}

fn tell(server: &Inside, load: Load, outcome: &Outcome) {
    let whole = outcome.said + outcome.heard_after;
    let a_second = |many: u64| many as f64 / whole.as_secs_f64();
    println!(
        "clients          {} hear everything, {} one session each, {} never read",
        load.all, load.one, load.silent
    );
    println!(
        "said             {} events in {:.2?}: {:.0} a second, one took {:.2?} at most",
        load.events,
        outcome.said,
        load.events as f64 / outcome.said.as_secs_f64(),
        outcome.longest_said
    );
    println!(
        "heard            {} frames, {:.0} a second, {:.1} MB a second; the last one {:.2?} after the last was said",
        outcome.frames,
        a_second(outcome.frames),
        a_second(outcome.bytes) / 1e6,
        outcome.heard_after
    );
    println!(
        "said to heard    {:.2?} median, {:.2?} of 99 in 100, {:.2?} at most",
        outcome.latency(0.5),
        outcome.latency(0.99),
        outcome.latency(1.0)
    );
    println!(
        "memory           {} MiB before, {} MiB at most",
        outcome.memory.0 / 1_024,
        outcome.memory.1 / 1_024
    );
    let counts = server.shared.api.events.counts();
    println!(
        "behind           {} clients told; {} events dropped, {} not stored",
        outcome.lagged,
        counts.dropped.load(Ordering::Relaxed),
        counts.unstored.load(Ordering::Relaxed)
    );
    for (name, seconds) in &outcome.cpu {
        println!("processor        {seconds:6.2} s {name}");
    }
    for failure in outcome.failures.iter().take(10) {
        println!("failure          {failure}");
    }
}

fn check(server: &Inside, load: Load, outcome: &Outcome) {
    assert!(
        outcome.failures.is_empty(),
        "{} clients did not hear everything",
        outcome.failures.len()
    );
    let counts = server.shared.api.events.counts();
    assert_eq!(
        counts.dropped.load(Ordering::Relaxed),
        0,
        "events were dropped"
    );
    let planned = load.events as f64 / load.per_second as f64;
    let said = outcome.said.as_secs_f64();
    assert!(
        said < planned * 1.1 + 0.5,
        "saying was held up: {said:.1} s instead of {planned:.1} s"
    );
    let grown = outcome.memory.1.saturating_sub(outcome.memory.0) / 1_024;
    let most = 256 + (load.all + load.one + load.silent) / 8;
    assert!(
        grown < most,
        "memory grew by {grown} MiB; {most} are allowed"
    );
    println!("all as it should be");
}
