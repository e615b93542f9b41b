//! `orket memory`: what a project remembers, read from its database. No owner is needed or disturbed.

use std::process::ExitCode;

use serde_json::json;

use crate::cli::args::{MemoryArgs, MemoryCommand, MemoryListArgs};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::memory::{FILE_NAME, Found, MemoryError, ProjectMemory};
use crate::owner::host::wall_ms;

/// The project whose memory is meant where none is named: that of the runs.
const SETTING: &str = "memory_project";

pub fn run(context: &Context, args: MemoryArgs) -> Result<ExitCode, Failure> {
    let project = args
        .project
        .or_else(|| context.settings.modes().remove(SETTING))
        .unwrap_or_else(|| orket_core::policy::DEFAULT_PROJECT.to_owned());
    match args.command.unwrap_or_default() {
        MemoryCommand::List(args) => show(context, &project, "", &args),
        MemoryCommand::Search { words, list } => show(context, &project, &words.join(" "), &list),
        MemoryCommand::Add { text } => add(context, &project, &text.join(" ")),
        MemoryCommand::Forget { id } => forget(context, &project, id),
    }
}

/// The memory, if there is one.
fn open(context: &Context) -> Result<Option<ProjectMemory>, Failure> {
    let folder = context.folder.database_folder();
    if !folder.join(FILE_NAME).exists() {
        return Ok(None);
    }
    ProjectMemory::open(&folder).map(Some).map_err(failed)
}

fn failed(error: MemoryError) -> Failure {
    Failure::new("E_STORAGE", error.to_string())
}

fn show(
    context: &Context,
    project: &str,
    words: &str,
    args: &MemoryListArgs,
) -> Result<ExitCode, Failure> {
    let memory = open(context)?;
    let found = match &memory {
        None => Found::default(),
        Some(memory) => memory
            .search(project, None, words, args.limit)
            .map_err(failed)?,
    };
    if context.json {
        out::json(&json!({
            "project": project, "found": found.candidates, "records": found.hits,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    for hit in &found.hits {
        text.push_str(&format!("{:>6}  {}\n", hit.id, hit.content));
    }
    let more = found
        .candidates
        .saturating_sub(u64::try_from(found.hits.len()).unwrap_or(u64::MAX));
    if found.hits.is_empty() {
        let others = match &memory {
            None => Vec::new(),
            Some(memory) => memory.projects().map_err(failed)?,
        };
        text.push_str(&format!(
            "nothing is remembered for the project `{project}`"
        ));
        if !words.is_empty() {
            text.push_str(" that holds one of these words");
        }
        text.push('\n');
        if !others.is_empty() && !others.iter().any(|other| other == project) {
            text.push_str(&format!("projects with a memory: {}\n", others.join(", ")));
        }
    } else if more > 0 {
        text.push_str(&format!("({more} more; --limit shows them)\n"));
    }
    out::print(&text);
    Ok(ExitCode::SUCCESS)
}

fn add(context: &Context, project: &str, text: &str) -> Result<ExitCode, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::usage("there is nothing to remember"));
    }
    let memory = ProjectMemory::open(&context.folder.database_folder()).map_err(failed)?;
    let about = json!({"type": "decision", "role": "operator"});
    let id = memory
        .remember(project, "decision", text, &about, wall_ms())
        .map_err(failed)?;
    if context.json {
        out::json(&json!({"project": project, "id": id}));
    } else {
        out::print(&format!(
            "remembered as {id}; runs that begin from now on are shown it\n"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn forget(context: &Context, project: &str, id: i64) -> Result<ExitCode, Failure> {
    let forgotten = match open(context)? {
        None => false,
        Some(memory) => memory.forget(project, id).map_err(failed)?,
    };
    if !forgotten {
        return Err(Failure::new(
            "E_NOT_FOUND",
            format!("the project `{project}` remembers nothing with the number {id}"),
        )
        .hint("`orket memory list` shows the numbers; --project names another project"));
    }
    if context.json {
        out::json(&json!({"project": project, "forgotten": id}));
    } else {
        out::print(&format!("{id} is forgotten\n"));
    }
    Ok(ExitCode::SUCCESS)
}
