//! Whether the record of a run holds: its chains, its transitions, its decisions, its files.
//!
//! Nothing is written and nobody is asked. The chain is looked at as stored text, so that even a
//! step that cannot be read any more is named.

mod against;
mod chain;
mod files;
mod replay;
mod transitions;

use orket_actors::port::store::StoreError;
use orket_core::ids::RunId;
use serde::Serialize;

use crate::storage::Reader;

pub use against::{Against, Answered, Side, ask_again};
pub use replay::{Replayed, Wanted, replay_run};

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// `chain`, `transition`, `decision` or `file`.
    pub kind: &'static str,
    /// The card.
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

/// What was found out about a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Everything holds.
    pub ok: bool,
    /// Cards looked at.
    pub cards: usize,
    /// Attempts looked at.
    pub attempts: usize,
    /// Steps in the chains.
    pub steps: usize,
    /// Steps of an earlier version, which wrote no links.
    pub unlinked_steps: usize,
    /// Attempts whose every decision was derived again and is the recorded one.
    pub replayed: usize,
    /// Changes of status that were looked at.
    pub transitions: usize,
    /// Files below `observability/` that hold what the journal says.
    pub files: usize,
    /// Files that are not there; `orket export` writes them again.
    pub missing_files: usize,
    /// What does not hold.
    pub problems: Vec<Problem>,
}

/// Looks at everything the journal and the workspace hold of a run.
///
/// # Errors
///
/// When the journal cannot be read at all.
pub fn verify_run(reader: &Reader, run_id: &RunId) -> Result<Evidence, StoreError> {
    let mut evidence = Evidence::default();
    let cards = reader.run_cards(run_id.as_str())?;
    evidence.cards = cards.len();
    let plan = reader.plan(run_id.as_str())?;
    for card in &cards {
        chain::check(reader, card, &mut evidence)?;
        if let Some(plan) = &plan {
            transitions::check(reader, plan, card, &mut evidence)?;
        }
    }
    let replayed = replay_run(reader, run_id.as_str(), &Wanted::default())?;
    evidence.replayed = replayed.equal;
    evidence.problems.extend(replayed.problems);
    files::check(reader, run_id.as_str(), &mut evidence)?;
    evidence.ok = evidence.problems.is_empty();
    Ok(evidence)
}
