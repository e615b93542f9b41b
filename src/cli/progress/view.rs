//! How a run stands, as far as one watcher has seen it: a fold over its lines.

use std::collections::HashMap;

use orket_actors::port::event::RuntimeEvent;
use orket_actors::runtime::RunReport;
use orket_core::status::CardStatus;
use serde_json::Value;

use crate::owner::wire::Line;

/// One card.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CardView {
    /// Its id.
    pub id: String,
    /// The seat that acts, or acted last.
    pub seat: String,
    /// Its status.
    pub status: String,
    /// What its turn waits for; empty when no turn is under way.
    pub phase: String,
    /// Attempts seen.
    pub attempts: u32,
    /// Tokens spent.
    pub tokens: u64,
    /// When its turn began, milliseconds since 1970-01-01 UTC.
    pub turn_since: Option<i64>,
    /// The last thing worth saying about it.
    pub note: String,
}

impl CardView {
    /// Whether a turn is under way.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.turn_since.is_some() && !self.is_settled()
    }

    /// Whether nothing more will happen to it.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.status
            .parse::<CardStatus>()
            .is_ok_and(CardStatus::is_settled)
    }

    /// Whether it ended well.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.status
            .parse::<CardStatus>()
            .is_ok_and(CardStatus::is_finished)
    }
}

/// The run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Its id.
    pub run_id: String,
    /// Its build.
    pub build_id: String,
    /// Its epic.
    pub epic: String,
    /// Its status.
    pub status: String,
    /// What comes before its first card, while it is under way or when it failed; else empty.
    pub stage: String,
    /// When it started, by the watcher's clock.
    pub since: Option<i64>,
    /// Its cards, in the epic's order as far as it is known.
    pub cards: Vec<CardView>,
    /// Where each card is in `cards`.
    places: HashMap<String, usize>,
}

impl View {
    /// Takes one line.
    pub fn take(&mut self, line: &Line) {
        match line {
            Line::Snapshot { report } | Line::End { report } => self.snapshot(report),
            Line::Event(event) => self.event(event),
            Line::Lagged { .. } | Line::Beat => {}
        }
    }

    /// How many cards ended well.
    #[must_use]
    pub fn finished(&self) -> usize {
        self.cards.iter().filter(|card| card.is_finished()).count()
    }

    fn snapshot(&mut self, report: &RunReport) {
        if report.run_id != self.run_id {
            *self = Self::default();
        }
        self.run_id.clone_from(&report.run_id);
        self.build_id.clone_from(&report.build_id);
        self.epic.clone_from(&report.epic);
        self.status.clone_from(&report.status);
        let elapsed = i64::try_from(report.elapsed_ms).unwrap_or(0);
        self.since = Some(crate::owner::host::wall_ms().saturating_sub(elapsed));
        for card in &report.cards {
            let view = self.card(&card.id);
            view.status.clone_from(&card.status);
            view.attempts = card.attempts;
            view.tokens = view.tokens.max(card.tokens);
            if view.seat.is_empty() || view.is_settled() {
                view.seat.clone_from(&card.seat);
            }
            if !card.note.is_empty() {
                view.note.clone_from(&card.note);
            }
        }
    }

    fn event(&mut self, event: &RuntimeEvent) {
        let data = &event.data;
        if event.event == "session_start" {
            if let Some(run) = &event.run_id {
                self.run_id.clone_from(run);
            }
            self.status = "running".to_owned();
            set(&mut self.epic, data, "epic");
            set(&mut self.build_id, data, "build_id");
            self.since.get_or_insert(event.at_ms);
            for listed in data
                .get("cards")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let Some(id) = listed.get("id").and_then(Value::as_str) else {
                    continue;
                };
                let card = self.card(id);
                set(&mut card.seat, listed, "seat");
                set(&mut card.status, listed, "status");
            }
        }
        if event.event == "session_end" {
            set(&mut self.status, data, "status");
        }
        if event.issue_id.is_none()
            && let Some(stage) = data.get("stage").and_then(Value::as_str)
        {
            let words = stage.replace('_', " ");
            self.stage = match event.event.rsplit('_').next() {
                Some("started") => words,
                Some("failed") => format!("{words} failed"),
                Some(_) | None => String::new(),
            };
        }
        let Some(issue) = &event.issue_id else {
            return;
        };
        let at_ms = event.at_ms;
        let card = self.card(issue);
        match event.event.as_str() {
            "card_status" => {
                set(&mut card.status, data, "to");
                if card.is_settled() {
                    card.phase.clear();
                    card.turn_since = None;
                }
            }
            "orchestrator_dispatch" => {
                set(&mut card.seat, data, "seat");
                set(&mut card.status, data, "status");
                card.attempts = card.attempts.saturating_add(1);
                card.turn_since = Some(at_ms);
                card.phase.clear();
                card.note.clear();
            }
            "turn_phase" | "turn_progress" => set(&mut card.phase, data, "phase"),
            "tool_call_start" => {
                set(&mut card.phase, data, "tool");
            }
            "turn_complete" => {
                let tokens = data
                    .pointer("/tokens/total_tokens")
                    .and_then(Value::as_u64)
                    .unwrap_or(0);
                card.tokens = card.tokens.saturating_add(tokens);
                card.turn_since = None;
                card.phase.clear();
            }
            "turn_failed" | "turn_stalled" => {
                card.turn_since = None;
                card.phase.clear();
                let said = data.get("code").or_else(|| data.get("phase"));
                card.note = said.and_then(Value::as_str).unwrap_or_default().to_owned();
            }
            _ => {}
        }
    }

    fn card(&mut self, id: &str) -> &mut CardView {
        let place = match self.places.get(id) {
            Some(place) => *place,
            None => {
                let place = self.cards.len();
                self.cards.push(CardView {
                    id: id.to_owned(),
                    status: "ready".to_owned(),
                    ..CardView::default()
                });
                self.places.insert(id.to_owned(), place);
                place
            }
        };
        #[expect(
            clippy::indexing_slicing,
            reason = "`places` holds only indices of `cards`, which never shrinks while they are kept"
        )]
        &mut self.cards[place]
    }
}

fn set(field: &mut String, data: &Value, name: &str) {
    if let Some(text) = data.get(name).and_then(Value::as_str) {
        text.clone_into(field);
    }
}
