//! The scenarios and their figures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use orket::system::{System, SystemOptions};
use orket_actors::runtime::{NewRun, Shutdown};
use orket_core::asset::{Library, MemorySource};
use orket_core::ids::{BuildId, RunId};
use orket_core::plan::ArtifactMode;
use orket_core::plan_build::{PlanRequest, PlanSettings, build};
use orket_core::tool_catalogue::catalogue;
use serde_json::{Value, json};

/// What a child process is asked to measure.
#[derive(Clone)]
struct Case {
    cards: usize,
    mode: ArtifactMode,
    delay_ms: u64,
    permits: usize,
}

/// What it found.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    seconds: f64,
    cards_per_second: f64,
    steps: u64,
    steps_per_second: f64,
    peak_mib: f64,
    /// Seconds for cards 50..150 and for the 100 before the last 50.
    early_s: f64,
    late_s: f64,
    /// Processor time of the whole process from the run's start to its end, microseconds a card.
    cpu_us: f64,
}

/// How often ours and the plain loops are measured in turn.
const PLAIN_ROUNDS: usize = 5;

pub fn main() -> i32 {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        args.iter()
            .position(|a| a == name)
            .and_then(|at| args.get(at + 1).cloned())
    };
    if let Some(case) = value("--case") {
        return child(&case);
    }
    let cards: usize = value("--cards")
        .and_then(|n| n.parse().ok())
        .unwrap_or(1_000);
    let floor: f64 = value("--floor").and_then(|n| n.parse().ok()).unwrap_or(0.7);
    let only = value("--only");
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let mut missed = Vec::new();
    println!(
        "{:<28} {:>8} {:>9} {:>9} {:>10} {:>9} {:>11}",
        "case", "cards", "seconds", "cards/s", "steps/s", "peak MiB", "cpu us/card"
    );
    for (name, mode, bar) in [
        ("checkpoint", ArtifactMode::Checkpoint, Some(3_000.0)),
        ("none", ArtifactMode::None, Some(4_000.0)),
        ("full", ArtifactMode::Full, None),
    ] {
        if !wanted(name) {
            continue;
        }
        let case = Case {
            cards,
            mode,
            delay_ms: 0,
            permits: 256,
        };
        let figures = measure(name, &case);
        if mode == ArtifactMode::Full {
            let ratio = against_plain_loops(name, &case, figures);
            if ratio < floor {
                missed.push(format!(
                    "full is {ratio:.2} of the plain loops, {floor} wanted"
                ));
            }
        }
        if let Some(bar) = bar {
            let reached = figures.cards_per_second >= bar;
            let word = if reached { "reached" } else { "missed" };
            println!("  bar {bar} cards/s on two cores that do nothing else: {word}");
        }
        if figures.peak_mib > 250.0 {
            missed.push(format!("{name} peaked at {:.0} MiB", figures.peak_mib));
        }
    }
    if wanted("delay") {
        let figures = measure(
            "delay 1 s, 1000 permits",
            &Case {
                cards,
                mode: ArtifactMode::Checkpoint,
                delay_ms: 1_000,
                permits: 1_000,
            },
        );
        let waves = cards.div_ceil(1_000) as f64;
        let critical = 2.0 * waves;
        let ratio = figures.seconds / critical;
        println!("  critical path {critical:.1} s; ratio {ratio:.2} (bar 1.25)");
        if ratio > 1.25 {
            missed.push(format!("delayed run took {ratio:.2} of the critical path"));
        }
        if figures.peak_mib > 250.0 {
            missed.push(format!("delay peaked at {:.0} MiB", figures.peak_mib));
        }
    }
    if wanted("large") {
        let figures = measure(
            "large, checkpoint",
            &Case {
                cards: 10_000,
                mode: ArtifactMode::Checkpoint,
                delay_ms: 0,
                permits: 256,
            },
        );
        let ratio = figures.late_s / figures.early_s;
        println!("  cost of a step at card 10,000 over card 100: {ratio:.2} (bar 1.10)");
        if ratio > 1.10 {
            missed.push(format!("a late step costs {ratio:.2} of an early one"));
        }
    }
    clean_up();
    for miss in &missed {
        eprintln!("missed: {miss}");
    }
    i32::from(args.iter().any(|a| a == "--assert") && !missed.is_empty())
}

/// Runs a case in a process of its own, so that its memory is its own.
fn measure(name: &str, case: &Case) -> Figures {
    // What an earlier case left to the disk must not be written while this one is timed.
    rustix::fs::sync();
    let text = format!(
        "{},{},{},{}",
        case.cards, case.mode, case.delay_ms, case.permits
    );
    let output = std::process::Command::new(std::env::current_exe().expect("an executable"))
        .args(["--case", &text])
        .stderr(std::process::Stdio::inherit())
        .output()
        .expect("runs");
    assert!(output.status.success(), "case {name} failed");
    let found: Value = serde_json::from_slice(&output.stdout).expect("figures");
    let number = |field: &str| found[field].as_f64().unwrap_or(0.0);
    let figures = Figures {
        seconds: number("seconds"),
        cards_per_second: number("cards_per_second"),
        steps: found["steps"].as_u64().unwrap_or(0),
        steps_per_second: number("steps_per_second"),
        peak_mib: number("peak_mib"),
        early_s: number("early_s"),
        late_s: number("late_s"),
        cpu_us: number("cpu_us"),
    };
    println!(
        "{name:<28} {:>8} {:>9.2} {:>9.0} {:>10.0} {:>9.0} {:>11.0}",
        case.cards,
        figures.seconds,
        figures.cards_per_second,
        figures.steps_per_second,
        figures.peak_mib,
        figures.cpu_us
    );
    if std::env::var_os("ORKET_BENCH_THREADS").is_some() {
        for (thread, us) in found["threads"].as_object().into_iter().flatten() {
            println!(
                "  {thread:<26} {:>9.1} us of a processor a card",
                us.as_f64().unwrap_or(0.0)
            );
        }
    }
    figures
}

fn child(text: &str) -> i32 {
    let mut parts = text.split(',');
    let mut next = || parts.next().expect("a part").to_owned();
    let case = Case {
        cards: next().parse().expect("a count"),
        mode: next().parse().expect("a mode"),
        delay_ms: next().parse().expect("a delay"),
        permits: next().parse().expect("a number"),
    };
    let (figures, threads) = run(&case);
    println!(
        "{}",
        json!({
            "seconds": figures.seconds, "cards_per_second": figures.cards_per_second, "steps": figures.steps,
            "steps_per_second": figures.steps_per_second, "peak_mib": figures.peak_mib,
            "early_s": figures.early_s, "late_s": figures.late_s, "cpu_us": figures.cpu_us,
            "threads": threads,
        })
    );
    0
}

/// A folder that stays until the bench is over: ext4 searches long for a free inode in the seconds
/// after many files were deleted, which would be measured as ours.
fn folder() -> PathBuf {
    // Beside the build's output: on the disk, not on a memory file system.
    let base = std::env::var_os("ORKET_BENCH_DIR").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned(),
        PathBuf::from,
    );
    let base = base.join("epics-bench");
    std::fs::create_dir_all(&base).expect("a folder");
    tempfile::TempDir::new_in(base).expect("a folder").keep()
}

fn clean_up() {
    let probe = folder();
    if let Some(base) = probe.parent() {
        let _ = std::fs::remove_dir_all(base);
    }
}

fn assets(case: &Case) -> (MemorySource, String) {
    let issues: Vec<Value> = (0..case.cards)
        .map(|n| {
            json!({"id": format!("C-{n}"), "summary": format!("Write file {n}"), "seat": "coder",
                   "params": {"required_write_paths": [format!("agent_output/f{n}.txt")]}})
        })
        .collect();
    let scenario = json!({
        "name": "bench",
        "replies": [
            {"when": {"role": "coder"},
             "calls": [
                {"tool": "write_file", "args": {"path": "agent_output/{{file}}", "content": "made by {{issue_id}}\n".repeat(20)}},
                {"tool": "update_issue_status", "args": {"status": "code_review"}}
             ],
             "first_chunk_delay_ms": case.delay_ms, "chunk_chars": 100_000,
             "usage": {"prompt_tokens": 400, "output_tokens": 120}},
        ],
        "default": {"calls": [{"tool": "update_issue_status", "args": {"status": "done"}}],
             "first_chunk_delay_ms": case.delay_ms, "chunk_chars": 100_000,
             "usage": {"prompt_tokens": 500, "output_tokens": 30}},
    })
    .to_string()
    // Cards are named C-<n>, their files after them.
    .replace("{{file}}", "f-{{issue_id}}.txt");
    let issues: Vec<Value> = issues
        .into_iter()
        .enumerate()
        .map(|(n, mut issue)| {
            issue["params"]["required_write_paths"] = json!([format!("agent_output/f-C-{n}.txt")]);
            issue
        })
        .collect();
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("model/core");
    let mut source = MemorySource::default();
    for (category, name) in [
        ("teams", "standard"),
        ("roles", "requirements_analyst"),
        ("roles", "architect"),
        ("roles", "coder"),
        ("roles", "code_reviewer"),
        ("roles", "integrity_guard"),
        ("dialects", "generic"),
    ] {
        let text = std::fs::read_to_string(core.join(category).join(format!("{name}.json")))
            .expect("a shipped asset");
        source = source.with(&format!("model/core/{category}/{name}.json"), text);
    }
    source = source
        .with(
            "model/core/environments/bench.json",
            json!({"name": "bench", "model": "scripted:bench"}).to_string(),
        )
        .with("model/core/scenarios/bench.json", scenario.clone())
        .with(
            "model/core/epics/bench.json",
            json!({"name": "Bench", "team": "standard", "environment": "bench", "issues": issues})
                .to_string(),
        );
    (source, scenario)
}

fn run(case: &Case) -> (Figures, BTreeMap<String, f64>) {
    let root = folder();
    let workspace = root.join("workspace");
    let (source, scenario) = assets(case);
    let library = Library::new(source);
    let settings = PlanSettings {
        artifacts: case.mode,
        ..PlanSettings::default()
    };
    let built = build(
        &library,
        &PlanRequest {
            epic: "bench".to_owned(),
            department: "core".to_owned(),
            run_id: RunId::new("bench-run").expect("an id"),
            build_id: BuildId::new("bench-build").expect("an id"),
            workspace: workspace.to_string_lossy().into_owned(),
            target: None,
            model_override: None,
            rock: None,
        },
        &settings,
        &catalogue(),
    )
    .unwrap_or_else(|errors| panic!("{errors}"));
    drop(library);
    let mut options = SystemOptions::new(
        &root.join("durable"),
        &workspace,
        Arc::new(move |_: &str| Ok(scenario.clone())),
    );
    options.actors.max_turns = Some(case.permits);
    actix_rt::System::new().block_on(async move {
        let system = System::start(options).await.expect("starts");
        let mut events = system.runtime.subscribe();
        let begin = Instant::now();
        // Steps settle at their own pace: the time at which each card settled is taken from events.
        let trace = std::env::var_os("ORKET_BENCH_TRACE").is_some();
        let counting = actix_rt::spawn(async move {
            let mut buckets: BTreeMap<(u128, String), u32> = BTreeMap::new();
            let mut settled: Vec<Duration> = Vec::new();
            loop {
                let event = events.recv().await;
                if trace && let Ok(event) = &event {
                    *buckets
                        .entry((begin.elapsed().as_millis() / 100, event.event.clone()))
                        .or_default() += 1;
                    if event.event == "session_end" {
                        for ((at, name), count) in &buckets {
                            eprintln!("{:>6} ms {name:<28} {count}", at * 100);
                        }
                    }
                }
                match event {
                    Ok(event) if event.event == "card_status" && event.data["to"] == "done" => {
                        settled.push(begin.elapsed())
                    }
                    Ok(event) if event.event == "session_end" => return settled,
                    Ok(_) => {}
                    Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                    Err(tokio::sync::broadcast::error::RecvError::Closed) => return settled,
                }
            }
        });
        let before = processor_seconds();
        let run = system
            .runtime
            .start_run(NewRun {
                plan: built.plan,
                cards: built.cards,
            })
            .await
            .expect("started");
        let report = system.runtime.wait(run).await.expect("a report");
        let seconds = begin.elapsed().as_secs_f64();
        let each = |seconds: f64| seconds * 1e6 / case.cards as f64;
        let cpu_us = each(processor_seconds() - before);
        let threads = threads()
            .into_iter()
            .map(|(name, seconds)| (name, each(seconds)))
            .collect();
        assert_eq!(
            report.status,
            "done",
            "{:?}",
            report.cards.iter().find(|card| card.status != "done")
        );
        let settled = counting.await.expect("counted");
        let steps = system.reader().count_steps().expect("counted");
        system.stop(Shutdown::Graceful).await.expect("stops");
        let (early_s, late_s) = early_and_late(&settled);
        (
            Figures {
                seconds,
                cards_per_second: case.cards as f64 / seconds,
                steps,
                steps_per_second: steps as f64 / seconds,
                peak_mib: peak_mib(),
                early_s,
                late_s,
                cpu_us,
            },
            threads,
        )
    })
}

/// Time for a tenth of the cards, early (from the first tenth on) and at the end.
fn early_and_late(settled: &[Duration]) -> (f64, f64) {
    let tenth = settled.len() / 10;
    if tenth < 2 {
        return (0.0, 0.0);
    }
    let span = |from: usize, to: usize| match (settled.get(from), settled.get(to)) {
        (Some(a), Some(b)) => b.saturating_sub(*a).as_secs_f64(),
        _ => 0.0,
    };
    let last = settled.len() - 1 - tenth / 4;
    (span(tenth, 2 * tenth), span(last - tenth, last))
}

/// Processor time of the process so far, ended threads included; Linux counts it in hundredths.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    ticks
        .skip(11)
        .take(2)
        .filter_map(|it| it.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// Processor time so far of the threads of each name; numbers at the end of a name are left out.
fn threads() -> BTreeMap<String, f64> {
    let mut seconds = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten()
    {
        let read = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let name = read("comm")
            .trim()
            .trim_end_matches(|c: char| c.is_ascii_digit())
            .to_owned();
        let ran = read("schedstat")
            .split(' ')
            .next()
            .and_then(|ns| ns.parse::<f64>().ok());
        *seconds.entry(name).or_default() += ran.unwrap_or(0.0) / 1e9;
    }
    seconds
}

fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| {
            rest.trim()
                .trim_end_matches("kB")
                .trim()
                .parse::<f64>()
                .ok()
        })
        .unwrap_or(0.0)
        / 1_024.0
}

/// Rounds of ours, a plain loop, and two plain loops side by side, in turn, since a disk changes its
/// pace from one second to the next. Returns the median of the rounds' ratios of ours to the loops that are
/// as many as the threads that write ours.
fn against_plain_loops(name: &str, case: &Case, first: Figures) -> f64 {
    // Sizes as one card of a real full run leaves them.
    let sizes = sample_files(&Case {
        cards: 8,
        permits: 8,
        ..case.clone()
    });
    let (mut one, mut to_one, mut two, mut to_two) = (vec![], vec![], vec![], vec![]);
    let mut ours = first.cards_per_second;
    for round in 0..PLAIN_ROUNDS {
        if round > 0 {
            ours = measure(name, case).cards_per_second;
        }
        let single = plain_loops(1, case.cards, &sizes);
        let double = plain_loops(2, case.cards, &sizes);
        one.push(single);
        to_one.push(ours / single);
        two.push(double);
        to_two.push(ours / double);
    }
    let ratio = median(to_two);
    println!(
        "  {} files a card; two plain loops that write them, as many as threads write ours: {:.0} cards/s; ratio {ratio:.2} (bar 0.7)",
        sizes.len(),
        median(two)
    );
    println!(
        "  one such loop: {:.0} cards/s; ratio {:.2}",
        median(one),
        median(to_one)
    );
    ratio
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}

/// Writes, with so many threads and nothing else, the files that a full run of `cards` leaves: as
/// many, as large, in as many folders. Returns cards a second.
fn plain_loops(threads: usize, cards: usize, sizes: &[(String, String, usize)]) -> f64 {
    let root = folder();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let root = &root;
            scope.spawn(move || {
                for card in (thread..cards).step_by(threads) {
                    for (folder, name, size) in sizes {
                        let folder = root.join(format!("c{card}")).join(folder);
                        std::fs::create_dir_all(&folder).expect("a folder");
                        let temporary = folder.join(format!(".{name}"));
                        std::fs::write(&temporary, vec![b'x'; *size]).expect("written");
                        std::fs::rename(&temporary, folder.join(name)).expect("renamed");
                    }
                }
            });
        }
    });
    cards as f64 / begin.elapsed().as_secs_f64()
}

/// Folder, name and size of every file of one card of a full run.
fn sample_files(case: &Case) -> Vec<(String, String, usize)> {
    let root = folder();
    let workspace = root.join("workspace");
    let (source, scenario) = assets(case);
    let library = Library::new(source);
    let settings = PlanSettings {
        artifacts: case.mode,
        ..PlanSettings::default()
    };
    let request = PlanRequest {
        epic: "bench".to_owned(),
        department: "core".to_owned(),
        run_id: RunId::new("bench-run").expect("an id"),
        build_id: BuildId::new("bench-build").expect("an id"),
        workspace: workspace.to_string_lossy().into_owned(),
        target: None,
        model_override: None,
        rock: None,
    };
    let built = build(&library, &request, &settings, &catalogue())
        .unwrap_or_else(|errors| panic!("{errors}"));
    let options = SystemOptions::new(
        &root.join("durable"),
        &workspace,
        Arc::new(move |_: &str| Ok(scenario.clone())),
    );
    actix_rt::System::new().block_on(async move {
        let system = System::start(options).await.expect("starts");
        let run = system
            .runtime
            .start_run(NewRun {
                plan: built.plan,
                cards: built.cards,
            })
            .await
            .expect("started");
        system.runtime.wait(run).await.expect("a report");
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
    let card = workspace.join("observability/bench-run/C-0");
    let mut files = vec![("agent_output".to_owned(), "f.txt".to_owned(), 420)];
    for turn in std::fs::read_dir(card).expect("turns").flatten() {
        for file in std::fs::read_dir(turn.path()).expect("files").flatten() {
            let size = file
                .metadata()
                .map_or(0, |data| usize::try_from(data.len()).unwrap_or(0));
            files.push((
                turn.file_name().to_string_lossy().into_owned(),
                file.file_name().to_string_lossy().into_owned(),
                size,
            ));
        }
    }
    files
}
