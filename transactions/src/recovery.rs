//! What a process that was killed left behind, put right before anything else is done.
//!
//! A transaction that was not through is undone, since nobody was told that it happened. Only when
//! every file is already as it was to be, it counts as done.

use std::fs::File;
use std::path::{Component, Path, PathBuf};

use orket_children::mark::{Marker, Origin};
use orket_children::strays;
use serde::Serialize;

use crate::git::{OWN_FOLDER, Repository};
use crate::journal::{BEGUN, Begun, DONE, FOLDER, INTENT, Intent, Journal, Store, VERSION};
use crate::lock::Lock;
use crate::refusal::{Code, Refusal};
use crate::scope::closed;
use crate::scratch;
use crate::tree::Tree;

/// Folders of transactions that were undone only in part keep what is left under this ending.
const KEPT: &str = ".kept";

/// What was done about a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It had changed nothing.
    Discarded,
    /// It was undone.
    RolledBack,
    /// All of it was there; it counts as done.
    Completed,
    /// It was undone but for files that somebody else changed since.
    KeptInPart,
}

/// A transaction that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recovered {
    /// Its id.
    pub id: String,
    /// What had been asked for.
    pub command: String,
    /// What was done about it.
    pub action: Action,
    /// Files that were left as they are.
    pub left: Vec<String>,
}

impl Recovered {
    /// In a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { id, command, .. } = self;
        match self.action {
            Action::Discarded => {
                format!("`{command}` was interrupted before it changed anything")
            }
            Action::RolledBack => {
                format!("`{command}` was interrupted; everything is as it was before")
            }
            Action::Completed => {
                format!("`{command}` was interrupted after its last change; it is done")
            }
            Action::KeptInPart => format!(
                "`{command}` was interrupted and is undone, but for files that changed since: {}; \
                 .orket/transactions/{id}{KEPT} holds what they were",
                self.left.join(", ")
            ),
        }
    }
}

/// Whether there is something to be put right in the repository with this root, for those who only
/// want to tell. It may be a transaction that is under way.
#[must_use]
pub fn is_pending(root: &Path) -> bool {
    Store::existing(root).is_some_and(|store| !folders(&store).is_empty())
}

/// Puts everything right in the repository with this root, if there is something and no transaction
/// is under way.
///
/// # Errors
///
/// `E_TRANSACTION_BUSY`, and `E_INTERNAL` when it cannot be done.
pub fn recover_now(root: &Path) -> Result<Vec<Recovered>, Refusal> {
    let Some(store) = Store::existing(root) else {
        return Ok(Vec::new());
    };
    let _lock = Lock::take(store.path(), "recovery")?;
    recover(root, &store)
}

/// The same for whoever has the lock.
pub(crate) fn recover(root: &Path, store: &Store) -> Result<Vec<Recovered>, Refusal> {
    let pending = folders(store);
    if pending.is_empty() {
        return Ok(Vec::new());
    }
    check_own(root)?;
    let tree = Tree::open(root).map_err(|error| Refusal::of_io(root.display(), &error))?;
    let found = pending.iter().map(|folder| recover_one(&tree, folder));
    let found: Result<Vec<_>, _> = found.collect();
    Ok(found?.into_iter().flatten().collect())
}

/// A journal that came with the repository was written by somebody else, who could have it changed
/// anything below the root, settings of git among that.
fn check_own(root: &Path) -> Result<(), Refusal> {
    let journals = Path::new(OWN_FOLDER).join(FOLDER);
    let listing = Repository::find(root)?.listing()?;
    let foreign = listing
        .tracked
        .iter()
        .find(|path| path.starts_with(&journals));
    foreign.map_or(Ok(()), |path| {
        Err(Refusal::new(
            Code::Internal,
            format!(
                "{} is tracked by git: a journal that came from elsewhere is not followed",
                path.display()
            ),
        )
        .hint("git rm -r --cached .orket/transactions, and see who put it there"))
    })
}

/// No transaction writes there, so no journal of ours says so.
fn check_paths(folder: &Path, intent: &Intent) -> Result<(), Refusal> {
    let files = intent.files.iter().map(|file| &file.path);
    let mut paths = files.chain(&intent.folders).map(Path::new);
    let is_ours = |path: &Path| {
        let is_plain = path
            .components()
            .all(|it| matches!(it, Component::Normal(_)));
        is_plain && closed(path).is_none()
    };
    match paths.find(|path| !is_ours(path)) {
        None => Ok(()),
        Some(path) => Err(Refusal::new(
            Code::Internal,
            format!(
                "{} speaks of {}, where nothing is ever written",
                folder.display(),
                path.display()
            ),
        )
        .hint("it is none of ours; move it away once git status is right")),
    }
}

fn folders(store: &Store) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(store.path()) else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .filter(|path| !path.as_os_str().to_string_lossy().ends_with(KEPT))
        .collect();
    folders.sort();
    folders
}

fn recover_one(tree: &Tree, folder: &Path) -> Result<Option<Recovered>, Refusal> {
    let failed = |error: std::io::Error| Refusal::of_io(folder.display(), &error);
    let id = folder.file_name().unwrap_or_default().to_string_lossy();
    let begun: Option<Begun> = read(&folder.join(BEGUN))?;
    if let Some(begun) = &begun {
        // What it verified may still be running in its scratch copy.
        strays::kill_all(&Marker::new(&id), Origin::Earlier);
        scratch::remove_left(&begun.scratch, &id);
    }
    let journal = Journal::open(folder.to_owned()).map_err(failed)?;
    if folder.join(DONE).exists() {
        // It was through, and told so; only its folder was left.
        journal.remove();
        return Ok(None);
    }
    let told = |command: String, action, left| Recovered {
        id: id.clone().into_owned(),
        command,
        action,
        left,
    };
    let Some(intent) = read::<Intent>(&folder.join(INTENT))? else {
        journal.remove();
        let command = begun.map(|begun| begun.command);
        return Ok(command.map(|command| told(command, Action::Discarded, Vec::new())));
    };
    if intent.version != VERSION {
        return Err(Refusal::new(
            Code::Internal,
            format!(
                "{} was written by another version of Orket ({})",
                folder.display(),
                intent.version
            ),
        )
        .hint("let the version that wrote it put it right; nothing was changed"));
    }
    check_paths(folder, &intent)?;
    if journal.is_applied(tree, &intent).map_err(failed)? {
        journal.finish().map_err(failed)?;
        journal.remove();
        return Ok(Some(told(intent.command, Action::Completed, Vec::new())));
    }
    let left = journal.undo(tree, &intent);
    if left.is_empty() {
        journal.finish().map_err(failed)?;
        journal.remove();
        return Ok(Some(told(intent.command, Action::RolledBack, left)));
    }
    let kept = format!("{}{KEPT}", folder.display());
    std::fs::rename(folder, kept).map_err(failed)?;
    Ok(Some(told(intent.command, Action::KeptInPart, left)))
}

/// A file of the journal: written whole, or not there.
fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, Refusal> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Refusal::of_io(path.display(), &error)),
    };
    match serde_json::from_reader(std::io::BufReader::new(file)) {
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(Refusal::new(
            Code::Internal,
            format!("{} cannot be read: {error}", path.display()),
        )
        .hint(format!(
            "git status shows what changed; move {} away once that is right",
            path.parent().unwrap_or(path).display()
        ))),
    }
}
