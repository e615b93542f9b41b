//! `orket backup`: puts away what must be kept of the data folder. An owner may run meanwhile.

use std::process::ExitCode;

use orket_keeping::backup::{self, Wish};
use orket_keeping::disk;
use serde_json::json;

use super::migrate::{keep_failure, shown};
use crate::cli::args::BackupArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::owner::host::wall_ms;

/// See the file's head.
pub fn run(context: &Context, args: &BackupArgs) -> Result<ExitCode, Failure> {
    let root = context.folder.root();
    let at_ms = wall_ms();
    let place = match &args.out {
        None => backup::default_place(root, at_ms),
        Some(out) if out.is_dir() => out.join(format!("orket-{}", disk::stamp(at_ms))),
        Some(out) => out.clone(),
    };
    let wish = Wish {
        root: root.to_owned(),
        out: place.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at_ms,
    };
    let manifest = backup::make(&wish).map_err(|error| keep_failure(&error))?;
    if context.json {
        out::json(&json!({"ok": true, "path": place, "manifest": manifest}));
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = format!("backed up to {}\n", shown(context, &place));
    for file in &manifest.files {
        let schema = file.schema.as_deref().unwrap_or_default();
        text.push_str(&format!(
            "  {:<28} {:>12} bytes  {schema}\n",
            file.path, file.bytes
        ));
    }
    text.push_str(&format!("next: orket restore {}\n", shown(context, &place)));
    out::print(&text);
    Ok(ExitCode::SUCCESS)
}
