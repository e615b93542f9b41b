//! Runs that are done, each in a file of its own that appears whole or not at all, so that a sweep that
//! was killed can go on. They lie below `<out>/runs/`, beside the plan that they belong to.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::HarnessError;
use crate::files::{safe_name, write_atomically};
use crate::run_report::{RunRecord, TestRun};
use crate::score::Score;

/// The folder of runs.
const RUNS: &str = "runs";
/// The folders of runs in it, by what they are of. Nothing else in it is ever removed: it may have been there.
const KINDS: [&str; 2] = ["canary", "rows"];
/// Held by the sweep that is measuring.
const LOCK: &str = ".lock";
/// The plan they belong to.
const PLAN: &str = "plan.json";

/// One run that is done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DoneRun {
    /// As the report tells it.
    pub test: TestRun,
    /// The same, as the harness saw it.
    pub record: RunRecord,
    /// The judgement in detail.
    pub score: Option<Score>,
}

/// Which run.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Runs of rows lie apart from those of the canary.
    pub kind: &'a str,
    /// The model.
    pub model: &'a str,
    /// Its quantization.
    pub quant: &'a str,
    /// The task's id.
    pub task: &'a str,
    /// From 1.
    pub run: u32,
}

/// See the file's head.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// Held for as long as the store is there.
    _lock: File,
}

impl Store {
    /// Begins a sweep of this plan below `out`, or goes on with it. What an earlier sweep left there is
    /// cleared away when one begins.
    ///
    /// # Errors
    ///
    /// When there is nothing to go on with, it was asked for otherwise, or another sweep is at it.
    pub fn open(out: &Path, plan: &Value, resume: bool) -> Result<Self, HarnessError> {
        let folder = out.join(RUNS);
        let file = folder.join(PLAN);
        let known = match std::fs::read_to_string(&file) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(HarnessError::io(file)(error)),
        };
        let known = known.map(|text| serde_json::from_str::<Value>(&text).unwrap_or_default());
        match (&known, resume) {
            (None, true) => return Err(HarnessError::NothingToResume(out.to_owned())),
            (Some(known), _) if !is_plan(known) => return Err(HarnessError::Foreign(file)),
            _ => {}
        }
        std::fs::create_dir_all(&folder).map_err(HarnessError::io(&folder))?;
        let lock = lock(&folder, out)?;
        match (known, resume) {
            (Some(known), true) if known != *plan => {
                return Err(HarnessError::OtherPlan(out.to_owned()));
            }
            (_, true) => {}
            (known, false) => {
                // Only runs that belong to a plan of ours are cleared away.
                for kind in KINDS.iter().filter(|_| known.is_some()) {
                    clear(&folder.join(kind))?;
                }
                write_json(&file, plan)?;
            }
        }
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    fn file(&self, place: &Place<'_>) -> PathBuf {
        self.folder
            .join(place.kind)
            .join(safe_name(place.model))
            .join(safe_name(place.quant))
            .join(format!("{}-{}.json", safe_name(place.task), place.run))
    }

    /// A run that is done already.
    #[must_use]
    pub fn find(&self, place: &Place<'_>) -> Option<DoneRun> {
        // A file that cannot be read is a run that is not done.
        let text = std::fs::read_to_string(self.file(place)).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Keeps a run.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn keep(&self, place: &Place<'_>, run: &DoneRun) -> Result<(), HarnessError> {
        let file = self.file(place);
        write_json(&file, run)
    }
}

/// Whether a file that is where a plan would be is one.
fn is_plan(value: &Value) -> bool {
    ["models", "quants", "tasks", "runs_per_quant"]
        .iter()
        .all(|key| value.get(key).is_some())
}

/// One sweep at a time: two that measured at once would disturb one another, and clear one another's runs.
fn lock(folder: &Path, out: &Path) -> Result<File, HarnessError> {
    let file = folder.join(LOCK);
    let lock = File::create(&file).map_err(HarnessError::io(&file))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(HarnessError::Busy(out.to_owned())),
        Err(TryLockError::Error(error)) => Err(HarnessError::io(file)(error)),
    }
}

fn clear(folder: &Path) -> Result<(), HarnessError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(HarnessError::io(folder)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a value as indented JSON, at once.
///
/// # Errors
///
/// When it cannot be written.
pub fn write_json(file: &Path, value: &impl Serialize) -> Result<(), HarnessError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| HarnessError::io(file)(error.into()))?;
    write_atomically(file, &(text + "\n")).map_err(HarnessError::io(file))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sweep_goes_on_only_with_its_own_runs() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        let told = |plan: &Value, resume| {
            Store::open(out, plan, resume)
                .map(|_| ())
                .map_err(|it| it.to_string().replace(&out.display().to_string(), "OUT"))
        };
        let plan = |model: &str| json!({"models": [model], "quants": [], "tasks": [], "runs_per_quant": 1});
        let (one, other) = (plan("a"), plan("b"));
        assert_eq!(
            told(&one, true),
            Err("OUT holds no sweep to go on with".to_owned())
        );
        let store = Store::open(out, &one, false).unwrap();
        let place = Place {
            kind: "rows",
            model: "a/b:c",
            quant: "Q8_0",
            task: "001",
            run: 1,
        };
        let done = DoneRun::default();
        store.keep(&place, &done).unwrap();
        assert_eq!(
            told(&one, false),
            Err("another sweep is measuring into OUT".to_owned())
        );
        drop(store);
        assert_eq!(
            told(&other, true),
            Err("OUT holds a sweep that was asked for otherwise".to_owned())
        );
        let again = Store::open(out, &one, true).unwrap();
        assert_eq!(again.find(&place), Some(done));
        assert_eq!(again.find(&Place { run: 2, ..place }), None);
        // Half a file is no run.
        std::fs::write(again.file(&place), "{\"test\":").unwrap();
        assert_eq!(again.find(&place), None);
        again.keep(&place, &DoneRun::default()).unwrap();
        drop(again);
        let anew = Store::open(out, &other, false).unwrap();
        assert_eq!(anew.find(&place), None);
    }

    #[test]
    fn what_somebody_has_in_the_folder_stays() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        let runs = out.join("runs");
        std::fs::create_dir(&runs).unwrap();
        std::fs::write(runs.join("mine.txt"), "mine").unwrap();
        let plan = json!({"models": [], "quants": [], "tasks": [], "runs_per_quant": 1});
        for _ in 0..2 {
            Store::open(out, &plan, false).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(runs.join("mine.txt")).unwrap(),
            "mine"
        );
        std::fs::write(runs.join("plan.json"), "{\"of\": \"mine\"}").unwrap();
        for resume in [false, true] {
            let refused = Store::open(out, &plan, resume).map(drop);
            assert!(
                matches!(refused, Err(HarnessError::Foreign(_))),
                "{refused:?}"
            );
        }
        assert_eq!(
            std::fs::read_to_string(runs.join("plan.json")).unwrap(),
            "{\"of\": \"mine\"}"
        );
    }
}
