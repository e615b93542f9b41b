//! What was found, and whether it may be so.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use super::crates::{self, CrateEdge, MetadataError};
use super::modules::{self, ModuleEdge, SourceError};
use super::policy::{CRATES, FORBIDDEN, MODULES, PROGRAM};

/// A dependency that points the wrong way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The manifest or source file.
    pub file: String,
    /// The line, for sources.
    pub line: Option<usize>,
    /// Who depends.
    pub from: String,
    /// On whom.
    pub to: String,
    /// What forbids it.
    pub reason: String,
}

/// The rules as they are printed.
#[derive(Debug, Clone, Serialize)]
pub struct Policy {
    /// For each crate, what it may depend on.
    pub crates: serde_json::Value,
    /// For each module of the program, its layer; each layer may use itself and those below.
    pub modules: serde_json::Value,
    /// The layers, from the lowest.
    pub layers: [&'static str; 3],
    /// What is forbidden within a layer.
    pub forbidden: Vec<[&'static str; 2]>,
}

/// What was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Scan {
    /// How many source files.
    pub files_scanned: usize,
    /// Folders.
    pub roots: Vec<String>,
}

/// All of it.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// When.
    pub generated_at: String,
    /// Whether everything points the right way.
    pub ok: bool,
    /// The rules.
    pub policy: Policy,
    /// What was looked at.
    pub scan: Scan,
    /// Crates and modules that no rule names.
    pub unknown_modules: Vec<String>,
    /// What points the wrong way.
    pub violations: Vec<Violation>,
    /// The directions between modules of the program.
    pub layer_edges: Vec<ModuleEdge>,
    /// The directions between crates.
    pub crate_edges: Vec<CrateEdge>,
}

/// It could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// There is no workspace of Orket here.
    #[error("{0} is no source tree of Orket: it has no package `orket`")]
    NotOurs(PathBuf),
    /// Cargo did not tell.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A source cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// Looks at the source tree at `root`.
///
/// # Errors
///
/// [`CheckError`].
pub fn check(root: &Path, now: Timestamp) -> Result<Report, CheckError> {
    let packages = crates::packages(root)?;
    let program = packages
        .iter()
        .find(|package| package.name == PROGRAM)
        .and_then(|package| package.manifest_path.parent())
        .ok_or_else(|| CheckError::NotOurs(root.to_owned()))?;
    let sources = program.join("src");
    let (crate_edges, mut violations, mut unknown_modules) = crates::look(&packages);
    let seen = modules::look(&sources)?;
    violations.extend(seen.violations);
    unknown_modules.extend(seen.unknown.iter().map(|name| format!("{PROGRAM}::{name}")));
    for violation in &mut violations {
        if let Ok(relative) = Path::new(&violation.file).strip_prefix(program) {
            violation.file = relative.display().to_string();
        }
    }
    Ok(Report {
        generated_at: now.to_string(),
        ok: violations.is_empty() && unknown_modules.is_empty(),
        policy: policy(),
        scan: Scan {
            files_scanned: seen.files,
            roots: vec![sources.display().to_string()],
        },
        unknown_modules,
        violations,
        layer_edges: seen.edges,
        crate_edges,
    })
}

fn policy() -> Policy {
    Policy {
        crates: CRATES
            .iter()
            .map(|(name, allowed)| ((*name).to_owned(), serde_json::json!(allowed)))
            .collect(),
        modules: MODULES
            .iter()
            .map(|(name, layer)| ((*name).to_owned(), serde_json::json!(layer.as_str())))
            .collect(),
        layers: ["adapters", "application", "interfaces"],
        forbidden: FORBIDDEN.iter().map(|(from, to)| [*from, *to]).collect(),
    }
}
