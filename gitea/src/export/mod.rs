//! The files of a run in a repository of Gitea.
//!
//! Each run is one folder, `<prefix>/<day>/<run>`, of one branch. A clone without a working tree is
//! kept, so that an export sends what is new and no more; files are copied beside it, added to the
//! index of the newest commit and pushed. It holds no content of files that others have pushed. Whoever else pushed meanwhile is built upon.
//!
//! - `copy.rs`: the files, without links, dot-files and what is too long
//! - `clone.rs`: the kept clone: fetched, committed to, pushed

mod clone;
mod copy;

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

pub use copy::{ExportLimits, LeftOut};

use crate::client::{Credentials, Gitea, GiteaConfigError, GiteaError, RepoRef};
use crate::git::{Git, GitError, is_branch};
use clone::KeptClone;

/// Between two tries to get a lock that somebody else holds.
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// Where runs are exported to.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// The repository; made when it is not there.
    pub repo: RepoRef,
    /// The branch that is pushed to.
    pub branch: String,
    /// Folder within the repository; `/` between its parts, empty for none.
    pub path_prefix: String,
    /// Whether a repository that is made is private.
    pub private: bool,
    /// Where clones are kept.
    pub cache_root: PathBuf,
    /// Name in the commits.
    pub author_name: String,
    /// Address in the commits.
    pub author_email: String,
    /// How much of a run is exported.
    pub limits: ExportLimits,
    /// For the whole export.
    pub timeout: Duration,
}

/// What of a run is exported.
#[derive(Debug, Clone)]
pub struct RunFiles {
    /// Id of the run; a plain name.
    pub run: String,
    /// Its day, `YYYY-MM-DD`.
    pub day: String,
    /// Files or folders and where they go below the run's folder. One that is not there is no
    /// error.
    pub sources: Vec<(PathBuf, String)>,
    /// Files that are made: where they go, and what is in them.
    pub made: Vec<(String, Vec<u8>)>,
    /// What `manifest.json` says beside what was exported and what was left out.
    pub manifest: Map<String, Value>,
}

/// Where a run is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// Always `gitea`.
    pub provider: String,
    /// Whose repository.
    pub owner: String,
    /// Its name.
    pub repo: String,
    /// The branch that was pushed to.
    pub branch: String,
    /// The run's folder in it.
    pub path: String,
    /// The page of that folder, as it is in this commit.
    pub url: String,
    /// The commit that holds it.
    pub commit: String,
}

/// Why a run was not exported. Without secrets.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// An option or a name that cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// Gitea said no, or nothing.
    #[error(transparent)]
    Gitea(#[from] GiteaError),
    /// Git did not do it.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file or folder of this machine.
    #[error("{what}: {cause}")]
    File {
        /// What was to be done.
        what: &'static str,
        /// What came of it.
        cause: io::Error,
    },
    /// Longer than [`ExportOptions::timeout`].
    #[error("the export took longer than {} s", .0.as_secs())]
    TooLong(Duration),
}

/// Exports runs.
#[derive(Debug, Clone)]
pub struct Exporter {
    gitea: Gitea,
    git: Git,
    options: ExportOptions,
}

impl Exporter {
    /// An exporter that asks `gitea` with these credentials, over git too.
    ///
    /// # Errors
    /// When an option cannot be used.
    pub fn new(
        gitea: Gitea,
        credentials: &Credentials,
        options: ExportOptions,
    ) -> Result<Self, ExportError> {
        let unusable = |words: String| Err(ExportError::Unusable(words));
        if !is_branch(&options.branch) {
            return unusable(format!("`{}` is not a branch", options.branch));
        }
        let prefix = &options.path_prefix;
        if !prefix.is_empty() && !prefix.split('/').all(is_plain) {
            return unusable(format!("`{prefix}` is not a folder within a repository"));
        }
        let who = [&options.author_name, &options.author_email];
        if who
            .iter()
            .any(|who| who.trim().is_empty() || who.contains(['<', '>', '\n', '\0']))
        {
            return unusable("the author of commits needs a name and an address".to_owned());
        }
        let git = Git::new(gitea.url(), credentials)
            .map_err(|error: GiteaConfigError| ExportError::Unusable(error.to_string()))?;
        Ok(Self {
            gitea,
            git,
            options,
        })
    }

    /// Exports one run; what an earlier export of it left is replaced. Several exporters of the same
    /// cache wait for each other, those of other machines are built upon.
    ///
    /// # Errors
    /// See [`ExportError`]. What was pushed by then stays.
    pub async fn export(&self, run: RunFiles) -> Result<Exported, ExportError> {
        let limit = self.options.timeout;
        let exporting = self.exported(run, Instant::now() + limit);
        let exported = tokio::time::timeout(limit, exporting).await;
        exported.unwrap_or(Err(ExportError::TooLong(limit)))
    }

    async fn exported(&self, run: RunFiles, end: Instant) -> Result<Exported, ExportError> {
        let path = self.path_of(&run)?;
        let options = &self.options;
        let repo = &options.repo;
        self.gitea
            .ensure_repository(repo, options.private, &options.branch)
            .await?;
        let lock = locked(options.cache_root.clone(), repo.clone()).await?;
        let clone = KeptClone::open(&self.git, &self.gitea, options, end).await?;
        let message = format!("Add run {}", run.run);
        let staging = clone.staging().to_owned();
        let limits = options.limits;
        let paths = blocking("copying the run's files", move || {
            stage(&run, &staging, limits)
        })
        .await?;
        let commit = clone.commit_and_push(&path, &paths, &message).await?;
        clone.clean().await;
        drop(lock);
        Ok(Exported {
            provider: "gitea".to_owned(),
            owner: repo.owner().to_owned(),
            repo: repo.name().to_owned(),
            branch: options.branch.clone(),
            url: format!("{}/{repo}/src/commit/{commit}/{path}", self.gitea.url()),
            path,
            commit,
        })
    }

    fn path_of(&self, run: &RunFiles) -> Result<String, ExportError> {
        if !is_plain(&run.run) || !is_plain(&run.day) {
            let words = "the run and its day must be plain names".to_owned();
            return Err(ExportError::Unusable(words));
        }
        Ok(match self.options.path_prefix.as_str() {
            "" => format!("{}/{}", run.day, run.run),
            prefix => format!("{prefix}/{}/{}", run.day, run.run),
        })
    }
}

/// A name that means nothing to a shell, a path or git.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['.', '-'])
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// Copies what is wanted and writes the manifest; where each copy belongs, by its number.
fn stage(run: &RunFiles, staging: &Path, limits: ExportLimits) -> io::Result<Vec<String>> {
    let mut copy = copy::Copy::new(limits, staging);
    for (from, to) in &run.sources {
        copy.add(from, to)?;
    }
    for (to, bytes) in &run.made {
        copy.make(bytes, to)?;
    }
    let mut manifest = run.manifest.clone();
    manifest.insert("files".to_owned(), json!(copy.files));
    manifest.insert("bytes".to_owned(), json!(copy.bytes));
    manifest.insert("left_out".to_owned(), json!(copy.left_out));
    manifest.insert("left_out_count".to_owned(), json!(copy.left_out_count));
    let mut text = serde_json::to_string_pretty(&manifest)?;
    text.push('\n');
    copy.write(text.as_bytes(), "manifest.json")?;
    Ok(copy.paths)
}

/// Waits until no other exporter uses this repository's clone. It asks again and again: a thread that
/// waited for the lock would outlive the export's time limit, and keep its process.
async fn locked(root: PathBuf, repo: RepoRef) -> Result<File, ExportError> {
    const WHAT: &str = "locking the cache of exports";
    let file = blocking(WHAT, move || {
        copy::private_folder(&root.join(repo.owner()))?;
        let path = root
            .join(repo.owner())
            .join(format!("{}.lock", repo.name()));
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        Ok(file)
    })
    .await?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(BETWEEN_TRIES).await,
            Err(TryLockError::Error(cause)) => return Err(ExportError::File { what: WHAT, cause }),
        }
    }
}

/// File work on a thread that may block.
async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ExportError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(io::Error::other)
        .flatten()
        .map_err(|cause| ExportError::File { what, cause })
}
