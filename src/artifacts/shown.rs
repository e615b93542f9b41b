//! The files of an attempt as values, made from the journal; whether they were ever written does not
//! matter.

use orket_core::artifact::{TurnMeta, files};
use orket_core::plan::ArtifactMode;
use orket_core::turn::Step;
use serde_json::Value;
use std::borrow::Borrow;

/// The main files of an attempt.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shown {
    /// `checkpoint.json`.
    pub checkpoint: Value,
    /// `messages.json`; null when no model was asked.
    pub messages: Value,
    /// `model_response.txt`; nothing before the first answer.
    pub model_response: Option<String>,
    /// `parsed_tool_calls.json`; null before the first answer.
    pub parsed_tool_calls: Value,
    /// The same files as texts: name and text, in the order in which they are written.
    pub texts: Vec<(String, String)>,
}

impl Shown {
    /// Of an attempt with these steps.
    #[must_use]
    pub fn of<S: Borrow<Step>>(meta: &TurnMeta<'_>, steps: &[S]) -> Self {
        let mut shown = Self::default();
        for (name, bytes) in files(meta, steps, ArtifactMode::Full) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let json = || serde_json::from_str(&text).unwrap_or(Value::Null);
            match name.as_str() {
                "checkpoint.json" => shown.checkpoint = json(),
                "messages.json" => shown.messages = json(),
                "parsed_tool_calls.json" => shown.parsed_tool_calls = json(),
                "model_response.txt" => shown.model_response = Some(text.clone()),
                _ => continue,
            }
            shown.texts.push((name, text));
        }
        shown
    }
}
