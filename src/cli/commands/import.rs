//! `orket import legacy`: the databases of the Python Orket 0.3, row by row.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use diesel::SqliteConnection;
use orket_keeping::database::{self, beside};
use orket_keeping::schema::{self, State};
use orket_keeping::{Database, KeepError, backup, disk, snapshot};
use orket_legacy::journal::{self, Occasion};
use orket_legacy::plan::{Plan, tables};
use orket_legacy::{Finding, Kind, LegacyError, Source, TableCount, memory, webhook};
use serde::Serialize;
use serde_json::json;

use super::migrate::{keep_failure, own};
use crate::cli::args::ImportLegacyArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{out, receiving};
use crate::owner::host::wall_ms;

/// How many findings are named.
const SHOWN: usize = 20;
/// The project whose memory is meant where no setting names one.
const PROJECT: &str = "memory_project";

/// What became of one database.
#[derive(Debug, Serialize)]
struct Part {
    database: &'static str,
    source: PathBuf,
    target: PathBuf,
    tables: Vec<TableCount>,
}

/// See the file's head.
pub fn run(context: &Context, args: &ImportLegacyArgs) -> Result<ExitCode, Failure> {
    if args.runtime_db.is_none() && args.webhook_db.is_none() && args.memory_db.is_none() {
        return Err(Failure::usage(
            "say what to import: --runtime-db, --webhook-db or --memory-db",
        )
        .hint("orket import legacy --help"));
    }
    let database_folder = context.folder.database_folder();
    for (path, database, kind) in [
        (&args.runtime_db, Database::Runtime, Kind::PythonRuntime),
        (&args.webhook_db, Database::Webhook, Kind::PythonWebhook),
        (&args.memory_db, Database::Memory, Kind::PythonMemory),
    ] {
        if let Some(path) = path {
            can_be_read(path, &database_folder.join(database.file_name()), kind)?;
        }
    }
    let locks = if args.dry_run {
        None
    } else {
        Some((own(&context.folder)?, receiving::lock(&database_folder)?))
    };
    let mut importing = Importing {
        context,
        dry_run: args.dry_run,
        at_ms: wall_ms(),
        backed_up: None,
        parts: Vec::new(),
        findings: Vec::new(),
    };
    let runtime = args.runtime_db.as_deref();
    let beside = runtime.and_then(|path| Some(path.parent()?.join(Database::Memory.file_name())));
    if let Some(path) = args.memory_db.as_deref().or(beside.as_deref()) {
        importing.memory(path, args.memory_db.is_some())?;
    }
    if let Some(path) = &args.webhook_db {
        importing.webhook(path)?;
    }
    if let Some(path) = runtime {
        importing.runtime(path)?;
    }
    drop(locks);
    importing.tell();
    Ok(ExitCode::SUCCESS)
}

struct Importing<'a> {
    context: &'a Context,
    dry_run: bool,
    at_ms: i64,
    backed_up: Option<PathBuf>,
    parts: Vec<Part>,
    findings: Vec<Finding>,
}

impl Importing<'_> {
    fn target(&self, database: Database) -> PathBuf {
        self.context
            .folder
            .database_folder()
            .join(database.file_name())
    }

    fn runtime(&mut self, path: &Path) -> Result<(), Failure> {
        let target = self.target(Database::Runtime);
        let takes_place = is_same(path, &target);
        let (mut source, from) = self.source(path, &target, Kind::PythonRuntime)?;
        let read = tables(&mut source).map_err(|error| failure(&error))?;
        let plan = Plan::of(read).map_err(|error| {
            Failure::new("E_INTERNAL", format!("an id cannot be made: {error}"))
        })?;
        let preview = self.preview(Database::Runtime, &target, takes_place, |ours| {
            journal::preview(&plan, ours)
        })?;
        let brought = if let Some(preview) = preview.filter(|it| self.dry_run || !it.is_something())
        {
            preview
        } else {
            let place = self.prepared(Database::Runtime, &target, takes_place)?;
            let mut ours = database::open(&place).map_err(|error| keep_failure(&error))?;
            let name = from.display().to_string();
            let occasion = Occasion {
                source: &name,
                at_ms: self.at_ms,
            };
            let brought = journal::import(&plan, &mut ours, occasion, || tables(&mut source))
                .map_err(|error| failure(&error))?;
            source.unchanged().map_err(|error| failure(&error))?;
            settle(ours, &place, &target)?;
            brought
        };
        self.findings.extend(plan.findings);
        self.part("runtime", path, target, brought.tables);
        Ok(())
    }

    fn webhook(&mut self, path: &Path) -> Result<(), Failure> {
        let target = self.target(Database::Webhook);
        let takes_place = is_same(path, &target);
        let (mut source, _) = self.source(path, &target, Kind::PythonWebhook)?;
        let read = tables(&mut source).map_err(|error| failure(&error))?;
        let preview = self.preview(Database::Webhook, &target, takes_place, |ours| {
            webhook::preview(&read, ours)
        })?;
        let brought = if let Some(preview) = preview.filter(|it| self.dry_run || !it.is_something())
        {
            preview
        } else {
            let place = self.prepared(Database::Webhook, &target, takes_place)?;
            let mut ours = database::open(&place).map_err(|error| keep_failure(&error))?;
            let brought = webhook::import(&read, &mut ours, || tables(&mut source))
                .map_err(|error| failure(&error))?;
            settle(ours, &place, &target)?;
            brought
        };
        self.findings.extend(brought.findings);
        self.part("webhook", path, target, brought.tables);
        Ok(())
    }

    /// `is_named`: it must be there; the one beside the runtime database may be missing.
    fn memory(&mut self, path: &Path, is_named: bool) -> Result<(), Failure> {
        if !path.exists() && !is_named {
            return Ok(());
        }
        let scratch = std::env::temp_dir();
        let mut source = Source::open(path, &scratch).map_err(|error| failure(&error))?;
        if source.kind() != Kind::PythonMemory {
            return if is_named {
                Err(foreign(path, source.kind()))
            } else {
                Ok(())
            };
        }
        let rows = source
            .rows(memory::TABLE)
            .map_err(|error| failure(&error))?;
        let records: Vec<_> = rows.iter().map(memory::record).collect();
        drop(source);
        let project = self
            .context
            .settings
            .modes()
            .remove(PROJECT)
            .unwrap_or_else(|| orket_core::policy::DEFAULT_PROJECT.to_owned());
        let target = self.target(Database::Memory);
        let all = u64::try_from(records.len()).unwrap_or(u64::MAX);
        let known = self.preview(Database::Memory, &target, false, |ours| {
            ours.map_or(Ok(0), |ours| memory::known(ours, &project, &records))
        })?;
        let new = if let Some(known) = known.filter(|_| self.dry_run) {
            all - known
        } else {
            if known != Some(all) {
                self.prepared(Database::Memory, &target, false)?;
            }
            let mut ours = database::open(&target).map_err(|error| keep_failure(&error))?;
            memory::import(&mut ours, &project, &records).map_err(|error| failure(&error))?
        };
        let count = TableCount {
            table: memory::TABLE.to_owned(),
            rows: all,
            new,
            already: all - new,
        };
        self.part("memory", path, target, vec![count]);
        Ok(())
    }

    /// Theirs, opened for reading. One that lies where ours belongs is put aside first, whole.
    fn source(
        &self,
        path: &Path,
        target: &Path,
        wanted: Kind,
    ) -> Result<(Source, PathBuf), Failure> {
        let scratch = std::env::temp_dir();
        let source = Source::open(path, &scratch).map_err(|error| failure(&error))?;
        let aside = aside(target);
        match source.kind() {
            kind if kind == wanted => {}
            // It took its place the last time; what it was lies beside it.
            Kind::Ours if is_same(path, target) && aside.exists() => {
                let source = Source::open(&aside, &scratch).map_err(|error| failure(&error))?;
                return Ok((source, aside));
            }
            kind => return Err(foreign(path, kind)),
        }
        if !is_same(path, target) || self.dry_run {
            return Ok((source, path.to_owned()));
        }
        drop(source);
        put_aside(path, &aside, self.at_ms)?;
        let source = Source::open(&aside, &scratch).map_err(|error| failure(&error))?;
        Ok((source, aside))
    }

    /// What would come. Nothing where ours has to be made or brought up to date before anybody can say.
    fn preview<T>(
        &self,
        database: Database,
        target: &Path,
        takes_place: bool,
        look: impl FnOnce(Option<&mut SqliteConnection>) -> Result<T, LegacyError>,
    ) -> Result<Option<T>, Failure> {
        let mut ours = self.existing(database, target, takes_place)?;
        if ours.is_none() && !self.dry_run {
            return Ok(None);
        }
        look(ours.as_mut())
            .map(Some)
            .map_err(|error| failure(&error))
    }

    /// Ours as it is, for a preview.
    fn existing(
        &self,
        database: Database,
        target: &Path,
        takes_place: bool,
    ) -> Result<Option<SqliteConnection>, Failure> {
        if !target.exists() {
            return Ok(None);
        }
        let state = schema::state(database, target, &std::env::temp_dir())
            .map_err(|error| keep_failure(&error))?;
        if takes_place && matches!(state, State::Foreign(_)) {
            return Ok(None);
        }
        state.usable(target).map_err(|error| keep_failure(&error))?;
        let State::Ours { pending, .. } = state else {
            return Ok(None);
        };
        if !pending.is_empty() {
            return Ok(None);
        }
        database::open(target)
            .map(Some)
            .map_err(|error| keep_failure(&error))
    }

    /// Ours, up to date, backed up before it changes. Where theirs lies in its place, a new one beside
    /// it.
    fn prepared(
        &mut self,
        database: Database,
        target: &Path,
        takes_place: bool,
    ) -> Result<PathBuf, Failure> {
        let state = schema::state(database, target, &std::env::temp_dir())
            .map_err(|error| keep_failure(&error))?;
        let is_theirs = takes_place && matches!(state, State::Foreign(_));
        let place = if is_theirs {
            let mut name = target.as_os_str().to_owned();
            name.push(".new");
            let place = PathBuf::from(name);
            for ending in ["", "-wal", "-shm"] {
                let path = beside(&place, ending);
                if path.exists() {
                    fs::remove_file(&path).map_err(|error| file_failure(&path, &error))?;
                }
            }
            place
        } else {
            state.usable(target).map_err(|error| keep_failure(&error))?;
            if !state.applied().is_empty() && self.backed_up.is_none() {
                let root = self.context.folder.root();
                let out = backup::default_place(root, self.at_ms);
                let wish = backup::Wish {
                    root: root.to_owned(),
                    out: out.clone(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    at_ms: self.at_ms,
                };
                backup::make(&wish).map_err(|error| keep_failure(&error))?;
                self.backed_up = Some(out);
            }
            target.to_owned()
        };
        schema::apply(database, &place, |_| {}).map_err(|error| keep_failure(&error))?;
        Ok(place)
    }

    fn part(
        &mut self,
        database: &'static str,
        source: &Path,
        target: PathBuf,
        tables: Vec<TableCount>,
    ) {
        self.parts.push(Part {
            database,
            source: source.to_owned(),
            target,
            tables,
        });
    }

    fn tell(&self) {
        let new: u64 = self
            .parts
            .iter()
            .flat_map(|part| &part.tables)
            .map(|table| table.new)
            .sum();
        if self.context.json {
            out::json(&json!({
                "ok": true, "dry_run": self.dry_run, "changed": new > 0 && !self.dry_run,
                "verified": !self.dry_run, "backup": self.backed_up,
                "databases": self.parts, "findings": self.findings,
            }));
            return;
        }
        let mut text = match (self.dry_run, new) {
            (_, 0) => "Nothing is new: everything was imported before\n".to_owned(),
            (true, new) => format!("Would import {new} rows\n"),
            (false, new) => format!("Imported {new} rows, each read again and compared\n"),
        };
        for part in &self.parts {
            text.push_str(&format!("{} {}\n", part.database, part.source.display()));
            text.push_str("  table                      rows       new   already\n");
            for table in &part.tables {
                text.push_str(&format!(
                    "  {:<22} {:>8} {:>9} {:>9}\n",
                    table.table, table.rows, table.new, table.already
                ));
            }
        }
        if !self.findings.is_empty() && new > 0 {
            text.push_str(&format!(
                "{} values mean nothing here as they are; each row is kept whole:\n",
                self.findings.len()
            ));
            let groups = grouped(&self.findings);
            for group in groups.iter().take(SHOWN) {
                text.push_str(&format!("  {group}\n"));
            }
            let more = groups.len().saturating_sub(SHOWN);
            if more > 0 {
                text.push_str(&format!("  … and {more} more such lines\n"));
            }
            text.push_str("  (--json lists each of them)\n");
        }
        if let Some(backup) = &self.backed_up {
            text.push_str(&format!("backed up before to {}\n", backup.display()));
        }
        text.push_str(if self.dry_run {
            "next: the same command without --dry-run\n"
        } else {
            "next: orket runs\n"
        });
        out::print(&text);
    }
}

/// Table, column and the kind of what became of it; how many there are, and the first.
type Group<'a> = ((&'a str, &'a str, &'a str), (usize, &'a Finding));

/// Findings of one kind as one line: where, how many, the first of them, and what became of it.
fn grouped(findings: &[Finding]) -> Vec<String> {
    let mut groups: BTreeMap<(&str, &str, &str), (usize, &Finding)> = BTreeMap::new();
    for it in findings {
        groups
            .entry((it.table.as_str(), it.column.as_str(), kind_of(&it.became)))
            .or_insert((0, it))
            .0 += 1;
    }
    let line = |((table, column, _), (count, first)): Group<'_>| {
        let place = [table, column].join(" ");
        let times = if count > 1 {
            format!("{count} times, first ")
        } else {
            String::new()
        };
        let (place, key) = (place.trim_end(), &first.key);
        let (found, became) = (&first.found, &first.became);
        format!("{place}: {times}{key} `{found}`: {became}")
    };
    groups.into_iter().map(line).collect()
}

/// What became of a value, without the id that was made for it.
fn kind_of(became: &str) -> &str {
    match became.split_once("`: ") {
        Some((id, why)) if id.starts_with('`') => why,
        Some(_) | None => became,
    }
}

/// That a database is what it is said to be, before anything is done.
fn can_be_read(path: &Path, target: &Path, wanted: Kind) -> Result<(), Failure> {
    let source = Source::open(path, &std::env::temp_dir()).map_err(|error| failure(&error))?;
    match source.kind() {
        kind if kind == wanted => Ok(()),
        Kind::Ours if is_same(path, target) && aside(target).exists() => Ok(()),
        kind => Err(foreign(path, kind)),
    }
}

/// Closes a database of ours, and has one that was made beside its place take it.
fn settle(connection: SqliteConnection, place: &Path, target: &Path) -> Result<(), Failure> {
    let mut connection = connection;
    diesel::connection::SimpleConnection::batch_execute(
        &mut connection,
        "PRAGMA wal_checkpoint(TRUNCATE)",
    )
    .map_err(|error| Failure::new("E_STORAGE", format!("{}: {error}", place.display())))?;
    drop(connection);
    if place == target {
        return Ok(());
    }
    // What a WAL of theirs held is in the copy that was put aside; it must never meet the new file.
    for ending in ["-wal", "-shm", "-journal"] {
        let path = beside(target, ending);
        if path.exists() {
            fs::remove_file(&path).map_err(|error| file_failure(&path, &error))?;
        }
    }
    orket_actors::fault::point("import.before_rename");
    fs::rename(place, target).map_err(|error| file_failure(target, &error))?;
    disk::sync_parent(target).map_err(|error| keep_failure(&error))
}

/// Keeps a database of theirs at `aside`, whole. One that is kept there already is another one, unless an
/// import of this one was killed, and stays under another name.
fn put_aside(path: &Path, aside: &Path, at_ms: i64) -> Result<(), Failure> {
    let failed = |error: KeepError| keep_failure(&error);
    if !aside.exists() {
        return snapshot::take(path, aside).map_err(failed);
    }
    let fresh = beside(aside, ".new");
    if fresh.exists() {
        fs::remove_file(&fresh).map_err(|error| file_failure(&fresh, &error))?;
    }
    snapshot::take(path, &fresh).map_err(failed)?;
    if disk::digest(&fresh).map_err(failed)? != disk::digest(aside).map_err(failed)? {
        let older = beside(aside, &format!("-{}", disk::stamp(at_ms)));
        fs::rename(aside, &older).map_err(|error| file_failure(&older, &error))?;
    }
    fs::rename(&fresh, aside).map_err(|error| file_failure(aside, &error))?;
    disk::sync_parent(aside).map_err(failed)
}

/// Where a database of theirs is kept that lay in the place of ours.
fn aside(target: &Path) -> PathBuf {
    beside(target, ".python")
}

fn is_same(path: &Path, target: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    target.exists() && real(path) == real(target)
}

fn failure(error: &LegacyError) -> Failure {
    Failure::new(error.code(), error.to_string()).hint(error.hint())
}

fn foreign(path: &Path, kind: Kind) -> Failure {
    failure(&LegacyError::Source {
        path: path.to_owned(),
        reason: format!("it is {}", kind.words()),
    })
}

fn file_failure(path: &Path, error: &std::io::Error) -> Failure {
    keep_failure(&KeepError::File {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}
