//! `orket restore`: brings a backup back. What was there is kept.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use orket_keeping::manifest::Manifest;
use orket_keeping::restore;
use serde_json::json;

use super::migrate::{keep_failure, own, shown};
use crate::cli::args::RestoreArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{out, receiving};
use crate::owner::host::wall_ms;

/// See the file's head.
pub fn run(context: &Context, args: &RestoreArgs) -> Result<ExitCode, Failure> {
    let root = context.folder.root();
    let manifest =
        restore::look(&args.backup, &std::env::temp_dir()).map_err(|error| keep_failure(&error))?;
    if !args.yes && !agreed(context, args, &manifest)? {
        return Ok(ExitCode::from(1));
    }
    let _lock = own(&context.folder)?;
    let _receiver = receiving::lock(&context.folder.database_folder())?;
    restore::forget_unfinished(root).map_err(|error| keep_failure(&error))?;
    let kept =
        restore::bring_back(root, &args.backup, wall_ms()).map_err(|error| keep_failure(&error))?;
    if context.json {
        out::json(&json!({
            "ok": true, "restored": args.backup, "kept": kept, "manifest": manifest,
        }));
    } else {
        out::print(&format!(
            "restored {} as of {}\nkept what was there in {}\nnext: orket migrate --status\n",
            args.backup.display(),
            manifest.created_at,
            shown(context, &kept)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows what would come back and asks.
fn agreed(context: &Context, args: &RestoreArgs, manifest: &Manifest) -> Result<bool, Failure> {
    let command = format!("orket restore {} --yes", args.backup.display());
    let unasked = Failure::new(
        "E_NOT_CONFIRMED",
        "nothing was restored: it would take the place of what is there, and nobody can be asked",
    )
    .hint(command);
    let mut text = format!(
        "Would restore the state of {} (orket {}):\n",
        manifest.created_at, manifest.orket
    );
    for file in &manifest.files {
        text.push_str(&format!("  {:<28} {:>12} bytes\n", file.path, file.bytes));
    }
    if context.json {
        return Err(unasked);
    }
    if !std::io::stdin().is_terminal() || !out::stdout_is_terminal() {
        out::print(&text);
        return Err(unasked);
    }
    out::print(&format!("{text}restore it? [y/N] "));
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::new("E_INTERNAL", format!("the terminal: {error}")))?;
    let is_agreed = matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if !is_agreed {
        out::print("Nothing was changed.\n");
    }
    Ok(is_agreed)
}
