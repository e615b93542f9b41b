//! What a run left: every reply of the model with its times, in the journal; files, in the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use orket_actors::port::store::StoreError;
use orket_core::model::Reply;
use orket_core::turn::Step;
use orket_sweep::harness::bench::TurnSeen;
use orket_sweep::tokens::TurnTokens;

use crate::storage::Reader;

/// The largest file that is compared and judged.
const MOST_BYTES: u64 = 1 << 20;
/// The folder that cards write in.
const OUTPUT: &str = "agent_output";
/// What Orket itself writes there.
const OWN: &str = "verification";

/// What the journal tells of a run.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Every reply, in order.
    pub(super) replies: Vec<Reply>,
    /// Attempts beyond the first of each turn, and turns beyond the first of each seat.
    pub(super) retries: u64,
    /// Why the last attempt failed, if it did.
    pub(super) code: Option<String>,
}

/// Reads a run back. Blocks.
pub(super) fn told(reader: &Reader, run: &str) -> Result<Told, StoreError> {
    let mut told = Told::default();
    let mut turns: BTreeSet<i64> = BTreeSet::new();
    let mut seats: BTreeSet<String> = BTreeSet::new();
    let mut attempts = 0_u64;
    for card in reader.stored_cards(run)? {
        for attempt in reader.stored_attempts(card.row)? {
            attempts += 1;
            turns.insert(attempt.turn);
            seats.insert(attempt.seat.clone());
            told.code.clone_from(&attempt.code);
            for step in reader.stored_steps(attempt.row)? {
                if let Ok(Step::ModelReplied { reply, .. }) = serde_json::from_slice(&step.body) {
                    told.replies.push(reply);
                }
            }
        }
    }
    let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    told.retries = attempts.saturating_sub(count(turns.len()))
        + count(turns.len()).saturating_sub(count(seats.len()));
    Ok(told)
}

/// A reply's figures.
pub(super) fn turn(reply: &Reply) -> TurnSeen {
    let seconds = |micros: u64| std::time::Duration::from_micros(micros).as_secs_f64();
    TurnSeen {
        tokens: TurnTokens {
            prompt_tokens: reply.usage.prompt_tokens,
            output_tokens: reply.usage.output_tokens,
            prefill_seconds: reply.measured.prefill_us.map(seconds),
            decode_seconds: reply.measured.decode_us.map(seconds),
            total_seconds: Some(seconds(reply.latency_ms.saturating_mul(1_000))),
        },
        load_seconds: reply.measured.load_us.map(seconds),
    }
}

/// What a reply said, with its calls.
pub(super) fn words(reply: &Reply) -> String {
    let calls = serde_json::to_string(&reply.calls).unwrap_or_default();
    format!("{}\n{calls}", reply.text)
}

/// The files that the card made.
pub(super) fn files(workspace: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let folder = workspace.join(OUTPUT);
    if folder.is_dir() {
        below(&folder, OUTPUT, &mut found)?;
    }
    Ok(found)
}

fn below(folder: &Path, name: &str, found: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let own = entry.file_name();
        if name == OUTPUT && own == OWN {
            continue;
        }
        let path = format!("{name}/{}", own.to_string_lossy());
        // No link is followed: what it points at was not made by the card.
        let about = std::fs::symlink_metadata(entry.path())?;
        if about.is_dir() {
            below(&entry.path(), &path, found)?;
        } else if about.is_file() && about.len() <= MOST_BYTES {
            found.insert(path, std::fs::read(entry.path())?);
        }
    }
    Ok(())
}
