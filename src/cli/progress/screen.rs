//! The view as lines of a terminal: never more than fit, what goes on first. Colour only repeats
//! what the words say.

use super::view::{CardView, View};
use super::words::{amount, clock, one_line};

/// The lines, each at most `width` columns, at most `height - 1` of them.
#[must_use]
pub fn lines(view: &View, width: usize, height: usize, now_ms: i64, colours: bool) -> Vec<String> {
    if view.run_id.is_empty() {
        return Vec::new();
    }
    let width = width.max(20).saturating_sub(1);
    let room = height.saturating_sub(2).max(1);
    let since = |at: i64| u64::try_from(now_ms.saturating_sub(at)).unwrap_or(0);
    let mut head = format!(
        "{}  run {}  build {}  {}/{} done  {}",
        view.epic,
        view.run_id,
        view.build_id,
        view.finished(),
        view.cards.len(),
        clock(view.since.map_or(0, since))
    );
    if !view.stage.is_empty() {
        head.push_str("  ");
        head.push_str(&view.stage);
    }
    let mut lines = vec![paint(&one_line(&head, width), "1", colours)];
    let active = |card: &&CardView| card.is_active();
    let stuck = |card: &&CardView| card.is_settled() && !card.is_finished();
    let mut chosen: Vec<&CardView> = if view.cards.len() <= room {
        view.cards.iter().collect()
    } else {
        let others = view
            .cards
            .iter()
            .filter(|card| !active(card) && !stuck(card));
        let first = view.cards.iter().filter(active);
        let second = view.cards.iter().filter(stuck);
        let waiting = others.filter(|card| !card.is_finished());
        first.chain(second).chain(waiting).collect()
    };
    if chosen.len() > room || chosen.len() < view.cards.len() {
        chosen.truncate(room.saturating_sub(1));
    }
    let id_width = chosen
        .iter()
        .map(|card| card.id.chars().count())
        .max()
        .unwrap_or(0)
        .min(24);
    let seat_width = chosen
        .iter()
        .map(|card| card.seat.chars().count())
        .max()
        .unwrap_or(0)
        .min(22);
    for card in &chosen {
        let doing = if card.is_active() && !card.phase.is_empty() {
            phase_words(&card.phase)
        } else {
            &card.status
        };
        let mut text = format!(
            "  {:<id_width$}  {:<seat_width$}  {doing:<22}  {:>7} tok",
            one_line(&card.id, id_width),
            one_line(&card.seat, seat_width),
            amount(card.tokens),
        );
        if card.is_active()
            && let Some(at) = card.turn_since
        {
            text.push_str(&format!("  {}", clock(since(at))));
        }
        if !card.note.is_empty() {
            text.push_str("  ");
            text.push_str(&card.note);
        }
        lines.push(paint(&one_line(&text, width), colour(card), colours));
    }
    let hidden = view.cards.len().saturating_sub(chosen.len());
    if hidden > 0 {
        let finished = view.finished();
        let text = format!("  … {hidden} more, {finished} of all done");
        lines.push(one_line(&text, width));
    }
    lines
}

/// A phase as people say it.
fn phase_words(phase: &str) -> &str {
    match phase {
        "queued" => "waiting for a permit",
        "connect" => "connecting",
        "first_token" => "model is thinking",
        "idle" => "model is answering",
        "tool" | "tool_idle" => "tool is running",
        other => other,
    }
}

fn colour(card: &CardView) -> &'static str {
    if card.is_finished() {
        "32"
    } else if card.is_settled() {
        "31"
    } else if card.is_active() {
        "36"
    } else {
        "2"
    }
}

fn paint(text: &str, code: &str, colours: bool) -> String {
    if colours {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}
