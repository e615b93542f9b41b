//! The rock of the bugs that are open at the end of a phase, as files that Orket's own loader reads.
//!
//! Rock `R` gets `model/<department>/rocks/R-phase2.json`, which lists the epic `R-phase2-bugs` beside
//! it. That is at the same time the epic in which bugs of `R-phase2` are filed: what phase 2 leaves open
//! goes on from there. Bugs of epics with different teams or environments go into several epics, for a
//! seat means something only within a team.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::bug::{BugCard, bugs_epic};
use crate::asset::name::MAX_LEN;
use crate::ids::CardId;

const SUFFIX: &str = "-phase2";
/// Room for the numbers and the suffixes that follow a rock's name.
const ROOM: usize = 24;

/// A file to be written, below the configuration root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetFile {
    /// Its path, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Where an epic's cards live: what a new epic of them needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EpicHouse {
    /// The team asset.
    pub team: String,
    /// The environment asset.
    pub environment: String,
}

/// How the second rock and its first epic are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamesOfTwo {
    /// `<rock>-phase2`.
    pub rock: String,
    /// `<rock>-phase2-bugs`.
    pub epic: String,
}

impl NamesOfTwo {
    /// The names; from `number` 2 on they end with it, for rocks that had a phase 2 before. A very long
    /// name of a rock is cut, so that the names can be files'.
    #[must_use]
    pub fn of(rock: &str, number: u32) -> Self {
        let stem: String = rock.chars().take(MAX_LEN.saturating_sub(ROOM)).collect();
        let stem = stem.trim_end_matches([' ', '.']);
        let rock = match number {
            0 | 1 => format!("{stem}{SUFFIX}"),
            number => format!("{stem}{SUFFIX}-{number}"),
        };
        let epic = bugs_epic(&rock);
        Self { rock, epic }
    }
}

/// Why there can be no such rock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the epic `{0}` of an open bug cannot be loaded, so its team is not known")]
pub struct NotMade(pub String);

/// The files of the second rock of `rock`: its epics first, so that a rock that is there is whole.
/// `house` knows where the cards of an epic live.
///
/// # Errors
///
/// [`NotMade`].
pub fn second_rock(
    rock: &str,
    department: &str,
    names: &NamesOfTwo,
    bugs: &[BugCard],
    house: impl Fn(&BugCard) -> Option<EpicHouse>,
) -> Result<Vec<AssetFile>, NotMade> {
    let mut groups: Vec<(EpicHouse, Vec<&BugCard>)> = Vec::new();
    for bug in bugs {
        let of = house(bug).ok_or_else(|| NotMade(bug.epic.clone()))?;
        match groups.iter_mut().find(|(known, _)| *known == of) {
            Some((_, cards)) => cards.push(bug),
            None => groups.push((of, vec![bug])),
        }
    }
    let mut files = Vec::with_capacity(groups.len().saturating_add(1));
    let mut listed = Vec::with_capacity(groups.len());
    for (number, (house, bugs)) in (1_u32..).zip(&groups) {
        let name = match number {
            1 => names.epic.clone(),
            number => format!("{}-{number}", names.epic),
        };
        let epic = json!({"epic": {
            "name": format!("Bugs of {rock} that its bug-fix phase left open"),
            "type": "epic",
            "team": house.team,
            "environment": house.environment,
            "issues": issues(bugs),
        }});
        files.push(file(format!("model/{department}/epics/{name}.json"), &epic));
        listed.push(json!({"epic": name, "department": department}));
    }
    let asset = json!({"rock": {
        "name": format!("{rock}, phase 2"),
        "type": "rock",
        "status": "ready",
        "description": format!("The bugs that the bug-fix phase of {rock} left open."),
        "epics": listed,
    }});
    let path = format!("model/{department}/rocks/{}.json", names.rock);
    files.push(file(path, &asset));
    Ok(files)
}

fn file(path: String, asset: &Value) -> AssetFile {
    AssetFile {
        path,
        text: format!("{asset:#}\n"),
    }
}

/// The cards, each with an id of its own, ready to be begun.
fn issues(bugs: &[&BugCard]) -> Vec<Value> {
    let ids = ids(bugs);
    // An id means something only within its epic; the first of several that share both has it.
    let renamed: Renamed<'_> = bugs
        .iter()
        .zip(&ids)
        .rev()
        .map(|(bug, id)| ((bug.epic.as_str(), bug.id.as_str()), id.as_str()))
        .collect();
    bugs.iter()
        .zip(&ids)
        .map(|(bug, id)| issue(bug, id, &renamed))
        .collect()
}

/// The new id of a card that was `(epic, id)`.
type Renamed<'a> = HashMap<(&'a str, &'a str), &'a str>;

/// The ids in the order of the bugs: the first of several that share one keeps it.
fn ids(bugs: &[&BugCard]) -> Vec<String> {
    let own: HashSet<&str> = bugs.iter().map(|bug| bug.id.as_str()).collect();
    let mut taken: HashSet<&str> = HashSet::with_capacity(bugs.len());
    let mut others = (2_u32..)
        .map(|number| format!("BUG-{number}"))
        .filter(|id| !own.contains(id.as_str()));
    bugs.iter()
        .map(|bug| {
            if CardId::new(&bug.id).is_ok() && taken.insert(&bug.id) {
                bug.id.clone()
            } else {
                others.next().unwrap_or_default()
            }
        })
        .collect()
}

fn issue(bug: &BugCard, id: &str, renamed: &Renamed<'_>) -> Value {
    let mut card = Map::new();
    let mut put = |key: &str, value: Value| card.insert(key.to_owned(), value);
    put("id", id.into());
    put("summary", bug.summary.as_str().into());
    put("type", "issue".into());
    put("seat", bug.seat.as_str().into());
    put("priority", json!(bug.priority));
    for (key, text) in [
        ("description", &bug.description),
        ("note", &bug.note),
        ("requirements", &bug.requirements),
    ] {
        if !text.is_empty() {
            put(key, text.as_str().into());
        }
    }
    // What it waited for elsewhere is done or is no card of this epic.
    let needs: Vec<&&str> = bug
        .depends_on
        .iter()
        .filter_map(|need| renamed.get(&(bug.epic.as_str(), need.as_str())))
        .filter(|need| **need != id)
        .collect();
    if !needs.is_empty() {
        put("depends_on", json!(needs));
    }
    if let Some(retries) = bug.max_retries {
        put("max_retries", retries.into());
    }
    if !bug.params.is_empty() {
        put("params", Value::Object(bug.params.clone()));
    }
    let mut labels = bug.labels.clone();
    if !labels
        .iter()
        .any(|label| label.trim().eq_ignore_ascii_case("bug"))
    {
        labels.push("bug".to_owned());
    }
    put("labels", json!(labels));
    if !bug.references.is_empty() {
        put("references", json!(bug.references));
    }
    if bug
        .verification
        .get("fixture_path")
        .is_some_and(|path| !path.is_null())
    {
        put("verification", bug.verification.clone());
    }
    Value::Object(card)
}
