//! What an attempt that is kept did.

use std::collections::HashMap;

use orket_actors::port::store::StoreError;
use orket_core::fork::Past;
use orket_core::tool::ToolCall;
use orket_core::turn::{Given, Purpose, Step, TurnOutcome};

use super::workspace::Written;
use crate::storage::Reader;
use crate::storage::reader::Moment;

/// An attempt as read.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    pub(super) purpose: Option<Purpose>,
    /// What it was given; `None` in the record of earlier versions.
    pub(super) given: Option<Given>,
    pub(super) outcome: Option<TurnOutcome>,
    /// Files that it wrote, each with the number of the step that says so.
    pub(super) files: Vec<(i64, Written)>,
    /// Cards that it asked for; they are there when it ended well.
    pub(super) created: Vec<String>,
}

impl Attempt {
    /// Reads the steps of an attempt.
    pub(super) fn read(reader: &Reader, moment: &Moment) -> Result<Self, StoreError> {
        let mut attempt = Self::default();
        let mut intended: HashMap<u32, (ToolCall, String)> = HashMap::new();
        for stored in reader.stored_steps(moment.row)? {
            let unreadable = |error: String| {
                StoreError::Unavailable(format!("a step cannot be understood: {error}"))
            };
            let text = stored.text().map_err(unreadable)?;
            let step: Step = serde_json::from_str(text).map_err(|it| unreadable(it.to_string()))?;
            match step {
                Step::TurnStarted { purpose, given, .. } => {
                    attempt.purpose = Some(purpose);
                    attempt.given = given.map(|given| *given);
                }
                Step::CallIntended {
                    index, call, key, ..
                } => {
                    intended.insert(index, (call, key));
                }
                Step::CallFinished { index, result } if result.ok => {
                    let Some((call, key)) = intended.remove(&index) else {
                        continue;
                    };
                    match call.tool.as_str() {
                        "write_file" => {
                            let written = Written { call, key };
                            attempt.files.push((stored.id, written));
                        }
                        "create_issue" => {
                            let id = result.fields.get("issue_id");
                            let id = id.and_then(serde_json::Value::as_str);
                            attempt.created.extend(id.map(str::to_owned));
                        }
                        _ => {}
                    }
                }
                Step::TurnFinished { outcome } => attempt.outcome = Some(outcome),
                _ => {}
            }
        }
        if !matches!(attempt.outcome, Some(TurnOutcome::Succeeded { .. })) {
            attempt.created.clear();
        }
        Ok(attempt)
    }

    pub(super) fn past(&self, moment: &Moment) -> Past {
        Past {
            purpose: self.purpose.unwrap_or(Purpose::Work),
            turn: moment.turn,
            outcome: self.outcome.clone(),
            tokens: moment.tokens,
        }
    }
}
