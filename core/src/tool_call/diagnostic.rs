//! What the parser notes down of a reply, for the turn's record.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// How many notes are kept of one reply.
const KEPT: usize = 64;
/// Longest preview of a candidate, in characters.
const PREVIEW: usize = 180;

/// One observation of the parser.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnostic {
    /// `parse_start`, `json_candidate_ignored`, `json_candidate_rejected`, `dsl_block_rejected`,
    /// `diagnostics_cut`, `parse_success` or `parse_empty`.
    pub stage: &'static str,
    /// Its particulars.
    pub data: Value,
}

/// The notes of one parse.
#[derive(Debug)]
pub(super) struct Notes {
    kept: Vec<Diagnostic>,
    dropped: u64,
}

impl Notes {
    pub(super) fn begin(text: &str) -> Self {
        let mut notes = Self {
            kept: Vec::with_capacity(2),
            dropped: 0,
        };
        notes.add("parse_start", || json!({"text_length": text.len()}));
        notes
    }

    pub(super) fn add(&mut self, stage: &'static str, data: impl FnOnce() -> Value) {
        if self.kept.len() < KEPT {
            self.kept.push(Diagnostic {
                stage,
                data: data(),
            });
        } else {
            self.dropped += 1;
        }
    }

    pub(super) fn ignored(&mut self, object: &Map<String, Value>) {
        self.add("json_candidate_ignored", || {
            let keys: Vec<String> = object.keys().take(12).map(|key| preview(key)).collect();
            let text = serde_json::to_string(object).unwrap_or_default();
            json!({
                "reason": "missing_tool_keys",
                "keys": keys,
                "candidate_preview": preview(&text),
            })
        });
    }

    pub(super) fn rejected(&mut self, reason: &str, candidate: &str) {
        self.add(
            "json_candidate_rejected",
            || json!({"reason": reason, "candidate_preview": preview(candidate)}),
        );
    }

    /// Closes the notes with how the parse ended: which strategy brought how many calls.
    pub(super) fn end(
        mut self,
        strategy: &'static str,
        calls: usize,
        truncated: bool,
    ) -> Vec<Diagnostic> {
        if self.dropped > 0 {
            self.kept.push(Diagnostic {
                stage: "diagnostics_cut",
                data: json!({"dropped": self.dropped}),
            });
        }
        self.kept.push(if calls > 0 {
            Diagnostic {
                stage: "parse_success",
                data: json!({"strategy": strategy, "count": calls}),
            }
        } else {
            let reason = if truncated {
                "truncated"
            } else {
                "no_tool_calls"
            };
            Diagnostic {
                stage: "parse_empty",
                data: json!({"reason": reason}),
            }
        });
        self.kept
    }
}

/// The first characters of `text`.
pub(super) fn preview(text: &str) -> String {
    match text.char_indices().nth(PREVIEW) {
        None => text.to_owned(),
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
    }
}
