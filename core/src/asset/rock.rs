//! The rock: several epics that belong together.

use serde::Serialize;

use super::Asset;
use super::card::{Card, Lesson, Metrics};
use super::reader::Reader;
use crate::policy::Limits;
use crate::status::CardKind;

/// A group of epics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rock {
    /// Its id, if it has one.
    pub id: Option<String>,
    /// The common fields.
    #[serde(flatten)]
    pub card: Card,
    /// Carried along.
    pub task: Option<String>,
    /// Its epics, in the order of the file.
    pub epics: Vec<RockEpic>,
    /// What it may spend.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub budget: Limits,
    /// How well it went.
    pub metrics: Metrics,
    /// What was learnt.
    pub lessons_learned: Vec<Lesson>,
}

/// One epic of a rock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RockEpic {
    /// The epic asset's name.
    pub epic: String,
    /// The department to look in.
    pub department: String,
    /// Epics of this rock that must be done before.
    pub depends_on: Vec<String>,
}

impl Asset for Rock {
    const KIND: &'static str = "rock";
    const CATEGORY: &'static str = "rocks";

    fn read(reader: &Reader<'_>, stem: &str) -> Self {
        let rock = Self {
            id: reader.text("id"),
            card: Card::read_titled(reader, CardKind::Rock, stem),
            task: reader.text("task"),
            epics: reader.objects(&["epics"], |_, entry| RockEpic {
                epic: entry.required_text(&["epic"], "the name of an epic asset"),
                department: entry.text_or("department", "core"),
                depends_on: entry.texts("depends_on"),
            }),
            budget: super::read_budget(reader),
            metrics: reader.object("metrics", Metrics::read).unwrap_or_default(),
            lessons_learned: reader.objects(&["lessons_learned"], Lesson::read),
        };
        if reader.value("epics").is_none() {
            reader.problem("epics", "is missing; give a list of {epic, department}");
        }
        rock
    }
}
