//! `orket sweep run`: measures models and quantizations, one run at a time.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use orket_sweep::harness::HarnessError;
use orket_sweep::harness::bench::{Bench, BenchError};
use orket_sweep::harness::dry_run;
use orket_sweep::harness::machine::Machine;
use orket_sweep::harness::sweep::{Ended, Progress, Sweep};
use orket_sweep::harness::template::TemplateBench;
use orket_sweep::presets;
use orket_sweep::settings::{MatrixConfig, Settings, SettingsError};
use orket_sweep::summary::Summary;

use crate::cli::args::sweep::{MatrixArgs, SweepRunArgs};
use crate::cli::assemble;
use crate::cli::context::Context;
use crate::cli::failure::{Failure, INTERRUPTED};
use crate::cli::{on_system, out};
use crate::owner::signals::Signals;
use crate::sweep::{BenchOptions, RuntimeBench, StartError};
use crate::tools::child::sandbox::SandboxOptions;

/// See the file's head.
pub fn run(context: &Context, args: &SweepRunArgs) -> Result<ExitCode, Failure> {
    let settings = settings(&args.matrix)?;
    let machine = Machine::here(&context.cwd);
    if args.dry_run {
        out::json(&dry_run::of(&settings, &machine).map_err(failure)?);
        return Ok(ExitCode::SUCCESS);
    }
    let ended = on_system_value(measure(context, &settings, &machine, args.resume))?;
    match ended {
        Ended::Canary(canary) => {
            out::json(&serde_json::json!({"canary": canary}));
            out::warn(
                "error[E_SWEEP_CANARY]: the machine is not still enough: runs of the same task differ",
            );
            out::warn(
                "hint: stop what else runs here, warm the model up (--warmup-steps), try again",
            );
            Ok(ExitCode::from(1))
        }
        Ended::Done(summary) => {
            if context.json {
                out::json(&summary);
            } else {
                out::print(&told(&summary, &settings));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Flags over the matrix file, over the preset, over the defaults.
pub fn settings(args: &MatrixArgs) -> Result<Settings, Failure> {
    let file = match &args.matrix_config {
        Some(name) => matrix(name)?,
        None => MatrixConfig::default(),
    };
    let preset = match &args.preset {
        Some(name) => preset(name)?,
        None => MatrixConfig::default(),
    };
    let config = args.given().over(file).over(preset);
    Settings::resolve(config).map_err(|error| {
        let hint = match &error {
            SettingsError::Empty(_) => {
                "orket sweep run --model-id qwen2.5-coder:7b --quant-tags Q8_0,Q6_K,Q4_K_M"
            }
            SettingsError::Range { .. }
            | SettingsError::Twice { .. }
            | SettingsError::NoTasks(..) => "orket sweep run --help",
        };
        Failure::usage(error.to_string()).hint(hint)
    })
}

fn preset(name: &str) -> Result<MatrixConfig, Failure> {
    presets::matrix(name).ok_or_else(|| {
        let known: Vec<&str> = presets::names().collect();
        Failure::usage(format!(
            "there is no preset `{name}`; known: {}",
            known.join(", ")
        ))
        .hint("orket sweep run --preset common --dry-run")
    })
}

fn matrix(name: &str) -> Result<MatrixConfig, Failure> {
    let text = std::fs::read_to_string(name).map_err(|error| {
        Failure::usage(format!("{name} cannot be read: {error}")).hint("orket sweep run --help")
    })?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("{name} is no sweep matrix: {error}"))
            .hint("docs/QUANT_SWEEP_RUNBOOK.md lists its keys")
    })
}

/// Runs work that has a value on an actix system.
pub fn on_system_value<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut value = None;
    on_system(async {
        value = Some(work.await?);
        Ok(ExitCode::SUCCESS)
    })?;
    value.ok_or_else(|| Failure::new("E_INTERNAL", "the sweep ended without a word"))
}

/// Does a sweep to its end, or until a signal comes; what is done is kept.
pub async fn measure(
    context: &Context,
    settings: &Settings,
    machine: &Machine,
    resume: bool,
) -> Result<Ended, Failure> {
    if let Some(bench) = TemplateBench::of(settings, context.cwd.clone()) {
        return sweep(settings, machine, resume, bench).await;
    }
    let options = BenchOptions {
        providers: assemble::provider_settings(&context.settings),
        scenarios: assemble::scenarios(&context.cwd),
        sandbox: SandboxOptions {
            allowance: context.settings.allowance.clone(),
            hidden: assemble::secrets(&context.settings, &context.cwd)
                .into_iter()
                .chain([context.folder.root().to_owned()])
                .collect(),
            ..SandboxOptions::default()
        },
        parser: std::env::current_exe().ok(),
    };
    let mut bench = RuntimeBench::start(options).await.map_err(not_started)?;
    let ended = sweep(settings, machine, resume, &mut bench).await;
    bench.stop().await;
    ended
}

async fn sweep<B: Bench>(
    settings: &Settings,
    machine: &Machine,
    resume: bool,
    bench: B,
) -> Result<Ended, Failure> {
    let mut signals = Signals::listen()
        .map_err(|error| Failure::new("E_SIGNALS", format!("cannot listen to signals: {error}")))?;
    let (mut done, mut total) = (0, 0);
    let mut progress = |step: &Progress| {
        (done, total) = (step.done, step.total);
        out::warn(&line(step));
    };
    let work = Sweep {
        settings,
        machine,
        resume,
        bench,
        progress: &mut progress,
    };
    let interrupted = tokio::select! {
        ended = work.run() => return ended.map_err(failure),
        name = signals.next() => name,
    };
    Err(Failure {
        exit: INTERRUPTED,
        ..Failure::new(
            "E_INTERRUPTED",
            format!(
                "{interrupted} after {done} of {total} runs, which are kept in {}",
                settings.out_dir
            ),
        )
    }
    .hint("the same command with --resume goes on"))
}

/// Where a sweep is, in a line of less than 80 columns.
fn line(step: &Progress) -> String {
    let adherence = step
        .adherence
        .map_or_else(|| "    –".to_owned(), |it| format!("{it:.3}"));
    let what = if step.kind == "canary" { "canary " } else { "" };
    let left = match (step.was_kept, step.left) {
        (true, _) => ", done before".to_owned(),
        (false, Some(left)) if step.done < step.total => format!(", {} left", span(left)),
        (false, _) => String::new(),
    };
    format!(
        "{}/{} {what}{} {} task {} run {}: adherence {adherence}{left}",
        step.done, step.total, step.model, step.quant, step.task, step.run
    )
}

fn span(left: Duration) -> String {
    match left.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..5_400 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// What a person reads at the end.
fn told(summary: &Summary, settings: &Settings) -> String {
    let mut text = String::new();
    for session in &summary.sessions {
        text.push_str(&format!("{}\n", session.model_id));
        for row in &session.per_quant {
            let number = |value: Option<f64>, unit: &str| {
                value.map_or_else(|| "unknown".to_owned(), |it| format!("{it}{unit}"))
            };
            let reasons: Vec<&str> = row
                .run_quality_reasons
                .iter()
                .map(|it| it.as_str())
                .collect();
            let why = if reasons.is_empty() {
                String::new()
            } else {
                format!(" ({})", reasons.join(", "))
            };
            text.push_str(&format!(
                "  {:<8} adherence {}, {}, {}, {}{why}\n",
                row.quant_tag,
                number(row.adherence_score, ""),
                number(row.total_latency, " s"),
                number(row.peak_memory_rss, " MiB"),
                row.run_quality_status.as_str(),
            ));
        }
        text.push_str(&format!("  {}\n", session.recommendation));
    }
    text.push_str(&format!("summary: {}\n", settings.summary_out));
    text.push_str(&format!(
        "next: orket sweep report --summary {}\n",
        settings.summary_out
    ));
    text
}

fn not_started(error: StartError) -> Failure {
    match error {
        StartError::System(error) => Failure::new("E_START", error.to_string()),
        StartError::Io(_) => Failure::new("E_START", error.to_string())
            .hint("look at free space and permissions of the folder for temporary files (TMPDIR)"),
    }
}

/// A sweep's trouble with its code.
pub fn failure(error: HarnessError) -> Failure {
    let text = error.to_string();
    match error {
        HarnessError::Bank(_) | HarnessError::Watch(_) | HarnessError::NoTasks(_) => {
            Failure::usage(text).hint("orket sweep run --help")
        }
        HarnessError::Naming(_) => {
            Failure::usage(text).hint("give a --model-template with {quant} or {tag} in it")
        }
        HarnessError::OtherPlan(_) => Failure::new("E_SWEEP_PLAN", text)
            .hint("give the flags of the first time, or another --out-dir, or leave --resume out"),
        HarnessError::NothingToResume(_) => Failure::new("E_SWEEP_PLAN", text)
            .hint("leave --resume out to begin, or name the folder with --out-dir"),
        HarnessError::Busy(_) => Failure::new("E_SWEEP_PLAN", text)
            .hint("wait until it is done, or name another --out-dir"),
        HarnessError::Foreign(_) => {
            Failure::new("E_SWEEP_PLAN", text).hint("name another --out-dir; nothing was touched")
        }
        HarnessError::Io { path, .. } => Failure::new("E_STORAGE", text).hint(format!(
            "look at free space and permissions of {}",
            shown(&path)
        )),
        HarnessError::Bench { cause, .. } => {
            let failure = Failure::new("E_SWEEP_RUN", text);
            match cause {
                BenchError::NoReply(_) => failure
                    .hint("see that its server runs and has the model; then --resume goes on"),
                BenchError::Failed(_) => {
                    failure.hint("--resume goes on with the runs that are left")
                }
            }
        }
    }
}

fn shown(path: &Path) -> String {
    path.parent().unwrap_or(path).display().to_string()
}
