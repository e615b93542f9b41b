//! A turn as files: what people and tools see of the journal under `observability/`.
//!
//! Everything is derived from the journal's steps and nothing else, so that the same attempt gives
//! the same bytes when it is first written and when it is exported years later. Writing them is the
//! edges' part.

mod checkpoint;
mod layers;
mod memory;
mod name;
mod story;
mod time;
mod verification;

use std::borrow::Borrow;

use serde::Serialize;

use crate::model::{Message, ModelName, ModelOptions, Usage};
use crate::plan::{ArtifactMode, RunPlan};
use crate::tool::ToolCall;
use crate::tool_call::{Diagnostic, parse};
use crate::turn::{Step, Violation};

use name::file_name;
use story::Story;

pub use checkpoint::prompt_hash;
pub use layers::Layers;
pub use memory::{MAX_BYTES as MAX_TRACE_BYTES, RETRIEVAL_VERSION, TRACE_VERSION};
pub use name::MAX_BYTES as MAX_NAME_BYTES;
pub use story::{Ending, ending};
pub use time::rfc3339;

/// The folder of a workspace that holds the projections.
pub const ROOT: &str = "observability";

/// The version that `checkpoint.json` and `model_response_raw.json` carry.
pub const SCHEMA_VERSION: &str = "v1";

/// Which attempt the files are about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TurnMeta<'a> {
    /// The run.
    pub run_id: &'a str,
    /// The card.
    pub issue_id: &'a str,
    /// The role that spoke.
    pub role: &'a str,
    /// The card's turn, from 1.
    pub turn: u32,
    /// The try, from 1.
    pub attempt: u32,
    /// When it ended, milliseconds since 1970-01-01 UTC.
    pub ended_ms: i64,
    /// The run's plan, which says where the prompt came from.
    pub plan: Option<&'a RunPlan>,
}

/// How much of a turn is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// No file.
    Nothing,
    /// `checkpoint.json`, and the partial reply of a stalled turn.
    Checkpoint,
    /// Every file.
    All,
}

/// How much of a turn with this ending a mode asks for.
#[must_use]
pub const fn extent(mode: ArtifactMode, ending: Ending) -> Extent {
    match (mode, ending) {
        (ArtifactMode::Full, _)
        | (ArtifactMode::Failed, Ending::Failed | Ending::Stalled | Ending::Abandoned) => {
            Extent::All
        }
        (ArtifactMode::Checkpoint, _) | (ArtifactMode::None, Ending::Failed | Ending::Stalled) => {
            Extent::Checkpoint
        }
        (ArtifactMode::Failed, Ending::Succeeded)
        | (ArtifactMode::None, Ending::Succeeded | Ending::Abandoned) => Extent::Nothing,
    }
}

/// The three folder names below [`ROOT`]: run, card, turn. Each is one plain file name: a valid
/// identifier is kept as it is, anything else is made harmless.
#[must_use]
pub fn components(meta: &TurnMeta<'_>) -> [String; 3] {
    let role = file_name(meta.role);
    let turn = if meta.attempt > 1 {
        format!("{:03}_{role}_attempt{}", meta.turn, meta.attempt)
    } else {
        format!("{:03}_{role}", meta.turn)
    };
    [file_name(meta.run_id), file_name(meta.issue_id), turn]
}

/// The folder of one attempt, relative to the workspace:
/// `observability/<run>/<issue>/<NNN>_<role>`, with `_attempt<K>` behind it from the second try on.
#[must_use]
pub fn folder(meta: &TurnMeta<'_>) -> String {
    let [run, issue, turn] = components(meta);
    format!("{ROOT}/{run}/{issue}/{turn}")
}

/// The files of one attempt: name and bytes, in the order in which they should be written, the
/// checkpoint last, so that whoever sees it may rely on the others.
#[must_use]
pub fn files<S: Borrow<Step>>(
    meta: &TurnMeta<'_>,
    steps: &[S],
    mode: ArtifactMode,
) -> Vec<(String, Vec<u8>)> {
    let ending = ending(steps);
    let extent = extent(mode, ending);
    if extent == Extent::Nothing {
        return Vec::new();
    }
    let story = Story::of(steps);
    let mut files = Vec::new();
    if extent == Extent::All {
        conversation(&story, &mut files);
        origins(meta, &story, &mut files);
        actions(meta, &story, &mut files);
        // A turn that never asked has behaved in no way that could be compared.
        if !story.rounds.is_empty() {
            files.extend(memory::files(meta, steps));
        }
    }
    if let Some(stall) = &story.stall {
        files.push((
            "partial_response.txt".to_owned(),
            stall.partial.as_bytes().to_vec(),
        ));
    }
    files.push((
        "checkpoint.json".to_owned(),
        checkpoint::bytes(meta, &story, ending),
    ));
    files
}

/// One round of `model_response_raw.json`.
#[derive(Serialize)]
struct RawRound<'a> {
    round: u32,
    model: &'a ModelName,
    options: &'a ModelOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<&'a Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<u64>,
    calls: &'a [ToolCall],
    #[serde(skip_serializing_if = "<[Violation]>::is_empty")]
    violations: &'a [Violation],
}

/// `model_response_raw.json`: the last round's figures on top, every round below.
#[derive(Serialize)]
struct RawResponse<'a> {
    schema_version: &'static str,
    model: &'a ModelName,
    usage: Usage,
    latency_ms: u64,
    calls: &'a [ToolCall],
    rounds: Vec<RawRound<'a>>,
}

/// What was asked and what was answered.
fn conversation(story: &Story<'_>, files: &mut Vec<(String, Vec<u8>)>) {
    if !story.rounds.is_empty() {
        let messages: Vec<&Message> = story.messages().collect();
        files.push(("messages.json".to_owned(), pretty(&messages)));
    }
    let Some((last, reply)) = story
        .rounds
        .iter()
        .rev()
        .find_map(|round| round.reply.map(|reply| (round, reply)))
    else {
        return;
    };
    for round in story.rounds.iter().filter(|round| round.round < last.round) {
        if let Some(earlier) = round.reply {
            files.push((
                format!("model_response_round{}.txt", round.round),
                earlier.text.as_bytes().to_vec(),
            ));
        }
    }
    files.push((
        "model_response.txt".to_owned(),
        reply.text.as_bytes().to_vec(),
    ));
    let rounds = story
        .rounds
        .iter()
        .map(|round| RawRound {
            round: round.round,
            model: round.model,
            options: round.options,
            usage: round.reply.map(|reply| &reply.usage),
            latency_ms: round.reply.map(|reply| reply.latency_ms),
            calls: round.reply.map_or(&[], |reply| &reply.calls),
            violations: round.violations,
        })
        .collect();
    let raw = RawResponse {
        schema_version: SCHEMA_VERSION,
        model: last.model,
        usage: story.usage(),
        latency_ms: story.latency_ms(),
        calls: &reply.calls,
        rounds,
    };
    files.push(("model_response_raw.json".to_owned(), pretty(&raw)));
}

/// One note of the parser, and the reply that it is about.
#[derive(Serialize)]
struct Note {
    round: u32,
    #[serde(flatten)]
    diagnostic: Diagnostic,
}

/// Where the prompt came from, and how the replies were read.
fn origins(meta: &TurnMeta<'_>, story: &Story<'_>, files: &mut Vec<(String, Vec<u8>)>) {
    if let (Some(plan), Some((seat, purpose))) = (meta.plan, story.began)
        && let Some(seat) = plan.seat(seat)
    {
        let layers = layers::Layers::of(plan, seat, purpose);
        files.push(("prompt_layers.json".to_owned(), pretty(&layers)));
    }
    let mut notes = Vec::new();
    for round in &story.rounds {
        let read = round.reply.map(|reply| parse(&reply.text).diagnostics);
        notes.extend(read.into_iter().flatten().map(|diagnostic| Note {
            round: round.round,
            diagnostic,
        }));
    }
    if !notes.is_empty() {
        files.push(("tool_parser_diagnostics.json".to_owned(), pretty(&notes)));
    }
}

/// What was done.
fn actions(meta: &TurnMeta<'_>, story: &Story<'_>, files: &mut Vec<(String, Vec<u8>)>) {
    if let Some(report) = story.verified {
        let file = verification::File::of(meta, report);
        files.push(("runtime_verification.json".to_owned(), pretty(&file)));
    }
    if story.rounds.iter().any(|round| round.reply.is_some()) {
        let calls: Vec<&ToolCall> = story.calls().collect();
        files.push(("parsed_tool_calls.json".to_owned(), pretty(&calls)));
    }
    for (index, result) in &story.results {
        let tool = story.tool_of(*index).map(file_name);
        let name = match tool {
            Some(tool) => format!("tool_result_{index}_{tool}.json"),
            None => format!("tool_result_{index}.json"),
        };
        files.push((name, pretty(result)));
    }
}

/// Indented JSON with a line end, as people read it.
fn pretty<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    // Our own values always print: their map keys are texts.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests;
