//! Which cards are bugs of a rock, and how they stand.
//!
//! A bug of rock `R` is a card of one of these:
//!
//! - **of R's own builds**: it says that it is a bug (a label `bug`, `params.bug: true`, `params.type` or
//!   `params.kind` being `bug`, or a summary that begins with `Bug:` or `[bug]`, which is how a seat that
//!   creates a card says it), and it was not there before the phase began;
//! - **of the epic `R-bugs`**, in which people file bugs: every card that was not there before the phase
//!   began, and every older one that is still open, whether or not the epic was ever run.
//!
//! A card that was canceled or archived was no bug. A bug is *critical* when its priority is high (3 or
//! more) or a label says `critical`; it is *fixed* when it is done, and *open* until then. The same card
//! in several builds is one bug: as old as its oldest, standing as its newest.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Moment;
use crate::status::CardStatus;

/// The priority that the word `high` stands for.
const HIGH: f64 = 3.0;

/// The epic in which people file bugs of a rock.
#[must_use]
pub fn bugs_epic(rock: &str) -> String {
    format!("{rock}-bugs")
}

/// A bug with everything that another epic needs of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BugCard {
    /// Its id.
    pub id: String,
    /// What is wrong, in a line.
    pub summary: String,
    /// The seat that works on it.
    pub seat: String,
    /// Larger is sooner.
    pub priority: f64,
    /// How it stands.
    pub status: CardStatus,
    /// The epic it is of.
    pub epic: String,
    /// The department of that epic.
    pub department: String,
    /// Longer text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// A remark.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// What must be fulfilled.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub requirements: String,
    /// How many failed attempts are forgiven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    /// Cards that must be done before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// Free settings.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
    /// Labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// References.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// How it is checked, as an asset says it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub verification: Value,
}

/// Where a card was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// In a build of the rock.
    Rock,
    /// In the epic of bugs.
    BugsEpic,
}

/// A card that may be a bug.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenCard {
    /// The card.
    pub card: BugCard,
    /// Where it was seen.
    pub origin: Origin,
    /// When it was made; `None` for one that no run has had.
    pub created_ms: Option<i64>,
    /// When it last changed.
    pub updated_ms: Option<i64>,
}

/// What there is of bugs at a moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Looked {
    /// Their ids, in the order in which they were seen.
    pub ids: Vec<String>,
    /// How many there are.
    pub total: u32,
    /// How many are critical.
    pub critical: u32,
    /// How many were found on the day (UTC) of the moment.
    pub found_today: u32,
    /// How many were fixed on that day.
    pub fixed_today: u32,
    /// Those that are open.
    pub open: Vec<BugCard>,
}

/// The bugs among cards, for a phase that began at `started`. `seen`: older rows first.
#[must_use]
pub fn look(seen: Vec<SeenCard>, started: Moment, now_ms: i64) -> Looked {
    let mut looked = Looked::default();
    let today = Moment(now_ms).day();
    let is_today = |ms: Option<i64>| ms.is_some_and(|ms| Moment(ms).day() == today);
    for bug in once(seen) {
        if !is_bug(&bug, started) {
            continue;
        }
        let is_fixed = bug.card.status == CardStatus::Done;
        looked.total = looked.total.saturating_add(1);
        looked.critical = looked
            .critical
            .saturating_add(bug.card.is_critical().into());
        looked.found_today = looked
            .found_today
            .saturating_add(is_today(bug.created_ms).into());
        looked.fixed_today = looked
            .fixed_today
            .saturating_add((is_fixed && is_today(bug.updated_ms)).into());
        looked.ids.push(bug.card.id.clone());
        if !is_fixed {
            looked.open.push(bug.card);
        }
    }
    looked
}

/// Each card once: as old as its oldest row, standing as its newest.
fn once(seen: Vec<SeenCard>) -> Vec<SeenCard> {
    let mut cards: Vec<SeenCard> = Vec::with_capacity(seen.len());
    let mut places = std::collections::HashMap::new();
    for mut newer in seen {
        let key = (newer.card.epic.clone(), newer.card.id.clone());
        match places
            .get(&key)
            .and_then(|place: &usize| cards.get_mut(*place))
        {
            Some(known) => {
                newer.created_ms = match (known.created_ms, newer.created_ms) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
                *known = newer;
            }
            None => {
                places.insert(key, cards.len());
                cards.push(newer);
            }
        }
    }
    cards
}

fn is_bug(seen: &SeenCard, started: Moment) -> bool {
    let is_withdrawn = match seen.card.status {
        CardStatus::Canceled | CardStatus::Archived => true,
        CardStatus::Ready
        | CardStatus::InProgress
        | CardStatus::Blocked
        | CardStatus::WaitingForDeveloper
        | CardStatus::ReadyForTesting
        | CardStatus::CodeReview
        | CardStatus::AwaitingGuardReview
        | CardStatus::GuardApproved
        | CardStatus::GuardRejected
        | CardStatus::GuardRequestedChanges
        | CardStatus::Done => false,
    };
    let is_new = seen.created_ms.is_some_and(|ms| Moment(ms) >= started);
    !is_withdrawn
        && match seen.origin {
            Origin::Rock => is_new && seen.card.says_bug(),
            Origin::BugsEpic => is_new || seen.card.status != CardStatus::Done,
        }
}

impl BugCard {
    fn has_label(&self, word: &str) -> bool {
        self.labels
            .iter()
            .any(|label| label.trim().eq_ignore_ascii_case(word))
    }

    fn says_bug(&self) -> bool {
        let param = |key: &str| self.params.get(key);
        let is_kind = |key: &str| {
            param(key)
                .and_then(Value::as_str)
                .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("bug"))
        };
        let summary = self.summary.trim_start().to_lowercase();
        self.has_label("bug")
            || param("bug") == Some(&Value::Bool(true))
            || is_kind("type")
            || is_kind("kind")
            || summary.starts_with("bug:")
            || summary.starts_with("[bug]")
    }

    /// Whether it is critical; see the file's head.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.priority >= HIGH || self.has_label("critical")
    }
}
