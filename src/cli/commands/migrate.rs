//! `orket migrate`: brings databases, and files of the Python Orket, to where and what they must be.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use orket_keeping::backup::{self, Wish};
use orket_keeping::moves::{self, Found, Then};
use orket_keeping::schema::{self, State};
use orket_keeping::{Database, KeepError, restore, snapshot};
use serde_json::{Value, json};

use crate::cli::args::MigrateArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{out, receiving};
use crate::owner::folder::DataFolder;
use crate::owner::host::wall_ms;
use crate::owner::lock::{Attempt, OwnerLock};

/// A database and how it stands.
struct Target {
    database: Database,
    path: PathBuf,
    state: State,
    /// What was applied just now.
    applied: Vec<String>,
}

/// See the file's head.
pub fn run(context: &Context, args: &MigrateArgs) -> Result<ExitCode, Failure> {
    let root = context.folder.root().to_owned();
    let is_whole = args.runtime_db.is_none() && args.webhook_db.is_none();
    let scratch = std::env::temp_dir();
    let mut targets = targets(&root, args, &scratch)?;
    let found = if is_whole {
        moves::find(&context.cwd, &root, &scratch).map_err(|error| keep_failure(&error))?
    } else {
        Vec::new()
    };
    if !args.status {
        for target in &targets {
            target
                .state
                .usable(&target.path)
                .map_err(|error| keep_failure(&error))?;
        }
    }
    let mut preferred = if is_whole {
        moves::preferred(&root).map_err(|error| keep_failure(&error))?
    } else {
        Default::default()
    };
    let is_due = targets.iter().any(|it| !it.state.pending().is_empty())
        || found
            .iter()
            .any(|it| matches!(it.then, Then::Move | Then::Finish))
        || !preferred.is_empty();
    let mut kept = None;
    if is_due && !args.status && !args.dry_run {
        let _locks = own_all(context, &targets)?;
        let _receiver = if is_whole {
            Some(receiving::lock(&context.folder.database_folder())?)
        } else {
            None
        };
        for found in &found {
            moves::bring(found).map_err(|error| keep_failure(&error))?;
        }
        targets = self::targets(&root, args, &scratch)?;
        if is_whole {
            // Those of settings that have just been moved too.
            preferred = moves::preferred(&root).map_err(|error| keep_failure(&error))?;
        }
        kept = put_away(&root, &targets, is_whole, !preferred.is_empty())?;
        if is_whole {
            moves::bring_preferences(&root).map_err(|error| keep_failure(&error))?;
        }
        for target in &mut targets {
            let Target {
                database,
                path,
                applied,
                ..
            } = target;
            schema::apply(*database, path, |name| applied.push(name.to_owned()))
                .map_err(|error| keep_failure(&error))?;
        }
    }
    let report = Report {
        context,
        args,
        targets: &targets,
        found: &found,
        preferred: preferred.keys().cloned().collect(),
        kept: kept.as_deref(),
    };
    if context.json {
        out::json(&report.json());
    } else {
        out::print(&report.text());
    }
    Ok(ExitCode::SUCCESS)
}

fn targets(root: &Path, args: &MigrateArgs, scratch: &Path) -> Result<Vec<Target>, Failure> {
    let is_whole = args.runtime_db.is_none() && args.webhook_db.is_none();
    let place = |database: Database| root.join("db").join(database.file_name());
    let wanted: Vec<(Database, PathBuf)> = if is_whole {
        Database::ALL.map(|it| (it, place(it))).into()
    } else {
        [
            (Database::Runtime, &args.runtime_db),
            (Database::Webhook, &args.webhook_db),
        ]
        .into_iter()
        .filter_map(|(database, path)| Some((database, path.clone()?)))
        .collect()
    };
    wanted
        .into_iter()
        .map(|(database, path)| {
            let state =
                schema::state(database, &path, scratch).map_err(|error| keep_failure(&error))?;
            Ok(Target {
                database,
                path,
                state,
                applied: Vec::new(),
            })
        })
        .collect()
}

/// The data folders that these databases are of, each owned.
fn own_all(context: &Context, targets: &[Target]) -> Result<Vec<OwnerLock>, Failure> {
    let mut folders: Vec<PathBuf> = targets
        .iter()
        .filter_map(|target| {
            let folder = target.path.parent()?;
            let root = folder.parent()?;
            (folder.ends_with("db") && (root.join("run").is_dir() || root == context.folder.root()))
                .then(|| root.to_owned())
        })
        .collect();
    folders.sort();
    folders.dedup();
    folders
        .into_iter()
        .map(|root| own(&DataFolder::new(root)))
        .collect()
}

/// The right to change a data folder.
///
/// # Errors
///
/// `E_OWNED` while somebody else has it.
pub(super) fn own(folder: &DataFolder) -> Result<OwnerLock, Failure> {
    let attempt = OwnerLock::attempt(folder, wall_ms()).map_err(|error| {
        Failure::new(
            "E_DATA_FOLDER",
            format!("cannot lock {}: {error}", folder.lock().display()),
        )
        .hint("the data folder must be writable; ORKET_DURABLE_ROOT names another one")
    })?;
    match attempt {
        Attempt::Got(lock) => Ok(lock),
        Attempt::Held(note) => {
            let who = note.map_or_else(
                || "another process".to_owned(),
                |note| format!("process {}", note.pid),
            );
            Err(Failure::new(
                "E_OWNED",
                format!("{who} owns the data folder {}", folder.root().display()),
            )
            .hint("stop it in good order with `orket serve --stop`, then run this command again"))
        }
    }
}

/// Before anything changes that is there: a whole backup, or the databases that are named.
fn put_away(
    root: &Path,
    targets: &[Target],
    is_whole: bool,
    settings_change: bool,
) -> Result<Option<PathBuf>, Failure> {
    let at_ms = wall_ms();
    let changing: Vec<&Target> = targets
        .iter()
        .filter(|it| !it.state.applied().is_empty() && !it.state.pending().is_empty())
        .collect();
    if changing.is_empty() && !settings_change {
        return Ok(None);
    }
    let out = backup::default_place(root, at_ms);
    if is_whole {
        let wish = Wish {
            root: root.to_owned(),
            out: out.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            at_ms,
        };
        backup::make(&wish).map_err(|error| keep_failure(&error))?;
        return Ok(Some(out));
    }
    let out = root.join("backups").join(format!(
        "before-migrate-{}",
        orket_keeping::disk::stamp(at_ms)
    ));
    for target in changing {
        let to = out.join(target.database.file_name());
        snapshot::take(&target.path, &to).map_err(|error| keep_failure(&error))?;
    }
    Ok(Some(out))
}

/// As the command line says it.
pub(super) fn keep_failure(error: &KeepError) -> Failure {
    let failure = Failure::new(error.code(), error.to_string());
    match error {
        KeepError::File { .. } => {
            failure.hint("the data folder must be writable and its disk must have room")
        }
        KeepError::Settings { .. } => {
            failure.hint("correct it, then run this command again; nothing was moved")
        }
        KeepError::Elsewhere { path } => failure.hint(format!(
            "nothing was changed; make {} a folder on the disk of the data folder first",
            path.display()
        )),
        KeepError::Database { reason, .. } if reason.contains("full") => {
            failure.hint("make room on the disk, then run this command again")
        }
        KeepError::Database { reason, .. } if reason.contains("not a database") => {
            failure.hint("name another file; this one was not touched")
        }
        KeepError::Database { .. } | KeepError::Damaged { .. } => {
            failure.hint("orket restore BACKUP brings an earlier state back: docs/STORAGE.md")
        }
        KeepError::Newer { .. } => {
            failure.hint("use the newer orket that wrote it, or another ORKET_DURABLE_ROOT")
        }
        KeepError::Foreign {
            path,
            what,
            can_be_imported: true,
        } => {
            let flag = if what.contains("webhook") {
                "--webhook-db"
            } else if what.contains("memory") {
                "--memory-db"
            } else {
                "--runtime-db"
            };
            failure.hint(format!("orket import legacy {flag} {}", path.display()))
        }
        KeepError::Foreign { .. } => failure.hint("name another file; this one was not touched"),
        KeepError::Backup { path, .. } if is_put_aside(path) => failure.hint(format!(
            "ORKET_DURABLE_ROOT={} orket backup --out back, then orket restore back",
            path.display()
        )),
        KeepError::Backup { .. } => failure.hint("orket backup makes one"),
        KeepError::Exists { .. } => failure.hint("name another one with --out"),
    }
}

/// Whether it is what a restore put aside: a data folder, of which a backup can be made.
fn is_put_aside(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(restore::KEPT))
        && path.join("db").is_dir()
}

/// A path as people read it: below the current folder, where it is.
pub(super) fn shown(context: &Context, path: &Path) -> String {
    let below = path.strip_prefix(&context.cwd).unwrap_or(path);
    below.display().to_string()
}

struct Report<'a> {
    context: &'a Context,
    args: &'a MigrateArgs,
    targets: &'a [Target],
    found: &'a [Found],
    preferred: Vec<String>,
    kept: Option<&'a Path>,
}

impl Report<'_> {
    fn is_done(&self) -> bool {
        !self.args.status && !self.args.dry_run
    }

    fn json(&self) -> Value {
        let databases: Vec<Value> = self
            .targets
            .iter()
            .map(|target| {
                let (state, note) = words(&target.state);
                let pending = if self.is_done() {
                    &[][..]
                } else {
                    target.state.pending()
                };
                json!({
                    "name": target.database.name(), "path": target.path, "state": state,
                    "note": note, "skipped": target.state.applied(), "applied": target.applied,
                    "pending": pending,
                })
            })
            .collect();
        json!({
            "ok": true, "dry_run": self.args.dry_run, "status": self.args.status,
            "backup": self.kept, "databases": databases, "moves": self.found,
            "preferences": self.preferred,
        })
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for found in self.found {
            let (from, to) = (
                shown(self.context, &found.from),
                shown(self.context, &found.to),
            );
            text.push_str(&match (found.then, self.is_done()) {
                (Then::Move | Then::Finish, true) => format!("[MIGRATE] Moved {} {from} to {to}\n", found.what),
                (Then::Move | Then::Finish, false) => {
                    format!("[MIGRATE] Would move {} {from} to {to}\n", found.what)
                }
                (Then::Stay, _) => format!(
                    "[MIGRATE] Left {} {from}: {to} is there already\n",
                    found.what
                ),
                (Then::Foreign, _) => format!(
                    "[MIGRATE] Left {} {from}: it is not one of this orket, or of a newer one\n",
                    found.what
                ),
                (Then::Import, _) => format!(
                    "[MIGRATE] Left {} {from}: it is of the Python Orket 0.3; next: orket import legacy {} {from}\n",
                    found.what,
                    if found.what.starts_with("webhook") {
                        "--webhook-db"
                    } else {
                        "--runtime-db"
                    },
                ),
            });
        }
        if !self.preferred.is_empty() {
            let verb = if self.is_done() {
                "Moved"
            } else {
                "Would move"
            };
            text.push_str(&format!(
                "[MIGRATE] {verb} preferred models to preferences.json: {}\n",
                self.preferred.join(", ")
            ));
        }
        if let Some(kept) = self.kept {
            let kept = shown(self.context, kept);
            text.push_str(&format!("[MIGRATE] Backed up to {kept}\n"));
        }
        for target in self.targets {
            let path = shown(self.context, &target.path);
            if self.args.status {
                let (state, note) = words(&target.state);
                text.push_str(&format!(
                    "{:<8} {state:<11} {note}\n",
                    target.database.name()
                ));
                text.push_str(&format!("         {path}\n"));
                continue;
            }
            for name in target.state.applied() {
                text.push_str(&format!(
                    "[MIGRATE] Skipped {name}, applied before to {path}\n"
                ));
            }
            for name in &target.applied {
                text.push_str(&format!("[MIGRATE] Applied {name} to {path}\n"));
            }
            if self.args.dry_run {
                for name in target.state.pending() {
                    text.push_str(&format!("[MIGRATE] Would apply {name} to {path}\n"));
                }
            }
        }
        text
    }
}

/// A state as one word, and what there is to say.
fn words(state: &State) -> (&'static str, String) {
    match state {
        State::Absent { pending } => ("absent", format!("{} migrations make it", pending.len())),
        State::Ours { applied, pending } => {
            let at = applied.last().map_or("nothing", String::as_str);
            if pending.is_empty() {
                ("current", format!("at {at}"))
            } else {
                (
                    "behind",
                    format!("at {at}; pending: {}", pending.join(", ")),
                )
            }
        }
        State::Newer { found } => ("newer", format!("has {found}, unknown here")),
        State::Another(database) => ("foreign", database.words().to_owned()),
        State::Foreign(kind) => ("foreign", kind.words().to_owned()),
    }
}
