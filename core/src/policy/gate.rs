//! What the tool gate refuses beyond its fixed rules.

use serde::{Deserialize, Serialize};

/// What the tool gate refuses beyond its fixed rules.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GatePolicy {
    /// Endings of files that agents may not write, with their dot, in lower case.
    pub forbidden_file_types: Vec<String>,
    /// Files that only some may write.
    pub owned_files: Vec<FileOwnership>,
    /// Whether source files must keep to the layers of iDesign.
    pub idesign: bool,
    /// Orket's own files and folders, where the workspace holds them, relative to it.
    pub own_places: Vec<OwnPlace>,
}

impl GatePolicy {
    /// An ending as [`GatePolicy::forbidden_file_types`] has it: `exe`, `.exe` and `*.EXE` are `.exe`.
    #[must_use]
    pub fn ending(kind: &str) -> String {
        let kind = kind.trim().trim_start_matches('*').trim_start_matches('.');
        format!(".{kind}").to_lowercase()
    }
}

/// A file or folder of Orket's own in the workspace: assets, settings, secrets, the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnPlace {
    /// Relative to the workspace, with `/` between parts.
    pub path: String,
    /// Whether agents may not even read it.
    pub is_secret: bool,
}

impl OwnPlace {
    /// Whether a normal path is this place or in it. Case does not matter, since it does not on some
    /// file systems.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        let (path, own) = (path.to_lowercase(), self.path.to_lowercase());
        path == own
            || path
                .strip_prefix(&own)
                .is_some_and(|rest| rest.starts_with('/'))
    }
}

/// Files with owners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOwnership {
    /// What they are, for messages: dependency or deployment files.
    pub what: String,
    /// Paths; one that ends in a slash is a folder with everything in it.
    pub paths: Vec<String>,
    /// Roles, or seats, that may write them.
    pub owners: Vec<String>,
}

impl FileOwnership {
    /// What declares dependencies, and who may change it unless the rules say otherwise.
    #[must_use]
    pub fn dependencies(paths: Vec<String>, owners: Vec<String>) -> Self {
        Self {
            what: "dependency file".to_owned(),
            paths: or(
                paths,
                &[
                    "agent_output/dependencies/",
                    "pyproject.toml",
                    "requirements.txt",
                    "requirements-dev.txt",
                    "package.json",
                ],
            ),
            owners: or(owners, &["dependency_manager"]),
        }
    }

    /// What puts the result into service, and who may change it unless the rules say otherwise.
    #[must_use]
    pub fn deployment(paths: Vec<String>, owners: Vec<String>) -> Self {
        Self {
            what: "deployment file".to_owned(),
            paths: or(
                paths,
                &[
                    "agent_output/deployment/",
                    "Dockerfile",
                    "docker-compose.yml",
                    "docker-compose.yaml",
                ],
            ),
            owners: or(owners, &["deployment_planner"]),
        }
    }
}

fn or(given: Vec<String>, default: &[&str]) -> Vec<String> {
    if given.is_empty() {
        default.iter().map(|word| (*word).to_owned()).collect()
    } else {
        given
    }
}
