//! What earlier failures of verification teach: recorded after one, and told before the next change
//! that is like it.
//!
//! # Layout
//!
//! - this file: a lesson, the file they are in, which of them apply.
//! - [`classify`]: what an output says of its failure. Only the output of the verification is looked
//!   at, never words of Orket's own.
//! - [`preflight`]: what can be looked at before the next try.

pub mod classify;
pub mod preflight;

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::classify::Classification;
use self::preflight::Check;
use crate::git::OWN_FOLDER;
use crate::own;
use crate::replay::sorted;
use crate::tree::sha256;

/// The version of a lesson.
pub const SCHEMA: &str = "core_pillars/failure_lesson/v1";
/// The folder of the file that they are in, in [`OWN_FOLDER`].
const FOLDER: &str = "memory";
/// That file.
const FILE: &str = "failure_lessons.jsonl";
/// How many lessons are told.
const TOLD: usize = 3;
/// How much of the end of the file is read: the newest lessons.
const READ: u64 = 4 * 1024 * 1024;

/// A lesson.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    /// [`SCHEMA`].
    pub schema_version: String,
    /// When it was made.
    pub created_at: String,
    /// `api_add` or `refactor`.
    pub command: String,
    /// What was asked for.
    pub request: Value,
    /// The repository.
    pub repo: Repo,
    /// What was to be changed.
    pub plan: Plan,
    /// What failed.
    pub verify: Verify,
    /// What kind of failure that was.
    pub classification: Classification,
    /// What follows from it.
    pub advice: Advice,
    /// SHA-256 of the rest.
    #[serde(default)]
    pub id: String,
}

/// The repository of a lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repo {
    /// The commit before.
    pub head_pre: Option<String>,
    /// The commit after: the same.
    pub head_post: Option<String>,
    /// Whether anything was left changed.
    pub dirty_after_revert: bool,
}

/// The plan of a lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The files.
    pub touch_set: Vec<String>,
    /// How many.
    pub touch_count: usize,
}

/// The verification of a lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verify {
    /// The profile's name.
    pub profile: String,
    /// Its commands.
    pub commands: Vec<String>,
    /// The one that failed.
    pub failed_command: String,
    /// Its exit code.
    pub exit_code: i32,
    /// The end of its output.
    pub output_tail: String,
}

/// The advice of a lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// In a sentence.
    pub summary: String,
    /// What to do.
    pub suggested_actions: Vec<String>,
    /// What can be looked at before the next try.
    pub preflight_checks: Vec<Check>,
}

/// What is about to be done, to be compared with lessons.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// `api_add` or `refactor`.
    pub command: &'a str,
    /// The profile's name.
    pub profile: &'a str,
    /// The scope's folders.
    pub scope: &'a [String],
    /// The files.
    pub touch_set: &'a [String],
}

/// A lesson that applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advisory {
    /// How well it fits.
    pub score: usize,
    /// The lesson's id.
    pub id: String,
    /// What it says.
    pub summary: String,
    /// What to look at.
    #[serde(skip)]
    pub checks: Vec<Check>,
}

/// Where lessons are.
#[must_use]
pub fn file(root: &Path) -> PathBuf {
    root.join(OWN_FOLDER).join(FOLDER).join(FILE)
}

/// Adds a lesson; returns its id.
///
/// # Errors
///
/// What the file system says.
pub fn add(root: &Path, mut lesson: Lesson) -> io::Result<String> {
    lesson.id.clear();
    let mut value = sorted(&serde_json::to_value(&lesson)?);
    if let Value::Object(fields) = &mut value {
        fields.remove("id");
    }
    let id = sha256(value.to_string().as_bytes());
    if let Value::Object(fields) = &mut value {
        fields.insert("id".to_owned(), Value::from(id.clone()));
    }
    let folder = own::folder(root, &[FOLDER])?;
    let mut file = own::append(&folder.join(FILE))?;
    // In one write: a killed process leaves a line, or a part that is passed over.
    file.write_all(format!("{}\n", sorted(&value)).as_bytes())?;
    file.sync_all()?;
    Ok(id)
}

/// All lessons that can be read, the oldest first.
#[must_use]
pub fn all(root: &Path) -> Vec<Lesson> {
    let Some(mut file) = own::read(root, &[FOLDER], FILE) else {
        return Vec::new();
    };
    let length = file.metadata().map_or(0, |it| it.len());
    let mut bytes = Vec::new();
    let start = SeekFrom::Start(length.saturating_sub(READ));
    if file.seek(start).is_err() || file.read_to_end(&mut bytes).is_err() {
        return Vec::new();
    }
    let lines = bytes.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| serde_json::from_slice::<Lesson>(line).ok())
        .filter(|lesson| lesson.schema_version == SCHEMA)
        .collect()
}

/// Those that fit best, the oldest first among equals.
#[must_use]
pub fn applying(lessons: &[Lesson], situation: &Situation<'_>) -> Vec<Advisory> {
    let scored = lessons.iter().map(|lesson| Advisory {
        score: score(lesson, situation),
        id: lesson.id.clone(),
        summary: lesson.advice.summary.clone(),
        checks: lesson.advice.preflight_checks.clone(),
    });
    let mut found: Vec<Advisory> = scored.filter(|it| it.score > 0).collect();
    // The order of equals stays.
    found.sort_by_key(|it| std::cmp::Reverse(it.score));
    found.truncate(TOLD);
    found
}

fn score(lesson: &Lesson, situation: &Situation<'_>) -> usize {
    let same = |is_same: bool, points: usize| if is_same { points } else { 0 };
    let scopes: Vec<&str> = lesson
        .request
        .get("scope")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let shared_scopes = situation
        .scope
        .iter()
        .filter(|it| scopes.contains(&it.as_str()));
    let shared_files = situation
        .touch_set
        .iter()
        .filter(|it| lesson.plan.touch_set.contains(it));
    same(lesson.command == situation.command, 10)
        + same(lesson.verify.profile == situation.profile, 5)
        + 3 * shared_scopes.count()
        + 2 * shared_files.count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lesson(number: usize, command: &str, profile: &str, files: &[&str]) -> Lesson {
        let touch_set: Vec<String> = files.iter().map(|it| (*it).to_owned()).collect();
        Lesson {
            schema_version: SCHEMA.to_owned(),
            created_at: format!("2026-01-0{number}T00:00:00Z"),
            command: command.to_owned(),
            request: json!({"scope": ["src"]}),
            repo: Repo {
                head_pre: None,
                head_post: None,
                dirty_after_revert: false,
            },
            plan: Plan {
                touch_count: touch_set.len(),
                touch_set,
            },
            verify: Verify {
                profile: profile.to_owned(),
                commands: vec!["make".to_owned()],
                failed_command: "make".to_owned(),
                exit_code: 1,
                output_tail: String::new(),
            },
            classification: classify::classify(""),
            advice: Advice {
                summary: format!("lesson {number}"),
                suggested_actions: Vec::new(),
                preflight_checks: Vec::new(),
            },
            id: String::new(),
        }
    }

    #[test]
    fn the_three_that_fit_best_are_told_the_oldest_first_among_equals() {
        let folder = tempfile::tempdir().unwrap();
        for lesson in [
            lesson(1, "api_add", "other", &["x"]),
            lesson(2, "refactor", "default", &[]),
            lesson(3, "refactor", "default", &["a", "b"]),
            lesson(4, "refactor", "default", &[]),
            lesson(5, "api_add", "default", &["a"]),
        ] {
            add(folder.path(), lesson).unwrap();
        }
        let mut text = std::fs::read(file(folder.path())).unwrap();
        text.extend_from_slice(b"{\"half");
        std::fs::write(file(folder.path()), text).unwrap();
        let lessons = all(folder.path());
        let applying = applying(
            &lessons,
            &Situation {
                command: "refactor",
                profile: "default",
                scope: &["src".to_owned()],
                touch_set: &["a".to_owned(), "b".to_owned()],
            },
        );
        let told: Vec<(usize, &str)> = applying
            .iter()
            .map(|it| (it.score, it.summary.as_str()))
            .collect();
        assert_eq!(told, [(22, "lesson 3"), (18, "lesson 2"), (18, "lesson 4")]);
        assert!(lessons.iter().all(|lesson| lesson.id.len() == 64));
    }
}
