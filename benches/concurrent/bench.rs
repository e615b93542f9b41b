//! The cases, their processes and their bars.

use std::path::Path;
use std::process::{Command, Stdio};

use orket_actors::runtime::Shutdown;
use orket_core::plan::ArtifactMode;
use serde_json::{Value, json};

use crate::process::{Used, peak_resident};
use crate::waves::{Wave, follow};
use crate::{idle, stage};

/// All turns have ended so long after the last start, in milliseconds.
const TAIL_MS: f64 = 5_500.0;
/// Peak memory, for 10,000 turns.
const PEAK_MIB: f64 = 600.0;
/// Processors in use, of the two that the bars are made for.
const CORES: f64 = 1.0;

pub fn main() -> i32 {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        args.iter()
            .position(|a| a == name)
            .and_then(|at| args.get(at + 1).cloned())
    };
    let number = |name: &str, default: usize| {
        value(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let turns = number("--turns", 10_000);
    let cards = number("--cards", 100_000);
    let mode = value("--mode").unwrap_or_else(|| ArtifactMode::None.to_string());
    match value("--case").as_deref() {
        Some("turns") => {
            println!("{}", run_turns(turns, mode.parse().expect("a mode")));
            return 0;
        }
        Some("idle") => {
            println!("{}", idle::run(cards));
            return 0;
        }
        _ => {}
    }
    let only = value("--only");
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let mut missed = Vec::new();
    if wanted("turns") {
        let args = [
            "--case",
            "turns",
            "--turns",
            &turns.to_string(),
            "--mode",
            &mode,
        ];
        tell_turns(turns, &child(&args), &mut missed);
    }
    if wanted("idle") {
        tell_idle(cards);
    }
    for miss in &missed {
        eprintln!("missed: {miss}");
    }
    i32::from(args.iter().any(|a| a == "--assert") && !missed.is_empty())
}

fn child(args: &[&str]) -> Value {
    let output = Command::new(std::env::current_exe().expect("an executable"))
        .args(args)
        .stderr(Stdio::inherit())
        .output()
        .expect("runs");
    assert!(output.status.success(), "{args:?} failed");
    serde_json::from_slice(&output.stdout).expect("figures")
}

fn run_turns(turns: usize, mode: ArtifactMode) -> Value {
    // Beside the build's output: on the disk, not on a memory file system.
    let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(base).expect("a folder");
    let root = tempfile::TempDir::new_in(base).expect("a folder");
    let scenario = stage::scenario();
    let issues: Vec<Value> = (0..turns)
        .map(|place| {
            let card = stage::card_name(place);
            json!({"id": card, "summary": format!("Do part {place}"), "seat": stage::SEAT,
                   "params": {"required_read_paths": []}})
        })
        .collect();
    let new = stage::planned(&issues, mode, &root.path().join("workspace"), &scenario);
    drop(issues);
    actix_rt::System::new().block_on(async move {
        let system = stage::start(root.path(), turns, scenario).await;
        let following = follow(system.runtime.subscribe(), turns);
        let run = system.runtime.start_run(new).await.expect("started");
        let report = system.runtime.wait(run).await.expect("a report");
        assert_eq!(
            report.status,
            "done",
            "{:?}",
            report.cards.iter().find(|card| card.status != "done")
        );
        let waves = following.join().expect("followed");
        let peak = peak_resident();
        let steps = system.reader().count_steps().expect("counted");
        system.stop(Shutdown::Graceful).await.expect("stops");
        json!({
            "waves": waves.iter().map(wave).collect::<Vec<_>>(), "peak": peak, "steps": steps,
        })
    })
}

fn wave(wave: &Wave) -> Value {
    let (shortest, middle, longest) = wave.durations();
    let between = |from: usize, to: usize| {
        let sample = |at: usize| wave.samples[at].as_ref().expect("a sample");
        used(&sample(from).until(sample(to)))
    };
    json!({
        "starting_ms": wave.starting_ms(), "tail_ms": wave.tail_ms(),
        "shortest_ms": shortest, "middle_ms": middle, "longest_ms": longest,
        "whole": between(0, 3), "streaming": between(1, 2),
    })
}

fn used(used: &Used) -> Value {
    json!({
        "seconds": used.seconds, "cores": used.cores, "machine_idle": used.machine_idle,
        "threads": used.threads.iter().filter(|(_, cores)| *cores > 0.005).collect::<Vec<_>>(),
    })
}

fn tell_turns(turns: usize, found: &Value, missed: &mut Vec<String>) {
    let mib = found["peak"].as_f64().unwrap_or(0.0) / 1_048_576.0;
    println!(
        "{turns} turns at once, a stream of 5 s each, {} steps",
        found["steps"]
    );
    let mut miss = |is_kept: bool, what: String| {
        if !is_kept {
            missed.push(what);
        }
    };
    for (name, wave) in ["work", "review"]
        .iter()
        .zip(found["waves"].as_array().into_iter().flatten())
    {
        let tail = wave["tail_ms"].as_f64().unwrap_or(f64::MAX);
        println!(
            "{name}: started within {} ms; all ended {tail} ms after the last start (bar {TAIL_MS}); a turn took {} to {} ms, {} in the middle",
            wave["starting_ms"], wave["shortest_ms"], wave["longest_ms"], wave["middle_ms"],
        );
        miss(
            tail <= TAIL_MS,
            format!("{name} ended {tail} ms after the last start"),
        );
        for (span, bar) in [("whole", Some(CORES)), ("streaming", None)] {
            let part = &wave[span];
            let cores = part["cores"].as_f64().unwrap_or(f64::MAX);
            let bar_text = bar.map_or_else(String::new, |bar| format!(" (bar {bar:.2})"));
            println!(
                "  {span}: {:.2} s, {cores:.2} cores of this process{bar_text}; the machine was idle for {:.0} %",
                part["seconds"].as_f64().unwrap_or(0.0),
                part["machine_idle"].as_f64().unwrap_or(0.0) * 100.0,
            );
            for thread in part["threads"].as_array().into_iter().flatten() {
                println!(
                    "    {:<16} {:.3}",
                    thread[0].as_str().unwrap_or_default(),
                    thread[1].as_f64().unwrap_or(0.0)
                );
            }
            if let Some(bar) = bar {
                miss(cores <= bar, format!("{name} used {cores:.2} cores"));
            }
        }
    }
    println!("peak memory {mib:.0} MiB (bar {PEAK_MIB:.0})");
    miss(mib <= PEAK_MIB, format!("memory peaked at {mib:.0} MiB"));
}

fn tell_idle(cards: usize) {
    let few = child(&["--case", "idle", "--cards", "1000"]);
    let many = child(&["--case", "idle", "--cards", &cards.to_string()]);
    let grown = |field: &str| {
        let of = |found: &Value| found[field].as_f64().unwrap_or(0.0);
        let more = (cards as f64 - 1_000.0).max(1.0);
        (of(&many) - of(&few)) / more
    };
    println!(
        "{cards} cards that wait: {:.0} bytes each while one is under way ({:.0} MiB in all), {:.0} at the peak",
        grown("after"),
        many["after"].as_f64().unwrap_or(0.0) / 1_048_576.0,
        grown("peak"),
    );
}
