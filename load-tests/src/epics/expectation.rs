//! Whether every card ended as the plan says.

use std::collections::HashMap;

use super::journal::{CardRow, TurnRow};
use super::plan::{Card, End};

/// How many cards are named that ended otherwise.
const NAMED: usize = 5;

/// What was found, in words; `Err` when a card ended otherwise.
///
/// # Errors
///
/// How many cards ended otherwise, and the first of them by name.
pub fn ends(cards: &[Card], found: &[CardRow]) -> Result<String, String> {
    let by_id: HashMap<&str, &CardRow> = found
        .iter()
        .map(|row| (row.card_id.as_str(), row))
        .collect();
    let mut wrong = Vec::new();
    for card in cards {
        let row = by_id.get(card.id.as_str()).copied();
        if !row.is_some_and(|row| is_as_planned(card.end, row)) {
            wrong.push(format!(
                "{} should be {}, it is {}",
                card.id,
                planned(card.end),
                row.map_or_else(|| "not there".to_owned(), told)
            ));
        }
    }
    if found.len() > cards.len() {
        wrong.push(format!(
            "{} cards that nobody planned",
            found.len() - cards.len()
        ));
    }
    if wrong.is_empty() {
        return Ok(counts(cards));
    }
    let more = wrong.len().saturating_sub(NAMED);
    wrong.truncate(NAMED);
    let mut words = wrong.join("; ");
    if more > 0 {
        words.push_str(&format!("; and {more} more"));
    }
    Err(words)
}

/// Whether no turn of a card succeeded twice: work that is done twice is paid for twice.
///
/// # Errors
///
/// The first such turn.
pub fn once(turns: &[TurnRow]) -> Result<String, String> {
    let mut seen: HashMap<(&str, i64), u32> = HashMap::new();
    for turn in turns.iter().filter(|turn| turn.status == "succeeded") {
        *seen.entry((&turn.card_id, turn.turn)).or_default() += 1;
    }
    match seen.iter().filter(|(_, count)| **count > 1).min() {
        None => Ok(format!("{} turns succeeded, each once", seen.len())),
        Some(((card, turn), count)) => {
            Err(format!("turn {turn} of {card} succeeded {count} times"))
        }
    }
}

fn is_as_planned(end: End, row: &CardRow) -> bool {
    match end {
        End::Done => row.status == "done",
        End::Blocked(code) => {
            row.status == "blocked"
                && row.wait_reason.as_deref() == Some("system")
                && row.code.as_deref() == Some(code)
        }
        End::Waiting => row.status == "blocked" && row.wait_reason.as_deref() == Some("dependency"),
    }
}

fn planned(end: End) -> String {
    match end {
        End::Done => "done".to_owned(),
        End::Blocked(code) => format!("blocked (system, {code})"),
        End::Waiting => "blocked (dependency)".to_owned(),
    }
}

fn told(row: &CardRow) -> String {
    let why: Vec<&str> = row
        .wait_reason
        .iter()
        .chain(&row.code)
        .map(String::as_str)
        .collect();
    if why.is_empty() {
        row.status.clone()
    } else {
        format!("{} ({})", row.status, why.join(", "))
    }
}

fn counts(cards: &[Card]) -> String {
    let count = |is: fn(&End) -> bool| cards.iter().filter(|card| is(&card.end)).count();
    format!(
        "{} done, {} blocked by what went wrong, {} behind those: as planned",
        count(|end| *end == End::Done),
        count(|end| matches!(end, End::Blocked(_))),
        count(|end| *end == End::Waiting),
    )
}

#[cfg(test)]
mod tests {
    use super::super::plan::TurnPlan;
    use super::*;

    fn card(id: &str, end: End) -> Card {
        Card {
            id: id.to_owned(),
            before: Vec::new(),
            work: TurnPlan::default(),
            review: TurnPlan::default(),
            end,
        }
    }

    fn row(id: &str, status: &str, why: Option<&str>, code: Option<&str>) -> CardRow {
        CardRow {
            card_id: id.to_owned(),
            status: status.to_owned(),
            wait_reason: why.map(str::to_owned),
            code: code.map(str::to_owned),
        }
    }

    #[test]
    fn a_card_that_ended_otherwise_is_named() {
        let cards = [
            card("A", End::Done),
            card("B", End::Blocked("E_CONTRACT")),
            card("C", End::Waiting),
        ];
        let mut found = vec![
            row("A", "done", None, None),
            row("B", "blocked", Some("system"), Some("E_CONTRACT")),
            row("C", "blocked", Some("dependency"), None),
        ];
        assert_eq!(
            ends(&cards, &found),
            Ok("1 done, 1 blocked by what went wrong, 1 behind those: as planned".to_owned())
        );
        found[1].code = Some("E_TURN_STALLED".to_owned());
        found.pop();
        assert_eq!(
            ends(&cards, &found),
            Err("B should be blocked (system, E_CONTRACT), it is blocked (system, E_TURN_STALLED); \
                 C should be blocked (dependency), it is not there"
                .to_owned())
        );
    }

    #[test]
    fn a_turn_that_succeeded_twice_is_named() {
        let turn = |number, turn, status: &str| TurnRow {
            number,
            card_id: "A".to_owned(),
            turn,
            status: status.to_owned(),
            role: "coder".to_owned(),
            started_at: 0,
            ended_at: Some(1),
        };
        let mut turns = vec![
            turn(1, 1, "abandoned"),
            turn(2, 1, "succeeded"),
            turn(3, 2, "succeeded"),
        ];
        assert_eq!(once(&turns), Ok("2 turns succeeded, each once".to_owned()));
        turns.push(turn(4, 2, "succeeded"));
        assert_eq!(
            once(&turns),
            Err("turn 2 of A succeeded 2 times".to_owned())
        );
    }
}
