//! What is recorded once it is known how a transaction went: parity, and the lesson of a failure.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::change::Change;
use crate::lessons::{self, Advice, Lesson, Plan, Repo, Verify, classify, preflight};
use crate::operation::Operation;
use crate::outcome::{Outcome, Parity};
use crate::refusal::Refusal;
use crate::replay::{self, FileParity};
use crate::transaction::{Ground, Options, Request};
use crate::tree::sha256;
use crate::verify::{Failure, Why};

/// What there is to tell of.
pub(crate) struct About<'a> {
    pub request: &'a Request,
    pub options: Options,
    pub ground: &'a Ground,
    pub changes: &'a [Change],
}

impl About<'_> {
    /// Reads every touched file again and says what became of it; only refactorings have that.
    pub fn parity(&self, is_done: bool) -> Option<Parity> {
        let Operation::Refactor { instruction } = &self.request.operation else {
            return None;
        };
        let ground = self.ground;
        let changes = self.changes.iter();
        let files: Vec<FileParity> = changes.map(|it| file_parity(ground, it)).collect();
        let changed_file_count = files.iter().filter(|it| it.changed).count();
        let status = if is_done {
            "verified"
        } else {
            "reverted_after_verify_failure"
        };
        let artifact_path = self.options.replay_artifacts.then(|| {
            let payload: Map<String, Value> = [
                ("status", json!(status)),
                ("instruction", json!(instruction)),
                ("scope", json!(self.request.scope)),
                ("verify_profile", json!(ground.profile.name)),
                ("verify_commands", json!(ground.profile.commands)),
                ("head_sha", json!(ground.head)),
                ("changed_file_count", json!(changed_file_count)),
                ("files", json!(files)),
            ]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
            // Without it `artifact_path` is null: what was asked for is done all the same.
            replay::record_parity(ground.repository.root(), payload).ok()
        });
        Some(Parity {
            status,
            changed_file_count,
            revert_verified: (!is_done).then_some(changed_file_count == 0),
            artifact_path: artifact_path
                .flatten()
                .map(|path| path.display().to_string()),
        })
    }

    /// Makes a refusal of a failed verification, with all that is told of it.
    pub fn failed(
        &self,
        failure: &Failure,
        tree: &Path,
        left_out: &[String],
        outcome: &mut Outcome,
    ) -> Refusal {
        outcome.verify_command = Some(failure.command.clone());
        outcome.verify_exit_code = Some(failure.exit_code);
        outcome.verify_output_tail = Some(failure.output_tail.clone());
        outcome.parity = self.parity(false);
        outcome.advisories.get_or_insert_default();
        outcome.preflight_warnings.get_or_insert_default();
        outcome.failure_lesson_id = Some(Value::Null);
        let mut message = format!("reverted, nothing was written: {}", failure.sentence);
        if self.options.failure_lessons {
            let lesson = self.lesson(failure, tree);
            match lessons::add(self.ground.repository.root(), lesson) {
                Ok(id) => outcome.failure_lesson_id = Some(Value::String(id)),
                Err(error) => {
                    message = format!("{message} (its lesson could not be recorded: {error})");
                }
            }
        }
        let mut hint = match failure.why {
            Why::TimedOut => {
                "give it more time: --verify-timeout SECONDS, or timeout_sec in orket.config.json"
            }
            Why::NotStarted => {
                "the command must be one that /bin/sh can run; see verify in orket.config.json"
            }
            Why::Stopped => {
                "run the command by hand to see what it needs; docs/TRANSACTIONS.md names the limits"
            }
            Why::Failed | Why::Interrupted => {
                "run the command by hand in a clean tree first: it may fail without the change too"
            }
        }
        .to_owned();
        if !left_out.is_empty() {
            hint = format!("{hint}; the copy had no {}", left_out.join(", "));
        }
        Refusal::new(self.request.operation.failure_code(), message).hint(hint)
    }

    fn lesson(&self, failure: &Failure, tree: &Path) -> Lesson {
        let ground = self.ground;
        let classification = classify::classify(&failure.output_tail);
        let mut asked = self.request.operation.request();
        asked.insert("scope".to_owned(), json!(ground.scope.names()));
        let touch_set: Vec<String> = self.changes.iter().map(|it| it.path.clone()).collect();
        Lesson {
            schema_version: lessons::SCHEMA.to_owned(),
            created_at: jiff::Timestamp::now().to_string(),
            command: self.request.operation.name().to_owned(),
            request: Value::Object(asked),
            repo: Repo {
                head_pre: ground.head.clone(),
                head_post: ground.repository.head().ok().flatten(),
                dirty_after_revert: ground.repository.dirty().is_ok_and(|it| !it.is_empty()),
            },
            plan: Plan {
                touch_count: touch_set.len(),
                touch_set,
            },
            verify: Verify {
                profile: ground.profile.name.clone(),
                commands: ground.profile.commands.clone(),
                failed_command: failure.command.clone(),
                exit_code: failure.exit_code,
                output_tail: failure.output_tail.clone(),
            },
            advice: Advice {
                summary: format!("{}: {}", failure.sentence, classification.tags.join(", ")),
                suggested_actions: classify::actions(&classification.tags),
                preflight_checks: preflight::extract(&failure.output_tail, tree),
            },
            classification,
            id: String::new(),
        }
    }
}

fn file_parity(ground: &Ground, change: &Change) -> FileParity {
    let before_sha256 = change.before.as_ref().map(|it| it.state.sha256.clone());
    let now = ground.tree.read(Path::new(&change.path)).ok().flatten();
    let after_sha256 = now.map(|file| sha256(&file.contents));
    FileParity {
        path: change.path.clone(),
        changed: before_sha256 != after_sha256,
        before_sha256,
        after_sha256,
    }
}
