//! What an operator writes: epics, teams, roles, environments and the rest, parsed and checked.
//!
//! # Layout
//!
//! - [`parse`]: one file's text into one asset; every problem names the file and the field.
//! - [`Library`] over an [`AssetSource`]: which file an asset's name means.
//! - [`check`]: what is wrong with a graph of cards or of epics, found before anything starts.
//! - one file per kind: [`Epic`], [`Issue`], [`Rock`], [`Organization`], [`Department`], [`Team`],
//!   [`Role`], [`Dialect`], [`Environment`], [`Engines`], [`Skill`].
//!
//! Scenarios of the scripted model have their own parser in [`crate::scenario`].

mod card;
pub mod check;
mod dialect;
mod engines;
mod environment;
mod epic;
mod issue;
mod library;
pub mod name;
mod organization;
mod prices;
mod problem;
pub(crate) mod reader;
mod rock;
pub(crate) mod role;
pub(crate) mod skill;
mod source;
mod team;

pub use card::{Card, Lesson, Metrics};
pub use dialect::{Dialect, PromptMetadata};
pub use engines::{CatalogEntry, EngineMapping, Engines};
pub use environment::Environment;
pub use epic::{ArchitectureGovernance, Epic};
pub use issue::{
    DEFAULT_MAX_RETRIES, Issue, ScenarioStatus, Verification, VerificationResult,
    VerificationScenario, derived_id,
};
pub use library::{CORE, Library, LoadError, Loaded, Located};
pub use organization::{
    Architecture, BottleneckThresholds, Branding, Contact, Department, Organization,
};
pub use prices::Prices;
pub use problem::{Problem, Problems};
pub use rock::{Rock, RockEpic};
pub use role::{DeclaredContract, Role};
pub use skill::{Entrypoint, Skill, admitted, split_command};
pub use source::{AssetSource, MemorySource};
pub use team::{Seat, Team};

use crate::policy::Limits;

use serde_json::{Map, Value};

use reader::{Reader, Report, expected};

/// A kind of asset.
pub trait Asset: Sized {
    /// What it is called, and the key it may be wrapped in: `{"epic": {...}}`.
    const KIND: &'static str;
    /// The folder its files are in.
    const CATEGORY: &'static str;

    /// Reads it out of its object; `stem` is the file's name without `.json`.
    #[doc(hidden)]
    fn read(reader: &Reader<'_>, stem: &str) -> Self;
}

/// An asset and what was odd about its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed<T> {
    /// The asset.
    pub asset: T,
    /// What was ignored though it was probably meant.
    pub warnings: Vec<Problem>,
}

/// Parses the text of one file, wrapped in its kind or not. `file` names it in errors, and its stem
/// is the asset's name.
///
/// # Errors
///
/// Everything that is wrong with the file.
pub fn parse<T: Asset>(text: &str, file: &str) -> Result<Parsed<T>, Problems> {
    parse_map(&top_level(text, file)?, file)
}

/// The `budget` of an epic or a rock.
fn read_budget(reader: &Reader<'_>) -> Limits {
    let Some(written) = reader.value("budget").filter(|value| !value.is_null()) else {
        return Limits::default();
    };
    Limits::read(written).unwrap_or_else(|problems| {
        for (name, message) in problems {
            let field = format!("budget.{name}");
            reader.problem(field.trim_end_matches('.'), message);
        }
        Limits::default()
    })
}

/// The object that a file holds.
fn top_level(text: &str, file: &str) -> Result<Map<String, Value>, Problems> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(other) => {
            let message = expected("a JSON object", &other);
            Err(Problems::one(Problem::new(file, "top level", message)))
        }
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            let text = error.to_string();
            let what = text.split(" at line ").next().unwrap_or_default();
            let message = format!("is no valid JSON: {what}");
            Err(Problems::one(Problem::new(file, place, message)))
        }
    }
}

/// Parses an object that was read already.
/// What keeps a skill's manifest from being loaded, by field.
pub(crate) fn skill_problems(manifest: &Map<String, Value>) -> Vec<Problem> {
    match parse_map::<Skill>(manifest, "") {
        Ok(_) => Vec::new(),
        Err(problems) => problems.0,
    }
}

fn parse_map<T: Asset>(map: &Map<String, Value>, file: &str) -> Result<Parsed<T>, Problems> {
    let report = Report::new(file);
    let map = match map.get(T::KIND) {
        Some(Value::Object(inner)) => inner,
        _ => map,
    };
    let reader = Reader::new(&report, map, String::new());
    let asset = T::read(&reader, stem(file));
    reader.warn_of_misspelt_keys();
    drop(reader);
    let (problems, warnings) = report.into_parts();
    if problems.is_empty() {
        Ok(Parsed { asset, warnings })
    } else {
        Err(Problems(problems))
    }
}

/// The name of an asset, from its file's.
fn stem(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".json").unwrap_or(name)
}
