//! `orket gc`: what may go of the data folder, and letting it go.

use std::path::Path;
use std::process::ExitCode;

use diesel::SqliteConnection;
use orket_keeping::retention::{Action, Policy, backups, runs, webhook};
use orket_keeping::schema::{self, State};
use orket_keeping::{Database, KeepError, database};
use serde_json::{Value, json};

use super::gc_check;
use super::migrate::{keep_failure, own, shown};
use crate::cli::args::GcArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{out, out_file, receiving};
use crate::owner::host::wall_ms;

/// How many things that go are named.
const SHOWN: usize = 30;

/// See the file's head.
pub fn run(context: &Context, args: &GcArgs) -> Result<ExitCode, Failure> {
    let root = context.folder.root();
    let planned = args
        .check
        .as_deref()
        .map(|file| gc_check::read(context, file))
        .transpose()?;
    let policy = planned.as_ref().map_or(
        Policy {
            older_than_days: args.older_than,
            keep_last: args.keep_last,
            keep_digests: args.keep_digests,
        },
        |planned| planned.policy,
    );
    let changes = args.yes || !args.pin.is_empty() || !args.unpin.is_empty();
    let _locks = if changes {
        Some((
            own(&context.folder)?,
            receiving::lock(&context.folder.database_folder())?,
        ))
    } else {
        None
    };
    let failed = |error: KeepError| keep_failure(&error);
    let now_ms = wall_ms();
    let runtime_path = root.join("db").join(Database::Runtime.file_name());
    let webhook_path = root.join("db").join(Database::Webhook.file_name());
    let mut journal = opened(Database::Runtime, &runtime_path)?;
    let mut receiver = opened(Database::Webhook, &webhook_path)?;
    for (run_id, is_pinned) in [(&args.pin, true), (&args.unpin, false)]
        .into_iter()
        .flat_map(|(ids, is_pinned)| ids.iter().map(move |id| (id, is_pinned)))
    {
        let is_known = match &mut journal {
            Some(journal) => {
                runs::pin(journal, &runtime_path, run_id, is_pinned, now_ms).map_err(failed)?
            }
            None => false,
        };
        if !is_known {
            let what = if is_pinned { "run" } else { "pinned run" };
            return Err(
                Failure::new("E_RUN_UNKNOWN", format!("there is no {what} `{run_id}`"))
                    .hint("orket runs lists them; the whole id is needed here"),
            );
        }
    }
    let mut actions = Vec::new();
    if let Some(journal) = &mut journal {
        actions.extend(runs::plan(journal, &runtime_path, &policy, now_ms).map_err(failed)?);
    }
    if let Some(receiver) = &mut receiver {
        actions.extend(webhook::plan(receiver, &webhook_path, &policy, now_ms).map_err(failed)?);
    }
    actions.extend(backups::plan(root, &policy, now_ms).map_err(failed)?);
    if let Some(planned) = planned {
        return Ok(gc_check::tell(context, &planned, &actions));
    }
    if args.yes {
        remove(&actions, (&mut journal, &runtime_path), now_ms)?;
        if let Some(receiver) = receiver
            .as_mut()
            .filter(|_| actions.iter().any(is_of_receiver))
        {
            webhook::remove(receiver, &webhook_path, &policy, now_ms).map_err(failed)?;
            runs::give_space_back(receiver, &webhook_path).map_err(failed)?;
        }
    }
    let report = report(context, args, policy, &actions);
    out_file::write(context, args.plan.as_deref(), &report)?;
    if context.json {
        out::json(&report);
    } else {
        tell(context, args, &actions);
    }
    Ok(ExitCode::SUCCESS)
}

/// A database, when it is there and current.
fn opened(database: Database, path: &Path) -> Result<Option<SqliteConnection>, Failure> {
    let failed = |error: KeepError| keep_failure(&error);
    if !path.exists() {
        return Ok(None);
    }
    let state = schema::state(database, path, &std::env::temp_dir()).map_err(failed)?;
    state.usable(path).map_err(failed)?;
    if let State::Ours { pending, .. } = &state
        && !pending.is_empty()
    {
        return Err(Failure::new(
            "E_SCHEMA_BEHIND",
            format!("{} lacks {}", path.display(), pending.join(", ")),
        )
        .hint("orket migrate"));
    }
    database::open(path).map(Some).map_err(failed)
}

fn is_of_receiver(action: &Action) -> bool {
    action.is_removal() && matches!(action.namespace, "digests" | "pull_request")
}

fn remove(
    actions: &[Action],
    (journal, path): (&mut Option<SqliteConnection>, &Path),
    now_ms: i64,
) -> Result<(), Failure> {
    let failed = |error: KeepError| keep_failure(&error);
    let mut is_any = false;
    for action in actions.iter().filter(|it| it.is_removal()) {
        match (action.namespace, &mut *journal) {
            ("steps", Some(journal)) => {
                runs::remove_steps(journal, path, &action.path, now_ms).map_err(failed)?;
                is_any = true;
            }
            ("files" | "backup", _) => {
                std::fs::remove_dir_all(&action.path).map_err(|error| {
                    Failure::new("E_STORAGE", format!("{}: {error}", action.path))
                        .hint("what was removed before it stays removed; run it again")
                })?;
            }
            _ => {}
        }
    }
    if let Some(journal) = journal.as_mut().filter(|_| is_any) {
        runs::give_space_back(journal, path).map_err(failed)?;
    }
    Ok(())
}

fn report(context: &Context, args: &GcArgs, policy: Policy, actions: &[Action]) -> Value {
    let going: Vec<&Action> = actions.iter().filter(|it| it.is_removal()).collect();
    let bytes: u64 = going.iter().map(|it| it.size_bytes).sum();
    let kept = actions.len() - going.len();
    json!({
            "ok": true, "as_of": orket_core::artifact::rfc3339(wall_ms()), "removed": args.yes,
            "policy": policy,
            "summary": {
                "total_count": actions.len(), "keep_count": kept, "delete_count": going.len(),
                "delete_bytes": bytes,
            },
            "actions": actions,
            "source": {
                "root": context.folder.root(), "entry_count": actions.len(),
                "mode": if args.yes { "removed" } else { "preview" },
            },
    })
}

fn tell(context: &Context, args: &GcArgs, actions: &[Action]) {
    let going: Vec<&Action> = actions.iter().filter(|it| it.is_removal()).collect();
    let bytes: u64 = going.iter().map(|it| it.size_bytes).sum();
    let verb = if args.yes { "Removed" } else { "Would remove" };
    let mut text = format!(
        "{verb} {} of {}, about {} KiB\n",
        going.len(),
        actions.len(),
        bytes.div_ceil(1_024)
    );
    for action in going.iter().take(SHOWN) {
        text.push_str(&format!(
            "  {:<12} {} ({})\n",
            action.namespace,
            shown(context, Path::new(&action.path)),
            action.reason
        ));
    }
    let more = going.len().saturating_sub(SHOWN);
    if more > 0 {
        text.push_str(&format!("  … and {more} more (--json lists all)\n"));
    }
    if !args.yes && !going.is_empty() {
        text.push_str(&format!(
            "next: orket gc --older-than {} --keep-last {} --keep-digests {} --yes\n",
            args.older_than, args.keep_last, args.keep_digests
        ));
    }
    out::print(&text);
}
