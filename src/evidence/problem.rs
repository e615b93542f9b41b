//! What may be wrong with a record.

use serde::Serialize;
use utoipa::ToSchema;

use crate::storage::reader::{StoredAttempt, StoredStep};

/// What is wrong with a record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = EvidenceProblem)]
pub struct Problem {
    /// `plan`, `card`, `attempt`, `comment`, `chain`, `transition`, `decision` or `file`.
    pub kind: &'static str,
    /// The card; empty where it is about the run.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issue_id: String,
    /// The card's turn, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,
    /// The try, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The step's place in the attempt, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// The step's kind, or the file's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// What was found, in a sentence.
    pub message: String,
}

impl Problem {
    /// About a card.
    pub(super) fn of_card(kind: &'static str, card_id: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            issue_id: card_id.to_owned(),
            message: message.into(),
            ..Self::default()
        }
    }

    /// About an attempt.
    pub(super) fn of_attempt(
        kind: &'static str,
        attempt: &StoredAttempt,
        message: impl Into<String>,
    ) -> Self {
        Self {
            turn: u32::try_from(attempt.turn).ok(),
            attempt: u32::try_from(attempt.attempt).ok(),
            ..Self::of_card(kind, &attempt.card_id, message)
        }
    }

    /// The same, at one of its steps.
    pub(super) fn at(self, step: Option<&StoredStep>) -> Self {
        Self {
            step: step.and_then(|it| u32::try_from(it.seq).ok()),
            what: step.map(|it| it.kind().unwrap_or_default()),
            ..self
        }
    }
}
