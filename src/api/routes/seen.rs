//! A run as it stands, read from the journal as of one moment.

use std::collections::BTreeMap;

use orket_actors::port::store::StoreError;
use orket_actors::runtime::RunReport;
use orket_core::ids::RunId;
use orket_gitea::Exported;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::api::Api;
use crate::api::problem::Problem;
use crate::gitea_export;
use crate::owner::records::report_of;
use crate::storage::Reader;
use crate::storage::reader::{Said, SessionRow};

/// Turns that a transcript has at most: the newest.
const MOST_SAID: u32 = 1_000;

/// See the file's head.
#[derive(Debug)]
pub(super) struct Seen {
    pub row: SessionRow,
    /// Its cards as the journal has them: whoever carries it out learns of a card's status when its
    /// turn ends.
    pub report: RunReport,
    /// Turns that ended well.
    pub turns: u64,
    /// What was said in them, as JSON text; nothing while the run goes on.
    pub transcript: Option<String>,
    /// Where its files were exported to.
    pub gitea_export: Option<Exported>,
}

impl Seen {
    /// The run with exactly this id; nothing when there is none.
    pub async fn of(api: &Api, run: &RunId) -> Result<Option<Self>, Problem> {
        let id = run.to_string();
        let durable_root = api.settings.durable_root().to_owned();
        api.read(move |reader| {
            let mut seen = reader.at_one_moment(|reader| Self::read(reader, &id))?;
            if let Some(seen) = &mut seen {
                seen.gitea_export = gitea_export::kept(&durable_root, &id);
            }
            Ok(seen)
        })
        .await
    }

    fn read(reader: &Reader, run_id: &str) -> Result<Option<Self>, StoreError> {
        let Some(row) = reader.session(run_id)? else {
            return Ok(None);
        };
        let report = report_of(reader, &row)?;
        let (turns, transcript) = if row.status.is_over() {
            let said = reader.transcript(run_id, MOST_SAID)?;
            // The last one's place says how many there are.
            let turns = said.last().map_or(0, |last| last.place + 1);
            (turns, Some(as_transcript(&said)))
        } else {
            (reader.turns_that_ended_well(run_id)?, None)
        };
        Ok(Some(Self {
            row,
            report,
            turns,
            transcript,
            gitea_export: None,
        }))
    }

    /// How it stands or ended: as the runtime left it, and what follows from its cards and turns.
    pub fn summary(&self) -> Map<String, Value> {
        let mut summary = self.row.summary.as_object().cloned().unwrap_or_default();
        let now = [
            ("session_status", json!(self.row.status.as_str())),
            ("issue_count", json!(self.report.cards.len())),
            ("status_counts", json!(self.by_status())),
        ];
        for (name, value) in now {
            // What an earlier end left does not hold while the run goes on.
            if self.row.status.is_over() {
                summary.entry(name).or_insert(value);
            } else {
                summary.insert(name.to_owned(), value);
            }
        }
        summary.insert("transcript_turns".to_owned(), json!(self.turns));
        if let Some(target) = &self.row.target {
            summary.insert("target_issue_id".to_owned(), json!(target));
        }
        summary
    }

    /// Its cards by status.
    pub fn by_status(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for card in &self.report.cards {
            *counts.entry(card.status.clone()).or_default() += 1;
        }
        counts
    }
}

/// The turns of a run that ended well, as JSON text.
pub(super) fn transcript(reader: &Reader, run_id: &str) -> Result<String, StoreError> {
    let said = reader.transcript(run_id, MOST_SAID)?;
    Ok(as_transcript(&said))
}

/// A turn as the reference's transcript has it.
#[derive(Serialize)]
struct Turn<'a> {
    step_index: u64,
    role: &'a str,
    issue: &'a str,
    summary: &'a str,
    note: &'static str,
}

fn as_transcript(said: &[Said]) -> String {
    let turns: Vec<Turn<'_>> = said
        .iter()
        .map(|said| Turn {
            step_index: said.place,
            role: &said.role,
            issue: &said.card_id,
            summary: &said.text,
            note: "",
        })
        .collect();
    // Texts and a number have a JSON form.
    serde_json::to_string(&turns).unwrap_or_default()
}
