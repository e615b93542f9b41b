//! How an answer is judged: rules for its code, and examples that are executed.
//!
//! # Layout
//!
//! - [`syntax`]: the code as a tree. [`constraints`]: rules against it.
//! - [`examples`]: what is to be executed, and what its output means. `examples.py` calls functions
//!   and starts programs, each example in a process of its own.
//!
//! Nothing is executed here: whoever asks runs an [`examples::Order`] where an answer can do no harm,
//! and brings back what it printed.

pub mod constraints;
pub mod examples;
pub mod syntax;

use serde::{Deserialize, Serialize};

use crate::adherence;
use crate::bank::Task;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The constraint's id, or the place of the example, e.g. `example-3`.
    pub id: String,
    /// Whether it holds.
    pub passed: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether it may come out otherwise the next time: it took too long, or was not carried out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unsettled: bool,
}

/// The judgement on one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Constraints first, then examples.
    pub checks: Vec<Checked>,
    /// The share of lines that are neither empty nor comment, in thousandths.
    pub code_permille: Option<u32>,
}

impl Score {
    /// Checks that passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.checks.iter().filter(|check| check.passed).count()
    }

    /// Passed checks of all checks, 0 to 1 with three places; `None` when there were none.
    #[must_use]
    pub fn adherence(&self) -> Option<f64> {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        adherence::score(count(self.passed()), count(self.checks.len()))
    }

    /// Whether judging the same answer again must come to the same: no example was left out, and none
    /// took too long.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.checks.iter().all(|check| !check.is_unsettled)
    }

    /// Whether everything passed.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }
}

/// Judges an answer: its text (`None` when there is no file), and what executing it printed (`None`
/// when it was not executed). An empty answer gives no example, even where nothing is what should come.
#[must_use]
pub fn judge(task: &Task, source: Option<&str>, printed: Option<&examples::Printed>) -> Score {
    let printed = printed.filter(|_| source.is_some_and(|text| !text.trim().is_empty()));
    let mut checks = constraints::judge(task, source);
    checks.extend(examples::judge(task, printed));
    Score {
        checks,
        code_permille: source
            .and_then(|text| syntax::Code::read(task.evaluation.language, text)?.density()),
    }
}
