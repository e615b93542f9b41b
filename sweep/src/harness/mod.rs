//! Carrying a sweep out: every model, quantization, task and run, one after the other.
//!
//! # Layout
//!
//! - [`bench`]: what does one run: [`bench::Bench`], and what it saw. Orket's own takes the task through
//!   the real runtime; [`template`] starts a command instead.
//! - [`naming`]: how a model and a quantization become the name that a server knows.
//! - [`telemetry`]: what was seen, as figures. [`report`]: the runs of one row.
//! - [`store`]: runs that are done, each in a file, so that a sweep that was killed can go on.
//! - [`sweep`]: the order of things: canary, rows, summary. [`plan`]: what settings come to.
//!   [`dry_run`]: the same without doing it.
//! - [`machine`]: the machine's name, and how busy it is.

pub mod bench;
pub mod dry_run;
pub mod machine;
pub mod naming;
pub mod plan;
pub mod report;
pub mod store;
pub mod sweep;
pub mod telemetry;
pub mod template;

use std::path::PathBuf;

use crate::bank::BankError;
use crate::sidecar::watch::WatchError;

/// Why a sweep cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// The task bank cannot be used.
    #[error(transparent)]
    Bank(#[from] BankError),
    /// No name for a model.
    #[error(transparent)]
    Naming(#[from] naming::NamingError),
    /// Nobody can look at the hardware.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// No task is left of the bank.
    #[error("no task of the bank {0} lies in the range asked for")]
    NoTasks(String),
    /// What is kept belongs to another sweep.
    #[error("{0} holds a sweep that was asked for otherwise")]
    OtherPlan(PathBuf),
    /// There is nothing to go on with.
    #[error("{0} holds no sweep to go on with")]
    NothingToResume(PathBuf),
    /// Another sweep measures into the folder.
    #[error("another sweep is measuring into {0}")]
    Busy(PathBuf),
    /// A file that is not ours is where the plan would be.
    #[error("{0} is there, and is no plan of a sweep")]
    Foreign(PathBuf),
    /// A file cannot be written or read.
    #[error("{path}: {cause}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A run could not be done.
    #[error("task {task} on {served}: {cause}")]
    Bench {
        /// The task.
        task: String,
        /// The model as its server was asked for it.
        served: String,
        /// Why.
        cause: bench::BenchError,
    },
}

impl HarnessError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |cause| Self::Io { path, cause }
    }
}
