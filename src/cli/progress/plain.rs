//! An event as a line of text, for pipes and logs; `None` for those not worth one.

use orket_actors::port::event::RuntimeEvent;
use orket_core::status::CardStatus;
use serde_json::Value;

use super::view::View;
use super::words::{duration, one_line};
use crate::owner::wire::Line;

/// The most characters of a line.
const LONGEST: usize = 240;

/// The line; `view` is how things stood before it.
#[must_use]
pub fn line(line: &Line, view: &View) -> Option<String> {
    let text = match line {
        Line::Snapshot { report } => {
            // The first one says what is being looked at; a later one only mends what was missed.
            if report.run_id == view.run_id {
                return None;
            }
            let done = report.cards.iter().filter(|card| card.status == "done");
            format!(
                "run {} of {} on {}: {}, {} of {} cards done",
                report.run_id,
                report.epic,
                report.build_id,
                report.status,
                done.count(),
                report.cards.len()
            )
        }
        Line::Event(event) => event_words(event)?,
        Line::Lagged { missed } => format!("… {missed} events not shown"),
        Line::Beat | Line::End { .. } => return None,
    };
    Some(one_line(&text, LONGEST))
}

fn event_words(event: &RuntimeEvent) -> Option<String> {
    let data = &event.data;
    let text = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| data.get(name).and_then(Value::as_u64).unwrap_or(0);
    let card = event.issue_id.as_deref().unwrap_or_default();
    Some(match event.event.as_str() {
        "session_start" => {
            format!(
                "started: {} with {} cards",
                text("epic"),
                number("cards_total")
            )
        }
        "orchestrator_dispatch" => {
            let attempt = number("attempt");
            let again = if attempt > 1 {
                format!(", attempt {attempt}")
            } else {
                String::new()
            };
            format!("{card}  {}: turn {}{again}", text("seat"), number("turn"))
        }
        "tool_call_result" => {
            let ok = data.get("ok").and_then(Value::as_bool) == Some(true);
            match (text("tool"), ok) {
                ("", true) => return None,
                (tool, true) => format!("{card}  {tool} ok"),
                ("", false) => format!("{card}  a tool failed: {}", text("error")),
                (tool, false) => format!("{card}  {tool} failed: {}", text("error")),
            }
        }
        "turn_complete" => {
            let tokens = data
                .pointer("/tokens/total_tokens")
                .and_then(Value::as_u64)
                .map_or_else(String::new, |tokens| format!(", {tokens} tokens"));
            format!(
                "{card}  {}: turn over after {}{tokens}",
                event.role,
                duration(number("duration_ms"))
            )
        }
        "turn_failed" => {
            let again = match data.get("retry_in_ms").and_then(Value::as_u64) {
                Some(ms) => format!("; again in {}", duration(ms)),
                None => String::new(),
            };
            format!("{card}  failed: {}: {}{again}", text("code"), text("error"))
        }
        "turn_stalled" => format!(
            "{card}  stalled in {} after {} of silence",
            text("phase"),
            duration(number("silent_ms"))
        ),
        "card_status" => {
            let to = text("to");
            // The others show in the lines of their turns.
            if !to.parse::<CardStatus>().is_ok_and(CardStatus::is_settled) {
                return None;
            }
            let reason = match text("reason") {
                "" => String::new(),
                reason if reason == to => String::new(),
                reason => format!(" ({reason})"),
            };
            format!("{card}  {to}{reason}")
        }
        "dependency_block_propagated" => {
            let count = match data.get("updates") {
                Some(Value::Array(updates)) => updates.len(),
                Some(Value::Object(updates)) => updates.len(),
                _ => 0,
            };
            let cards = if count == 1 { "card" } else { "cards" };
            format!("{count} {cards} cannot start because of what they depend on")
        }
        "run_recovered" => format!(
            "recovered: {} cards settled before, {} left",
            number("cards_settled"),
            number("cards_left")
        ),
        "scaffolder_completed"
        | "dependency_manager_completed"
        | "deployment_planner_completed" => {
            let count = |name: &str| data.get(name).and_then(Value::as_array).map_or(0, Vec::len);
            format!(
                "{}: files written: {}, kept: {}",
                stage(text("stage")),
                count("created"),
                count("kept")
            )
        }
        "scaffolder_skipped_policy"
        | "dependency_manager_skipped_policy"
        | "deployment_planner_skipped_policy" => {
            format!(
                "{}: switched off by {}",
                stage(text("stage")),
                text("reason")
            )
        }
        "scaffolder_failed" | "dependency_manager_failed" | "deployment_planner_failed" => format!(
            "{} failed: {}: {}",
            stage(text("stage")),
            text("code"),
            text("error")
        ),
        "team_selection_decision" => format!(
            "small project: {} builds, {} reviews",
            text("builder_seat"),
            text("reviewer_seat")
        ),
        "team_policy_auto_injected_code_reviewer" => {
            format!("the team got a reviewer: {}", text("seat"))
        }
        "idesign_architect_decision_respected" => format!(
            "{} cards without iDesign: the epic's own decision stands",
            number("issue_count")
        ),
        "session_end" => format!("over: {}", text("status")),
        _ => return None,
    })
}

/// A stage as people say it.
fn stage(word: &str) -> String {
    word.replace('_', " ")
}
