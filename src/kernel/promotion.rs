//! What promoting a turn changes in the index, and whether all references lead somewhere afterwards.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::event::Event;
use super::index::Index;
use super::links::Reference;
use super::name::Stem;
use super::record::{Source, Target, Tombstone, Triplet};
use super::result::Issue;
use super::words::{Code, Stage};

/// What a turn has staged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Staged {
    /// Each with what it refers to.
    pub triplets: Vec<(Triplet, Vec<Reference>)>,
    /// By the stem of the file.
    pub tombstones: Vec<(Stem, Value)>,
}

impl Staged {
    /// Whether there is nothing to promote.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.triplets.is_empty() && self.tombstones.is_empty()
    }
}

/// What is to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Triplets to write.
    pub put: Vec<Triplet>,
    /// Stems whose triplets go.
    pub remove: Vec<Stem>,
    /// References to write; where nothing refers to a target any more, its file goes.
    pub references: BTreeMap<Target, Vec<Source>>,
    /// What is worth telling.
    pub events: Vec<Event>,
    /// The index afterwards.
    pub next: Index,
}

/// Plans it. Tombstones come first: what the same turn creates again is there afterwards.
///
/// # Errors
///
/// Tombstones that are not what they must be; references that would lead to nothing.
pub fn plan(index: &Index, staged: Staged, turn_id: &str) -> Result<Plan, Vec<Issue>> {
    let tombstones = read_tombstones(index, &staged, turn_id)?;
    let mut next = index.clone();
    let gone: HashSet<&Stem> = tombstones
        .iter()
        .map(|tombstone| &tombstone.stem)
        .chain(staged.triplets.iter().map(|(triplet, _)| &triplet.stem))
        .collect();
    let mut touched = next.forget_sources(&gone);
    let replaced: Vec<Triplet> = gone
        .iter()
        .filter_map(|stem| next.triplets.remove(stem))
        .collect();
    let mut referred = BTreeSet::new();
    for (triplet, references) in &staged.triplets {
        referred.append(&mut next.put(triplet.clone(), references));
    }
    touched.extend(referred.iter().cloned());
    let orphans = orphans(&next, &staged, &replaced);
    if !orphans.is_empty() {
        return Err(orphans);
    }
    let events = events(&next, &referred);
    Ok(Plan {
        remove: replaced
            .into_iter()
            .map(|triplet| triplet.stem)
            .filter(|stem| !next.triplets.contains_key(stem))
            .collect(),
        references: touched
            .into_iter()
            .map(|target| {
                let sources = next.references.get(&target).cloned().unwrap_or_default();
                (target, sources)
            })
            .collect(),
        put: staged
            .triplets
            .into_iter()
            .map(|(triplet, _)| triplet)
            .collect(),
        events,
        next,
    })
}

fn read_tombstones(
    index: &Index,
    staged: &Staged,
    turn_id: &str,
) -> Result<Vec<Tombstone>, Vec<Issue>> {
    let mut issues = Vec::new();
    let mut read = Vec::new();
    for (stem, value) in &staged.tombstones {
        let found = Tombstone::read(stem, turn_id, value).and_then(|tombstone| {
            let target = index.triplets.get(stem).and_then(Triplet::target);
            let is_for = |it: &Target| it.kind == tombstone.dto_type && it.id == tombstone.id;
            match target {
                Some(other) if !is_for(&other) => Err((
                    Code::ETombstoneInvalid,
                    format!("`{stem}` is `{}:{}`", other.kind, other.id),
                )),
                Some(_) | None => Ok(tombstone),
            }
        });
        match found {
            Ok(tombstone) => read.push(tombstone),
            Err((code, why)) => {
                let location = format!("/triplets/{}", stem.tombstone_file());
                let issue = Issue::new(Stage::Promotion, code, location, why);
                issues.push(issue.with("stem", stem.as_str()));
            }
        }
    }
    if issues.is_empty() {
        Ok(read)
    } else {
        Err(issues)
    }
}

/// References that the turn makes, or that others made to what the turn takes away. What led to
/// nothing before is no concern of this turn.
fn orphans(next: &Index, staged: &Staged, replaced: &[Triplet]) -> Vec<Issue> {
    let targets = next.targets();
    let orphan = |target: &Target, stem: &Stem, location: &str| {
        let why = format!(
            "`{stem}` refers to `{}:{}`, which is not there",
            target.kind, target.id
        );
        Issue::new(
            Stage::Lsi,
            Code::ELsiOrphanTarget,
            format!("{location}/id"),
            why,
        )
        .with("stem", stem.as_str())
        .with("type", target.kind.as_str())
        .with("id", target.id.as_str())
    };
    let made = staged.triplets.iter().flat_map(|(triplet, references)| {
        let missing = references
            .iter()
            .filter(|it| !targets.contains(&it.target.pair()));
        missing.map(|it| orphan(&it.target, &triplet.stem, &it.location))
    });
    let own: HashSet<&Stem> = staged
        .triplets
        .iter()
        .map(|(triplet, _)| &triplet.stem)
        .collect();
    let taken: BTreeSet<Target> = replaced
        .iter()
        .filter_map(Triplet::target)
        .filter(|target| !targets.contains(&target.pair()))
        .collect();
    let left = taken.iter().flat_map(|target| {
        let sources = next.references.get(target).map_or(&[][..], Vec::as_slice);
        let of_others = sources.iter().filter(|source| !own.contains(&source.stem));
        of_others.map(|source| orphan(target, &source.stem, &source.location))
    });
    made.chain(left).collect()
}

fn events(next: &Index, referred: &BTreeSet<Target>) -> Vec<Event> {
    let mut events = Vec::new();
    if !referred.is_empty() {
        let text = "all references lead somewhere";
        let event = Event::info(Stage::Lsi, Code::IRefVisible, "/links", text);
        events.push(event.with("targets", referred.len()));
    }
    for target in referred {
        let stems = next.stems_referring_to(target);
        if stems > 1 {
            let text = "several stems refer to the same target";
            let event = Event::info(Stage::Lsi, Code::IRefMultisource, "/refs/by_id", text)
                .with("type", &target.kind)
                .with("id", &target.id)
                .with("stems", stems);
            events.push(event);
        }
    }
    events
}

#[cfg(test)]
mod tests;
