//! What a turn comes to, and its digest.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::CONTRACT_VERSION;
use super::canonical;
use super::decision::Capabilities;
use super::event::{Event, Level};
use super::words::{Code, Outcome, Stage};

/// Why a turn, or a report, failed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = KernelIssue)]
pub struct Issue {
    /// `kernel_api/v1`.
    pub contract_version: &'static str,
    /// Always `FAIL`.
    pub level: &'static str,
    /// Where in the kernel.
    pub stage: Stage,
    /// As a code.
    pub code: Code,
    /// Where in the request or in the index: a JSON pointer.
    pub location: String,
    /// In words.
    pub message: String,
    /// What belongs to it.
    #[schema(value_type = Object)]
    pub details: BTreeMap<String, Value>,
}

impl Issue {
    /// Without details.
    pub fn new(
        stage: Stage,
        code: Code,
        location: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            contract_version: CONTRACT_VERSION,
            level: "FAIL",
            stage,
            code,
            location: location.into(),
            message: message.into(),
            details: BTreeMap::new(),
        }
    }

    /// A field of a request is not what it must be.
    pub fn shape(location: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(
            Stage::BaseShape,
            Code::EBaseShapeInvalidManifestValue,
            location,
            message,
        )
    }

    /// With a detail; never a float, which would have no digest.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }
}

/// What a host may say of the states before and after a turn. The kernel supplies nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = KernelTransition)]
pub struct Transition {
    /// Always null.
    pub prior_state_digest: Option<String>,
    /// Always 64 zeros.
    pub proposed_state_digest: String,
    /// Always 64 zeros.
    pub inputs_digest: String,
    /// What changed.
    pub diff_summary: DiffSummary,
    /// Always empty.
    pub artifacts: Vec<String>,
}

/// What changed, as a host says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = KernelDiffSummary)]
pub struct DiffSummary {
    /// Always `host_supplied`.
    pub kind: &'static str,
    /// Always 0.
    pub changed_count: u64,
    /// Always empty.
    pub triplet_stems: Vec<String>,
    /// Always empty.
    pub solo_json_paths: Vec<String>,
}

impl Default for Transition {
    fn default() -> Self {
        let unknown = "0".repeat(64);
        Self {
            prior_state_digest: None,
            proposed_state_digest: unknown.clone(),
            inputs_digest: unknown,
            diff_summary: DiffSummary {
                kind: "host_supplied",
                changed_count: 0,
                triplet_stems: Vec::new(),
                solo_json_paths: Vec::new(),
            },
            artifacts: Vec::new(),
        }
    }
}

/// What a turn comes to.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = KernelTurnResult)]
pub struct TurnResult {
    /// `kernel_api/v1`.
    pub contract_version: &'static str,
    /// Its run.
    pub run_id: String,
    /// The turn; empty when the request names none.
    pub turn_id: String,
    /// Whether it came through.
    pub outcome: Outcome,
    /// How far it came.
    pub stage: Stage,
    /// How many issues there are.
    pub errors: u64,
    /// How many events warn.
    pub warnings: u64,
    /// Why it failed.
    pub issues: Vec<Issue>,
    /// What happened, a line of text each.
    pub events: Vec<String>,
    /// Nothing; for hosts.
    pub transition: Transition,
    /// What was decided about its tool call.
    pub capabilities: Capabilities,
    /// Always null.
    pub trace: Option<Value>,
    /// The digest of all of this but events and messages. Absent when the request has not even its
    /// outer shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_result_digest: Option<String>,
}

impl TurnResult {
    /// One that has done nothing yet.
    #[must_use]
    pub fn begun(run_id: &str, turn_id: &str) -> Self {
        Self {
            contract_version: CONTRACT_VERSION,
            run_id: run_id.to_owned(),
            turn_id: turn_id.to_owned(),
            outcome: Outcome::Pass,
            stage: Stage::BaseShape,
            errors: 0,
            warnings: 0,
            issues: Vec::new(),
            events: Vec::new(),
            transition: Transition::default(),
            capabilities: Capabilities::default(),
            trace: None,
            turn_result_digest: None,
        }
    }

    /// Something happened.
    pub fn tell(&mut self, event: &Event) {
        if event.level == Level::Warn {
            self.warnings += 1;
        }
        self.events.push(event.to_string());
    }

    /// It failed.
    pub fn fail(&mut self, issue: Issue) {
        self.outcome = Outcome::Fail;
        self.stage = issue.stage;
        self.errors += 1;
        self.tell(&Event::from(&issue));
        self.issues.push(issue);
    }

    /// With its digest.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.turn_result_digest = digest(&json!(self));
        self
    }
}

/// The digest of a turn's result: without its events and its digest, and without the words of its
/// issues. `None` when it has no canonical form.
#[must_use]
pub fn digest(result: &Value) -> Option<String> {
    let mut counted = result.clone();
    let fields = counted.as_object_mut()?;
    fields.remove("events");
    fields.remove("turn_result_digest");
    for issue in fields.get_mut("issues")?.as_array_mut()? {
        issue
            .as_object_mut()?
            .insert("message".to_owned(), Value::Null);
    }
    canonical::digest(&counted).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> TurnResult {
        let mut result = TurnResult::begun("run-00000001", "turn-0001");
        result.fail(Issue::shape("/turn_input", "must be an object").with("n", 1));
        result
    }

    #[test]
    fn the_digest_counts_all_but_events_and_words() {
        let sealed = failed().sealed();
        let first = sealed.turn_result_digest.clone().unwrap();
        assert_eq!(first.len(), 64);
        assert_eq!(
            digest(&json!(sealed)).unwrap(),
            first,
            "it is not part of itself"
        );
        let mut other_words = failed();
        other_words.issues[0].message = "other words".into();
        other_words.events = vec!["other events".into()];
        assert_eq!(other_words.sealed().turn_result_digest.unwrap(), first);
        let changes: [fn(&mut TurnResult); 4] = [
            |it| it.stage = Stage::Lsi,
            |it| it.issues[0].location = "/elsewhere".into(),
            |it| it.issues[0].code = Code::ECapabilityDenied,
            |it| it.outcome = Outcome::Pass,
        ];
        for change in changes {
            let mut changed = failed();
            change(&mut changed);
            assert_ne!(changed.sealed().turn_result_digest.unwrap(), first);
        }
    }

    #[test]
    fn a_failed_turn_says_so_in_all_places() {
        let result = failed();
        assert_eq!(
            (result.outcome, result.stage, result.errors, result.warnings),
            (Outcome::Fail, Stage::BaseShape, 1, 0)
        );
        assert_eq!(
            result.events,
            [
                "[FAIL] [STAGE:base_shape] [CODE:E_BASE_SHAPE_INVALID_MANIFEST_VALUE] [LOC:/turn_input] must be an object | n=1"
            ]
        );
    }
}
