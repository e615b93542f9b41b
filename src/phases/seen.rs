//! Which cards may be bugs of a rock: those of the journal, and those filed in the epic of its bugs that
//! no run has had. Blocking.

use std::collections::HashSet;

use orket_core::asset::{
    Asset as _, AssetSource, CORE, Epic, Issue, Library, LoadError, Rock, name,
};
use orket_core::phase::{BugCard, Moment, Origin, SeenCard, bugs_epic};
use serde_json::Value;

use super::{CarryError, Parts};
use crate::assets::DiskThenEmbedded;

/// What can have bugs at all: most rocks that have a phase stand for a merged pull request and were never
/// run, so that one look at the names spares a look at each.
#[derive(Debug)]
pub(super) struct Names {
    /// Rocks that were run.
    rocks: HashSet<String>,
    /// Epics that were run, and those there are, in lower case.
    epics: HashSet<String>,
}

impl Names {
    /// Those there are now.
    pub(super) fn read(parts: &Parts) -> Result<Self, CarryError> {
        let (rocks, run) = match &parts.reader {
            Some(reader) => reader.rocks_and_epics()?,
            None => (HashSet::new(), HashSet::new()),
        };
        let library = Library::new(DiskThenEmbedded::new(&parts.root));
        let filed = library
            .departments()
            .into_iter()
            .flat_map(|department| library.list(Epic::CATEGORY, &department));
        let epics = run.into_iter().chain(filed);
        Ok(Self {
            rocks,
            epics: epics.map(|epic| epic.to_lowercase()).collect(),
        })
    }

    /// Whether a rock may have bugs. If not, [`cards`] would find none.
    pub(super) fn may_have_bugs(&self, rock: &str) -> bool {
        let epic = bugs_epic(rock);
        self.rocks.contains(rock)
            || self.epics.contains(&epic.to_lowercase())
            || self.epics.contains(&name::sanitise(&epic))
    }
}

/// The cards.
pub(super) fn cards(
    parts: &Parts,
    rock: &str,
    started: Moment,
) -> Result<Vec<SeenCard>, CarryError> {
    let library = Library::new(DiskThenEmbedded::new(&parts.root));
    let department = department(&library, rock);
    let filed_in = library.spelt(Epic::CATEGORY, &bugs_epic(rock), &department);
    let mut seen = match &parts.reader {
        Some(reader) => reader.possible_bugs(rock, &filed_in, started)?,
        None => Vec::new(),
    };
    let loaded = match library.load::<Epic>(&filed_in, &department) {
        Ok(loaded) => loaded,
        Err(LoadError::NotFound { .. } | LoadError::BadName(_)) => return Ok(seen),
        Err(error @ (LoadError::Unreadable { .. } | LoadError::Broken(_))) => {
            return Err(CarryError::Assets(error.to_string()));
        }
    };
    let known: HashSet<String> = match &parts.reader {
        Some(reader) => reader.cards_of_epic(&loaded.name)?,
        None => HashSet::new(),
    };
    let unrun = loaded
        .asset
        .issues
        .into_iter()
        .filter(|issue| !known.contains(issue.id.as_str()));
    seen.extend(unrun.map(|issue| SeenCard {
        card: filed(issue, &loaded.name, &department),
        origin: Origin::BugsEpic,
        created_ms: None,
        updated_ms: None,
    }));
    Ok(seen)
}

/// The department that has a rock; `core` when none has.
pub(super) fn department(library: &Library<DiskThenEmbedded>, rock: &str) -> String {
    let has = |department: &str| {
        let file = format!("model/{department}/rocks/{rock}.json");
        library.source().read(&file).is_some()
    };
    if has(CORE) {
        return CORE.to_owned();
    }
    let found = library.departments().into_iter().find(|it| has(it));
    found.unwrap_or_else(|| CORE.to_owned())
}

/// The name of the rock that is meant, where there is an asset of it.
pub(super) fn spelt(library: &Library<DiskThenEmbedded>, name: &str) -> Option<String> {
    library.departments().into_iter().find_map(|department| {
        let found = library.find(Rock::KIND, Rock::CATEGORY, name, &department);
        let (file, _) = found.ok()?;
        let stem = std::path::Path::new(&file).file_stem()?;
        stem.to_str().map(str::to_owned)
    })
}

fn filed(issue: Issue, epic: &str, department: &str) -> BugCard {
    let checked = issue.verification.fixture_path.is_some();
    let verification = checked
        .then(|| serde_json::to_value(&issue.verification).ok())
        .flatten();
    let card = issue.card;
    BugCard {
        id: issue.id.to_string(),
        summary: card.name,
        seat: issue.seat,
        priority: card.priority,
        status: card.status,
        epic: epic.to_owned(),
        department: department.to_owned(),
        description: card.description,
        note: card.note,
        requirements: issue.requirements,
        max_retries: issue.max_retries,
        depends_on: issue.depends_on,
        params: card.params,
        labels: card.labels,
        references: card.references,
        verification: verification.unwrap_or(Value::Null),
    }
}
