//! The kept clone: fetched, committed to, pushed. It has no working tree and knows no address, so
//! nothing of the repository is ever laid out on this machine, and what its attributes say of files
//! counts for nothing. Only trees are fetched, where the server leaves the rest out.

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
        let folder = clone.folder.clone();
        blocking("tidying the kept clone", move || {
            tidy(&folder);
            Ok(())
        })
        .await?;
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
        files: &[String],
        message: &str,
    ) -> Result<String, ExportError> {
        let blobs = self.stored(files.len()).await?;
        let entries = entries(path, files, &blobs);
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.attempt(&entries, message).await {
                Ok(commit) => return Ok(commit),
                Err(error) if error.kind == GitErrorKind::Outrun && attempt < ATTEMPTS => {}
                Err(error) => {
                    if error.kind == GitErrorKind::Failed {
                        self.remove_if_broken().await;
                    }
                    return Err(error.into());
                }
            }
        }
    }

    /// The next export begins with a new clone when this one is broken. Nobody else is asked.
    async fn remove_if_broken(&self) {
        let check = [
            "fsck",
            "--connectivity-only",
            "--no-dangling",
            "--no-progress",
        ];
        if let Err(error) = self.git(&check).await
            && error.kind == GitErrorKind::Failed
        {
            // What stays is found broken again.
            let _ = tokio::fs::remove_dir_all(&self.folder).await;
        }
    }

    /// Stores the copies, just as they are; their ids, by their numbers.
    async fn stored(&self, count: usize) -> Result<Vec<String>, GitError> {
        let names: String = (0..count).map(|number| format!("{number}\n")).collect();
        let store = ["hash-object", "-w", "--no-filters", "--stdin-paths"];
        let ids = self
            .git
            .command(&self.staging, self.end)
            .with("GIT_DIR", self.folder.as_os_str())
            .reading(names.into_bytes())
            .run("exporting", &store)
            .await?;
        let ids: Vec<String> = ids.lines().map(str::to_owned).collect();
        if ids.len() == count {
            Ok(ids)
        } else {
            let words = format!("{} of {count} files were stored", ids.len());
            Err(GitError::new(GitErrorKind::Failed, "exporting", &words))
        }
    }

    async fn attempt(&self, entries: &[u8], message: &str) -> Result<String, GitError> {
        let tip = self.fetched().await?;
        let (commit, is_new) = self.committed(tip.as_deref(), entries, message).await?;
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
            // A server that does not know it sends everything.
            "--filter=blob:none",
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
        entries: &[u8],
        message: &str,
    ) -> Result<(String, bool), GitError> {
        match tip {
            Some(tip) => self.git(&["read-tree", tip]).await?,
            None => self.git(&["read-tree", "--empty"]).await?,
        };
        let index = ["update-index", "--replace", "-z", "--index-info"];
        // Names that git refuses are left out before; its own look knows some more that are harmless
        // in an index.
        let lenient = [
            "-c",
            "core.protectNTFS=false",
            "-c",
            "core.protectHFS=false",
        ];
        self.command()
            .reading(entries.to_vec())
            .run("exporting", &[&lenient[..], &index[..]].concat())
            .await?;
        // Contents that others pushed are not here.
        let tree = self.git(&["write-tree", "--missing-ok"]).await?;
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
        // Not against contents that are not here.
        let push = ["push", "--porcelain", "--no-thin", "--", &self.url, &target];
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

/// What `update-index --index-info` reads: the run's folder as it was goes, its files come.
fn entries(path: &str, files: &[String], blobs: &[String]) -> Vec<u8> {
    let mut lines = String::new();
    if let Some(some) = blobs.first() {
        // A file in the folder's place takes the place of all that is in it, and is then taken out.
        let nothing = "0".repeat(some.len());
        lines += &format!("100644 {some}\t{path}\0");
        lines += &format!("0 {nothing}\t{path}\0");
    }
    for (file, blob) in files.iter().zip(blobs) {
        lines += &format!("100644 {blob}\t{path}/{file}\0");
    }
    lines.into_bytes()
}

/// Removes what a git that was killed left in a bare repository. What cannot be removed shows when git
/// stumbles over it.
fn tidy(folder: &Path) {
    for name in LEFT_BEHIND {
        // Mostly there is none.
        let _ = std::fs::remove_file(folder.join(name));
    }
    let objects = folder.join("objects");
    let below = std::fs::read_dir(&objects).into_iter().flatten().flatten();
    let folders = below.map(|entry| entry.path()).chain([objects.clone()]);
    for folder in folders {
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for file in files {
            let name = file.file_name();
            if name.as_encoded_bytes().starts_with(b"tmp_") {
                // Also a folder: objects of a push that was refused.
                let _ = std::fs::remove_file(file.path())
                    .or_else(|_| std::fs::remove_dir_all(file.path()));
            }
        }
    }
}
