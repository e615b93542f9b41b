//! Reading, judging and storing new values.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Effective, Field, GITEA, MICROSERVICES, Policy};
use crate::config::lookup::{ConfigError, Sources};

/// Why a value is refused.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Objection {
    /// There is no such setting here.
    UnknownSetting {
        /// What was given.
        field: String,
        /// In words.
        message: String,
    },
    /// It is none of the values.
    InvalidValue {
        /// The setting.
        field: &'static str,
        /// What was given.
        provided: Value,
        /// What may be given.
        allowed_values: Vec<&'static str>,
        /// In words.
        message: String,
    },
    /// It is a value that may not be chosen as things stand.
    PolicyGuard {
        /// The setting.
        field: &'static str,
        /// In words.
        message: String,
    },
}

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq)]
pub enum Refused {
    /// It is wrong.
    Objections(Vec<Objection>),
    /// Something else in the settings is.
    Config(ConfigError),
}

impl From<ConfigError> for Refused {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

/// Puts what is given into the user settings of `sources`; null takes a value back. Other keys stay
/// as they are. The fields that were given, in their order, and what holds afterwards.
///
/// # Errors
///
/// [`Refused`] with everything that is wrong, unknown settings first. `sources` is to be thrown away
/// then.
pub fn change(
    sources: &mut Sources,
    given: &Map<String, Value>,
    unlocked: bool,
) -> Result<(Vec<Field>, Policy), Refused> {
    let unknown = given
        .keys()
        .filter(|key| Field::of(key).is_none())
        .take(MOST_OBJECTIONS);
    let mut objections: Vec<Objection> = unknown.map(|key| unknown_setting(key)).collect();
    let mut changed = Vec::new();
    for (key, value) in given {
        let Some(field) = Field::of(key) else {
            continue;
        };
        match read(field, value, unlocked) {
            Ok(value) => {
                store(field, value, &mut sources.user_settings);
                changed.push(field);
            }
            Err(objection) => objections.push(*objection),
        }
    }
    let is_about_gitea = |field: &Field| {
        matches!(
            field,
            Field::StateBackendMode | Field::GiteaStatePilotEnabled
        )
    };
    if changed.iter().any(is_about_gitea) {
        match without_its_pilot(sources) {
            Ok(objection) => objections.extend(objection),
            Err(error) if objections.is_empty() => return Err(error.into()),
            // Told when the request itself is right.
            Err(_) => {}
        }
    }
    if !objections.is_empty() {
        return Err(Refused::Objections(objections));
    }
    let policy = Policy::of(sources, unlocked)?;
    Ok((changed, policy))
}

/// A word, a number or a truth value as text; an empty text is none.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Unknown settings that one answer names.
const MOST_OBJECTIONS: usize = 50;

fn unknown_setting(key: &str) -> Objection {
    let known: Vec<&str> = Field::ALL.iter().map(|field| field.key()).collect();
    Objection::UnknownSetting {
        field: key.to_owned(),
        message: format!("there is no such setting here; known: {}", known.join(", ")),
    }
}

/// The value in its normal form; none for null.
fn read(
    field: Field,
    value: &Value,
    unlocked: bool,
) -> Result<Option<&'static str>, Box<Objection>> {
    if value.is_null() {
        return Ok(None);
    }
    let text = plain(value).filter(|_| field.is_flag() || value.is_string());
    match text.and_then(|text| field.knob().read(&text).ok()) {
        Some(MICROSERVICES) if !unlocked => Err(Box::new(Objection::PolicyGuard {
            field: field.key(),
            message: "microservices are locked; enable_microservices or the unlock report unlocks \
                      them"
                .to_owned(),
        })),
        Some(value) => Ok(Some(value)),
        None => {
            let allowed_values = field.allowed(unlocked);
            let message = if field.is_flag() {
                "must be true or false, or a word for it".to_owned()
            } else {
                format!("must be one of: {}", allowed_values.join(", "))
            };
            Err(Box::new(Objection::InvalidValue {
                field: field.key(),
                provided: value.clone(),
                allowed_values,
                message,
            }))
        }
    }
}

fn store(field: Field, value: Option<&'static str>, user_settings: &mut Map<String, Value>) {
    match value {
        Some(value) => {
            user_settings.insert(field.key().to_owned(), field.json(value));
        }
        None => {
            for key in [field.key(), field.variable()] {
                user_settings.shift_remove(key);
            }
        }
    }
}

/// Whether state would be kept in Gitea without leave, whoever said so.
fn without_its_pilot(sources: &Sources) -> Result<Option<Objection>, ConfigError> {
    let backend = Effective::of(Field::StateBackendMode, sources, true)?;
    let pilot = Effective::of(Field::GiteaStatePilotEnabled, sources, true)?;
    if backend.value != GITEA || pilot.is_true() {
        return Ok(None);
    }
    Ok(Some(Objection::PolicyGuard {
        field: Field::StateBackendMode.key(),
        message: format!(
            "gitea (from: {}) needs gitea_state_pilot_enabled, which is false (from: {})",
            backend.origin, pilot.origin
        ),
    }))
}
