//! The barrier: what may be written, decided before anything is.

use std::path::Path;

use crate::git::{Listing, Repository};
use crate::refusal::{Code, Refusal};
use crate::scope::Scope;
use crate::tree::{Found, Tree};

/// What the barrier looks at.
#[derive(Debug)]
pub struct Barrier<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// Its files.
    pub tree: &'a Tree,
    /// What git knows of them.
    pub listing: &'a Listing,
    /// Where may be written.
    pub scope: &'a Scope,
    /// The code of what may not.
    pub code: Code,
}

impl Barrier<'_> {
    /// Holds a file that is to be written or made against the barrier.
    ///
    /// # Errors
    ///
    /// [`Barrier::code`], naming the file and what keeps it from being written.
    pub fn check(&self, path: &str) -> Result<(), Refusal> {
        let file = Path::new(path);
        if !self.scope.holds(file) {
            return Err(self
                .refusal(path, "lies outside of the scope")
                .hint(self.wider(path)));
        }
        if let Some(module) = self
            .listing
            .submodules
            .iter()
            .find(|it| file.starts_with(it))
        {
            let reason = format!("lies in the submodule {}", module.display());
            return Err(self.refusal(path, &reason).hint(format!(
                "work in the submodule itself: cd {}",
                module.display()
            )));
        }
        self.check_way(path, file)?;
        // By bytes: there may be many files, and each is asked about.
        let is_tracked = self
            .listing
            .tracked
            .iter()
            .any(|it| it.as_os_str() == file.as_os_str());
        if !is_tracked && self.repository.ignores(file)? {
            return Err(self
                .refusal(
                    path,
                    "is ignored by git, which could not tell what became of it",
                )
                .hint("take it out of .gitignore, or choose another place"));
        }
        Ok(())
    }

    /// No link, and nothing but folders, on the way; nothing but a file at its end.
    fn check_way(&self, path: &str, file: &Path) -> Result<(), Refusal> {
        let failed = |error: std::io::Error| Refusal::of_io(path, &error);
        for folder in file.ancestors().skip(1) {
            if folder.as_os_str().is_empty() {
                break;
            }
            let facts = match self.repository.root().join(folder).symlink_metadata() {
                Ok(facts) => facts,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            if !facts.is_dir() {
                let what = if facts.is_symlink() {
                    "a link"
                } else {
                    "no folder"
                };
                let reason = format!("is reached through {}, which is {what}", folder.display());
                return Err(self.refusal(path, &reason).hint(
                    "name the real folder in the scope, and run the command where it is tracked",
                ));
            }
        }
        let parent = file.parent().unwrap_or(Path::new(""));
        let is_elsewhere = |error: &std::io::Error| {
            error.raw_os_error() == Some(rustix::io::Errno::XDEV.raw_os_error())
        };
        match self.tree.folder(parent) {
            Err(error) if is_elsewhere(&error) => {
                return Err(self
                    .refusal(path, "lies on another file system than the repository")
                    .hint("leave it out of the scope"));
            }
            Ok(_) | Err(_) => {}
        }
        match self.tree.look(file).map_err(failed)? {
            Found::Nothing | Found::File(_) => Ok(()),
            Found::Other => Err(self
                .refusal(path, "is a link or a folder, no file of its own")
                .hint("put a file in its place, or leave it out of the scope")),
        }
    }

    fn refusal(&self, path: &str, reason: &str) -> Refusal {
        Refusal::new(self.code, format!("{path} {reason}; nothing was written"))
    }

    fn wider(&self, path: &str) -> String {
        let folder = Path::new(path)
            .parent()
            .map(|it| it.display().to_string())
            .filter(|it| !it.is_empty())
            .unwrap_or_else(|| ".".to_owned());
        format!("add it to the scope, as seen from the root of the repository: --scope {folder}")
    }
}
