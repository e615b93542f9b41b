//! The kept clone: fetched, committed to, pushed. It has no working tree and knows no address, so
//! nothing of the repository is ever laid out on this machine.

use std::path::{Path, PathBuf};

use tokio::time::Instant;

use super::{ExportError, ExportOptions, blocking, copy};
use crate::client::Gitea;
use crate::git::{Git, GitError, GitErrorKind};

/// So often is built anew on what others pushed meanwhile.
const ATTEMPTS: u32 = 8;
/// What a git that was killed leaves behind; nobody else works here while we hold the cache's lock.
const LEFT_BEHIND: &[&str] = &[
    "HEAD.lock",
    "config.lock",
    "gc.pid",
    "index.lock",
    "objects/maintenance.lock",
    "packed-refs.lock",
    "refs/remotes/gitea/tip.lock",
    "shallow.lock",
];
/// The newest commit that is known of the branch.
const TIP: &str = "refs/remotes/gitea/tip";

pub(super) struct KeptClone<'a> {
    git: &'a Git,
    options: &'a ExportOptions,
    url: String,
    /// The bare repository.
    folder: PathBuf,
    /// What is to be added, laid out as in the repository.
    staging: PathBuf,
    end: Instant,
}

impl<'a> KeptClone<'a> {
    /// The clone, made when it is not there or unreadable, with an empty staging folder.
    pub(super) async fn open(
        git: &'a Git,
        gitea: &Gitea,
        options: &'a ExportOptions,
        end: Instant,
    ) -> Result<Self, ExportError> {
        let repo = &options.repo;
        let at = options.cache_root.join(repo.owner());
        let clone = Self {
            git,
            options,
            // Not the address that Gitea tells: it may be known under another name inside.
            url: format!("{}/{repo}.git", gitea.url()),
            folder: at.join(format!("{}.git", repo.name())),
            staging: at.join(format!("{}.staging", repo.name())),
            end,
        };
        git.check(&clone.url)?;
        clone.clean().await;
        for name in LEFT_BEHIND {
            // Mostly there is none.
            let _ = tokio::fs::remove_file(clone.folder.join(name)).await;
        }
        let staging = clone.staging.clone();
        blocking("making the staging folder", move || {
            copy::private_folder(&staging)
        })
        .await?;
        if clone.git(&["rev-parse", "--git-dir"]).await.is_err() {
            clone.make().await?;
        }
        Ok(clone)
    }

    async fn make(&self) -> Result<(), ExportError> {
        let folder = self.folder.clone();
        blocking("making the kept clone", move || {
            if folder.exists() {
                std::fs::remove_dir_all(&folder)?;
            }
            copy::private_folder(&folder)
        })
        .await?;
        self.git(&["init", "--quiet", "--bare"]).await?;
        Ok(())
    }

    /// Where files are put, below the path that they have in the repository.
    pub(super) fn staging(&self) -> &Path {
        &self.staging
    }

    /// Removes what was staged.
    pub(super) async fn clean(&self) {
        let staging = self.staging.clone();
        // What is not there needs no removing, and anything else shows when it is made again.
        let _ = tokio::fs::remove_dir_all(staging).await;
    }

    /// Commits what is staged at `path` on top of the branch and pushes it; the commit that holds it.
    pub(super) async fn commit_and_push(
        &self,
        path: &str,
        message: &str,
    ) -> Result<String, ExportError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.attempt(path, message).await {
                Ok(commit) => return Ok(commit),
                Err(error) if error.kind == GitErrorKind::Outrun && attempt < ATTEMPTS => {}
                Err(error) => {
                    if error.kind == GitErrorKind::Failed {
                        // Perhaps the clone itself is broken: the next export begins with a new one.
                        let _ = tokio::fs::remove_dir_all(&self.folder).await;
                    }
                    return Err(error.into());
                }
            }
        }
    }

    async fn attempt(&self, path: &str, message: &str) -> Result<String, GitError> {
        let tip = self.fetched().await?;
        let (commit, is_new) = self.committed(tip.as_deref(), path, message).await?;
        if is_new {
            self.push(&commit).await?;
        }
        Ok(commit)
    }

    /// The newest commit of the branch; none while the repository has none.
    async fn fetched(&self) -> Result<Option<String>, GitError> {
        let wanted = format!("+refs/heads/{}:{TIP}", self.options.branch);
        let url = &self.url;
        let fetch = [
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--",
            url,
            &wanted,
        ];
        match self.git(&fetch).await {
            Ok(_) => {
                let tip = self.git(&["rev-parse", "--verify", TIP]).await?;
                Ok(Some(tip.trim().to_owned()))
            }
            // The repository itself is there: it was asked for over the API.
            Err(error) if error.kind == GitErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The commit that holds what is staged, and whether it must be pushed.
    async fn committed(
        &self,
        tip: Option<&str>,
        path: &str,
        message: &str,
    ) -> Result<(String, bool), GitError> {
        match tip {
            Some(tip) => self.git(&["read-tree", tip]).await?,
            None => self.git(&["read-tree", "--empty"]).await?,
        };
        let staging = self.staging.as_os_str();
        self.command()
            .with("GIT_WORK_TREE", staging)
            .run("exporting", &["add", "--all", "--force", "--", path])
            .await?;
        let tree = self.git(&["write-tree"]).await?;
        let tree = tree.trim();
        if let Some(tip) = tip {
            let known = self.git(&["rev-parse", &format!("{tip}^{{tree}}")]).await?;
            if known.trim() == tree {
                return Ok((tip.to_owned(), false));
            }
        }
        let (name, email) = (&self.options.author_name, &self.options.author_email);
        let commit = self
            .command()
            .with("GIT_AUTHOR_NAME", name)
            .with("GIT_AUTHOR_EMAIL", email)
            .with("GIT_COMMITTER_NAME", name)
            .with("GIT_COMMITTER_EMAIL", email);
        let mut arguments = vec!["commit-tree", "-m", message, tree];
        if let Some(tip) = tip {
            arguments.extend(["-p", tip]);
        }
        let commit = commit.run("exporting", &arguments).await?;
        Ok((commit.trim().to_owned(), true))
    }

    async fn push(&self, commit: &str) -> Result<(), GitError> {
        let target = format!("{commit}:refs/heads/{}", self.options.branch);
        let push = ["push", "--porcelain", "--", &self.url, &target];
        self.git(&push).await.map(|_| ())
    }

    async fn git(&self, arguments: &[&str]) -> Result<String, GitError> {
        self.command().run("exporting", arguments).await
    }

    fn command(&self) -> crate::git::Command<'_> {
        // Named, lest git look for another repository in the folders above a broken one.
        let command = self.git.command(&self.options.cache_root, self.end);
        command.with("GIT_DIR", self.folder.as_os_str())
    }
}
