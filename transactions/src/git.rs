//! What git says of a repository. Only questions: nothing here changes the work tree, the index or
//! the configuration, and no hook or monitor of the repository is started.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::refusal::{Code, Refusal};

/// The folder that Orket keeps its own things in, at the root of a repository.
pub const OWN_FOLDER: &str = ".orket";

/// A work tree.
#[derive(Debug, Clone)]
pub struct Repository {
    root: PathBuf,
}

/// What lies in a work tree. Paths are relative to its root.
#[derive(Debug, Default)]
pub struct Listing {
    /// Files and links that git tracks.
    pub tracked: Vec<PathBuf>,
    /// Submodules.
    pub submodules: Vec<PathBuf>,
}

impl Repository {
    /// The work tree that `folder` lies in.
    ///
    /// # Errors
    ///
    /// `E_GIT_REQUIRED` when there is none, or no git.
    pub fn find(folder: &Path) -> Result<Self, Refusal> {
        let output = git(folder, &["rev-parse", "--show-toplevel"]).map_err(|error| {
            Refusal::new(
                Code::GitRequired,
                format!("git could not be started: {error}"),
            )
            .hint("install git; it must be found through PATH")
        })?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            let reason = words.lines().next().unwrap_or("git says no").trim();
            let reason = reason.strip_prefix("fatal: ").unwrap_or(reason);
            return Err(Refusal::new(
                Code::GitRequired,
                format!("{} is in no git work tree: {reason}", folder.display()),
            )
            .hint(if reason.contains("dubious ownership") {
                "it belongs to somebody else; if you trust it: git config --global --add safe.directory FOLDER"
            } else {
                "git init && git add . && git commit -m first"
            }));
        }
        let mut bytes = output.stdout;
        while bytes.last().is_some_and(|byte| *byte == b'\n') {
            bytes.pop();
        }
        if bytes.is_empty() {
            return Err(Refusal::new(
                Code::GitRequired,
                format!("{} is in a bare git repository", folder.display()),
            )
            .hint("work in a clone of it: git clone REPOSITORY FOLDER"));
        }
        let root = PathBuf::from(OsString::from_vec(bytes));
        let root = root
            .canonicalize()
            .map_err(|error| Refusal::of_io(root.display(), &error))?;
        Ok(Self { root })
    }

    /// Its root, by its real path.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The commit that is checked out; `None` before the first one.
    ///
    /// # Errors
    ///
    /// When git cannot be asked.
    pub fn head(&self) -> Result<Option<String>, Refusal> {
        let output = git(&self.root, &["rev-parse", "--verify", "--quiet", "HEAD"])
            .map_err(|error| Refusal::of_io("git", &error))?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok((output.status.success() && !text.is_empty()).then_some(text))
    }

    /// What differs from the last commit, [`OWN_FOLDER`] aside.
    ///
    /// # Errors
    ///
    /// When git cannot be asked.
    pub fn dirty(&self) -> Result<Vec<PathBuf>, Refusal> {
        let arguments = [
            "status",
            "--porcelain=v1",
            "-z",
            "--untracked-files=normal",
            "--no-renames",
            "--ignore-submodules=none",
        ];
        let entries = self.list(&arguments)?;
        let paths = entries.iter().filter_map(|entry| entry.get(3..));
        let dirty = paths
            .map(|path| PathBuf::from(OsStr::from_bytes(path)))
            .filter(|path| !path.starts_with(OWN_FOLDER));
        Ok(dirty.collect())
    }

    /// What it tracks.
    ///
    /// # Errors
    ///
    /// When git cannot be asked.
    pub fn listing(&self) -> Result<Listing, Refusal> {
        const SUBMODULE: &[u8] = b"160000 ";
        let mut listing = Listing::default();
        for entry in self.list(&["ls-files", "--stage", "-z"])? {
            let Some(tab) = entry.iter().position(|byte| *byte == b'\t') else {
                continue;
            };
            let (facts, path) = entry.split_at(tab);
            let path = PathBuf::from(OsStr::from_bytes(path.get(1..).unwrap_or_default()));
            if facts.starts_with(SUBMODULE) {
                listing.submodules.push(path);
            } else {
                listing.tracked.push(path);
            }
        }
        Ok(listing)
    }

    /// What is ignored: files, and folders of which everything is.
    ///
    /// # Errors
    ///
    /// When git cannot be asked.
    pub fn ignored(&self) -> Result<Vec<PathBuf>, Refusal> {
        let entries = self.list(&[
            "ls-files",
            "--others",
            "--ignored",
            "--exclude-standard",
            "--directory",
            "-z",
        ])?;
        let paths = entries.into_iter().map(|mut path| {
            if path.last() == Some(&b'/') {
                path.pop();
            }
            PathBuf::from(OsString::from_vec(path))
        });
        Ok(paths.filter(|path| !path.starts_with(OWN_FOLDER)).collect())
    }

    /// Whether git would ignore this path, which need not be there.
    ///
    /// # Errors
    ///
    /// When git cannot be asked.
    pub fn ignores(&self, path: &Path) -> Result<bool, Refusal> {
        let mut command = question(&self.root);
        command.args(["check-ignore", "--quiet", "--"]).arg(path);
        let output = command
            .output()
            .map_err(|error| Refusal::of_io("git", &error))?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(failed("check-ignore", &output)),
        }
    }

    fn list(&self, arguments: &[&str]) -> Result<Vec<Vec<u8>>, Refusal> {
        let output = git(&self.root, arguments).map_err(|error| Refusal::of_io("git", &error))?;
        if !output.status.success() {
            return Err(failed(arguments.first().unwrap_or(&"git"), &output));
        }
        let entries = output.stdout.split(|byte| *byte == 0);
        Ok(entries
            .filter(|entry| !entry.is_empty())
            .map(<[u8]>::to_vec)
            .collect())
    }
}

fn failed(what: &str, output: &Output) -> Refusal {
    let words = String::from_utf8_lossy(&output.stderr);
    Refusal::new(
        Code::Internal,
        format!("git {what} failed: {}", words.trim()),
    )
    .hint("git status tells more; nothing was changed")
}

fn git(folder: &Path, arguments: &[&str]) -> io::Result<Output> {
    question(folder).args(arguments).output()
}

/// A git that takes no locks, starts nothing, and sees the work tree that `folder` lies in, whatever
/// the environment says.
fn question(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args(["--no-optional-locks", "-c", "core.fsmonitor=false"])
        .args([
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "core.quotePath=false",
        ])
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null());
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    command
}
