//! Finds the text of a variable and says where it came from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Map, Value};

use super::variable::{MODEL_PREFIX, Variable, file_key, find};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "from", content = "name")]
pub enum Origin {
    /// `--set`.
    Flag,
    /// The environment, under this name.
    Environment(String),
    /// `.env` of the current folder, under this name.
    EnvFile(String),
    /// `process_rules` of the organization.
    Organization,
    /// `user_settings.json`.
    UserSettings,
    /// Nobody said anything.
    Default,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::EnvFile(name) => write!(f, ".env {name}"),
            Self::Organization => f.write_str("organization"),
            Self::UserSettings => f.write_str("user settings"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Everything that may hold a value.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// `--set NAME=VALUE`.
    pub flags: BTreeMap<String, String>,
    /// The process's environment.
    pub environment: BTreeMap<String, String>,
    /// `.env`, what the environment does not have.
    pub env_file: BTreeMap<String, String>,
    /// The organization's `process_rules`.
    pub organization: Map<String, Value>,
    /// `user_settings.json`.
    pub user_settings: Map<String, Value>,
    /// The current folder.
    pub cwd: PathBuf,
}

/// Why settings could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A file is there and cannot be read.
    #[error("cannot read {path}: {reason}")]
    File {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// A file could not be written.
    #[error("cannot write {path}: {reason}")]
    Unwritten {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// `--set` is not `NAME=VALUE` with a known name.
    #[error("--set {0}: {1}")]
    Flag(String, String),
    /// Values that are not what they must be, one sentence each.
    #[error("{}", .0.join("\n"))]
    Values(Vec<String>),
    /// The same, at least one of them of `--set`.
    #[error("{}", .0.join("\n"))]
    FlagValues(Vec<String>),
}

impl Sources {
    /// Reads environment and `.env`; the files below the data folder come later, once it is known.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when `--set` is malformed or `.env` cannot be read.
    pub fn of_process(flags: &[String]) -> Result<Self, ConfigError> {
        let cwd = std::env::current_dir().map_err(|error| ConfigError::File {
            path: ".".to_owned(),
            reason: error.to_string(),
        })?;
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let mut sources = Self {
            environment,
            cwd,
            ..Self::default()
        };
        for flag in flags {
            let (name, value) = flag
                .split_once('=')
                .ok_or_else(|| ConfigError::Flag(flag.clone(), "write NAME=VALUE".to_owned()))?;
            if find(name).is_none() {
                let reason = format!(
                    "there is no such variable{}; `orket config` lists them",
                    did_you_mean(name)
                );
                return Err(ConfigError::Flag(flag.clone(), reason));
            }
            sources.flags.insert(name.to_owned(), value.to_owned());
        }
        sources.read_env_file()?;
        Ok(sources)
    }

    fn read_env_file(&mut self) -> Result<(), ConfigError> {
        let path = self.cwd.join(".env");
        if !path.is_file() {
            return Ok(());
        }
        let failed = |error: dotenvy::Error| ConfigError::File {
            path: path.display().to_string(),
            reason: error.to_string(),
        };
        for item in dotenvy::from_path_iter(&path).map_err(failed)? {
            let (name, value) = item.map_err(failed)?;
            if !self.environment.contains_key(&name) {
                self.env_file.insert(name, value);
            }
        }
        Ok(())
    }

    /// The text of a variable by one of its names and where it came from; an empty text counts as not
    /// set, but for `--set`.
    #[must_use]
    pub fn text(&self, variable: &Variable, name: &str) -> Option<(String, Origin)> {
        if let Some(text) = self.flags.get(name) {
            return Some((text.clone(), Origin::Flag));
        }
        let names = || std::iter::once(name).chain(variable.aliases.iter().copied());
        let in_map = |map: &BTreeMap<String, String>| {
            names().find_map(|name| {
                map.get(name)
                    .filter(|text| !text.trim().is_empty())
                    .map(|text| (text.clone(), name.to_owned()))
            })
        };
        if let Some((text, name)) = in_map(&self.environment) {
            return Some((text, Origin::Environment(name)));
        }
        if let Some((text, name)) = in_map(&self.env_file) {
            return Some((text, Origin::EnvFile(name)));
        }
        if !variable.in_files {
            return None;
        }
        let key = file_key(name);
        let in_file = |map: &Map<String, Value>| {
            map.get(&key)
                .or_else(|| map.get(name))
                .filter(|value| !value.is_null() && value.as_str().map(str::trim) != Some(""))
                .map(|value| match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                })
        };
        if let Some(text) = in_file(&self.organization) {
            return Some((text, Origin::Organization));
        }
        in_file(&self.user_settings).map(|text| (text, Origin::UserSettings))
    }

    /// Roles for which somebody names a model, by the full name of the variable.
    #[must_use]
    pub fn model_names(&self) -> Vec<String> {
        let maps = [&self.flags, &self.environment, &self.env_file];
        let mut names: Vec<String> = maps
            .into_iter()
            .flat_map(BTreeMap::keys)
            .filter(|name| name.starts_with(MODEL_PREFIX) && name.len() > MODEL_PREFIX.len())
            .cloned()
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Variables that begin with `ORKET_` and that nothing reads: most likely a slip of the pen.
    #[must_use]
    pub fn unknown(&self) -> Vec<String> {
        let mut unknown: Vec<String> = [&self.environment, &self.env_file]
            .into_iter()
            .flat_map(BTreeMap::keys)
            .filter(|name| name.starts_with("ORKET_") && find(name).is_none())
            .map(|name| format!("`{name}` is not read by orket{}", did_you_mean(name)))
            .collect();
        unknown.sort();
        unknown
    }
}

/// A guess for a few slips of the hand, fewer in a short name.
fn did_you_mean(name: &str) -> String {
    let own = name.strip_prefix("ORKET_").unwrap_or(name);
    let most = (own.len() / 3).min(3);
    let distance = |other: &str| edits(name.as_bytes(), other.as_bytes());
    super::variable::VARIABLES
        .iter()
        .map(|variable| (distance(variable.name), variable.name))
        .min()
        .filter(|(edits, _)| *edits <= most)
        .map(|(_, name)| format!("; did you mean `{name}`?"))
        .unwrap_or_default()
}

/// Levenshtein distance.
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut last = i + 1;
        let mut diagonal = i;
        for (to, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let changed = diagonal + usize::from(from != to);
            diagonal = *cell;
            last = changed.min(last + 1).min(*cell + 1);
            *cell = last;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}
