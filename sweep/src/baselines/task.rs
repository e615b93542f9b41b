//! The baseline that a task's file names: `acceptance_contract.baseline_ref`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::files::write_atomically;

/// Why a task was left as it is.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// Its file cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// It is no JSON object, or its contract is none.
    #[error("{0} is no task: {1}")]
    Invalid(PathBuf, &'static str),
}

/// A task's file.
#[derive(Debug)]
pub struct TaskFile {
    path: PathBuf,
    task: Map<String, Value>,
}

impl TaskFile {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn read(path: &Path) -> Result<Self, TaskError> {
        let invalid = |why| TaskError::Invalid(path.to_owned(), why);
        let text =
            fs::read_to_string(path).map_err(|error| TaskError::Io(path.to_owned(), error))?;
        match serde_json::from_str(&text) {
            Ok(Value::Object(task)) => Ok(Self {
                path: path.to_owned(),
                task,
            }),
            Ok(_) => Err(invalid("it is no JSON object")),
            Err(_) => Err(invalid("it is no JSON")),
        }
    }

    /// The task's id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.task.get("id").and_then(Value::as_str)
    }

    /// Writes the name of a baseline into it; everything else stays, in its order.
    ///
    /// # Errors
    ///
    /// When its contract is no object, or it cannot be written.
    pub fn pin(mut self, reference: &str) -> Result<(), TaskError> {
        let contract = self
            .task
            .entry("acceptance_contract")
            .or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(contract) = contract else {
            return Err(TaskError::Invalid(
                self.path,
                "acceptance_contract is no object",
            ));
        };
        contract.insert("baseline_ref".to_owned(), reference.into());
        let io = |error| TaskError::Io(self.path.clone(), error);
        let text = serde_json::to_string_pretty(&self.task).map_err(|error| io(error.into()))?;
        write_atomically(&self.path, &(text + "\n")).map_err(io)
    }
}
