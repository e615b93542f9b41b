//! Task banks: what a model is asked for in a sweep, and how the answer is judged.
//!
//! # Layout
//!
//! - [`task`]: one task as it stands in its file. [`card`]: what a seat is told of it.
//! - `orket-24`: the bank that comes with Orket, 24 tasks of six tiers, in `bank/tasks/`. Each has an
//!   answer that passes everything and one that does not, in `bank/answers/`.
//!
//! How a constraint or an example is checked is not here, see [`crate::score`].

pub mod card;
pub mod task;

use std::path::Path;

use include_dir::{Dir, include_dir};

pub use task::Task;

/// The bank that comes with Orket.
pub const OWN: &str = "orket-24";

static TASKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/bank/tasks");
static ANSWERS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/bank/answers");

/// Why a bank cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BankError {
    /// Nobody has it.
    #[error(
        "there is no task bank `{0}`; known: {OWN}, or the path of a JSON file with a list of tasks"
    )]
    Unknown(String),
    /// A file cannot be read.
    #[error("{path} cannot be read: {cause}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// A file is no task, or no list of tasks.
    #[error("{path} is no list of tasks: {cause}")]
    Malformed {
        /// Which.
        path: String,
        /// Why.
        cause: serde_json::Error,
    },
    /// A task contradicts itself.
    #[error("task {id}: {problem}")]
    Task {
        /// Which.
        id: String,
        /// How.
        problem: String,
    },
}

/// A list of tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct Bank {
    /// How it was asked for.
    pub name: String,
    /// In the order of their ids.
    pub tasks: Vec<Task>,
}

impl Bank {
    /// The bank of this name: [`OWN`], or the path of a JSON file with a list of tasks.
    ///
    /// # Errors
    ///
    /// [`BankError`].
    pub fn load(name: &str) -> Result<Self, BankError> {
        let tasks = if name == OWN {
            own()?
        } else if Path::new(name).extension().is_some_and(|it| it == "json") {
            let text = std::fs::read_to_string(name).map_err(|cause| BankError::Unreadable {
                path: name.to_owned(),
                cause,
            })?;
            parse(name, &text)?
        } else {
            return Err(BankError::Unknown(name.to_owned()));
        };
        Self::of(name, tasks)
    }

    fn of(name: &str, mut tasks: Vec<Task>) -> Result<Self, BankError> {
        tasks.sort_by(|left, right| left.id.cmp(&right.id));
        for task in &tasks {
            task.check().map_err(|problem| BankError::Task {
                id: task.id.clone(),
                problem,
            })?;
        }
        for pair in tasks.windows(2) {
            if let [left, right] = pair
                && left.id == right.id
            {
                return Err(BankError::Task {
                    id: left.id.clone(),
                    problem: "its id is there twice".to_owned(),
                });
            }
        }
        Ok(Self {
            name: name.to_owned(),
            tasks,
        })
    }

    /// The tasks whose number lies between `min` and `max`, at most `limit` of them: spread over the
    /// bank rather than its first ones, so that a short sweep meets every tier.
    #[must_use]
    pub fn select(&self, min: Option<u32>, max: Option<u32>, limit: Option<u32>) -> Vec<&Task> {
        let between = |task: &&Task| {
            let number = task.number();
            min.is_none_or(|min| number >= Some(min))
                && max.is_none_or(|max| number.is_some_and(|number| number <= max))
        };
        let found: Vec<&Task> = self.tasks.iter().filter(between).collect();
        let wanted = limit.map_or(found.len(), |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX)
        });
        if wanted >= found.len() {
            return found;
        }
        let all = found.len();
        (0..wanted)
            .filter_map(|place| found.get(place * all / wanted).copied())
            .collect()
    }
}

fn own() -> Result<Vec<Task>, BankError> {
    let mut tasks = Vec::new();
    for file in TASKS.files() {
        let path = file.path().display().to_string();
        let text = file.contents_utf8().unwrap_or_default();
        let task =
            serde_json::from_str(text).map_err(|cause| BankError::Malformed { path, cause })?;
        tasks.push(task);
    }
    Ok(tasks)
}

fn parse(path: &str, text: &str) -> Result<Vec<Task>, BankError> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Form {
        List(Vec<Task>),
        Object { tasks: Vec<Task> },
    }
    let malformed = |cause| BankError::Malformed {
        path: path.to_owned(),
        cause,
    };
    // The plain list first: its mistakes are named, those of an untagged enum are not.
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(malformed);
    }
    match serde_json::from_str(text).map_err(malformed)? {
        Form::List(tasks) | Form::Object { tasks } => Ok(tasks),
    }
}

/// An answer to a task of [`OWN`]: the one that passes, or one that does not.
#[must_use]
pub fn answer(task: &Task, passes: bool) -> Option<&'static str> {
    let extension = task.evaluation.language.extension();
    let kind = if passes { "" } else { ".wrong" };
    ANSWERS
        .get_file(format!("{}{kind}.{extension}", task.id))?
        .contents_utf8()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bank_spreads_over_six_tiers_and_leaves_no_task_without_checks() {
        let bank = Bank::load(OWN).unwrap();
        let mut tiers = [0; 6];
        for task in &bank.tasks {
            tiers[usize::from(task.tier) - 1] += 1;
            assert!(task.constraints.len() >= 2, "{}", task.id);
            assert!(task.io_examples.len() >= 4, "{}", task.id);
            assert!(task.evaluation.hidden_examples.len() >= 3, "{}", task.id);
            assert!(answer(task, true).is_some() && answer(task, false).is_some());
        }
        assert_eq!(tiers, [5, 5, 5, 4, 3, 2]);
        let ids = |tasks: Vec<&Task>| tasks.iter().map(|task| task.id.clone()).collect::<Vec<_>>();
        assert_eq!(
            ids(bank.select(None, None, Some(4))),
            ["001", "007", "013", "019"]
        );
        assert_eq!(
            ids(bank.select(Some(3), Some(5), None)),
            ["003", "004", "005"]
        );
        assert_eq!(bank.select(None, None, None).len(), 24);
    }

    #[test]
    fn a_bank_that_is_none_says_why() {
        let told = |name: &str| Bank::load(name).unwrap_err().to_string();
        assert_eq!(
            told("v1"),
            "there is no task bank `v1`; known: orket-24, or the path of a JSON file with a list of tasks"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bank.json");
        let name = path.display().to_string();
        std::fs::write(&path, r#"[{"id":"1","tier":9,"instruction":"x"}]"#).unwrap();
        assert!(told(&name).contains("missing field"), "{}", told(&name));
        let task = serde_json::to_value(&Bank::load(OWN).unwrap().tasks[0]).unwrap();
        std::fs::write(&path, serde_json::json!([task, task]).to_string()).unwrap();
        assert_eq!(told(&name), "task 001: its id is there twice");
        std::fs::write(&path, serde_json::json!({"tasks": [task]}).to_string()).unwrap();
        assert_eq!(Bank::load(&name).unwrap().tasks.len(), 1);
    }
}
