//! The epic: the cards of one run and who works on them where.

use serde::Serialize;

use super::Asset;
use super::card::{Card, Lesson, Metrics};
use super::issue::{Issue, derived_id};
use super::reader::Reader;
use crate::policy::Limits;
use crate::status::CardKind;

/// Cards with a team and an environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Epic {
    /// Its id, if it has one.
    pub id: Option<String>,
    /// The common fields.
    #[serde(flatten)]
    pub card: Card,
    /// The team asset's name.
    pub team: String,
    /// The environment asset's name.
    pub environment: String,
    /// Carried along.
    pub iterations: u32,
    /// Carried along.
    pub handshake_enabled: bool,
    /// Its cards, in the order of the file.
    pub issues: Vec<Issue>,
    /// Which of `issues`, `stories` and `cards` the file used; errors name it.
    #[serde(skip)]
    pub issues_key: &'static str,
    /// Carried along.
    pub example_task: Option<String>,
    /// Carried along.
    pub requirements: String,
    /// Which structure it asks for.
    pub architecture_governance: ArchitectureGovernance,
    /// What it may spend.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub budget: Limits,
    /// How well it went.
    pub metrics: Metrics,
    /// What was learnt.
    pub lessons_learned: Vec<Lesson>,
}

impl Asset for Epic {
    const KIND: &'static str = "epic";
    const CATEGORY: &'static str = "epics";

    fn read(reader: &Reader<'_>, stem: &str) -> Self {
        const KEYS: [&str; 3] = ["issues", "stories", "cards"];
        Self {
            id: reader.text("id"),
            card: Card::read_titled(reader, CardKind::Epic, stem),
            team: reader.required_text(&["team"], "the name of a team asset"),
            environment: reader.required_text(&["environment"], "the name of an environment asset"),
            iterations: reader.count("iterations").unwrap_or(1),
            handshake_enabled: reader.flag("handshake_enabled", false),
            issues: reader.objects(&KEYS, |place, card| {
                Issue::read_with_id(card, &derived_id(stem, Some(place + 1)))
            }),
            issues_key: reader.either(&KEYS).map_or("issues", |(key, _)| key),
            example_task: reader.text("example_task"),
            requirements: reader.lines("requirements"),
            architecture_governance: reader
                .object("architecture_governance", ArchitectureGovernance::read)
                .unwrap_or_default(),
            budget: super::read_budget(reader),
            metrics: reader.object("metrics", Metrics::read).unwrap_or_default(),
            lessons_learned: reader.objects(&["lessons_learned"], Lesson::read),
        }
    }
}

/// Which structure an epic asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArchitectureGovernance {
    /// Whether the structural rules apply.
    pub idesign: bool,
    /// The pattern's name.
    pub pattern: String,
    /// Why.
    pub reasoning: Option<String>,
}

impl Default for ArchitectureGovernance {
    fn default() -> Self {
        Self {
            idesign: false,
            pattern: "Standard".to_owned(),
            reasoning: None,
        }
    }
}

impl ArchitectureGovernance {
    fn read(reader: &Reader<'_>) -> Self {
        Self {
            idesign: reader.flag("idesign", false),
            pattern: reader.text_or("pattern", "Standard"),
            reasoning: reader.text("reasoning"),
        }
    }
}
