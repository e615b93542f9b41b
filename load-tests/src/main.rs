//! Load scenarios for Orket.
//!
//! Today one: `epics` runs a generated epic on the scripted model through the real binary, checks
//! that every card ended done, and reports cards a second. Further scenarios come with the API.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use clap::{Parser, Subcommand};
use serde_json::{Value, json};

#[derive(Parser)]
#[command(name = "orket-load", version, about = "Load scenarios for Orket")]
struct Args {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Runs a generated epic of two-turn cards that write one file each.
    Epics {
        /// The binary to run.
        #[arg(long, default_value = "target/release/orket")]
        orket: PathBuf,
        /// How many cards.
        #[arg(long, default_value_t = 1_000)]
        cards: u32,
        /// How long the scripted model takes for each reply, in milliseconds.
        #[arg(long, default_value_t = 0)]
        delay_ms: u64,
        /// How many turns may be under way at once.
        #[arg(long, default_value_t = 256)]
        turns: u32,
        /// The folder to work in; it must be empty or not exist.
        #[arg(long)]
        folder: PathBuf,
        /// Write the figures here too.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let Scenario::Epics {
        orket,
        cards,
        delay_ms,
        turns,
        folder,
        out,
    } = Args::parse().scenario;
    match epics(&orket, cards, delay_ms, turns, &folder) {
        Ok(figures) => {
            let text = format!("{figures:#}");
            if let Some(out) = out
                && let Err(error) = std::fs::write(&out, &text)
            {
                eprintln!("error: {} cannot be written: {error}", out.display());
                return ExitCode::FAILURE;
            }
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn epics(
    orket: &Path,
    cards: u32,
    delay_ms: u64,
    turns: u32,
    folder: &Path,
) -> Result<Value, String> {
    let orket = orket.canonicalize().map_err(|error| {
        format!(
            "{} is not there ({error}); build it with `cargo build --release`",
            orket.display()
        )
    })?;
    if folder
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some())
    {
        return Err(format!(
            "{} is not empty; name a new folder",
            folder.display()
        ));
    }
    write_assets(folder, cards, delay_ms)?;
    let begin = Instant::now();
    let output = Command::new(&orket)
        .args(["--epic", "load", "--json"])
        .current_dir(folder)
        .env("ORKET_MAX_CONCURRENT_TURNS", turns.to_string())
        .env("ORKET_ARTIFACTS", "checkpoint")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|error| format!("{} did not start: {error}", orket.display()))?;
    let seconds = begin.elapsed().as_secs_f64();
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("the run left no report: {error}"))?;
    let done = report["cards"].as_array().map_or(0, |cards| {
        cards.iter().filter(|card| card["status"] == "done").count()
    });
    if u32::try_from(done) != Ok(cards) {
        return Err(format!(
            "{done} of {cards} cards are done; see {}",
            folder.display()
        ));
    }
    Ok(json!({
        "version": 1, "scenario": "epics", "cards": cards, "delay_ms": delay_ms, "turns": turns,
        "seconds": seconds, "cards_per_second": f64::from(cards) / seconds,
    }))
}

fn write_assets(folder: &Path, cards: u32, delay_ms: u64) -> Result<(), String> {
    let issues: Vec<Value> = (0..cards)
        .map(|n| {
            json!({"id": format!("C-{n}"), "summary": format!("Write file {n}"), "seat": "coder",
                   "params": {"required_write_paths": [format!("agent_output/C-{n}.txt")]}})
        })
        .collect();
    let calls = json!([
        {"tool": "write_file", "args": {"path": "agent_output/{{issue_id}}.txt", "content": "made by {{issue_id}}\n"}},
        {"tool": "update_issue_status", "args": {"status": "code_review"}}
    ]);
    let scenario = json!({
        "name": "load",
        "replies": [{"when": {"role": "coder"}, "calls": calls, "first_chunk_delay_ms": delay_ms}],
        "default": {"calls": [{"tool": "update_issue_status", "args": {"status": "done"}}], "first_chunk_delay_ms": delay_ms},
    });
    let epic = json!({"name": "Load", "team": "standard", "environment": "load", "issues": issues});
    for (category, value) in [
        ("epics", epic),
        ("scenarios", scenario),
        (
            "environments",
            json!({"name": "load", "model": "scripted:load"}),
        ),
    ] {
        let path = folder.join("config").join(category).join("load.json");
        let parent = folder.join("config").join(category);
        std::fs::create_dir_all(&parent)
            .and_then(|()| std::fs::write(&path, value.to_string()))
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    }
    Ok(())
}
