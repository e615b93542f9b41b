//! `orket prompts`: the prompts of roles and dialects.
//!
//! # Layout
//!
//! - this file: which prompts there are, and what is wrong with them.
//! - `resolve`: what a run would send.
//! - `moves`: new versions, promotions, and their end.

mod moves;
mod resolve;

use std::path::PathBuf;
use std::process::ExitCode;

use orket_core::asset::Library;
use orket_prompts::{Kind, PromptError, PromptId, Shelf, Status, lint};
use serde_json::json;

use crate::assets::{DiskThenEmbedded, embedded};
use crate::cli::args::{KindWish, ListPromptsArgs, PromptsArgs, PromptsCommand};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;

/// See the file's head.
pub fn run(context: &Context, args: &PromptsArgs) -> Result<ExitCode, Failure> {
    let shelf = shelf(context, args)?;
    match &args.command {
        PromptsCommand::List(list) => self::list(context, &shelf, list),
        PromptsCommand::Show(show) => self::show(&shelf, &show.id),
        PromptsCommand::Validate => validate(context, &shelf),
        PromptsCommand::Resolve(which) => resolve::run(context, &shelf, which),
        PromptsCommand::Diff(which) => resolve::diff(context, &shelf, which),
        PromptsCommand::New(new) => moves::new(&shelf, new),
        PromptsCommand::Promote(promote) => moves::promote(context, &shelf, promote),
        PromptsCommand::Deprecate(deprecate) => moves::deprecate(&shelf, deprecate),
        PromptsCommand::EnforceSla(sla) => moves::enforce_sla(&shelf, sla),
    }
}

fn shelf(context: &Context, args: &PromptsArgs) -> Result<Shelf<DiskThenEmbedded>, Failure> {
    let root: PathBuf = context.cwd.join(&args.root).components().collect();
    if !root.is_dir() {
        let message = format!("--root: {} is no folder", root.display());
        return Err(Failure::usage(message));
    }
    let library = Library::new(DiskThenEmbedded::new(&root));
    if !library.departments().contains(&args.department) {
        let message = format!("there is no department `{}`", args.department);
        return Err(Failure::new("E_ASSETS", message)
            .hint(format!("known: {}", library.departments().join(", "))));
    }
    Ok(Shelf {
        library,
        root,
        department: args.department.clone(),
        shipped: embedded,
    })
}

impl From<PromptError> for Failure {
    fn from(error: PromptError) -> Self {
        let exit = if error.is_usage() { 2 } else { 1 };
        Self {
            exit,
            ..Self::new(error.code(), error.to_string()).hint(error.hint())
        }
    }
}

fn list(
    context: &Context,
    shelf: &Shelf<DiskThenEmbedded>,
    args: &ListPromptsArgs,
) -> Result<ExitCode, Failure> {
    let prompts = match args.kind {
        KindWish::All => shelf.all()?,
        KindWish::Role => shelf.of(Kind::Role)?,
        KindWish::Dialect => shelf.of(Kind::Dialect)?,
    };
    let mut items: Vec<_> = prompts.iter().map(|prompt| shelf.item(prompt)).collect();
    if let Some(status) = args.status {
        items.retain(|item| {
            let word = item.status.as_deref().map(str::parse::<Status>);
            word == Some(Ok(status))
        });
    }
    if context.json {
        out::json(&json!({"count": items.len(), "items": items}));
        return Ok(ExitCode::SUCCESS);
    }
    let word = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".to_owned());
    let lines = items.iter().map(|item| {
        format!(
            "{}.{}  kind={} status={} version={} path={}\n",
            item.kind.as_str(),
            item.name,
            item.kind.as_str(),
            word(&item.status),
            word(&item.version),
            item.path
        )
    });
    out::print(&lines.collect::<String>());
    Ok(ExitCode::SUCCESS)
}

fn show(shelf: &Shelf<DiskThenEmbedded>, id: &str) -> Result<ExitCode, Failure> {
    let prompt = shelf.get(&id.parse::<PromptId>()?)?;
    let payload = prompt.document()?.payload();
    out::json(&json!({"path": shelf.shown_path(&prompt), "payload": payload}));
    Ok(ExitCode::SUCCESS)
}

fn validate(context: &Context, shelf: &Shelf<DiskThenEmbedded>) -> Result<ExitCode, Failure> {
    let prompts = shelf.all()?;
    let report = lint::lint(&prompts, |prompt| shelf.shown_path(prompt), shelf.shipped);
    if context.json {
        out::json(&report);
    } else {
        let line = |it: &lint::Finding| {
            format!("[{}] {}: {}: {}\n", it.code, it.path, it.field, it.message)
        };
        let errors: String = report.errors.iter().map(line).collect();
        let warnings = report.warnings.iter();
        let warnings: String = warnings.map(|it| format!("warning {}", line(it))).collect();
        let head = if report.ok {
            format!("OK: {} prompt(s)\n", prompts.len())
        } else {
            format!("FAIL ({} error(s))\n", report.error_count)
        };
        out::print(&format!("{head}{errors}{warnings}"));
        if !report.ok {
            out::warn("hint: docs/PROMPTS.md says what each rule asks for");
        }
    }
    Ok(ExitCode::from(u8::from(!report.ok)))
}
