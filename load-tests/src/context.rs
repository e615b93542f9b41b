//! What every scenario is given.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::error::LoadError;
use crate::server::remove_on_interrupt;

/// The most that may be asked for, whatever is asked: a load test ends.
pub const MOST_SECONDS: f64 = 4.0 * 3_600.0;
/// The most requests of one measurement.
pub const MOST_REQUESTS: u64 = 100_000_000;

/// When to stop: whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// How long to measure.
    pub time: Duration,
    /// How many requests to send.
    pub requests: u64,
}

impl Limits {
    /// Whether they are limits.
    ///
    /// # Errors
    ///
    /// When they are beyond the bounds above, or nothing at all.
    pub fn check(&self) -> Result<(), LoadError> {
        let seconds = self.time.as_secs_f64();
        if seconds == 0.0 || seconds > MOST_SECONDS {
            return Err(LoadError::usage(format!(
                "{seconds} s cannot be measured; more than 0, at most {MOST_SECONDS}"
            )));
        }
        if self.requests == 0 || self.requests > MOST_REQUESTS {
            return Err(LoadError::usage(format!(
                "{} requests cannot be sent; 1 to {MOST_REQUESTS}",
                self.requests
            )));
        }
        Ok(())
    }
}

/// See the file's head.
#[derive(Debug, Clone)]
pub struct Context {
    /// The binary, when one was named.
    pub orket: Option<PathBuf>,
    /// Where to make folders; the system's place for temporary files when nothing is said.
    pub folder: Option<PathBuf>,
    /// From which everything that is drawn by chance is drawn.
    pub seed: u64,
    /// Whether to say on standard error how far it is.
    pub tells: bool,
}

impl Context {
    /// The binary to start: the one that was named, else the one beside this program, else that of
    /// `cargo build --release`.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn binary(&self) -> Result<PathBuf, LoadError> {
        if let Some(named) = &self.orket {
            return real(named);
        }
        let beside = std::env::current_exe()
            .ok()
            .and_then(|it| Some(it.parent()?.join("orket")));
        match beside {
            Some(beside) if beside.is_file() => real(&beside),
            _ => real(Path::new("target/release/orket")),
        }
    }

    /// A new folder that is removed when it is dropped.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn new_folder(&self) -> Result<tempfile::TempDir, LoadError> {
        let place = self.folder.clone().unwrap_or_else(std::env::temp_dir);
        std::fs::create_dir_all(&place).map_err(LoadError::file(&place, "made"))?;
        let folder = tempfile::Builder::new()
            .prefix("orket-load-")
            .tempdir_in(&place)
            .map_err(LoadError::file(&place, "written"))?;
        remove_on_interrupt(folder.path().to_owned());
        Ok(folder)
    }

    /// Says on standard error how far it is.
    pub fn tell(&self, words: &str) {
        if self.tells {
            eprintln!("{words}");
        }
    }

    /// A runtime of one thread: the generator takes as little as it can of a machine that it shares.
    ///
    /// # Errors
    ///
    /// When the system does not give what it needs.
    pub fn runtime(&self) -> Result<Runtime, LoadError> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| LoadError::scenario(format!("no runtime: {error}")))
    }

    /// Carries something out on such a runtime, where tasks need not be sent between threads.
    ///
    /// # Errors
    ///
    /// When there is no runtime, or what is carried out fails.
    pub fn block_on<T>(
        &self,
        future: impl Future<Output = Result<T, LoadError>>,
    ) -> Result<T, LoadError> {
        let runtime = self.runtime()?;
        tokio::task::LocalSet::new().block_on(&runtime, future)
    }
}

fn real(path: &Path) -> Result<PathBuf, LoadError> {
    path.canonicalize().map_err(|source| LoadError::Binary {
        path: path.to_owned(),
        source,
    })
}
