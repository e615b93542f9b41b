//! The named points: those in the sources, and how often a life passed each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Where a process that was killed in time had something to lose.
const SOURCES: [&str; 4] = ["actors/src", "src/storage", "src/tools", "src/artifacts"];

/// Every point that the sources name.
pub fn in_sources() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = SOURCES.iter().map(|it| root.join(it)).collect();
    let mut points = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for call in ["fault::point(", "fault::point_of("] {
                    for (at, _) in text.match_indices(call) {
                        let rest = &text[at..];
                        let call = &rest[..rest.find(';').unwrap()];
                        // Every other piece between quotes is a literal.
                        let literals = call.split('"').skip(1).step_by(2);
                        points.extend(literals.filter(|it| it.contains('.')).map(str::to_owned));
                    }
                }
            }
        }
    }
    assert!(
        points.len() > 30,
        "the sources are not read right: {points:?}"
    );
    points
}

/// Every point in the crash matrix of docs/durability.md: it has those too whose names the sources
/// put together.
pub fn in_docs() -> BTreeSet<String> {
    let text = include_str!("../../docs/durability.md");
    let matrix = text.split("## The crash matrix").nth(1).unwrap();
    let matrix = matrix.split("\n## ").next().unwrap();
    let points: BTreeSet<String> = matrix
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| {
            line.split('|')
                .nth(1)
                .unwrap()
                .split('`')
                .skip(1)
                .step_by(2)
        })
        .map(str::to_owned)
        .collect();
    assert!(points.len() > 30, "the table is not read right: {points:?}");
    points
}

/// How often each point was passed.
pub fn count(passed: &[String]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for point in passed {
        *counts.entry(point.clone()).or_default() += 1;
    }
    counts
}

/// `most` of the numbers from 1 to `all`, the first and the last among them, evenly apart.
pub fn choose(all: u64, most: u64) -> Vec<u64> {
    if all <= most {
        return (1..=all).collect();
    }
    let mut chosen: Vec<u64> = (0..most)
        .map(|it| 1 + it * (all - 1) / (most - 1).max(1))
        .collect();
    chosen.dedup();
    chosen
}
