//! The copy of a repository in which a change is verified. It lies outside of the repository, so that
//! nothing that looks upwards from it (a workspace of cargo, a `node_modules`, git) finds the real one.
//!
//! What it holds: every tracked file and link, submodules, and what is ignored, so that it is a tree
//! like the real one. Folders of ignored dependencies (`node_modules`, `.venv`) lead to the real ones by
//! links, where the sandbox keeps a child from writing there; other ignored folders are copied as
//! long as they are small. Build outputs, `.git` and `.orket` are left out.

use std::fs::{DirBuilder, FileTimes};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::change::Change;
use crate::dependencies;
use crate::git::{OWN_FOLDER, Repository};
use crate::refusal::Refusal;

/// Names of scratch folders begin so; the transaction's id follows.
const PREFIX: &str = "orket-transaction-";
/// Ignored folders of these names hold what a package manager put there.
const DEPENDENCIES: [&str; 6] = [
    "node_modules",
    ".venv",
    "venv",
    "vendor",
    "bower_components",
    ".bundle",
];
/// Ignored folders of these names are made anew by those who need them.
const OUTPUTS: [&str; 14] = [
    "target",
    "dist",
    "build",
    "out",
    "coverage",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".tox",
    ".next",
    ".turbo",
    ".cache",
    ".gradle",
];
/// What is ignored and neither of these is copied up to so many bytes, and linked past that.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// The same in files.
const MOST_FILES: u64 = 4_000;

/// See the file's head. Dropping it removes it.
#[derive(Debug)]
pub struct Scratch {
    base: PathBuf,
    root: PathBuf,
    /// Real folders that it links to: these are to be read, never written.
    pub links: Vec<PathBuf>,
    /// What it lacks.
    pub left_out: Vec<String>,
}

/// Where the scratch copy of the transaction with this id goes.
#[must_use]
pub fn place(id: &str) -> PathBuf {
    let temp = std::env::temp_dir();
    temp.canonicalize()
        .unwrap_or(temp)
        .join(format!("{PREFIX}{id}"))
}

/// Removes the scratch copy that a killed process left.
pub fn remove_left(path: &Path, id: &str) {
    let name = format!("{PREFIX}{id}");
    if path.file_name().is_some_and(|found| found == name.as_str()) {
        remove(path);
    }
}

impl Scratch {
    /// Copies a repository to `base`, which is not there. With `may_link` big ignored folders are
    /// linked; without, they are left out.
    ///
    /// # Errors
    ///
    /// `E_INTERNAL` with what the file system says.
    pub fn copy(repository: &Repository, base: &Path, may_link: bool) -> Result<Self, Refusal> {
        let failed = |path: &Path, error: &io::Error| Refusal::of_io(path.display(), error);
        let real = repository.root();
        let listing = repository.listing()?;
        let ignored = repository.ignored()?;
        let mut scratch = Self::empty(base, real).map_err(|error| failed(base, &error))?;
        let mut budget = Budget::unbounded();
        for path in &listing.tracked {
            copy_entry(
                &real.join(path),
                &scratch.root.join(path),
                base,
                &mut budget,
            )
            .map_err(|error| failed(path, &error))?;
        }
        for path in &listing.submodules {
            copy_entry(
                &real.join(path),
                &scratch.root.join(path),
                base,
                &mut budget,
            )
            .map_err(|error| failed(path, &error))?;
        }
        let mut budget = Budget {
            bytes: MOST_BYTES,
            files: MOST_FILES,
        };
        for path in &ignored {
            scratch
                .take_ignored(real, path, may_link, &mut budget)
                .map_err(|error| failed(path, &error))?;
        }
        Ok(scratch)
    }

    fn empty(base: &Path, real: &Path) -> io::Result<Self> {
        DirBuilder::new().mode(0o700).create(base)?;
        // Programs that tell of their folder tell of one with the right name.
        let root = base.join(real.file_name().unwrap_or("tree".as_ref()));
        std::fs::create_dir(&root)?;
        Ok(Self {
            base: base.to_owned(),
            root,
            links: Vec::new(),
            left_out: Vec::new(),
        })
    }

    fn take_ignored(
        &mut self,
        real: &Path,
        path: &Path,
        may_link: bool,
        budget: &mut Budget,
    ) -> io::Result<()> {
        let (from, to) = (real.join(path), self.root.join(path));
        let name = path.file_name().unwrap_or_default();
        let is_folder = from.symlink_metadata().is_ok_and(|it| it.is_dir());
        if is_folder && OUTPUTS.iter().any(|output| name == *output) {
            return Ok(());
        }
        let is_dependency = is_folder && DEPENDENCIES.iter().any(|it| name == *it);
        if !is_dependency {
            let mut copied = budget.clone();
            match copy_entry(&from, &to, &self.base, &mut copied) {
                Ok(()) => {
                    *budget = copied;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::QuotaExceeded => remove(&to),
                // Sockets and what this user may not read are no part of a project.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    remove(&to);
                    self.left_out.push(path.display().to_string());
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        if !may_link {
            self.left_out.push(path.display().to_string());
            return Ok(());
        }
        dependencies::link(&from, &to, real, &self.root)?;
        self.links.push(from);
        Ok(())
    }

    /// The copy's root.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes these changes in the copy.
    ///
    /// # Errors
    ///
    /// `E_INTERNAL` with what the file system says.
    pub fn change(&self, changes: &[Change]) -> Result<(), Refusal> {
        for change in changes {
            let path = self.root.join(&change.path);
            write(&path, change).map_err(|error| Refusal::of_io(path.display(), &error))?;
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.base);
    }
}

fn write(path: &Path, change: &Change) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    if change.before.is_some() {
        std::fs::remove_file(path)?;
    }
    std::fs::write(path, &change.after)?;
    if let Some(before) = &change.before {
        std::fs::set_permissions(path, PermissionsExt::from_mode(before.state.mode))?;
    }
    Ok(())
}

#[derive(Debug, Clone)]
struct Budget {
    bytes: u64,
    files: u64,
}

impl Budget {
    const fn unbounded() -> Self {
        Self {
            bytes: u64::MAX,
            files: u64::MAX,
        }
    }

    fn take(&mut self, bytes: u64) -> io::Result<()> {
        let left = self.bytes.checked_sub(bytes).zip(self.files.checked_sub(1));
        let (bytes, files) = left.ok_or_else(|| io::Error::from(io::ErrorKind::QuotaExceeded))?;
        (self.bytes, self.files) = (bytes, files);
        Ok(())
    }
}

/// Copies a file, a link as a link, or a folder with what is in it. What is not there, and what is
/// neither of these, is passed over; so is everything of git's own, and the copy itself at `base`, for
/// which temporary files may have their place in the repository.
fn copy_entry(from: &Path, to: &Path, base: &Path, budget: &mut Budget) -> io::Result<()> {
    if from == base {
        return Ok(());
    }
    let facts = match from.symlink_metadata() {
        Ok(facts) => facts,
        // A sparse checkout.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent)?;
    }
    if facts.is_symlink() {
        budget.take(0)?;
        return symlink(std::fs::read_link(from)?, to);
    }
    if facts.is_file() {
        budget.take(facts.len())?;
        std::fs::copy(from, to)?;
        // Those who compare times find them as they were.
        if let (Ok(modified), Ok(copy)) = (facts.modified(), std::fs::File::open(to)) {
            let _ = copy.set_times(FileTimes::new().set_modified(modified));
        }
        return Ok(());
    }
    if !facts.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let name = entry?.file_name();
        if name == ".git" || name == OWN_FOLDER {
            continue;
        }
        copy_entry(&from.join(&name), &to.join(&name), base, budget)?;
    }
    Ok(())
}

/// Removes all of it, folders that may not be written included.
fn remove(path: &Path) {
    let Ok(facts) = path.symlink_metadata() else {
        return;
    };
    if !facts.is_dir() {
        let _ = std::fs::remove_file(path);
        return;
    }
    if std::fs::remove_dir_all(path).is_ok() {
        return;
    }
    open_folders(path);
    // What is left then lies among temporary files, which the system clears up.
    let _ = std::fs::remove_dir_all(path);
}

fn open_folders(path: &Path) {
    let _ = std::fs::set_permissions(path, PermissionsExt::from_mode(0o700));
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_folders(&entry.path());
        }
    }
}
