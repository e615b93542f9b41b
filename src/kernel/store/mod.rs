//! A root on disk: `<workspace>/.orket/kernel/<root>/index/` with `committed/` and `staging/`. Everything
//! here blocks.
//!
//! One process, and one request in it, works in a root at a time: it holds an exclusive `flock` on
//! `<root>/kernel.lock`. Whoever opens a root first puts in order what a crash has left.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{Duration, Instant};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

use super::event::Event;
use super::index::Index;
use super::ledger::Refused;
use super::name::{RootName, RunName, Stem, TurnNumber};
use super::promotion::plan;
use super::request::TurnRequest;
use super::result::Issue;
use super::words::{Code, Stage};

mod committed;
mod files;
mod read;
mod staging;
mod text;

#[cfg(test)]
mod tests;

/// How long a root is waited for that others work in.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is tried meanwhile.
const TRY_AGAIN: Duration = Duration::from_millis(5);

/// Why a root cannot be worked in.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is a link, or a file, where the folder should be.
    #[error("is no folder")]
    NoFolder,
    /// Others are at work there.
    #[error("others are at work in this root")]
    Busy,
    /// It cannot be made or opened.
    #[error("the root cannot be opened: {0}")]
    Io(#[from] io::Error),
}

/// Why something was not written, or not read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system does not let it.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// What is there is not what was written.
    #[error("{0}")]
    Damaged(String),
    /// The links that are stored for a stem are no links.
    #[error("the stored links of `{0}` are no object of links")]
    Links(Stem),
    /// Something has no text.
    #[error("{0}")]
    Text(#[from] serde_json::Error),
    /// Something has no canonical text.
    #[error("{0}")]
    NoForm(#[from] super::canonical::NoForm),
}

/// How a promotion ended.
#[derive(Debug, PartialEq)]
pub enum Promoted {
    /// It is done.
    Done(Vec<Event>),
    /// It is done; there was nothing to it.
    Nothing,
    /// It is not, and nothing has changed.
    Refused(Vec<Issue>),
}

/// A root that is worked in.
#[derive(Debug)]
pub struct Root {
    index: Dir,
    /// What is committed, once it was read: nobody else changes it while this is open.
    known: Option<Index>,
    /// Closing it frees the lock.
    _lock: File,
}

impl Root {
    /// Opens the root of this name in a workspace, and makes it when it is absent.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open(workspace: &Path, name: &RootName) -> Result<Self, OpenError> {
        std::fs::create_dir_all(workspace)?;
        let workspace = Dir::open_ambient_dir(workspace, ambient_authority())?;
        let folder = |parent: &Dir, name: &str| {
            files::folder(parent, name).map_err(|error| match error.kind() {
                ErrorKind::NotADirectory => OpenError::NoFolder,
                _ => OpenError::Io(error),
            })
        };
        // Agents may write nothing below this.
        let own = folder(&workspace, ".orket")?;
        let root = folder(&folder(&own, "kernel")?, name.as_str())?;
        let lock = lock(&root)?;
        let index = folder(&root, "index")?;
        if let Err(error) = committed::recover(&index) {
            // A promotion tries again, and says so when it fails.
            tracing::warn!(root = name.as_str(), %error, "a kernel root could not be put in order");
        }
        Ok(Self {
            index,
            known: None,
            _lock: lock,
        })
    }

    /// Whether a run of this name was here before.
    #[must_use]
    pub fn knows(&self, run: &RunName) -> bool {
        let staged = format!("{}/{}", staging::STAGING, run.as_str());
        let is_in_ledger = committed::ledger(&self.index).is_ok_and(|ledger| ledger.knows(run));
        is_in_ledger || files::is_there(&self.index, &staged).unwrap_or(true)
    }

    /// After which turn a run begins that has promoted nothing yet, when `first` is the first turn
    /// that it asks to promote.
    #[must_use]
    pub fn begin(&self, first: Option<TurnNumber>) -> TurnNumber {
        // Of a damaged ledger the promotion itself tells.
        committed::ledger(&self.index).map_or(TurnNumber::NONE, |ledger| ledger.begin(first))
    }

    /// Stages what a turn brings.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn stage(
        &self,
        run: &RunName,
        turn_id: &str,
        request: &TurnRequest,
    ) -> Result<(), StoreError> {
        let folder = staging::folder(run, turn_id)?;
        if let Some((stem, tombstone)) = &request.tombstone {
            staging::stage_tombstone(&self.index, &folder, stem, tombstone)?;
        }
        if let Some(triplet) = &request.triplet {
            staging::stage(&self.index, &folder, triplet)?;
        }
        Ok(())
    }

    /// Promotes what a turn has staged: all of it or nothing.
    #[must_use]
    pub fn promote(&mut self, run: &RunName, begin: TurnNumber, turn_id: &str) -> Promoted {
        match self.try_promote(run, begin, turn_id) {
            Ok(promoted) => promoted,
            Err(StoreError::Links(stem)) => {
                let code = Code::EBaseShapeInvalidLinksValue;
                let why = StoreError::Links(stem.clone()).to_string();
                let issue = Issue::new(Stage::Promotion, code, "/links", why);
                Promoted::Refused(vec![issue.with("stem", stem.as_str())])
            }
            Err(error) => Promoted::Refused(vec![failed(&error.to_string())]),
        }
    }

    fn try_promote(
        &mut self,
        run: &RunName,
        begin: TurnNumber,
        turn_id: &str,
    ) -> Result<Promoted, StoreError> {
        let Some(turn) = TurnNumber::of(turn_id) else {
            let why = "a turn that is promoted is called `turn-` and four digits";
            return Ok(Promoted::Refused(vec![failed(why)]));
        };
        committed::recover(&self.index)?;
        let mut ledger = committed::ledger(&self.index)?;
        if let Err(refused) = ledger.admit(run, begin, turn) {
            return Ok(Promoted::Refused(vec![out_of_turn(refused)]));
        }
        ledger.advance(run, turn);
        let folder = staging::folder(run, turn_id)?;
        let staged = staging::staged(&self.index, &folder)?;
        if staged.is_empty() {
            committed::carry_out(&self.index, None, &ledger)?;
            return Ok(Promoted::Nothing);
        }
        let known = match self.known.take() {
            Some(known) => known,
            None => read::load(&self.index, committed::COMMITTED)?,
        };
        let plan = match plan(&known, staged, turn_id) {
            Ok(plan) => plan,
            Err(issues) => {
                self.known = Some(known);
                return Ok(Promoted::Refused(issues));
            }
        };
        committed::carry_out(&self.index, Some((&plan, &folder)), &ledger)?;
        self.known = Some(plan.next);
        // It is promoted; what is left of the staging would only take room.
        let cleared = files::remove(&self.index, &folder);
        if let Err(error) = cleared {
            tracing::warn!(folder, %error, "what was promoted is still staged");
        }
        Ok(Promoted::Done(plan.events))
    }
}

fn lock(root: &Dir) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    let file = root.open_with("kernel.lock", &options)?.into_std();
    let deadline = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error.into()),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(TRY_AGAIN);
            }
            Err(TryLockError::WouldBlock) => return Err(OpenError::Busy),
        }
    }
}

fn failed(why: &str) -> Issue {
    let text = "the turn is not promoted; what is committed is as it was";
    Issue::new(
        Stage::Promotion,
        Code::EPromotionFailed,
        "/index/committed",
        text,
    )
    .with("error", why)
}

fn out_of_turn(refused: Refused) -> Issue {
    let (code, text, last) = match refused {
        Refused::AlreadyApplied { last } => {
            let text = "the turn is promoted already, or a later one is";
            (Code::EPromotionAlreadyApplied, text, last)
        }
        Refused::OutOfOrder { last } => (
            Code::EPromotionOutOfOrder,
            "a turn before it is not promoted",
            last,
        ),
    };
    let at = "/index/committed/index/run_ledger.json";
    Issue::new(Stage::Promotion, code, at, text)
        .with("last_promoted_turn_id", last.to_string())
        .with("expected_turn_id", last.next().to_string())
}
