//! The tree as lines: rock, epic, card, then what a person should look at. Colour only repeats what the
//! words say.

use std::collections::BTreeMap;

use orket_core::status::CardStatus;

use crate::fit::{line, lines, width};
use crate::{Alert, Board, Card, Epic, is_active, is_stuck};

/// The most cards of an epic that are listed without `all`.
pub const MOST_CARDS: usize = 20;
/// The most alerts that are listed without `all`.
const MOST_ALERTS: usize = 10;
/// The most lines of one alert without `all`: it is the place where the reason can be read.
const ALERT_LINES: usize = 4;
/// The fewest columns of a card's title.
const FEWEST: usize = 12;

/// How it is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns of the terminal.
    pub columns: usize,
    /// Whether colours may be used.
    pub colours: bool,
    /// Whether everything is listed.
    pub all: bool,
}

/// A line and its colour.
struct Painter {
    look: Look,
    text: String,
}

impl Painter {
    fn line(&mut self, text: &str, colour: &str) {
        let text = line(text, self.look.columns);
        if self.look.colours && !colour.is_empty() {
            self.text
                .push_str(&format!("\x1b[{colour}m{text}\x1b[0m\n"));
        } else {
            self.text.push_str(&text);
            self.text.push('\n');
        }
    }
}

/// The board, each line with its end.
#[must_use]
pub fn text(board: &Board, look: Look) -> String {
    let mut painter = Painter {
        look,
        text: String::new(),
    };
    for rock in &board.rocks {
        let head = format!("[ROCK] {} (Status: {})", rock.name, rock.status);
        match &rock.error {
            None => painter.line(&head, "1"),
            Some(error) => painter.line(&format!("[ROCK] {} (Error: {error})", rock.name), "31"),
        }
        for epic in &rock.epics {
            branch(&mut painter, epic, "  ");
        }
    }
    for epic in &board.epics {
        branch(&mut painter, epic, "");
    }
    if !board.journal.is_empty() || board.journal_more > 0 {
        painter.line("Only in the journal, without an asset:", "1");
        for epic in &board.journal {
            branch(&mut painter, epic, "  ");
        }
        if board.journal_more > 0 {
            let more = board.journal_more;
            painter.line(
                &format!("  … {more} more; orket board --all lists them"),
                "2",
            );
        }
    }
    if !board.orphaned_issues.is_empty() {
        painter.line("Issues that no epic lists:", "1");
        for card in &board.orphaned_issues {
            leaf(&mut painter, card, "  ");
        }
    }
    if painter.text.is_empty() {
        painter.line("There are no rocks and no epics.", "");
    }
    alerts(&mut painter, &board.alerts);
    painter.text
}

fn branch(painter: &mut Painter, epic: &Epic, indent: &str) {
    if let Some(error) = &epic.error {
        let text = format!("{indent}- [EPIC] {} (Error: {error})", epic.name);
        painter.line(&text, "31");
        return;
    }
    let mut head = format!("{indent}- [EPIC] {} (Status: {})", epic.name, epic.status);
    let progress = epic.progress();
    if !progress.is_empty() {
        head.push_str(&format!(" {progress}"));
    }
    painter.line(&head, "");
    let all = painter.look.all;
    let shown = listed(epic, all);
    for card in &shown {
        leaf(painter, card, &format!("{indent}  "));
    }
    let mut hidden: BTreeMap<CardStatus, u64> = epic.counts.clone();
    for card in &shown {
        if let Some(count) = hidden.get_mut(&card.status) {
            *count = count.saturating_sub(1);
        }
    }
    if !all {
        // The head says how many are archived.
        hidden.remove(&CardStatus::Archived);
    }
    hidden.retain(|_, count| *count > 0);
    if !hidden.is_empty() {
        let sum: u64 = hidden.values().sum();
        let words: Vec<String> = hidden
            .iter()
            .map(|(status, count)| format!("{count} {status}"))
            .collect();
        let text = format!("{indent}  … {sum} more: {}", words.join(", "));
        painter.line(&text, "2");
    }
}

/// The cards that are listed: all of a small epic, in its order; of a large one those that matter most.
fn listed(epic: &Epic, all: bool) -> Vec<&Card> {
    let is_shown = |card: &&Card| all || card.status != CardStatus::Archived;
    let mut cards: Vec<&Card> = epic.cards.iter().filter(is_shown).collect();
    if all || cards.len() <= MOST_CARDS {
        return cards;
    }
    // The sort is stable: of two that matter the same the first of the epic comes first.
    cards.sort_by_key(|card| {
        if is_active(card.status) {
            0
        } else if is_stuck(card.status) {
            1
        } else if card.status == CardStatus::Ready {
            2
        } else {
            3
        }
    });
    cards.truncate(MOST_CARDS);
    cards
}

fn leaf(painter: &mut Painter, card: &Card, indent: &str) {
    let waits = match card.wait_reason {
        Some(reason) if is_stuck(card.status) => format!(" ({reason})"),
        Some(_) | None => String::new(),
    };
    let head = format!("{indent}* [{}] ", card.id);
    let tail = format!(
        " ({}) [Priority: {:.1}, Status: {}{waits}]",
        card.seat, card.priority, card.status
    );
    // The title gives way first: what cannot be cut is what the card is and how it stands.
    let room = painter
        .look
        .columns
        .saturating_sub(width(&head) + width(&tail))
        .max(FEWEST);
    let text = format!("{head}{}{tail}", line(&card.summary, room));
    painter.line(&text, colour(card.status));
}

fn colour(status: CardStatus) -> &'static str {
    if status.is_finished() {
        "32"
    } else if is_stuck(status) {
        "31"
    } else if is_active(status) {
        "36"
    } else {
        ""
    }
}

fn alerts(painter: &mut Painter, alerts: &[Alert]) {
    if alerts.is_empty() {
        return;
    }
    painter.text.push('\n');
    painter.line(&format!("Alerts ({}):", alerts.len()), "1");
    let most = if painter.look.all {
        usize::MAX
    } else {
        MOST_ALERTS
    };
    for alert in alerts.iter().take(most) {
        let words = format!(
            "  ! {}: {}: {}",
            alert.kind.words(),
            alert.about,
            alert.message
        );
        let rows = if painter.look.all {
            usize::MAX
        } else {
            ALERT_LINES
        };
        for line in lines(&words, painter.look.columns, 4, rows) {
            painter.line(&line, "31");
        }
        if let Some(command) = &alert.command {
            painter.line(&format!("    {command}"), "");
        }
    }
    let more = alerts.len().saturating_sub(most);
    if more > 0 {
        painter.line(
            &format!("  … {more} more; orket board --all lists them"),
            "2",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AlertKind, Rock, alerts};
    use orket_core::status::WaitReason;

    fn card(id: &str, summary: &str, status: CardStatus) -> Card {
        Card {
            id: id.to_owned(),
            summary: summary.to_owned(),
            seat: "coder".to_owned(),
            priority: 2.0,
            status,
            wait_reason: None,
            code: None,
            note: String::new(),
        }
    }

    fn epic(name: &str, cards: Vec<Card>) -> Epic {
        let mut counts = BTreeMap::new();
        for card in &cards {
            *counts.entry(card.status).or_default() += 1;
        }
        Epic {
            name: name.to_owned(),
            title: name.to_owned(),
            status: "running".to_owned(),
            run_id: Some(format!("run-{name}")),
            counts,
            cards,
            ..Epic::default()
        }
    }

    fn board() -> Board {
        use CardStatus::{Archived, Blocked, Done, InProgress, Ready};
        let stuck = Card {
            wait_reason: Some(WaitReason::System),
            code: Some("E_TURN_STALLED".to_owned()),
            note:
                "silent for 60 s in idle; the second try was silent, too, and nothing else is left"
                    .to_owned(),
            ..card(
                "PAY-3",
                "Charge the card of a customer who has several of them",
                Blocked,
            )
        };
        let large = (1..=60).map(|number| {
            let status = match number {
                1..=40 => Done,
                41 => Archived,
                42 => InProgress,
                _ => Ready,
            };
            card(&format!("BIG-{number}"), "One of many", status)
        });
        let mut board = Board {
            department: "core".to_owned(),
            rocks: vec![Rock {
                name: "core_launch".to_owned(),
                status: "running".to_owned(),
                error: None,
                epics: vec![
                    epic(
                        "baseline",
                        vec![
                            card("PAY-1", "Write parser", Done),
                            card(
                                "PAY-2",
                                "日本語のとても長い要約で、一行には入りきらないもの",
                                InProgress,
                            ),
                            stuck,
                        ],
                    ),
                    Epic {
                        name: "lost_epic".to_owned(),
                        error: Some("there is no epic `lost_epic`".to_owned()),
                        ..Epic::default()
                    },
                ],
            }],
            epics: vec![epic("large", large.collect())],
            journal: vec![epic(
                "imported",
                vec![card("OLD-1", "From elsewhere", Done)],
            )],
            journal_more: 3,
            orphaned_issues: vec![card("STRAY", "Nobody's\x1b[2J", Ready)],
            alerts: vec![Alert {
                kind: AlertKind::DeadOwner,
                about: "run 1234".to_owned(),
                message: "nobody works on it any more".to_owned(),
                command: Some("orket resume 1234".to_owned()),
            }],
        };
        board.alerts.extend(alerts::of_tree(&board));
        board
    }

    #[test]
    fn the_board_is_a_tree_of_eighty_columns() {
        let look = Look {
            columns: 80,
            colours: false,
            all: false,
        };
        let shown = text(&board(), look);
        assert!(shown.lines().all(|line| width(line) <= 80), "{shown}");
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn colours_only_repeat_what_the_words_say() {
        let plain = Look {
            columns: 60,
            colours: false,
            all: true,
        };
        let painted = text(
            &board(),
            Look {
                colours: true,
                ..plain
            },
        );
        let mut bare = painted.replace("\x1b[0m", "");
        for colour in ["1", "2", "31", "32", "36"] {
            bare = bare.replace(&format!("\x1b[{colour}m"), "");
        }
        assert_eq!(bare, text(&board(), plain));
        assert!(!bare.contains('\x1b'));
        assert!(bare.contains("BIG-41"), "--all lists what is archived");
    }

    #[test]
    fn an_empty_board_says_so() {
        let look = Look {
            columns: 80,
            colours: false,
            all: false,
        };
        assert_eq!(
            text(&Board::default(), look),
            "There are no rocks and no epics.\n"
        );
    }
}
