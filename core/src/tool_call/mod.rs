//! Tool calls as models write them: JSON somewhere in a text, between thoughts, fences and remarks.
//!
//! Reading never fails and is linear in the length of the reply. Calls inside reasoning are never
//! taken. JSON that is no call is neither a call nor prose; JSON that is malformed is prose, so
//! that a model that must write nothing but calls is told so.

mod block;
mod diagnostic;
mod dsl;
mod layout;
mod prose;
mod reasoning;
mod repair;
mod shape;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

pub use self::diagnostic::Diagnostic;

use self::block::Block;
use self::diagnostic::Notes;
use self::layout::{Layout, Piece};
use crate::tool::ToolCall;

/// What a reply holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Parsed {
    /// The calls, in the order of the text.
    pub calls: Vec<ToolCall>,
    /// What is left outside JSON, code fences, separators and reasoning.
    pub prose: String,
    /// What stood in reasoning blocks.
    pub reasoning: String,
    /// Where a JSON block breaks off at the end of the text.
    pub truncated: Option<String>,
    /// What the parser saw, for the turn's record.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the calls, the prose and the reasoning of a reply.
#[must_use]
pub fn parse(text: &str) -> Parsed {
    let layout = Layout::of(text);
    let mut notes = Notes::begin(text);
    let mut parsed = Parsed::default();
    for rejected in &layout.rejected {
        notes.rejected(
            rejected.expected,
            text.get(rejected.range.clone()).unwrap_or_default(),
        );
    }
    // Neighbouring pieces of prose (a sentence, a `[1]`, a sentence) are read as one.
    let mut plain = 0..0;
    for piece in &layout.pieces {
        let prose = match piece {
            Piece::Prose(range) => Some(range.clone()),
            Piece::Reasoning(range) => {
                add_line(slice(text, range.clone()), &mut parsed.reasoning);
                None
            }
            Piece::Json { start, block } => {
                let is_json = json_piece(text, *start, block, &mut parsed.calls, &mut notes);
                (!is_json).then_some(*start..block.end)
            }
        };
        match prose {
            Some(range) if range.start == plain.end => plain.end = range.end,
            next => {
                let run = std::mem::replace(&mut plain, next.unwrap_or(0..0));
                prose::add(slice(text, run), &mut parsed.prose);
            }
        }
    }
    prose::add(slice(text, plain), &mut parsed.prose);
    parsed.truncated = layout.unfinished.map(|start| broken_off(text, start));
    let mut strategy = "stack_json";
    if parsed.calls.is_empty() {
        let mut outside = String::new();
        let calls = dsl::take_calls(&without_reasoning(text, &layout), &mut outside, &mut notes);
        if !calls.is_empty() {
            strategy = "legacy_dsl";
            parsed.calls = calls;
            parsed.truncated = None;
            parsed.prose.clear();
            prose::add(&outside, &mut parsed.prose);
        }
    }
    parsed.diagnostics = notes.end(strategy, parsed.calls.len(), parsed.truncated.is_some());
    parsed
}

/// The first JSON object outside reasoning that has any of `rationale`, `violations` and
/// `remediation_actions`: what a guard says along with its decision. An object that stands by
/// itself goes before one inside another, such as in the arguments of a call.
#[must_use]
pub fn guard_payload(text: &str) -> Option<Value> {
    let layout = Layout::of(text);
    let mut inner = None;
    for piece in &layout.pieces {
        let Piece::Json { start, block } = piece else {
            continue;
        };
        let Ok(value) = json_value(text, *start, block) else {
            continue;
        };
        if is_payload(&value) {
            return Some(value);
        }
        if inner.is_none() {
            inner = find_payload(value);
        }
    }
    inner
}

/// The reply without its reasoning blocks.
#[must_use]
pub fn strip_reasoning(text: &str) -> Cow<'_, str> {
    without_reasoning(text, &Layout::of(text))
}

/// The text a model would write for `calls`: one JSON object a line.
#[must_use]
pub fn render(calls: &[ToolCall]) -> String {
    let mut out = String::new();
    for call in calls {
        if !out.is_empty() {
            out.push('\n');
        }
        // Serialising a map with text keys into memory cannot fail.
        out.push_str(&serde_json::to_string(call).unwrap_or_default());
    }
    out
}

/// Takes the calls of a block; false when the block turns out to be writing.
fn json_piece(
    text: &str,
    start: usize,
    block: &Block,
    calls: &mut Vec<ToolCall>,
    notes: &mut Notes,
) -> bool {
    match json_value(text, start, block) {
        Ok(Value::Object(object)) => shape::take_calls(object, calls, notes),
        Ok(Value::Array(items)) if items.is_empty() || items.iter().any(Value::is_object) => {
            for item in items {
                if let Value::Object(object) = item {
                    shape::take_calls(object, calls, notes);
                }
            }
        }
        // A list of plain values: `[1]`, `["a", "b"]`.
        Ok(_) => return false,
        Err(reason) => {
            notes.rejected(&reason, slice(text, start..block.end));
            return false;
        }
    }
    true
}

fn json_value(text: &str, start: usize, block: &Block) -> Result<Value, String> {
    let plain = slice(text, start..block.end);
    if !block.raw_controls && block.wraps.is_empty() {
        return serde_json::from_str(plain).map_err(|error| error.to_string());
    }
    let json = repair::rebuild(text, start, block)
        .ok_or("the argument of JSON.stringify is no JSON value")?;
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

fn is_payload(value: &Value) -> bool {
    value.as_object().is_some_and(|object| {
        ["rationale", "violations", "remediation_actions"]
            .iter()
            .any(|key| object.contains_key(*key))
    })
}

/// The first payload at any depth; the depth is bounded by the JSON parser.
fn find_payload(value: Value) -> Option<Value> {
    if is_payload(&value) {
        return Some(value);
    }
    match value {
        Value::Object(map) => map.into_iter().find_map(|(_, inner)| find_payload(inner)),
        Value::Array(items) => items.into_iter().find_map(find_payload),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn without_reasoning<'a>(text: &'a str, layout: &Layout) -> Cow<'a, str> {
    if !layout
        .pieces
        .iter()
        .any(|piece| matches!(piece, Piece::Reasoning(_)))
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for piece in &layout.pieces {
        match piece {
            Piece::Prose(range) => out.push_str(slice(text, range.clone())),
            Piece::Json { start, block } => out.push_str(slice(text, *start..block.end)),
            Piece::Reasoning(_) => {}
        }
    }
    if let Some(start) = layout.unfinished {
        out.push_str(slice(text, start..text.len()));
    }
    Cow::Owned(out)
}

/// Says where the block that begins at `start` breaks off: the last characters of the text.
fn broken_off(text: &str, start: usize) -> String {
    const SHOWN: usize = 80;
    let block = slice(text, start..text.len());
    let tail = match block.char_indices().nth_back(SHOWN - 1) {
        Some((at, _)) if at > 0 => "…".to_owned() + block.get(at..).unwrap_or_default(),
        _ => block.to_owned(),
    };
    format!(
        "the JSON block that begins at byte {start} breaks off after {} bytes: {tail}",
        block.len()
    )
}

fn add_line(text: &str, out: &mut String) {
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(text);
}

fn slice(text: &str, range: std::ops::Range<usize>) -> &str {
    text.get(range).unwrap_or_default()
}
