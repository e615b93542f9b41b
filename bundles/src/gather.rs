//! What of a folder is packed: every regular file that nothing speaks against, sorted by its bytes.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::exclude::{self, Reason};
use crate::manifest::path_problem;
use crate::problem::{Code, Problem};

/// How many files a bundle may have.
pub(crate) const MAX_FILES: usize = 10_000;

/// How deep folders may lie in one another.
const MAX_DEPTH: usize = 64;

/// Something that is left out. A folder's path ends in `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Excluded {
    /// Its path in the folder.
    pub path: String,
    /// Why.
    pub reason: Reason,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Path in the bundle, and the file.
    pub(crate) files: Vec<(String, PathBuf)>,
    /// What is left out.
    pub(crate) excluded: Vec<Excluded>,
    /// What is wrong.
    pub(crate) problems: Vec<Problem>,
}

/// Everything below `root` but `output`.
pub(crate) fn gather(root: &Path, output: Option<&Path>) -> Gathered {
    let mut found = Gathered::default();
    let real = match std::fs::canonicalize(root) {
        Ok(real) => real,
        Err(error) => {
            let location = root.display().to_string();
            let problem = Problem::new(Code::PackIo, location, error.to_string());
            found.problems.push(problem);
            return found;
        }
    };
    let mut walk = Walk {
        root: &real,
        output,
        found: &mut found,
    };
    walk.folder(&real, "", 0);
    found.files.sort();
    found.excluded.sort();
    found
}

struct Walk<'a> {
    root: &'a Path,
    output: Option<&'a Path>,
    found: &'a mut Gathered,
}

impl Walk<'_> {
    fn wrong(&mut self, code: Code, path: &str, message: impl Into<String>) {
        let location = if path.is_empty() { "." } else { path };
        self.found
            .problems
            .push(Problem::new(code, location, message));
    }

    fn leave_out(&mut self, path: String, reason: Reason) {
        self.found.excluded.push(Excluded { path, reason });
    }

    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) {
        if depth > MAX_DEPTH {
            let message = format!("folders lie more than {MAX_DEPTH} deep");
            return self.wrong(Code::PackTooLarge, prefix.trim_end_matches('/'), message);
        }
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                let message = format!("cannot be read: {error}");
                return self.wrong(Code::PackIo, prefix.trim_end_matches('/'), message);
            }
        };
        for entry in entries {
            if self.found.files.len() > MAX_FILES {
                let message = format!("holds more than {MAX_FILES} files");
                return self.wrong(Code::PackTooLarge, "", message);
            }
            match entry {
                Ok(entry) => self.entry(&entry, prefix, depth),
                Err(error) => self.wrong(Code::PackIo, prefix, error.to_string()),
            }
        }
    }

    fn entry(&mut self, entry: &std::fs::DirEntry, prefix: &str, depth: usize) {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            let path = format!("{prefix}{}", name.to_string_lossy());
            return self.wrong(Code::PackUnsafeArchivePath, &path, "is no UTF-8 name");
        };
        let path = format!("{prefix}{name}");
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) => return self.wrong(Code::PackIo, &path, error.to_string()),
        };
        if kind.is_dir() {
            match exclude::folder(name) {
                Some(reason) => self.leave_out(format!("{path}/"), reason),
                None => self.folder(&entry.path(), &format!("{path}/"), depth + 1),
            }
        } else if let Some(reason) = exclude::file(name) {
            self.leave_out(path, reason);
        } else if kind.is_symlink() {
            self.link(&entry.path(), path);
        } else if kind.is_file() {
            self.file(entry.path(), path);
        } else {
            self.leave_out(path, Reason::NoFile);
        }
    }

    /// What a link inside the folder leads to is packed as if it stood here, unless it is left out
    /// where it stands.
    fn link(&mut self, link: &Path, path: String) {
        let Ok(real) = std::fs::canonicalize(link) else {
            return self.leave_out(path, Reason::Link);
        };
        let Ok(inside) = real.strip_prefix(self.root) else {
            return self.leave_out(path, Reason::LinkOutside);
        };
        if let Some(reason) = exclude::path(&inside.to_string_lossy()) {
            return self.leave_out(path, reason);
        }
        match std::fs::metadata(&real) {
            Ok(about) if about.is_file() => self.file(real, path),
            Ok(about) if !about.is_dir() => self.leave_out(path, Reason::NoFile),
            Ok(_) | Err(_) => self.leave_out(path, Reason::Link),
        }
    }

    fn file(&mut self, file: PathBuf, path: String) {
        if self.output.is_some_and(|output| output == file) {
            return self.leave_out(path, Reason::Archive);
        }
        match path_problem(&path) {
            Some(wrong) => self.wrong(Code::PackUnsafeArchivePath, &path, wrong),
            None => self.found.files.push((path, file)),
        }
    }
}
