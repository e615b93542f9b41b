//! Words and numbers of the Python Orket, by the tables it went by itself.

use orket_actors::port::store::RunStatus;
use orket_core::status::{CardKind, CardStatus};

use crate::row::Cell;

/// A priority: a number, a number as text, or `high`, `medium`, `low` whatever their case.
#[must_use]
pub fn priority(cell: &Cell) -> Option<f64> {
    let number = match cell {
        Cell::Integer(number) => number.to_string().parse().ok()?,
        Cell::Real(number) => *number,
        Cell::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "high" => 3.0,
            "medium" => 2.0,
            "low" => 1.0,
            other => other.parse().ok()?,
        },
        Cell::Null | Cell::Damaged(_) | Cell::Blob(_) => return None,
    };
    number.is_finite().then_some(number)
}

/// A card's status.
#[must_use]
pub fn card_status(cell: &Cell) -> Option<CardStatus> {
    match cell {
        Cell::Text(word) => word.parse().ok(),
        Cell::Null | Cell::Integer(_) | Cell::Real(_) | Cell::Damaged(_) | Cell::Blob(_) => None,
    }
}

/// A card's kind.
#[must_use]
pub fn card_kind(cell: &Cell) -> Option<CardKind> {
    match cell {
        Cell::Text(word) => word.parse().ok(),
        Cell::Null | Cell::Integer(_) | Cell::Real(_) | Cell::Damaged(_) | Cell::Blob(_) => None,
    }
}

/// How a run stands. One that is still `running`, or `Started`, has nobody any more who carries it out.
#[must_use]
pub fn run_status(word: &str) -> Option<RunStatus> {
    match word.trim().to_ascii_lowercase().as_str() {
        "done" => Some(RunStatus::Done),
        "terminal_failure" => Some(RunStatus::TerminalFailure),
        "incomplete" | "running" | "started" => Some(RunStatus::Incomplete),
        "failed" => Some(RunStatus::Failed),
        _ => None,
    }
}

/// A count that is not negative.
#[must_use]
pub fn count(cell: &Cell) -> Option<u32> {
    match cell {
        Cell::Integer(number) => u32::try_from(*number).ok(),
        Cell::Text(text) => text.trim().parse().ok(),
        Cell::Null | Cell::Real(_) | Cell::Damaged(_) | Cell::Blob(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_is_read_as_the_python_orket_read_it() {
        let text = |text: &str| Cell::Text(text.to_owned());
        for (cell, read) in [
            (text("High"), Some(3.0)),
            (text(" medium "), Some(2.0)),
            (text("LOW"), Some(1.0)),
            (text("2.5"), Some(2.5)),
            (text("-1"), Some(-1.0)),
            (Cell::Integer(4), Some(4.0)),
            (Cell::Real(0.25), Some(0.25)),
            (text("urgent"), None),
            (text(""), None),
            (text("nan"), None),
            (text("inf"), None),
            (Cell::Null, None),
            (Cell::Blob(vec![1]), None),
        ] {
            assert_eq!(priority(&cell), read, "{cell:?}");
        }
    }

    #[test]
    fn every_status_of_a_card_and_a_run_is_known_and_no_other() {
        for status in CardStatus::ALL {
            let cell = Cell::Text(status.as_str().to_owned());
            assert_eq!(card_status(&cell), Some(*status));
        }
        for cell in [Cell::Null, Cell::Integer(1), Cell::Text("finished".into())] {
            assert_eq!(card_status(&cell), None);
        }
        let read: Vec<_> = [
            "done",
            "Started",
            "running",
            "terminal_failure",
            "incomplete",
            "failed",
            "x",
        ]
        .map(|word| run_status(word).map(RunStatus::as_str))
        .into();
        assert_eq!(
            read,
            [
                Some("done"),
                Some("incomplete"),
                Some("incomplete"),
                Some("terminal_failure"),
                Some("incomplete"),
                Some("failed"),
                None
            ]
        );
    }
}
