//! What the reports of the benchmarks allow.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::lookup::{ConfigError, Sources};
use crate::config::settings;
use crate::config::variable::file_key;
use crate::stages::unlock::{says, with_unlock};

const ENABLE: &str = "ORKET_ENABLE_MICROSERVICES";
const UNLOCK_REPORT: &str = "ORKET_MICROSERVICES_UNLOCK_REPORT";
const STABILITY_REPORT: &str = "ORKET_MICROSERVICES_PILOT_STABILITY_REPORT";

/// See the file's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locks {
    /// Whether microservices may be chosen.
    pub unlocked: bool,
    /// Whether the pilot with them is stable.
    pub stable: bool,
}

impl Locks {
    /// As the settings and the reports below `root` have it. Blocks for two small files.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a setting is not what it must be, or a report says neither yes nor no.
    pub fn read(sources: &Sources, root: &Path) -> Result<Self, ConfigError> {
        Ok(Self {
            unlocked: is_unlocked(sources, root)?,
            stable: is_stable(sources, root)?,
        })
    }
}

/// Whether microservices may be chosen. Blocks for a small file.
///
/// # Errors
///
/// [`ConfigError`] when a setting is not what it must be, or the report says neither yes nor no.
pub fn is_unlocked(sources: &Sources, root: &Path) -> Result<bool, ConfigError> {
    let mut modes = BTreeMap::new();
    for name in [ENABLE, UNLOCK_REPORT] {
        if let Some(value) = settings::one(sources, name)?.value {
            modes.insert(file_key(name), value);
        }
    }
    match with_unlock(modes, root) {
        Ok(modes) => Ok(modes
            .get(&file_key(ENABLE))
            .is_some_and(|text| text == "true")),
        Err((_, problem)) => Err(ConfigError::File {
            path: problem.file,
            reason: format!("{}: {}", problem.field, problem.message),
        }),
    }
}

fn is_stable(sources: &Sources, root: &Path) -> Result<bool, ConfigError> {
    const KEY: &str = "stable";
    let Some(report) = settings::one(sources, STABILITY_REPORT)?.value else {
        return Ok(false);
    };
    says(&root.join(&report), "stability report", KEY).map_err(|what| ConfigError::File {
        path: report,
        reason: format!("{KEY}: {what}"),
    })
}
