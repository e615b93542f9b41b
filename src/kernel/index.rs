//! All of an index in memory: what is called how, and who refers to what. No bodies.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::links::Reference;
use super::name::Stem;
use super::record::{Source, Target, Triplet};

/// See the file's head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// By stem.
    pub triplets: BTreeMap<Stem, Triplet>,
    /// By what they lead to; never an empty list.
    pub references: BTreeMap<Target, Vec<Source>>,
}

impl Index {
    /// Takes away all that these stems refer to; gives the targets concerned.
    pub fn forget_sources(&mut self, stems: &HashSet<&Stem>) -> BTreeSet<Target> {
        let mut touched = BTreeSet::new();
        self.references.retain(|target, sources| {
            let before = sources.len();
            sources.retain(|source| !stems.contains(&source.stem));
            if sources.len() != before {
                touched.insert(target.clone());
            }
            !sources.is_empty()
        });
        touched
    }

    /// Puts a triplet there, with what it refers to; gives the targets concerned.
    pub fn put(&mut self, triplet: Triplet, references: &[Reference]) -> BTreeSet<Target> {
        let mut touched = BTreeSet::new();
        for reference in references {
            let source = Source {
                stem: triplet.stem.clone(),
                location: reference.location.clone(),
                relationship: reference.relationship.clone(),
                artifact_digest: triplet.links_digest.clone(),
            };
            let sources = self.references.entry(reference.target.clone()).or_default();
            if let Err(place) = sources.binary_search(&source) {
                sources.insert(place, source);
            }
            touched.insert(reference.target.clone());
        }
        self.triplets.insert(triplet.stem.clone(), triplet);
        touched
    }

    /// All that can be referred to: `dto_type` and `id`.
    #[must_use]
    pub fn targets(&self) -> HashSet<(&str, &str)> {
        self.triplets
            .values()
            .filter_map(|it| Some((it.dto_type.as_deref()?, it.dto_id.as_deref()?)))
            .collect()
    }

    /// How many stems refer to a target.
    #[must_use]
    pub fn stems_referring_to(&self, target: &Target) -> usize {
        let sources = self.references.get(target).map_or(&[][..], Vec::as_slice);
        let stems: HashSet<&Stem> = sources.iter().map(|source| &source.stem).collect();
        stems.len()
    }
}
