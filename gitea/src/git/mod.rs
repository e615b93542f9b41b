//! The `git` program: clones and pushes with credentials that no argument, no address and no file
//! shows.
//!
//! They are given as configuration in the environment of one process (`GIT_CONFIG_KEY_0` …), and
//! only for addresses below Gitea's own. Nothing else of the environment, no configuration of the
//! user or the machine, no hook, no credential helper and no prompt has a part in it.
//!
//! - `options.rs`: the environment
//! - `command.rs`: one process: its own group, a time limit, its output
//! - `error.rs`: what it means when it fails

mod command;
mod error;
mod options;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use error::{GitError, GitErrorKind};

use crate::client::{Credentials, GiteaConfigError};
pub(crate) use command::Command;
use options::Settings;

/// The `git` program for one Gitea. Clones are cheap.
#[derive(Debug, Clone)]
pub struct Git {
    settings: Arc<Settings>,
}

/// What is checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// The newest commit of a branch.
    Branch(String),
    /// A commit by its whole id, 40 or 64 hexadecimal digits.
    Commit(String),
}

impl Git {
    /// `url` is Gitea's address as for the client; the credentials go nowhere else.
    ///
    /// # Errors
    /// When the address or the credentials cannot be used.
    pub fn new(url: &str, credentials: &Credentials) -> Result<Self, GiteaConfigError> {
        let settings = Arc::new(Settings::new(url, credentials)?);
        Ok(Self { settings })
    }

    /// A copy that also takes addresses of this machine's files: for tests.
    #[must_use]
    pub fn allowing_files(&self) -> Self {
        let settings = Arc::new(self.settings.allowing_files());
        Self { settings }
    }

    /// Checks out one revision of `url` into `into`, which must not be there yet: without history,
    /// submodules and hooks, and with symbolic links as plain files. The id of the commit. Whatever
    /// fails, `into` is gone then; a clone whose future is dropped leaves what it had.
    ///
    /// # Errors
    /// [`GitErrorKind::NotFound`] when there is no such repository or revision,
    /// [`GitErrorKind::TooLong`] when it takes longer than `limit`.
    pub async fn clone_at(
        &self,
        url: &str,
        revision: &Revision,
        into: &Path,
        limit: Duration,
    ) -> Result<String, GitError> {
        let end = Instant::now() + limit;
        let wanted = revision.refspec()?;
        self.settings.check(url)?;
        tokio::fs::create_dir(into).await.map_err(|error| {
            GitError::new(GitErrorKind::Unusable, "cloning", &format!("{error}"))
        })?;
        let cloned = async {
            self.run(into, end, "cloning", &["init", "--quiet"]).await?;
            let fetch = [
                "fetch",
                "--quiet",
                "--depth=1",
                "--no-tags",
                "--",
                url,
                &wanted,
            ];
            self.run(into, end, "cloning", &fetch).await?;
            let checkout = ["checkout", "--quiet", "--detach", "FETCH_HEAD"];
            self.run(into, end, "cloning", &checkout).await?;
            self.run(into, end, "cloning", &["rev-parse", "HEAD"]).await
        };
        match cloned.await {
            Ok(commit) => Ok(commit.trim().to_owned()),
            Err(error) => {
                // The error that brought us here says more than one of the cleaning.
                let _ = tokio::fs::remove_dir_all(into).await;
                Err(error)
            }
        }
    }

    /// Runs one git command in `folder`; its standard output.
    pub(crate) async fn run(
        &self,
        folder: &Path,
        end: Instant,
        doing: &str,
        arguments: &[&str],
    ) -> Result<String, GitError> {
        self.command(folder, end).run(doing, arguments).await
    }

    /// A command whose environment may be added to.
    pub(crate) fn command<'a>(&'a self, folder: &'a Path, end: Instant) -> Command<'a> {
        Command::new(&self.settings, folder, end)
    }

    pub(crate) fn check(&self, url: &str) -> Result<(), GitError> {
        self.settings.check(url)
    }
}

impl Revision {
    fn refspec(&self) -> Result<String, GitError> {
        match self {
            Self::Branch(branch) if is_branch(branch) => Ok(format!("refs/heads/{branch}")),
            Self::Commit(commit) if is_commit(commit) => Ok(commit.clone()),
            Self::Branch(_) => Err(unusable("this cannot be the name of a branch")),
            Self::Commit(_) => Err(unusable("a commit is 40 or 64 hexadecimal digits")),
        }
    }
}

fn unusable(words: &str) -> GitError {
    GitError::new(GitErrorKind::Unusable, "asking git", words)
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// The rules of `git check-ref-format`, a little stricter.
pub(crate) fn is_branch(text: &str) -> bool {
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    !text.is_empty()
        && !text.starts_with('-')
        && !text.contains("..")
        && !text.contains("@{")
        && !text.contains(forbidden)
        && text.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && !part.ends_with('.')
                && !part.ends_with(".lock")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_git_takes_are_branches() {
        for name in ["main", "feature/ISSUE-7", "a.b", "ä"] {
            assert!(is_branch(name), "{name}");
        }
        for name in [
            "", "-x", "a..b", "a b", "a:b", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a@{1}",
            "a\nb", "+a^", "*",
        ] {
            assert!(!is_branch(name), "{name}");
        }
    }
}
