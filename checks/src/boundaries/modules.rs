//! The directions between the modules of a crate, as its sources tell them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::policy::{layer_of, refusal};
use super::report::Violation;
use super::uses;

/// One direction between two modules at the top of the crate.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ModuleEdge {
    /// The module that uses.
    pub from: String,
    /// The module that is used.
    pub to: String,
    /// In how many places.
    pub count: usize,
}

/// A source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file system refuses.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// It is not Rust.
    #[error("{0}: {1}")]
    Syntax(PathBuf, #[source] syn::Error),
}

/// What the sources say.
#[derive(Debug, Default)]
pub struct Seen {
    /// How many files were read.
    pub files: usize,
    /// The directions.
    pub edges: Vec<ModuleEdge>,
    /// What is wrong with them.
    pub violations: Vec<Violation>,
    /// Modules that no rule names.
    pub unknown: BTreeSet<String>,
}

/// Reads the sources below `root`, the folder of `lib.rs`. The root files `lib.rs` and `main.rs` name
/// the modules; they have no layer.
///
/// # Errors
///
/// [`SourceError`] for the first file that cannot be read.
pub fn look(root: &Path) -> Result<Seen, SourceError> {
    let mut files = Vec::new();
    walk(root, &mut files)?;
    files.sort();
    let mut sources = Vec::new();
    let mut apart: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut handed_on = BTreeSet::new();
    for file in files {
        let place = place(root, &file);
        let text =
            std::fs::read_to_string(&file).map_err(|it| SourceError::File(file.clone(), it))?;
        let found = uses::of(&text, &place).map_err(|it| SourceError::Syntax(file.clone(), it))?;
        apart.extend(found.test_modules.iter().map(|name| {
            let mut place = place.clone();
            place.push(name.clone());
            place
        }));
        if place.is_empty() {
            handed_on.extend(found.reexports.iter().cloned());
        }
        sources.push((file, place, found.used));
    }
    let modules: BTreeSet<_> = sources
        .iter()
        .filter_map(|(_, place, _)| place.first().cloned())
        .collect();

    let mut seen = Seen::default();
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (file, place, used) in sources {
        seen.files += 1;
        let Some(from) = place.first() else {
            continue;
        };
        if (1..=place.len()).any(|length| place.get(..length).is_some_and(|it| apart.contains(it)))
        {
            continue;
        }
        if layer_of(from).is_none() {
            seen.unknown.insert(from.clone());
        }
        for used in used {
            let known = modules.contains(&used.module) || handed_on.contains(&used.module);
            if used.module == *from || !known {
                // Macros and items of the root itself.
                continue;
            }
            if layer_of(&used.module).is_none() && modules.contains(&used.module) {
                seen.unknown.insert(used.module.clone());
            }
            if let Some(reason) = refusal(from, &used.module) {
                seen.violations.push(Violation {
                    file: file.display().to_string(),
                    line: Some(used.line),
                    from: from.clone(),
                    to: used.module.clone(),
                    reason,
                });
            }
            *counts.entry((from.clone(), used.module)).or_default() += 1;
        }
    }
    seen.edges = counts
        .into_iter()
        .map(|((from, to), count)| ModuleEdge { from, to, count })
        .collect();
    Ok(seen)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    let trouble = |error| SourceError::File(folder.to_owned(), error);
    for entry in std::fs::read_dir(folder).map_err(trouble)? {
        let entry = entry.map_err(trouble)?;
        let path = entry.path();
        let kind = entry.file_type().map_err(trouble)?;
        if kind.is_dir() {
            walk(&path, files)?;
        } else if kind.is_file() && path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// `src/owner/boot.rs` is `["owner", "boot"]`, `src/owner/mod.rs` is `["owner"]`, `src/lib.rs` nothing.
fn place(root: &Path, file: &Path) -> Vec<String> {
    let relative = file.strip_prefix(root).unwrap_or(file).with_extension("");
    let mut names: Vec<_> = relative
        .iter()
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    if names.last().is_some_and(|name| name == "mod")
        || (names.len() == 1 && matches!(names.first().map(String::as_str), Some("lib" | "main")))
    {
        names.pop();
    }
    names
}
