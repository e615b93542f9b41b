//! The files of a run, copied: without links, dot-files and what is too long. Each step opens what
//! it looks at relative to the folder that is open already, so nothing that is exchanged meanwhile
//! leads out of it. Copies are named by numbers: a name that an agent chose means nothing here.

use std::ffi::{CStr, OsStr};
use std::fs::{DirBuilder, File, Metadata};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, Mode, OFlags};
use serde::Serialize;

/// How much of a run is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportLimits {
    /// Of one file, in bytes.
    pub file_bytes: u64,
    /// Of all files together, in bytes.
    pub bytes: u64,
    /// Files.
    pub files: u64,
}

impl Default for ExportLimits {
    fn default() -> Self {
        Self {
            file_bytes: 16 * 1024 * 1024,
            bytes: 256 * 1024 * 1024,
            files: 20_000,
        }
    }
}

/// Something that is not in the export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Where it would be.
    pub path: String,
    /// Why it is not.
    pub reason: &'static str,
}

/// So many are named in the manifest; the rest is counted.
const MAX_NAMED: usize = 1_000;
/// Deeper folders are left out.
const MAX_DEPTH: usize = 64;

pub(super) struct Copy {
    limits: ExportLimits,
    /// Where copies are put.
    staging: PathBuf,
    /// Where the copy with this number belongs below the run's folder.
    pub(super) paths: Vec<String>,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) left_out_count: u64,
}

const READ: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOFOLLOW)
    // A pipe that nobody writes to would be waited for.
    .union(OFlags::NONBLOCK);

impl Copy {
    pub(super) fn new(limits: ExportLimits, staging: &Path) -> Self {
        Self {
            limits,
            staging: staging.to_owned(),
            paths: Vec::new(),
            files: 0,
            bytes: 0,
            left_out: Vec::new(),
            left_out_count: 0,
        }
    }

    /// Copies a file or a folder with all below it, which belongs at `to`.
    pub(super) fn add(&mut self, from: &Path, to: &str) -> io::Result<()> {
        match rustix::fs::open(from, READ, Mode::empty()) {
            Ok(opened) => self.copy(opened, to, 0),
            Err(error) => self.not_opened(error.into(), to),
        }
    }

    /// Writes a file that is made.
    pub(super) fn make(&mut self, bytes: &[u8], to: &str) -> io::Result<()> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if let Some(reason) = self.refused(length) {
            self.leave_out(to, reason);
            return Ok(());
        }
        self.write(bytes, to)?;
        self.count(length);
        Ok(())
    }

    /// Writes the manifest, which no limit keeps out.
    pub(super) fn write(&mut self, bytes: &[u8], to: &str) -> io::Result<()> {
        let path = self.place(to);
        std::fs::write(path, bytes)
    }

    /// Where the next copy is put.
    fn place(&mut self, to: &str) -> PathBuf {
        let path = self.staging.join(self.paths.len().to_string());
        self.paths.push(to.to_owned());
        path
    }

    fn copy(&mut self, opened: OwnedFd, to: &str, depth: usize) -> io::Result<()> {
        let file = File::from(opened);
        let meta = file.metadata()?;
        if meta.is_dir() && depth >= MAX_DEPTH {
            self.leave_out(to, "too many folders in each other");
            Ok(())
        } else if meta.is_dir() {
            self.folder(&file, to, depth)
        } else if meta.is_file() {
            self.file(file, &meta, to)
        } else {
            self.leave_out(to, "not a file");
            Ok(())
        }
    }

    fn folder(&mut self, folder: &File, to: &str, depth: usize) -> io::Result<()> {
        let mut names = Vec::new();
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let name: &CStr = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") {
                names.push(name.to_owned());
            }
        }
        // What is left out at a limit is the same every time.
        names.sort();
        for name in names {
            let Ok(text) = name.to_str() else {
                let shown = OsStr::from_bytes(name.to_bytes()).display().to_string();
                self.leave_out(&format!("{to}/{shown}"), "its name is not UTF-8");
                continue;
            };
            let to = format!("{to}/{text}");
            if text.starts_with('.') {
                self.leave_out(&to, "a dot-file");
                continue;
            }
            if is_refused_by_git(text) {
                self.leave_out(&to, "a name that git refuses");
                continue;
            }
            match rustix::fs::openat(folder.as_fd(), &name, READ, Mode::empty()) {
                Ok(opened) => self.copy(opened, &to, depth + 1)?,
                Err(error) => self.not_opened(error.into(), &to)?,
            }
        }
        Ok(())
    }

    fn file(&mut self, file: File, meta: &Metadata, to: &str) -> io::Result<()> {
        if let Some(reason) = self.refused(meta.len()) {
            self.leave_out(to, reason);
            return Ok(());
        }
        let mut into = File::create(self.place(to))?;
        // One that still grows is exported as it was.
        let length = io::copy(&mut file.take(meta.len()), &mut into)?;
        into.flush()?;
        self.count(length);
        Ok(())
    }

    fn not_opened(&mut self, error: io::Error, to: &str) -> io::Result<()> {
        let link = rustix::io::Errno::LOOP.raw_os_error();
        match error.kind() {
            // Gone meanwhile, or never there.
            io::ErrorKind::NotFound => {}
            _ if error.raw_os_error() == Some(link) => self.leave_out(to, "a symbolic link"),
            io::ErrorKind::PermissionDenied => self.leave_out(to, "not readable"),
            _ if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
                self.leave_out(to, "not a file");
            }
            _ => return Err(error),
        }
        Ok(())
    }

    fn refused(&self, length: u64) -> Option<&'static str> {
        if length > self.limits.file_bytes {
            Some("longer than a file may be")
        } else if self.bytes.saturating_add(length) > self.limits.bytes {
            Some("more than all files may be together")
        } else if self.files >= self.limits.files {
            Some("more files than there may be")
        } else {
            None
        }
    }

    fn count(&mut self, length: u64) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(length);
    }

    fn leave_out(&mut self, path: &str, reason: &'static str) {
        self.left_out_count += 1;
        if self.left_out.len() < MAX_NAMED {
            let path = path.to_owned();
            self.left_out.push(LeftOut { path, reason });
        }
    }
}

/// A folder, and those above it, that nobody else looks into.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Whether git takes a name for its own folder on some system, and checks it out nowhere: what NTFS
/// calls `.git` in short, with what it cuts off, and `.git` with what HFS+ does not see.
fn is_refused_by_git(name: &str) -> bool {
    let seen = name.chars().filter(|c| !is_ignored_by_hfs(*c));
    let seen = seen.collect::<String>().to_ascii_lowercase();
    seen.split('\\').any(|part| {
        let rest = part
            .strip_prefix(".git")
            .or_else(|| part.strip_prefix("git~1"));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '.', ':']))
    })
}

/// The characters of git's `utf8.c`.
fn is_ignored_by_hfs(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_git_takes_for_its_own_are_known() {
        for name in [
            "git~1",
            "GIT~1",
            "git~1 .",
            "git~1:x",
            "a\\.git",
            "\u{200c}.git",
            ".g\u{feff}it",
        ] {
            assert!(is_refused_by_git(name), "{name:?}");
        }
        for name in ["git", "git~10", "git~2", "a.git", "a\\b", "gitignore"] {
            assert!(!is_refused_by_git(name), "{name:?}");
        }
    }
}
