//! The directions between crates, as `cargo metadata` tells them.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::policy::CRATES;
use super::report::Violation;

/// A crate of the workspace.
#[derive(Debug, Clone, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its manifest.
    pub manifest_path: PathBuf,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
}

/// A dependency of a crate.
#[derive(Debug, Clone, Deserialize)]
pub struct Dependency {
    /// The name of the crate, not what it is renamed to.
    pub name: String,
    /// `None`, `dev` or `build`.
    pub kind: Option<String>,
    /// Where it is, when it is of this workspace.
    pub path: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// Cargo did not tell.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// It could not be started.
    #[error("`cargo metadata` could not be started: {0}")]
    NotStarted(#[source] io::Error),
    /// It failed.
    #[error("`cargo metadata` failed: {0}")]
    Failed(String),
    /// What it printed cannot be read.
    #[error("what `cargo metadata` printed cannot be read: {0}")]
    Unreadable(#[source] serde_json::Error),
}

/// The crates of the workspace at `root`. Looks at manifests only; downloads nothing.
///
/// # Errors
///
/// [`MetadataError`].
pub fn packages(root: &Path) -> Result<Vec<Package>, MetadataError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let told = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root)
        .output()
        .map_err(MetadataError::NotStarted)?;
    if !told.status.success() {
        let words = String::from_utf8_lossy(&told.stderr);
        return Err(MetadataError::Failed(words.trim().to_owned()));
    }
    let metadata: Metadata =
        serde_json::from_slice(&told.stdout).map_err(MetadataError::Unreadable)?;
    Ok(metadata.packages)
}

/// One direction between two crates of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct CrateEdge {
    /// The crate that depends.
    pub from: String,
    /// The crate that is depended on.
    pub to: String,
    /// `normal`, `dev` or `build`.
    pub kind: String,
}

/// The directions, what is wrong with them, and the crates that no rule names.
#[must_use]
pub fn look(packages: &[Package]) -> (Vec<CrateEdge>, Vec<Violation>, Vec<String>) {
    let mut edges = Vec::new();
    let mut violations = Vec::new();
    let mut unknown = Vec::new();
    for package in packages {
        let rule = CRATES.iter().find(|(name, _)| *name == package.name);
        let Some((_, allowed)) = rule else {
            unknown.push(package.name.clone());
            continue;
        };
        for dependency in package.dependencies.iter().filter(|it| it.path.is_some()) {
            let kind = dependency
                .kind
                .clone()
                .unwrap_or_else(|| "normal".to_owned());
            // Tests may use what they like; cargo refuses circles.
            if kind != "dev" && !allowed.contains(&dependency.name.as_str()) {
                violations.push(Violation {
                    file: package.manifest_path.display().to_string(),
                    line: None,
                    from: package.name.clone(),
                    to: dependency.name.clone(),
                    reason: format!("`{}` may not depend on `{}`", package.name, dependency.name),
                });
            }
            edges.push(CrateEdge {
                from: package.name.clone(),
                to: dependency.name.clone(),
                kind,
            });
        }
    }
    edges.sort();
    edges.dedup();
    (edges, violations, unknown)
}
