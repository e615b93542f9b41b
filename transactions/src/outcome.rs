//! What came of a command, for people and for programs.

use std::fmt::Write as _;

use serde::Serialize;

use crate::lessons::Advisory;
use crate::printable::{lines, one_line};
use crate::recovery::Recovered;
use crate::refusal::{Code, Refusal};

/// What came of it. Fields that do not apply are left out of the JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// Whether what was asked for holds now.
    pub ok: bool,
    /// `OK`, or what it failed with.
    pub code: &'static str,
    /// In a sentence.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The plan, as it was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Whether it was so already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<bool>,
    /// How many files the plan touches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub touch_count: Option<usize>,
    /// What the network is to verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Transactions that were interrupted and put right.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recovered: Vec<Recovered>,
    /// Lessons that apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advisories: Option<Vec<Advisory>>,
    /// What lessons say is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preflight_warnings: Option<Vec<String>>,
    /// The command that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_command: Option<String>,
    /// Its exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_exit_code: Option<i32>,
    /// The end of its output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_output_tail: Option<String>,
    /// The lesson that was made of it; `null` when none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_lesson_id: Option<serde_json::Value>,
    /// Whether the files are as they should be now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parity: Option<Parity>,
    /// What `orket init` was asked for.
    #[serde(flatten)]
    pub project: Option<Project>,
}

/// What a refactoring left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parity {
    /// `verified` or `reverted_after_verify_failure`.
    pub status: &'static str,
    /// How many files are others now.
    pub changed_file_count: usize,
    /// After a failure: whether every file is what it was, read again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revert_verified: Option<bool>,
    /// Where the artifact is.
    pub artifact_path: Option<String>,
}

/// A new project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Project {
    /// The blueprint.
    pub template: String,
    /// Its name.
    pub project_name: String,
    /// Where it is.
    pub output_dir: String,
    /// Whether it was verified.
    pub verify_enabled: bool,
}

impl Outcome {
    /// It went well.
    #[must_use]
    pub fn done(mut self, message: String) -> Self {
        self.ok = true;
        self.code = "OK";
        self.message = message;
        self
    }

    /// It did not.
    #[must_use]
    pub fn refused(mut self, refusal: Refusal) -> Self {
        self.ok = false;
        self.code = refusal.code.as_str();
        self.message = refusal.message;
        self.hint = refusal.hint;
        self
    }

    /// The exit code: 0 done, 1 not done, 130 interrupted.
    #[must_use]
    pub fn exit(&self) -> u8 {
        const INTERRUPTED: u8 = 130;
        if self.ok {
            0
        } else if self.code == Code::Interrupted.as_str() {
            INTERRUPTED
        } else {
            1
        }
    }

    /// What somebody is to know before the answer: the plan, what lessons say of it, and what they say
    /// is missing.
    #[must_use]
    pub fn beforehand(&self) -> String {
        let mut text = self.plan.clone().unwrap_or_default();
        // Writing to a string cannot fail.
        if let Some(advisories) = self.advisories.as_ref().filter(|it| !it.is_empty()) {
            text.push_str("FAILURE LESSON ADVISORIES:\n");
            for Advisory {
                score, id, summary, ..
            } in advisories
            {
                let (id, summary) = (one_line(id), one_line(summary));
                let _ = writeln!(text, "- [{score}] {id}: {summary}");
            }
        }
        if let Some(warnings) = self.preflight_warnings.as_ref().filter(|it| !it.is_empty()) {
            text.push_str("PREFLIGHT WARNINGS:\n");
            for warning in warnings {
                let _ = writeln!(text, "- {}", one_line(warning));
            }
        }
        text
    }

    /// As people read it. What they know beforehand is left out for those who have seen it.
    #[must_use]
    pub fn human(&self, has_seen: bool) -> String {
        let mut text = if has_seen {
            String::new()
        } else {
            self.beforehand()
        };
        let message = one_line(&self.message);
        // Writing to a string cannot fail.
        let _ = if self.ok {
            writeln!(text, "OK: {message}")
        } else {
            writeln!(text, "FAIL [{}]: {message}", self.code)
        };
        if let Some(parity) = &self.parity {
            let Parity {
                status,
                changed_file_count,
                ..
            } = parity;
            let _ = writeln!(
                text,
                "PARITY: status={status}, changed_files={changed_file_count}"
            );
            if let Some(path) = &parity.artifact_path {
                let _ = writeln!(text, "PARITY ARTIFACT: {}", one_line(path));
            }
        }
        if let Some(tail) = self.verify_output_tail.as_ref().filter(|it| !it.is_empty()) {
            let _ = writeln!(text, "VERIFY OUTPUT (end):\n{}", lines(tail));
        }
        text
    }
}
