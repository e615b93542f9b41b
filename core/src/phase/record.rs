//! A phase as it is stored: `bug_fix_phases.data_json`. Names and shapes are those of the Python Orket;
//! what it does not know is below the key `orket`. Fields that nobody here knows are kept.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::{Map, Value};

use super::bug::BugCard;
use super::moment::Moment;
use super::second_rock::AssetFile;
use crate::status::words;

words! {
    /// How a phase stands.
    PhaseStatus, "phase status" {
        /// It runs, as long as it was meant to.
        Active = "active",
        /// It runs, longer than it was meant to.
        Extended = "extended",
        /// It came to its end.
        Completed = "completed",
        /// An operator ended it; nothing follows.
        Aborted = "aborted",
    }
}

impl PhaseStatus {
    /// Whether it runs.
    #[must_use]
    pub const fn is_live(self) -> bool {
        match self {
            Self::Active | Self::Extended => true,
            Self::Completed | Self::Aborted => false,
        }
    }
}

/// A bug-fix phase of one rock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// `phase-<rock>`.
    pub id: String,
    /// The rock.
    pub rock_id: String,
    /// How it stands.
    pub status: PhaseStatus,
    /// How many days it had at first.
    pub initial_duration_days: u32,
    /// How many it may come to have.
    pub max_duration_days: u32,
    /// How many it has.
    pub current_duration_days: u32,
    /// When it began.
    pub started_at: Moment,
    /// When it is to end: `started_at` and its days.
    pub scheduled_end: Moment,
    /// When it did.
    #[serde(default)]
    pub actual_end: Option<Moment>,
    /// What was seen of its bugs last, and the thresholds.
    #[serde(default)]
    pub metrics: Metrics,
    /// Every bug that was found, fixed ones too.
    #[serde(default)]
    pub bug_issue_ids: Vec<String>,
    /// The rock of the bugs that were open at the end.
    #[serde(default)]
    pub phase2_rock_id: Option<String>,
    /// How often it was extended, and why.
    #[serde(default)]
    pub extensions: Vec<Extension>,
    /// What the Python Orket does not know.
    #[serde(default, skip_serializing_if = "Own::is_empty")]
    pub orket: Own,
    /// What nobody here knows.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What was seen of the bugs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metrics {
    /// How many were found.
    pub total_bugs: u32,
    /// How many of them are critical.
    pub critical_bugs: u32,
    /// How many were found on this day (UTC).
    pub bugs_found_today: u32,
    /// How many were fixed on this day (UTC).
    pub bugs_fixed_today: u32,
    /// Bugs found, by whole days since the phase began, at least one.
    pub discovery_rate: f64,
    /// Bugs a day; more of them extend the phase.
    pub high_rate_threshold: f64,
    /// Critical bugs; more of them extend the phase.
    pub critical_threshold: u32,
    /// What nobody here knows.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Default for Metrics {
    fn default() -> Self {
        let rules = super::PhaseRules::default();
        Self {
            total_bugs: 0,
            critical_bugs: 0,
            bugs_found_today: 0,
            bugs_fixed_today: 0,
            discovery_rate: 0.0,
            high_rate_threshold: rules.high_rate,
            critical_threshold: rules.critical_threshold,
            other: Map::new(),
        }
    }
}

/// One extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// When it was decided, ISO 8601.
    pub date: String,
    /// Its causes, separated by `; `.
    pub reason: String,
    /// How many days were added. A text in JSON, as the Python Orket demands; read as a number too.
    #[serde(serialize_with = "as_text", deserialize_with = "from_either")]
    pub added_days: u32,
    /// What nobody here knows.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn as_text<S: Serializer>(days: &u32, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(days)
}

fn from_either<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let value = Value::deserialize(from)?;
    let days = match &value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_u64().and_then(|days| u32::try_from(days).ok()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    days.ok_or_else(|| D::Error::custom(format!("added_days is {value}, no number of days")))
}

/// What the Python Orket does not know of a phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Own {
    /// When each cause last extended it, and how many bugs stood behind it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub causes: BTreeMap<Cause, Mark>,
    /// What is still to be done, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub todo: Vec<Todo>,
    /// Events that nobody was told of yet, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub untold: Vec<Event>,
    /// Phases of the same rock before this one, oldest first; the latest few.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Earlier>,
    /// Bugs that went into the second rock of this phase or an earlier one, `<epic>/<card>`: they are
    /// that rock's from then on, however they stand where they were filed.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub handed_over: BTreeSet<String>,
    /// Who aborted it, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aborted: Option<String>,
    /// What nobody here knows.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Own {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why a phase is extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// More bugs a day than the high rate.
    DiscoveryRate,
    /// More critical bugs than their threshold.
    CriticalBugs,
}

/// When a cause last counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When.
    pub at: Moment,
    /// How many bugs stood behind it.
    pub bugs: u32,
}

/// Something that is to be done for a phase. Each can be done again without harm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Todo {
    /// The rock of the bugs that are open is to be written as an asset.
    WriteRock {
        /// The bugs.
        cards: Vec<BugCard>,
        /// What is written where, once that is settled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        files: Option<Vec<AssetFile>>,
        /// Why it could not be done the last time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        problem: Option<String>,
    },
    /// The rock's sandbox is to be taken down, if it was made before the phase ended: one that was made
    /// later is somebody else's.
    RemoveSandbox {
        /// When the phase ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        made_before: Option<Moment>,
        /// Why it could not be done the last time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        problem: Option<String>,
    },
}

impl Todo {
    /// Whether it is the same thing to do, however far it has come.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::WriteRock { cards, .. }, Self::WriteRock { cards: others, .. }) => {
                cards == others
            }
            (Self::RemoveSandbox { .. }, Self::RemoveSandbox { .. }) => true,
            (Self::WriteRock { .. }, Self::RemoveSandbox { .. })
            | (Self::RemoveSandbox { .. }, Self::WriteRock { .. }) => false,
        }
    }

    /// Why it could not be done the last time.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        match self {
            Self::WriteRock { problem, .. } | Self::RemoveSandbox { problem, .. } => {
                problem.as_deref()
            }
        }
    }
}

/// An event of `orket.log`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its name.
    pub event: String,
    /// What it says.
    pub data: Value,
}

/// What is left of a phase that another one followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// How it ended.
    pub status: PhaseStatus,
    /// When it began.
    pub started_at: Moment,
    /// When it ended.
    pub actual_end: Option<Moment>,
    /// How many bugs were found.
    pub total_bugs: u32,
    /// The rock of those that were open.
    pub phase2_rock_id: Option<String>,
}
