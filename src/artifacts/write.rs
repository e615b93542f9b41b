//! Writing one record: through a capability handle on the workspace, into a folder under a temporary
//! name that is renamed when all files are in it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use orket_actors::port::record::TurnRecord;
use orket_core::artifact::{ROOT, components, files, folder};

use super::meta;

/// How many run folders are kept open at once.
const OPEN_RUNS: usize = 32;

/// Makes temporary names unique within this process.
static TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// Why a record's files were not written.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The workspace could not be opened or made.
    #[error("workspace {}: {cause}", path.display())]
    Workspace {
        /// The folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A folder below it leads out of the workspace, or could not be made.
    #[error("{folder} in {}: {cause}", workspace.display())]
    Folder {
        /// The workspace.
        workspace: PathBuf,
        /// Relative to it.
        folder: String,
        /// Why; a symbolic link out of the workspace is refused.
        cause: io::Error,
    },
    /// A file could not be written.
    #[error("{file} in {}: {cause}", workspace.display())]
    File {
        /// The workspace.
        workspace: PathBuf,
        /// Relative to it.
        file: String,
        /// Why.
        cause: io::Error,
    },
}

impl ProjectionError {
    /// What makes two errors the same for somebody who reads the log.
    pub(super) fn kind(&self) -> String {
        match self {
            Self::Workspace { cause, .. } => format!("workspace {:?}", cause.kind()),
            Self::Folder { cause, .. } => format!("folder {:?}", cause.kind()),
            Self::File { cause, .. } => format!("file {:?}", cause.kind()),
        }
    }
}

/// What one record came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub files: u64,
    pub bytes: u64,
}

/// Writes records; keeps the folders of the latest runs open.
#[derive(Default)]
pub(super) struct Writer {
    /// By workspace and run.
    runs: HashMap<(Arc<str>, String), Arc<Dir>>,
}

impl Writer {
    /// Writes every file that the record's mode asks for.
    pub fn write(&mut self, record: &TurnRecord) -> Result<Written, ProjectionError> {
        let meta = meta(record);
        let files = files(&meta, &record.steps, record.mode);
        if files.is_empty() {
            return Ok(Written::default());
        }
        let [run, issue, turn] = components(&meta);
        let workspace = || PathBuf::from(&*record.workspace);
        let folder_error = |cause| ProjectionError::Folder {
            workspace: workspace(),
            folder: folder(&meta),
            cause,
        };
        let place = match Draft::begin(self.run(&record.workspace, &run)?, &issue) {
            // The folder we hold was removed under us: begin again from the workspace.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.runs.clear();
                Draft::begin(self.run(&record.workspace, &run)?, &issue)
            }
            other => other,
        };
        let draft = place.map_err(folder_error)?;
        let mut written = Written::default();
        for (name, bytes) in &files {
            draft
                .write(name, bytes)
                .map_err(|cause| ProjectionError::File {
                    workspace: workspace(),
                    file: format!("{}/{name}", folder(&meta)),
                    cause,
                })?;
            written.files += 1;
            written.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        }
        draft
            .publish(&turn, files.iter().map(|(name, _)| name.as_str()))
            .map_err(folder_error)?;
        Ok(written)
    }

    /// The handle on `observability/<run>`.
    fn run(&mut self, workspace: &Arc<str>, run: &str) -> Result<Arc<Dir>, ProjectionError> {
        let key = (Arc::clone(workspace), run.to_owned());
        if self.runs.len() >= OPEN_RUNS && !self.runs.contains_key(&key) {
            self.runs.clear();
        }
        match self.runs.entry(key) {
            Entry::Occupied(known) => Ok(Arc::clone(known.get())),
            Entry::Vacant(missing) => {
                let opened = Arc::new(open_run(Path::new(&**workspace), run)?);
                Ok(Arc::clone(missing.insert(opened)))
            }
        }
    }
}

fn open_run(workspace: &Path, run: &str) -> Result<Dir, ProjectionError> {
    let top = std::fs::create_dir_all(workspace)
        .and_then(|()| Dir::open_ambient_dir(workspace, ambient_authority()))
        .map_err(|cause| ProjectionError::Workspace {
            path: workspace.to_owned(),
            cause,
        })?;
    let below = format!("{ROOT}/{run}");
    // Not `create_dir_all`: at a link that leads out it only says that a file exists.
    made(top.create_dir(ROOT))
        .and_then(|()| made(top.create_dir(&below)))
        .and_then(|()| top.open_dir(&below))
        .map_err(|cause| ProjectionError::Folder {
            workspace: workspace.to_owned(),
            folder: below,
            cause,
        })
}

/// The files of one attempt while they are written: a folder beside the one they are for, which
/// takes its name when all are there. Whoever reads sees none of them or all, and a file costs one
/// name instead of two. Dropped before it was published, it is removed.
struct Draft {
    run: Arc<Dir>,
    /// Relative to the run: `<issue>/.<process>-<number>.tmp`.
    path: PathBuf,
    dir: Dir,
    published: bool,
}

impl Draft {
    /// Most cards take several turns, so the card's folder is made only when it turns out to be
    /// missing.
    fn begin(run: Arc<Dir>, issue: &str) -> io::Result<Self> {
        let path = Path::new(issue).join(format!(
            ".{}-{}.tmp",
            std::process::id(),
            TEMPORARY.fetch_add(1, Ordering::Relaxed)
        ));
        match run.create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                made(run.create_dir(issue))?;
                run.create_dir(&path)?;
            }
            other => other?,
        }
        let dir = run.open_dir(&path)?;
        Ok(Self {
            run,
            path,
            dir,
            published: false,
        })
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        self.dir.open_with(name, &options)?.write_all(bytes)
    }

    /// Gives the folder its name. Where there are files of this attempt already (it was taken up
    /// after a crash, or is exported again), each is replaced by its successor, the last one last.
    fn publish<'n>(mut self, turn: &str, names: impl Iterator<Item = &'n str>) -> io::Result<()> {
        let place = self.path.with_file_name(turn);
        let Err(error) = self.run.rename(&self.path, &self.run, &place) else {
            self.published = true;
            return Ok(());
        };
        if !matches!(
            error.kind(),
            io::ErrorKind::DirectoryNotEmpty
                | io::ErrorKind::AlreadyExists
                | io::ErrorKind::NotADirectory
        ) {
            return Err(error);
        }
        // Says so when it is a link that leads out of the workspace.
        let old = self.run.open_dir(&place)?;
        for name in names {
            self.dir.rename(name, &old, name)?;
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            // Best effort: what matters is the first error.
            let _ = self.run.remove_dir_all(&self.path);
        }
    }
}

fn made(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}
