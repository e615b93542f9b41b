//! Files of the Python Orket 0.3 that lie where it once kept them, brought to where they belong: only
//! where nothing is yet, by a copy that is whole before the first one goes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use orket_legacy::Kind;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::database::{Database, beside};
use crate::disk;
use crate::error::KeepError;
use crate::schema::{self, State};
use crate::snapshot;

/// What is where it once was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// What it is.
    pub what: &'static str,
    /// Where it is.
    pub from: PathBuf,
    /// Where it belongs.
    pub to: PathBuf,
    /// What happens with it.
    pub then: Then,
}

/// What happens with something that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// It is brought there.
    Move,
    /// It is there already, the same: what is left here goes.
    Finish,
    /// Something else is there; both stay.
    Stay,
    /// It is a database that has to be imported.
    Import,
    /// It is a database of something else, or of a newer program: it stays.
    Foreign,
}

enum Shape {
    /// One of ours, or of the Python Orket.
    Ours(Database),
    /// Whatever is in it.
    Database,
    File,
    Folder,
}

/// What it is, where it was below the current folder, where it belongs below the data folder.
const PLACES: [(&str, &str, &str, Shape); 5] = [
    (
        "runtime database",
        "orket_persistence.db",
        "db/orket_persistence.db",
        Shape::Ours(Database::Runtime),
    ),
    (
        "webhook database",
        ".orket/webhook.db",
        "db/webhook.db",
        Shape::Ours(Database::Webhook),
    ),
    (
        "live acceptance database",
        "workspace/observability/live_acceptance_loop.db",
        "observability/live_acceptance_loop.db",
        Shape::Database,
    ),
    (
        "user settings",
        "user_settings.json",
        "config/user_settings.json",
        Shape::File,
    ),
    (
        "Gitea export cache",
        ".orket/gitea_artifacts",
        "gitea_artifacts",
        Shape::Folder,
    ),
];

/// Looks for them; nothing is touched.
///
/// # Errors
///
/// [`KeepError`] when a database cannot be read.
pub fn find(cwd: &Path, root: &Path, scratch: &Path) -> Result<Vec<Found>, KeepError> {
    let mut all = Vec::new();
    for (what, from, to, shape) in PLACES {
        let (from, to) = (cwd.join(from), root.join(to));
        let is_there = match shape {
            Shape::Ours(_) | Shape::Database | Shape::File => from.is_file(),
            Shape::Folder => from.is_dir(),
        };
        let same = || fs::canonicalize(&from).ok() == fs::canonicalize(&to).ok();
        if !is_there || (to.exists() && same()) {
            continue;
        }
        if matches!(shape, Shape::File) {
            // One that cannot be read would stop every command where it belongs.
            object(&from)?;
        }
        let instead = match shape {
            Shape::Ours(database) => instead(database, &from, scratch)?,
            Shape::Database | Shape::File | Shape::Folder => None,
        };
        let then = if let Some(then) = instead {
            then
        } else if fs::symlink_metadata(&to).is_ok() {
            // Of a move that was killed between the copy and the end.
            if is_copy(&from, &to)? {
                Then::Finish
            } else {
                Then::Stay
            }
        } else {
            Then::Move
        };
        all.push(Found {
            what,
            from,
            to,
            then,
        });
    }
    Ok(all)
}

/// What happens with a database that is not ours to use; nothing for one that is.
fn instead(database: Database, path: &Path, scratch: &Path) -> Result<Option<Then>, KeepError> {
    Ok(match schema::state(database, path, scratch)? {
        State::Absent { .. } | State::Ours { .. } => None,
        State::Foreign(Kind::PythonRuntime | Kind::PythonWebhook | Kind::PythonMemory) => {
            Some(Then::Import)
        }
        State::Newer { .. } | State::Another(_) | State::Foreign(_) => Some(Then::Foreign),
    })
}

/// Whether all of a file or folder is in another one, the same.
fn is_copy(from: &Path, to: &Path) -> Result<bool, KeepError> {
    let kind = |path: &Path| {
        fs::symlink_metadata(path)
            .map(|about| about.file_type())
            .map_err(|error| KeepError::file(path, &error))
    };
    let (one, other) = (kind(from)?, kind(to)?);
    if one.is_file() && other.is_file() {
        // What is still in a WAL is not in the copy.
        if fs::metadata(beside(from, "-wal")).is_ok_and(|about| about.len() > 0) {
            return Ok(false);
        }
        return Ok(disk::digest(from)? == disk::digest(to)?);
    }
    if one.is_symlink() && other.is_symlink() {
        return Ok(fs::read_link(from).ok() == fs::read_link(to).ok());
    }
    if !one.is_dir() || !other.is_dir() {
        return Ok(false);
    }
    let entries = fs::read_dir(from).map_err(|error| KeepError::file(from, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| KeepError::file(from, &error))?;
        let target = to.join(entry.file_name());
        if fs::symlink_metadata(&target).is_err() || !is_copy(&entry.path(), &target)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Brings one to where it belongs.
///
/// # Errors
///
/// [`KeepError`]; it is still where it was.
pub fn bring(found: &Found) -> Result<(), KeepError> {
    match found.then {
        Then::Stay | Then::Import | Then::Foreign => return Ok(()),
        Then::Finish => return forget(&found.from),
        // Somebody was here before.
        Then::Move if fs::symlink_metadata(&found.to).is_ok() => return Ok(()),
        Then::Move => {}
    }
    let from = &found.from;
    if from.is_dir() {
        let failed = |error: io::Error| KeepError::file(from, &error);
        let part = disk::part(&found.to);
        if part.exists() {
            fs::remove_dir_all(&part).map_err(failed)?;
        }
        copy_folder(from, &part)?;
        fs::rename(&part, &found.to).map_err(|error| KeepError::file(&found.to, &error))?;
        disk::sync_parent(&found.to)?;
        orket_actors::fault::point("move.copied");
        return forget(from);
    }
    if from.extension().is_some_and(|it| it == "db") {
        // With what is still in its WAL.
        snapshot::take(from, &found.to)?;
    } else {
        disk::copy(from, &found.to)?;
    }
    orket_actors::fault::point("move.copied");
    forget(from)
}

/// Removes what is somewhere else by now.
fn forget(from: &Path) -> Result<(), KeepError> {
    let failed = |error: io::Error| KeepError::file(from, &error);
    if from.is_dir() {
        fs::remove_dir_all(from).map_err(failed)?;
        return disk::sync_parent(from);
    }
    fs::remove_file(from).map_err(failed)?;
    for ending in ["-wal", "-shm", "-journal"] {
        match fs::remove_file(beside(from, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            Ok(()) | Err(_) => {}
        }
    }
    disk::sync_parent(from)
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), KeepError> {
    fs::create_dir_all(to).map_err(|error| KeepError::file(to, &error))?;
    let entries = fs::read_dir(from).map_err(|error| KeepError::file(from, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| KeepError::file(from, &error))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry
            .file_type()
            .map_err(|error| KeepError::file(&path, &error))?;
        if kind.is_dir() {
            copy_folder(&path, &target)?;
        } else if kind.is_symlink() {
            let leads = fs::read_link(&path).map_err(|error| KeepError::file(&path, &error))?;
            std::os::unix::fs::symlink(leads, &target)
                .map_err(|error| KeepError::file(&target, &error))?;
        } else if !kind.is_file() {
            // A pipe would be waited for.
            return Err(KeepError::File {
                path,
                reason: "is neither a file, a folder nor a link".to_owned(),
            });
        } else {
            fs::copy(&path, &target)
                .and_then(|_| fs::File::open(&target)?.sync_all())
                .map_err(|error| KeepError::file(&target, &error))?;
        }
    }
    disk::sync_folder(to)
}

/// Keys of user settings such as `preferred_coder`, by role; each belongs to the preferences now.
///
/// # Errors
///
/// [`KeepError::File`] when the settings cannot be read.
pub fn preferred(root: &Path) -> Result<BTreeMap<String, String>, KeepError> {
    let settings = object(&root.join("config/user_settings.json"))?.unwrap_or_default();
    Ok(preferred_of(&settings))
}

fn preferred_of(settings: &Map<String, Value>) -> BTreeMap<String, String> {
    settings
        .iter()
        .filter_map(|(key, value)| {
            let role = key.strip_prefix("preferred_").filter(|it| !it.is_empty())?;
            let model = value.as_str().filter(|it| !it.trim().is_empty())?;
            Some((role.to_owned(), model.to_owned()))
        })
        .collect()
}

/// Moves these keys: into the preferences first, where they go before what is there, as they always
/// did; then out of the settings. Killed in between, the next time comes to the same.
///
/// # Errors
///
/// [`KeepError::File`].
pub fn bring_preferences(root: &Path) -> Result<BTreeMap<String, String>, KeepError> {
    let settings_path = root.join("config/user_settings.json");
    let Some(mut settings) = object(&settings_path)? else {
        return Ok(BTreeMap::new());
    };
    let found = preferred_of(&settings);
    if found.is_empty() {
        return Ok(found);
    }
    let path = root.join("config/preferences.json");
    let mut preferences = object(&path)?.unwrap_or_default();
    let models = preferences
        .entry("models")
        .or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(models) = models else {
        return Err(KeepError::File {
            path,
            reason: "`models` is no object".to_owned(),
        });
    };
    for (role, model) in &found {
        models.insert(role.clone(), Value::from(model.as_str()));
        settings.shift_remove(&format!("preferred_{role}"));
    }
    disk::replace(&path, &text(&preferences)?)?;
    orket_actors::fault::point("move.preferences");
    disk::replace(&settings_path, &text(&settings)?)?;
    Ok(found)
}

fn object(path: &Path) -> Result<Option<Map<String, Value>>, KeepError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(KeepError::file(path, &error)),
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| KeepError::Settings {
            path: path.to_owned(),
            reason: error.to_string(),
        })
}

/// With four spaces, as these files have always been written.
fn text(object: &Map<String, Value>) -> Result<Vec<u8>, KeepError> {
    use serde::Serialize as _;
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    object
        .serialize(&mut serializer)
        .map_err(|error| KeepError::file(Path::new("config"), &io::Error::other(error)))?;
    bytes.push(b'\n');
    Ok(bytes)
}
