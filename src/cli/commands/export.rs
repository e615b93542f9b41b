//! `orket export RUN`: the files of a run under `observability/`, again, from the journal; with
//! `--gitea` into a repository of Gitea too.

use std::process::ExitCode;
use std::sync::Arc;

use orket_actors::port::record::TurnRecord;
use orket_core::plan::ArtifactMode;
use orket_gitea::Exported;

use crate::artifacts;
use crate::cli::args::ExportArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::gitea_export;
use crate::owner::ports::{Records, RecordsError};
use crate::owner::service::{Refusal, resolve_run};

pub fn run(context: &Context, args: &ExportArgs) -> Result<ExitCode, Failure> {
    let records = context.records()?;
    let row = resolve_run(records.as_ref(), &args.run)?;
    let plan = records
        .plan(&row.run_id)?
        .ok_or_else(|| Refusal::unknown_run(&row.run_id))?;
    let workspace: Arc<str> = match &args.to {
        Some(folder) => Arc::from(context.cwd.join(folder).display().to_string()),
        None => Arc::from(plan.workspace.as_str()),
    };
    let attempts = records.attempts(&row.run_id, None)?;
    let mut unreadable = None;
    // One attempt in memory at a time.
    let turns = attempts
        .into_iter()
        .filter(|attempt| attempt.ended_ms.is_some())
        .map_while(|attempt| {
            let read = || -> Result<TurnRecord, RecordsError> {
                Ok(TurnRecord {
                    mode: ArtifactMode::Full,
                    workspace: Arc::clone(&workspace),
                    run_id: row.run_id.clone(),
                    issue_id: attempt.issue_id.clone(),
                    role: attempt.role.clone(),
                    turn: attempt.turn,
                    attempt: attempt.attempt,
                    ended_ms: attempt.ended_ms.unwrap_or(attempt.started_ms),
                    plan: Some(Arc::clone(&plan)),
                    steps: Records::steps(records.as_ref(), attempt.row)?,
                })
            };
            match read() {
                Ok(record) => Some(record),
                Err(error) => {
                    unreadable = Some(error);
                    None
                }
            }
        });
    let report = artifacts::export(turns);
    if let Some(error) = unreadable {
        return Err(error.into());
    }
    for (folder, reason) in &report.failed {
        out::warn(&format!("{folder}: {reason}"));
    }
    let gitea = match args.gitea {
        true => Some(to_gitea(context, &row.run_id)?),
        false => None,
    };
    if context.json {
        let mut told = serde_json::json!({
            "run_id": row.run_id, "workspace": &*workspace, "export": report
        });
        if let (Some(told), Some(exported)) = (told.as_object_mut(), &gitea) {
            told.insert("gitea_export".to_owned(), serde_json::json!(exported));
        }
        out::json(&told);
    } else {
        out::print(&format!(
            "{} turns, {} files below {workspace}/observability/{}\n",
            report.turns, report.files, row.run_id
        ));
        if let Some(exported) = &gitea {
            out::print(&format!("{}\n", exported.url));
        }
    }
    Ok(if report.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

/// Pushes the run's files into the repository that is set up, whether or not each run is exported.
fn to_gitea(context: &Context, run_id: &str) -> Result<Exported, Failure> {
    let settings = &context.settings;
    let exporter = gitea_export::exporter(settings)
        .map_err(|problem| Failure::new("E_CONFIG", problem).hint("see docs/GITEA_SETUP.md"))?;
    let reader = context.reader()?;
    let row = reader
        .map(|reader| reader.session(run_id))
        .transpose()
        .map_err(|error| Failure::new("E_STORAGE", error.to_string()))?
        .flatten()
        .ok_or_else(|| Refusal::unknown_run(run_id))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("E_START", error.to_string()))?;
    let exporting = gitea_export::export(&exporter, row, &settings.durable_root);
    runtime
        .block_on(exporting)
        .map_err(|problem| Failure::new("E_GITEA", problem))
}
