//! What a person should look at, each with the command that goes on.

use orket_core::failure::FailureClass;
use orket_core::status::CardStatus;
use serde::{Deserialize, Serialize};

use crate::{Board, Card, Epic, is_stuck};

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A run whose owner is gone.
    DeadOwner,
    /// Something waits for a person's decision.
    Gate,
    /// A card whose turns fell silent.
    Stalled,
    /// A card that cannot go on.
    Blocked,
    /// An asset that is missing or broken.
    Asset,
    /// Something that belongs to nothing.
    Orphan,
}

impl AlertKind {
    /// As people say it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::DeadOwner => "owner gone",
            Self::Gate => "decision",
            Self::Stalled => "stalled",
            Self::Blocked => "blocked",
            Self::Asset => "asset",
            Self::Orphan => "orphan",
        }
    }
}

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What kind.
    pub kind: AlertKind,
    /// What it is about: a card, a run, an asset.
    pub about: String,
    /// What is the matter.
    pub message: String,
    /// The command that goes on, or shows more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// What the tree itself tells: broken assets, cards that are stuck, what belongs to nothing.
#[must_use]
pub fn of_tree(board: &Board) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for rock in &board.rocks {
        broken("rock", &rock.name, rock.error.as_deref(), &mut alerts);
    }
    let under_rocks = board.rocks.iter().flat_map(|rock| &rock.epics);
    for epic in under_rocks.chain(&board.epics).chain(&board.journal) {
        broken("epic", &epic.name, epic.error.as_deref(), &mut alerts);
        let stuck = epic.cards.iter().filter(|card| is_stuck(card.status));
        alerts.extend(stuck.map(|card| stuck_card(epic, card)));
    }
    for issue in &board.orphaned_issues {
        alerts.push(Alert {
            kind: AlertKind::Orphan,
            about: issue.id.clone(),
            message: "no epic lists this issue".to_owned(),
            command: None,
        });
    }
    // An epic may stand below several rocks.
    let mut told = std::collections::HashSet::new();
    alerts.retain(|alert: &Alert| told.insert((alert.kind, alert.about.clone())));
    alerts.sort_by_key(|alert| alert.kind);
    alerts
}

fn broken(what: &str, name: &str, error: Option<&str>, alerts: &mut Vec<Alert>) {
    if let Some(error) = error {
        alerts.push(Alert {
            kind: AlertKind::Asset,
            about: format!("{what} {name}"),
            message: error.to_owned(),
            command: None,
        });
    }
}

fn stuck_card(epic: &Epic, card: &Card) -> Alert {
    let is_stalled = card.code.as_deref() == Some(FailureClass::Stalled.code());
    let mut message = match card.status {
        CardStatus::WaitingForDeveloper => "waits for a person".to_owned(),
        CardStatus::GuardRejected => "the guard rejected it".to_owned(),
        _ => "blocked".to_owned(),
    };
    if let Some(reason) = card.wait_reason {
        message.push_str(&format!(" ({reason})"));
    }
    let words = [card.code.as_deref().unwrap_or_default(), card.note.as_str()];
    for words in words.into_iter().filter(|words| !words.is_empty()) {
        message.push_str(&format!(": {words}"));
    }
    Alert {
        kind: if is_stalled {
            AlertKind::Stalled
        } else {
            AlertKind::Blocked
        },
        about: format!("{} of {}", card.id, epic.name),
        message,
        command: epic.run_id.as_ref().map(|run| format!("orket show {run}")),
    }
}
