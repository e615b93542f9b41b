//! `orket prompts new`, `promote`, `deprecate` and `enforce-sla`.

use std::process::ExitCode;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use orket_prompts::change::{Action, Change, change};
use orket_prompts::sla::{Fate, Rule, Standing};
use orket_prompts::{Prompt, PromptError, PromptId, Shelf, promotion, store};
use serde_json::json;

use crate::assets::DiskThenEmbedded;
use crate::cli::args::{ChangeArgs, DeprecateArgs, NewPromptArgs, PromoteArgs, SlaArgs};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;

type Prompts = Shelf<DiskThenEmbedded>;

pub(super) fn new(shelf: &Prompts, args: &NewPromptArgs) -> Result<ExitCode, Failure> {
    let id: PromptId = args.change.id.parse()?;
    let prompt = match shelf.get(&id) {
        Ok(prompt) => Some(prompt),
        Err(PromptError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let action = Action::New {
        version: args.version.clone(),
        status: args.status,
    };
    moved(shelf, &id, prompt.as_ref(), &action, &args.change)
}

pub(super) fn promote(
    context: &Context,
    shelf: &Prompts,
    args: &PromoteArgs,
) -> Result<ExitCode, Failure> {
    let id: PromptId = args.change.id.parse()?;
    let prompt = shelf.get(&id)?;
    if let Some(report) = &args.promotion_report
        && args.status.is_guarded()
    {
        let path = report.display().to_string();
        let text = std::fs::read_to_string(context.cwd.join(report));
        let text = text.map_err(|error| PromptError::Report {
            path: path.clone(),
            reason: format!("cannot be read: {error}"),
        })?;
        promotion::check(&text, &path, &id)?;
    }
    let action = Action::Promote(args.status);
    moved(shelf, &id, Some(&prompt), &action, &args.change)
}

pub(super) fn deprecate(shelf: &Prompts, args: &DeprecateArgs) -> Result<ExitCode, Failure> {
    let id: PromptId = args.change.id.parse()?;
    let prompt = shelf.get(&id)?;
    moved(shelf, &id, Some(&prompt), &Action::Deprecate, &args.change)
}

fn moved(
    shelf: &Prompts,
    id: &PromptId,
    prompt: Option<&Prompt>,
    action: &Action,
    args: &ChangeArgs,
) -> Result<ExitCode, Failure> {
    let document = prompt.map(Prompt::document).transpose()?;
    let day = args.as_of.unwrap_or_else(today);
    let change = change(id, document, action, args.notes.as_deref(), day)?;
    let path = prompt.map_or_else(|| own_path(shelf, id), |prompt| prompt.path.clone());
    if args.apply {
        write(shelf, prompt, &path, &change)?;
    } else {
        out::warn("nothing was changed; --apply writes it");
    }
    out::json(&json!({
        "path": shelf.root.join(&path).display().to_string(),
        "mode": action.as_str(),
        "apply_changes": args.apply,
        "before": change.before,
        "after": change.after,
        "metadata": change.metadata,
    }));
    Ok(ExitCode::SUCCESS)
}

/// Where a prompt that is not there yet will be.
fn own_path(shelf: &Prompts, id: &PromptId) -> String {
    let category = id.kind.category();
    format!("model/{}/{category}/{}.json", shelf.department, id.name)
}

fn write(
    shelf: &Prompts,
    prompt: Option<&Prompt>,
    path: &str,
    change: &Change,
) -> Result<(), Failure> {
    let before = prompt.filter(|prompt| !prompt.is_shipped);
    let before = before.map(|prompt| prompt.text.as_str());
    store::write(&shelf.root, path, before, &change.document.text())?;
    if prompt.is_some_and(|prompt| prompt.is_shipped) {
        out::warn(&format!(
            "wrote {path}, which from now on is before what came with the program"
        ));
    }
    Ok(())
}

pub(super) fn enforce_sla(shelf: &Prompts, args: &SlaArgs) -> Result<ExitCode, Failure> {
    let renew = args.renew.iter().map(|id| {
        let id: PromptId = id.parse()?;
        shelf.get(&id).map(|prompt| prompt.id)
    });
    let renew: Vec<PromptId> = renew.collect::<Result<_, PromptError>>()?;
    let prompts = shelf.all()?;
    let standings: Vec<Standing> = prompts
        .iter()
        .map(|prompt| {
            let item = shelf.item(prompt);
            Standing {
                id: prompt.id.clone(),
                path: item.path,
                status: item.status,
                updated_at: item.updated_at,
            }
        })
        .collect();
    let rule = Rule {
        max_age_days: args.max_candidate_age_days,
        as_of: args.as_of.unwrap_or_else(today),
    };
    let mut report = rule.judge(&standings, &renew);
    if args.apply {
        for stale in &report.actions {
            let id: PromptId = stale.id.parse()?;
            let prompt = shelf.get(&id)?;
            let (action, notes) = match stale.action {
                Fate::Renew => (Action::Renew, "renewed as a candidate"),
                Fate::Deprecate => (Action::Deprecate, "a candidate for too long"),
            };
            let document = Some(prompt.document()?);
            let change = change(&id, document, &action, Some(notes), rule.as_of)?;
            write(shelf, Some(&prompt), &prompt.path, &change)?;
        }
        report.ok = true;
    }
    out::json(&report);
    if !report.ok {
        out::warn("hint: --renew ID keeps a candidate; --apply does what is said above");
    }
    Ok(ExitCode::from(u8::from(!report.ok)))
}

/// The day it is, in UTC.
fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}
