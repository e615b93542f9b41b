//! Settings that follow their files: what an operator or a dashboard writes into
//! `user_settings.json`, `preferences.json` or the organization holds from the next request and the
//! next run on. Flags, environment and `.env` stay as they were when the process began.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use super::lookup::ConfigError;
use super::settings::{self, Settings};
use super::{Sources, save};

/// Reads the organization's `process_rules`.
pub type ReadRules = Box<dyn Fn() -> Result<Map<String, Value>, ConfigError> + Send + Sync>;

/// See the file's head. Reading it blocks for a few small files.
pub struct LiveSettings {
    process: Sources,
    durable_root: PathBuf,
    rules: ReadRules,
    /// Held by whoever changes the user settings, from reading to writing.
    changing: Mutex<()>,
}

impl LiveSettings {
    /// Over what the process began with; `rules` reads the organization again.
    #[must_use]
    pub fn new(process: Sources, rules: ReadRules) -> Self {
        Self {
            durable_root: settings::durable_root(&process),
            process,
            rules,
            changing: Mutex::new(()),
        }
    }

    /// The data folder.
    #[must_use]
    pub fn durable_root(&self) -> &std::path::Path {
        &self.durable_root
    }

    /// The file of keys, where one is named.
    #[must_use]
    pub fn keys_file(&self) -> Option<PathBuf> {
        let variable = super::variable::find("ORKET_API_KEYS_FILE")?;
        let (path, _) = self.process.text(variable, variable.name)?;
        Some(self.process.cwd.join(path))
    }

    /// The microservices report that flags, environment or `.env` name, else the usual one. One that
    /// only a file of settings names is found through that file.
    #[must_use]
    pub fn unlock_report(&self) -> Option<String> {
        let variable = super::variable::find("ORKET_MICROSERVICES_UNLOCK_REPORT")?;
        let named = self
            .process
            .text(variable, variable.name)
            .map(|(text, _)| text);
        Some(named.unwrap_or_else(|| variable.default.to_owned()))
    }

    /// All sources as they are now.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a file is broken.
    pub fn sources(&self) -> Result<Sources, ConfigError> {
        Ok(Sources {
            organization: (self.rules)()?,
            user_settings: settings::read_user_settings(&self.durable_root)?,
            ..self.process.clone()
        })
    }

    /// All settings as `sources` have them.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a file is broken or a value is not what it must be.
    pub fn resolve(&self, sources: &Sources) -> Result<Settings, ConfigError> {
        let mut settings = Settings::resolve(sources)?;
        settings.preferences =
            settings::read_preferences(&self.durable_root, &sources.user_settings)?;
        Ok(settings)
    }

    /// All settings as they are now.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a file is broken or a value is not what it must be.
    pub fn now(&self) -> Result<Settings, ConfigError> {
        self.resolve(&self.sources()?)
    }
    /// Changes the user settings. `change` is given all sources as they are, and puts into
    /// `user_settings` what is to be written; nothing is when it fails. One change at a time. Blocks.
    ///
    /// # Errors
    ///
    /// What `change` says; [`ConfigError`] when a file is broken or cannot be written.
    pub fn change<T, E: From<ConfigError>>(
        &self,
        change: impl FnOnce(&mut Sources) -> Result<T, E>,
    ) -> Result<T, E> {
        // The files are whole whatever a panic left behind.
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sources = self.sources()?;
        let before = sources.user_settings.clone();
        let changed = change(&mut sources)?;
        if sources.user_settings != before {
            save::user_settings(&self.durable_root, &sources.user_settings)?;
        }
        Ok(changed)
    }
}
