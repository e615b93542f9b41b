//! `orket phases`: bug-fix phases. They are kept in a database that several processes may write, so a
//! command acts on it whether or not somebody owns the data folder; only a living owner removes
//! sandboxes and writes the log, within a minute.

use std::process::ExitCode;

use orket_core::phase::{Begun, Moment, Phase, Todo};
use orket_webhook::phases::PhaseError;
use serde_json::json;

use super::gates::user;
use crate::cli::args::{PhasesArgs, PhasesCommand};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{out, report};
use crate::owner::host::wall_ms;
use crate::phases::{CarryError, Parts, Phases};

pub async fn run(context: Context, args: PhasesArgs) -> Result<ExitCode, Failure> {
    let phases = Phases::new(Parts {
        folder: context.folder.database_folder(),
        root: context.cwd.clone(),
        reader: context.reader()?,
        sandboxes: None,
        emit: None,
    });
    let outcome = obey(&context, &phases, args.command.unwrap_or_default()).await;
    phases.close().await;
    outcome?;
    Ok(ExitCode::SUCCESS)
}

async fn obey(context: &Context, phases: &Phases, command: PhasesCommand) -> Result<(), Failure> {
    match command {
        PhasesCommand::List => list(context, phases).await,
        PhasesCommand::Show { rock } => {
            let phase = phases.find(&rock).await?;
            tell(context, &phase, &described(&phase));
            Ok(())
        }
        PhasesCommand::Start { rock } => {
            let (phase, words) = match phases.start(&rock, wall_ms()).await? {
                Begun::New(phase) => {
                    let words = format!(
                        "the bug-fix phase of {} runs until {}\n",
                        phase.rock_id,
                        shown(phase.scheduled_end)
                    );
                    (phase, words)
                }
                Begun::Live(phase) => {
                    let words = format!(
                        "the bug-fix phase of {} runs already, until {}; nothing is changed\n",
                        phase.rock_id,
                        shown(phase.scheduled_end)
                    );
                    (phase, words)
                }
            };
            tell(context, &phase, &words);
            Ok(())
        }
        PhasesCommand::End { rock } => {
            let phase = phases.end(&rock, wall_ms()).await?;
            tell(context, &phase, &ended(&phase));
            Ok(())
        }
        PhasesCommand::Abort { rock, by, reason } => {
            let by = by.unwrap_or_else(user);
            let reason = reason.unwrap_or_default();
            let phase = phases.abort(&rock, &by, &reason, wall_ms()).await?;
            let words = format!(
                "the bug-fix phase of {} is aborted; nothing follows\n",
                phase.rock_id
            );
            tell(context, &phase, &words);
            Ok(())
        }
    }
}

async fn list(context: &Context, phases: &Phases) -> Result<(), Failure> {
    let all = phases.list().await?;
    for damaged in &all.damaged {
        out::warn(&format!("warning: {damaged}"));
    }
    if context.json {
        out::json(&json!({"phases": all.phases}));
        return Ok(());
    }
    if all.phases.is_empty() {
        out::print("there is no bug-fix phase; one starts when a rock is done\n");
        return Ok(());
    }
    let rows = all.phases.iter().map(row).collect();
    out::print(&report::table(
        &[
            "rock", "status", "ends", "days", "bugs", "critical", "a day", "phase 2",
        ],
        rows,
    ));
    Ok(())
}

fn row(phase: &Phase) -> Vec<String> {
    let metrics = &phase.metrics;
    vec![
        phase.rock_id.clone(),
        phase.status.to_string(),
        shown(phase.actual_end.unwrap_or(phase.scheduled_end)),
        format!(
            "{} of {}",
            phase.current_duration_days, phase.max_duration_days
        ),
        metrics.total_bugs.to_string(),
        metrics.critical_bugs.to_string(),
        format!("{:.1}", metrics.discovery_rate),
        phase.phase2_rock_id.clone().unwrap_or("-".to_owned()),
    ]
}

fn described(phase: &Phase) -> String {
    let metrics = &phase.metrics;
    let mut text = format!(
        "bug-fix phase of {}: {}\nbegan {}, ",
        phase.rock_id,
        phase.status,
        shown(phase.started_at)
    );
    text.push_str(&match phase.actual_end {
        Some(end) => format!("ended {}\n", shown(end)),
        None => format!("ends {}\n", shown(phase.scheduled_end)),
    });
    text.push_str(&format!(
        "{} days, {} at first, {} at most\n{} bugs, {} critical; {:.1} a day; {} found and {} fixed on the day of the last look\n",
        phase.current_duration_days,
        phase.initial_duration_days,
        phase.max_duration_days,
        metrics.total_bugs,
        metrics.critical_bugs,
        metrics.discovery_rate,
        metrics.bugs_found_today,
        metrics.bugs_fixed_today,
    ));
    text.push_str(&format!(
        "more than {:.1} a day, or more than {} critical ones, extend it\n",
        metrics.high_rate_threshold, metrics.critical_threshold
    ));
    if !phase.bug_issue_ids.is_empty() {
        text.push_str(&format!("bugs: {}\n", phase.bug_issue_ids.join(", ")));
    }
    for extension in &phase.extensions {
        text.push_str(&format!(
            "{}: {} days more, because {}\n",
            extension.date, extension.added_days, extension.reason
        ));
    }
    if let Some(aborted) = &phase.orket.aborted {
        text.push_str(&format!("aborted {aborted}\n"));
    }
    text + &follows(phase)
}

fn ended(phase: &Phase) -> String {
    format!("the bug-fix phase of {} is over\n", phase.rock_id) + &follows(phase)
}

/// What comes after it, and what of that is not done yet.
fn follows(phase: &Phase) -> String {
    let mut text = String::new();
    let todo = &phase.orket.todo;
    let is_written = !todo
        .iter()
        .any(|todo| matches!(todo, Todo::WriteRock { .. }));
    if let Some(second) = &phase.phase2_rock_id
        && is_written
    {
        text.push_str(&format!(
            "what was open is rock {second}: orket run --rock {second}\n"
        ));
    }
    for todo in todo {
        let what = match todo {
            Todo::WriteRock { .. } => "the rock of the open bugs is to be written",
            Todo::RemoveSandbox { .. } => {
                "the sandbox is to be removed, which an owner (orket serve) does within a minute"
            }
        };
        text.push_str(what);
        if let Some(problem) = todo.problem() {
            text.push_str(&format!("; the last time: {problem}"));
        }
        text.push('\n');
    }
    text
}

fn tell(context: &Context, phase: &Phase, words: &str) {
    if context.json {
        out::json(phase);
    } else {
        out::print(words);
    }
}

/// To the minute, UTC.
fn shown(moment: Moment) -> String {
    let text = moment.to_string();
    let minute = text.get(..16).unwrap_or(&text);
    format!("{} UTC", minute.replace('T', " "))
}

impl From<CarryError> for Failure {
    fn from(error: CarryError) -> Self {
        let text = error.to_string();
        match error {
            CarryError::Phase(PhaseError::Unknown(_)) => Self::new("E_NOT_FOUND", text)
                .hint("orket phases lists those there are; orket phases start ROCK starts one"),
            CarryError::Phase(PhaseError::NotLive(_)) => {
                Self::new("E_PHASE_OVER", text).hint("orket phases start ROCK starts another one")
            }
            CarryError::Phase(PhaseError::Damaged { .. }) => Self::new("E_PHASE_DAMAGED", text)
                .hint("its row is in bug_fix_phases of webhook.db and was left as it is"),
            CarryError::Phase(PhaseError::Name(_)) => Self::usage(text),
            CarryError::NoRock { .. } => {
                Self::new("E_NOT_FOUND", text).hint("orket board shows the rocks")
            }
            CarryError::Rules(_) => {
                Self::new("E_CONFIG", text).hint("correct process_rules in the organization asset")
            }
            CarryError::Assets(_) => Self::new("E_ASSETS", text),
            CarryError::Phase(PhaseError::Store(_))
            | CarryError::Store(_)
            | CarryError::Journal(_) => Self::new("E_STORAGE", text),
            CarryError::Broke(_) => Self::new("E_INTERNAL", text),
        }
    }
}
