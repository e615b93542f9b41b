//! What a board shows, and how it looks at a terminal. Where it comes from, assets and journal, is the
//! caller's affair.
//!
//! # Layout
//!
//! - this file: the board as data; with `--json` it is printed as it is.
//! - [`alerts`]: what a person should look at.
//! - [`text`]: the tree as lines.
//! - [`fit`]: text that fits into columns and moves no cursor.
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::dbg_macro,
        clippy::allow_attributes,
        missing_docs
    )
)]

pub mod alerts;
pub mod fit;
pub mod text;

use std::collections::BTreeMap;

use orket_core::status::{CardStatus, WaitReason};
use serde::{Deserialize, Serialize};

pub use alerts::{Alert, AlertKind};

/// Everything there is of a department.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Board {
    /// The department.
    pub department: String,
    /// Rocks with their epics.
    pub rocks: Vec<Rock>,
    /// Epics with an asset that no rock lists.
    pub epics: Vec<Epic>,
    /// Epics that only the journal knows, newest first.
    pub journal: Vec<Epic>,
    /// How many more of those there are.
    pub journal_more: usize,
    /// Issues with a file of their own that no epic has.
    pub orphaned_issues: Vec<Card>,
    /// What a person should look at.
    pub alerts: Vec<Alert>,
}

/// A rock.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rock {
    /// The asset's name.
    pub name: String,
    /// How its latest build stands, else the status of the asset.
    pub status: String,
    /// Why it cannot be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its epics.
    pub epics: Vec<Epic>,
}

/// An epic.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Epic {
    /// The asset's name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// How its latest run stands, else the status of the asset.
    pub status: String,
    /// Its latest build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// The newest run of that build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Why it cannot be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How many cards have each status, listed or not.
    pub counts: BTreeMap<CardStatus, u64>,
    /// Its cards.
    pub cards: Vec<Card>,
}

/// A card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Its id.
    pub id: String,
    /// Its title.
    pub summary: String,
    /// Its seat.
    pub seat: String,
    /// Larger is sooner.
    pub priority: f64,
    /// How it stands in the epic's latest build, else in the asset.
    pub status: CardStatus,
    /// Why it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_reason: Option<WaitReason>,
    /// The code of what blocked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why it is not done, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Epic {
    /// How many cards it has, listed or not.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// How many cards have one of the statuses for which `is` holds.
    #[must_use]
    pub fn count(&self, is: impl Fn(CardStatus) -> bool) -> u64 {
        let counts = self.counts.iter().filter(|(status, _)| is(**status));
        counts.map(|(_, count)| count).sum()
    }

    /// `3/10 done, 1 blocked, 2 archived`; empty without cards.
    #[must_use]
    pub fn progress(&self) -> String {
        let archived = self.count(|status| status == CardStatus::Archived);
        let total = self.total() - archived;
        let mut words = Vec::new();
        if total > 0 {
            let done =
                self.count(|status| matches!(status, CardStatus::Done | CardStatus::Canceled));
            words.push(format!("{done}/{total} done"));
        }
        let told = [
            ("active", self.count(is_active)),
            ("blocked", self.count(is_stuck)),
            ("archived", archived),
        ];
        for (word, count) in told {
            if count > 0 {
                words.push(format!("{count} {word}"));
            }
        }
        words.join(", ")
    }
}

/// Whether somebody works on a card that stands so.
#[must_use]
pub fn is_active(status: CardStatus) -> bool {
    !status.is_settled() && status != CardStatus::Ready
}

/// Whether a card that stands so needs somebody.
#[must_use]
pub fn is_stuck(status: CardStatus) -> bool {
    status.is_settled() && !status.is_finished()
}
