//! The settings that are shown and changed over HTTP: what holds, where it came from, what is
//! refused. Everything that changes them goes through [`change`].
//!
//! # Layout
//!
//! - this file: the settings and their values.
//! - [`locks`]: what the reports of the benchmarks allow.
//! - [`change`]: reading, judging and storing new values.

pub mod change;
pub mod locks;
#[cfg(test)]
mod tests;

use orket_core::stages::knob::{self, Knob};
use serde_json::{Map, Value};

pub use change::{Objection, Refused, change};
pub use locks::Locks;

use super::lookup::{ConfigError, Origin, Sources};
use super::settings;

/// The architecture that is locked until a report unlocks it.
pub const MICROSERVICES: &str = "force_microservices";
/// What holds instead while it is locked.
const MONOLITH: &str = "force_monolith";
/// The backend that needs its pilot.
const GITEA: &str = "gitea";
const TRUE: &str = "true";

/// One of these settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Which shape products have.
    ArchitectureMode,
    /// Which framework frontends are built with.
    FrontendFrameworkMode,
    /// What products show of themselves.
    ProjectSurfaceProfile,
    /// Who builds small projects.
    SmallProjectBuilderVariant,
    /// Where state is kept.
    StateBackendMode,
    /// Whether state may be kept in Gitea.
    GiteaStatePilotEnabled,
}

impl Field {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::ArchitectureMode,
        Self::FrontendFrameworkMode,
        Self::ProjectSurfaceProfile,
        Self::SmallProjectBuilderVariant,
        Self::StateBackendMode,
        Self::GiteaStatePilotEnabled,
    ];

    /// The field with this key.
    #[must_use]
    pub fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.key() == key)
    }

    /// Its key in settings files and requests.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::GiteaStatePilotEnabled => "gitea_state_pilot_enabled",
            other => other.knob().key,
        }
    }

    /// Its variable.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::ArchitectureMode => "ORKET_ARCHITECTURE_MODE",
            Self::FrontendFrameworkMode => "ORKET_FRONTEND_FRAMEWORK_MODE",
            Self::ProjectSurfaceProfile => "ORKET_PROJECT_SURFACE_PROFILE",
            Self::SmallProjectBuilderVariant => "ORKET_SMALL_PROJECT_BUILDER_VARIANT",
            Self::StateBackendMode => "ORKET_STATE_BACKEND_MODE",
            Self::GiteaStatePilotEnabled => "ORKET_ENABLE_GITEA_STATE_PILOT",
        }
    }

    /// Its values, and the other words for them.
    #[must_use]
    pub fn knob(self) -> &'static Knob {
        match self {
            Self::ArchitectureMode => &knob::ARCHITECTURE_MODE,
            Self::FrontendFrameworkMode => &knob::FRONTEND_FRAMEWORK_MODE,
            Self::ProjectSurfaceProfile => &knob::PROJECT_SURFACE_PROFILE,
            Self::SmallProjectBuilderVariant => &knob::SMALL_PROJECT_BUILDER_VARIANT,
            Self::StateBackendMode => &knob::STATE_BACKEND_MODE,
            Self::GiteaStatePilotEnabled => &knob::FLAG,
        }
    }

    /// Whether it is true or false rather than a word.
    #[must_use]
    pub const fn is_flag(self) -> bool {
        matches!(self, Self::GiteaStatePilotEnabled)
    }

    /// What is shown when nobody set it. Surface and builder have no effect on runs then.
    #[must_use]
    pub const fn default(self) -> &'static str {
        match self {
            Self::ArchitectureMode => MONOLITH,
            Self::FrontendFrameworkMode => "force_vue",
            Self::ProjectSurfaceProfile => "unspecified",
            Self::SmallProjectBuilderVariant => "auto",
            Self::StateBackendMode => "local",
            Self::GiteaStatePilotEnabled => "false",
        }
    }

    /// Its values, without those that are locked.
    #[must_use]
    pub fn allowed(self, unlocked: bool) -> Vec<&'static str> {
        if self.is_flag() {
            return vec!["enabled", "disabled"];
        }
        let values = self.knob().values.iter().map(|(value, _)| *value);
        values
            .filter(|value| unlocked || *value != MICROSERVICES)
            .collect()
    }

    /// Its value as it is stored and answered: a word, or true or false.
    #[must_use]
    pub fn json(self, value: &'static str) -> Value {
        if self.is_flag() {
            Value::Bool(value == TRUE)
        } else {
            Value::from(value)
        }
    }

    /// What the user settings say, in its normal form; their own words when it has none.
    #[must_use]
    pub fn stored(self, user_settings: &Map<String, Value>) -> Option<Value> {
        let stored = user_settings.get(self.key())?;
        let text = match stored {
            Value::Array(_) | Value::Object(_) => stored.to_string(),
            plain => change::plain(plain)?,
        };
        let value = self.knob().read(&text);
        Some(value.map_or(Value::String(text), |value| self.json(value)))
    }
}

/// What holds, and who said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The value, in its normal form.
    pub value: &'static str,
    /// Where it came from.
    pub origin: Origin,
}

impl Effective {
    /// Of a setting that is true or false.
    #[must_use]
    pub fn is_true(&self) -> bool {
        self.value == TRUE
    }

    fn of(field: Field, sources: &Sources, unlocked: bool) -> Result<Self, ConfigError> {
        let shown = settings::one(sources, field.variable())?;
        let value = match &shown.value {
            Some(text) => field.knob().read(text),
            None => Ok(field.default()),
        };
        let value = value.map_err(|unknown| ConfigError::Values(vec![unknown]))?;
        let is_locked = value == MICROSERVICES && !unlocked;
        Ok(Self {
            value: if is_locked { MONOLITH } else { value },
            origin: shown.origin,
        })
    }
}

/// What holds of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Which shape products have.
    pub architecture_mode: Effective,
    /// Which framework frontends are built with.
    pub frontend_framework_mode: Effective,
    /// What products show of themselves.
    pub project_surface_profile: Effective,
    /// Who builds small projects.
    pub small_project_builder_variant: Effective,
    /// Where state is kept.
    pub state_backend_mode: Effective,
    /// Whether state may be kept in Gitea.
    pub gitea_state_pilot_enabled: Effective,
}

impl Policy {
    /// As `sources` have it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when one of the values is not what it must be.
    pub fn of(sources: &Sources, unlocked: bool) -> Result<Self, ConfigError> {
        let of = |field| Effective::of(field, sources, unlocked);
        Ok(Self {
            architecture_mode: of(Field::ArchitectureMode)?,
            frontend_framework_mode: of(Field::FrontendFrameworkMode)?,
            project_surface_profile: of(Field::ProjectSurfaceProfile)?,
            small_project_builder_variant: of(Field::SmallProjectBuilderVariant)?,
            state_backend_mode: of(Field::StateBackendMode)?,
            gitea_state_pilot_enabled: of(Field::GiteaStatePilotEnabled)?,
        })
    }
}
