//! Files of baselines. Writers take turns by a lock beside the file and replace it whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Record, TestBaselines};
use crate::explorers::history::lock;
use crate::files::{safe_name, write_atomically};

/// A folder of baselines.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// A file is no baselines of a test. It is left as it is.
    #[error("{0} is no file of baselines: {1}")]
    Invalid(PathBuf, #[source] serde_json::Error),
    /// There is no such baseline.
    #[error("{test_id} has no baseline {reference}")]
    Unknown {
        /// The test.
        test_id: String,
        /// The baseline.
        reference: String,
    },
    /// Something that names a baseline is empty or taken.
    #[error("a baseline needs a test_run_id that {0} does not have yet")]
    Name(String),
}

/// A test that has baselines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The test.
    pub test_id: String,
    /// How many.
    pub records: usize,
    /// Those of them that are pinned.
    pub pinned: usize,
    /// The newest.
    pub newest: Option<String>,
}

/// What pruning a test took away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// The test.
    pub test_id: String,
    /// What went, or would go.
    pub removed: Vec<String>,
    /// How many stay.
    pub kept: usize,
}

impl Store {
    /// The baselines below a folder, which need not be there.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// All tests, by name.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn all(&self) -> Result<Vec<TestBaselines>, BaselineError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(BaselineError::Io(self.root.clone(), error)),
        };
        let mut all = Vec::new();
        for entry in entries {
            let path = entry
                .map_err(|error| BaselineError::Io(self.root.clone(), error))?
                .path();
            let is_json = path.extension().is_some_and(|it| it == "json");
            let is_unfinished = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if is_json && !is_unfinished {
                all.extend(read(&path)?);
            }
        }
        all.sort_by(|a: &TestBaselines, b| a.test_id.cmp(&b.test_id));
        Ok(all)
    }

    /// All tests, counted.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn list(&self) -> Result<Vec<Listed>, BaselineError> {
        Ok(self.all()?.iter().map(listed).collect())
    }

    /// The baselines of a test; none for one that has none.
    ///
    /// # Errors
    ///
    /// When its file cannot be read.
    pub fn show(&self, test_id: &str) -> Result<TestBaselines, BaselineError> {
        Ok(read(&self.file(test_id))?.unwrap_or_else(|| TestBaselines {
            test_id: test_id.to_owned(),
            history: Vec::new(),
        }))
    }

    /// Adds a baseline.
    ///
    /// # Errors
    ///
    /// When it has no name of its own, or its file cannot be written.
    pub fn add(&self, test_id: &str, record: Record) -> Result<(), BaselineError> {
        self.change(test_id, |baselines| {
            let is_taken = baselines
                .history
                .iter()
                .any(|it| it.reference() == record.reference());
            if record.reference().trim().is_empty() || is_taken {
                return Err(BaselineError::Name(test_id.to_owned()));
            }
            baselines.history.push(record);
            Ok(())
        })
    }

    /// Pins a baseline, or no longer; returns whether that changed anything.
    ///
    /// # Errors
    ///
    /// When there is no such baseline, or its file cannot be written.
    pub fn set_pinned(
        &self,
        test_id: &str,
        reference: &str,
        pinned: bool,
    ) -> Result<bool, BaselineError> {
        self.change(test_id, |baselines| {
            let record = baselines
                .history
                .iter_mut()
                .find(|it| it.reference() == reference)
                .ok_or_else(|| BaselineError::Unknown {
                    test_id: test_id.to_owned(),
                    reference: reference.to_owned(),
                })?;
            Ok(std::mem::replace(&mut record.pinned, pinned) != pinned)
        })
    }

    /// Throws away all but what is pinned and the newest `keep_last` of the rest; with 0, and when only
    /// asked what would go, nothing.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn prune(
        &self,
        test_id: &str,
        keep_last: usize,
        dry_run: bool,
    ) -> Result<Pruned, BaselineError> {
        if dry_run || keep_last == 0 {
            let mut copy = self.show(test_id)?;
            return Ok(prune(&mut copy, keep_last));
        }
        self.change(test_id, |baselines| Ok(prune(baselines, keep_last)))
    }

    fn file(&self, test_id: &str) -> PathBuf {
        self.root.join(format!("{}.json", safe_name(test_id)))
    }

    /// Changes the baselines of a test, one writer at a time; writes only what changed.
    fn change<T>(
        &self,
        test_id: &str,
        change: impl FnOnce(&mut TestBaselines) -> Result<T, BaselineError>,
    ) -> Result<T, BaselineError> {
        let file = self.file(test_id);
        let io = |error| BaselineError::Io(file.clone(), error);
        fs::create_dir_all(&self.root).map_err(io)?;
        let _turn = lock(&file).map_err(io)?;
        let before = self.show(test_id)?;
        let mut after = before.clone();
        let outcome = change(&mut after)?;
        if after != before {
            let text = serde_json::to_string_pretty(&after).map_err(|error| io(error.into()))?;
            write_atomically(&file, &(text + "\n")).map_err(io)?;
        }
        Ok(outcome)
    }
}

fn read(file: &Path) -> Result<Option<TestBaselines>, BaselineError> {
    match fs::read_to_string(file) {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| BaselineError::Invalid(file.to_owned(), error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BaselineError::Io(file.to_owned(), error)),
    }
}

fn listed(baselines: &TestBaselines) -> Listed {
    Listed {
        test_id: baselines.test_id.clone(),
        records: baselines.history.len(),
        pinned: baselines.history.iter().filter(|it| it.pinned).count(),
        newest: baselines.history.last().map(|it| it.reference().to_owned()),
    }
}

fn prune(baselines: &mut TestBaselines, keep_last: usize) -> Pruned {
    let unpinned = baselines.history.iter().filter(|it| !it.pinned).count();
    let mut surplus = if keep_last == 0 {
        0
    } else {
        unpinned.saturating_sub(keep_last)
    };
    let mut removed = Vec::new();
    baselines.history.retain(|record| {
        if record.pinned || surplus == 0 {
            return true;
        }
        surplus -= 1;
        removed.push(record.reference().to_owned());
        false
    });
    Pruned {
        test_id: baselines.test_id.clone(),
        removed,
        kept: baselines.history.len(),
    }
}
