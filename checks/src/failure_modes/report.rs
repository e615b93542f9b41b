//! What was counted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::rate::{Rates, share};
use super::selection::Selection;

/// The three decisions of a guard.
const DECISIONS: [&str; 3] = [
    "guard_approved",
    "guard_rejected",
    "guard_requested_changes",
];

/// What a log tells. The first five keys are those of the Python Orket.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// How often each event happened.
    pub events: BTreeMap<String, u64>,
    /// Failed turns by `type`; `unknown` for those that name none.
    pub failure_by_type: BTreeMap<String, u64>,
    /// Turns without progress by role: repeated ones, and those whose answer changed nothing.
    pub non_progress_by_role: BTreeMap<String, u64>,
    /// Decisions of guards.
    pub guard_outcomes: BTreeMap<String, u64>,
    /// Retries.
    pub retry_triggered: u64,
    /// Failed turns by error code.
    pub failure_by_code: BTreeMap<String, u64>,
    /// Failed turns by card.
    pub failure_by_card: BTreeMap<String, u64>,
    /// Failed and stalled turns by the model that was asked.
    pub failure_by_model: BTreeMap<String, u64>,
    /// Stalled turns by the phase that was silent.
    pub stall_by_phase: BTreeMap<String, u64>,
    /// How runs ended.
    pub run_outcomes: BTreeMap<String, u64>,
    /// Shares of the counts.
    pub rates: Rates,
    /// The runs that were seen.
    pub runs: BTreeSet<String>,
    /// The time that the counted lines span.
    pub window: Window,
    /// The lines.
    pub lines: Lines,
    /// The files that were read, oldest first.
    pub log: Vec<String>,
}

/// The time that the counted lines span.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Window {
    /// What was asked for.
    pub since: Option<String>,
    /// The first counted line's timestamp, as it stands there.
    pub first: Option<String>,
    /// The last one's.
    pub last: Option<String>,
}

/// What became of the lines of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Lines {
    /// All of them.
    pub read: u64,
    /// Those that count.
    pub counted: u64,
    /// Those of other runs or times.
    pub left_out: u64,
    /// Those that are no event: not JSON, not an object, without an event's name, or too long.
    pub malformed: u64,
}

/// A line, as far as it matters here. `data` stays text until it is wanted.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    role: Option<String>,
    event: String,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// The fields of `data` that matter here. Each may be anything.
#[derive(Default, Deserialize)]
struct Fields {
    #[serde(default)]
    run_id: serde_json::Value,
    #[serde(default)]
    session_id: serde_json::Value,
    #[serde(default)]
    issue_id: serde_json::Value,
    #[serde(default)]
    r#type: serde_json::Value,
    #[serde(default)]
    code: serde_json::Value,
    #[serde(default)]
    phase: serde_json::Value,
    #[serde(default)]
    status: serde_json::Value,
    #[serde(default)]
    runtime_event: serde_json::Value,
}

impl Report {
    /// Counts one line.
    pub fn take(&mut self, line: &[u8], selection: &Selection) {
        self.lines.read += 1;
        let Ok(line) = serde_json::from_slice::<Line<'_>>(line) else {
            self.lines.malformed += 1;
            return;
        };
        let fields: Fields = line
            .data
            .and_then(|data| serde_json::from_str(data.get()).ok())
            .unwrap_or_default();
        let run = text(&fields.run_id).or_else(|| text(&fields.session_id));
        if !selected(selection, run, line.timestamp.as_deref()) {
            self.lines.left_out += 1;
            return;
        }
        self.lines.counted += 1;
        if let Some(timestamp) = line.timestamp {
            if self.window.first.is_none() {
                self.window.first = Some(timestamp.clone());
            }
            self.window.last = Some(timestamp);
        }
        if let Some(run) = run.filter(|run| !self.runs.contains(*run)) {
            self.runs.insert(run.to_owned());
        }
        self.count(&line.event, line.role.as_deref(), &fields);
    }

    fn count(&mut self, event: &str, role: Option<&str>, fields: &Fields) {
        one_more(&mut self.events, event);
        if DECISIONS.contains(&event) {
            one_more(&mut self.guard_outcomes, event);
        }
        match event {
            "turn_failed" => {
                one_more(
                    &mut self.failure_by_type,
                    text(&fields.r#type).unwrap_or("unknown"),
                );
                if let Some(code) = text(&fields.code) {
                    one_more(&mut self.failure_by_code, code);
                }
                self.blame(fields);
            }
            "turn_stalled" => {
                one_more(
                    &mut self.stall_by_phase,
                    text(&fields.phase).unwrap_or("unknown"),
                );
                self.blame(fields);
            }
            "turn_non_progress" => {
                one_more(&mut self.non_progress_by_role, role.unwrap_or("unknown"));
            }
            "retry_triggered" => self.retry_triggered += 1,
            "session_end" => one_more(
                &mut self.run_outcomes,
                text(&fields.status).unwrap_or("unknown"),
            ),
            _ => {}
        }
    }

    fn blame(&mut self, fields: &Fields) {
        if let Some(card) = text(&fields.issue_id) {
            one_more(&mut self.failure_by_card, card);
        }
        if let Some(model) = fields.runtime_event.get("selected_model").and_then(text) {
            one_more(&mut self.failure_by_model, model);
        }
    }

    /// How often an event happened.
    #[must_use]
    pub fn of(&self, event: &str) -> u64 {
        self.events.get(event).copied().unwrap_or(0)
    }

    /// Works the shares out of the counts.
    pub fn conclude(&mut self) {
        let begun = self.of("turn_start");
        let failed = self.of("turn_failed");
        let stalled = self.of("turn_stalled");
        let ended = self.of("turn_complete") + failed + stalled;
        let decided: u64 = self.guard_outcomes.values().sum();
        let approved = self.of("guard_approved");
        let runs_ended: u64 = self.run_outcomes.values().sum();
        let done = self.run_outcomes.get("done").copied().unwrap_or(0);
        self.rates = Rates {
            turn_failure: share(failed, begun),
            turn_stall: share(stalled, begun),
            turn_unfinished: share(begun.saturating_sub(ended), begun),
            retry: share(self.retry_triggered, begun),
            guard_refusal: share(decided - approved, decided),
            run_failure: share(runs_ended - done, runs_ended),
        };
    }
}

fn selected(selection: &Selection, run: Option<&str>, timestamp: Option<&str>) -> bool {
    let of_run = selection
        .run
        .as_deref()
        .is_none_or(|wanted| run.is_some_and(|run| run.starts_with(wanted)));
    of_run
        && selection.since.is_none_or(|since| {
            timestamp
                .and_then(|text| text.parse::<Timestamp>().ok())
                .is_some_and(|at| at >= since)
        })
}

fn text(value: &serde_json::Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

fn one_more(counts: &mut BTreeMap<String, u64>, key: &str) {
    match counts.get_mut(key) {
        Some(count) => *count += 1,
        None => {
            counts.insert(key.to_owned(), 1);
        }
    }
}
