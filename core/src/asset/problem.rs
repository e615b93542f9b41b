//! What is wrong with an asset, always with the file and the field.

use std::fmt;

/// One thing that is wrong: where, what, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, relative to the configuration root.
    pub file: String,
    /// The field's path, such as `issues[2].priority`.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
    /// The code of the stage that refuses, when it is the word of one.
    pub code: Option<&'static str>,
}

impl Problem {
    /// A problem of `field` in `file`.
    pub fn new(
        file: impl Into<String>,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            file: file.into(),
            field: field.into(),
            message: message.into(),
            code: None,
        }
    }

    /// With the code of the stage that refuses.
    #[must_use]
    pub fn coded(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.file, self.field, self.message)
    }
}

/// Everything that is wrong, one line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// The single problem of a file.
    #[must_use]
    pub fn one(problem: Problem) -> Self {
        Self(vec![problem])
    }

    /// The code that all of them share, when they do.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        let first = self.0.first()?.code;
        let shared = self.0.iter().all(|problem| problem.code == first);
        first.filter(|_| shared)
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}
