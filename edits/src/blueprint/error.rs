//! Why no project is made.

use super::Blueprint;

/// Why no project is made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlueprintError {
    /// There is no such blueprint.
    #[error("there is no blueprint `{0}`")]
    Unknown(String),
    /// The project cannot be called so.
    #[error("`{name}` cannot be the name of a project")]
    Name {
        /// The name.
        name: String,
        /// One like it that it can have, when there is one.
        instead: Option<String>,
    },
    /// The language of the blueprint keeps the name for itself.
    #[error(
        "`{name}` cannot be the name of a project of `{blueprint}`: the language or its tools use it"
    )]
    Reserved {
        /// The name.
        name: String,
        /// The blueprint.
        blueprint: &'static str,
    },
    /// The blueprint has no such variable.
    #[error("`{blueprint}` has no variable `{name}`")]
    Variable {
        /// The variable.
        name: String,
        /// The blueprint.
        blueprint: &'static str,
        /// Those that it has.
        known: Vec<&'static str>,
    },
    /// A value is not as it must be.
    #[error("the value of `{name}` {why}")]
    Value {
        /// The variable.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

impl BlueprintError {
    /// The code of `docs/errors`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "E_BLUEPRINT_NOT_FOUND",
            Self::Name { .. }
            | Self::Reserved { .. }
            | Self::Variable { .. }
            | Self::Value { .. } => "E_INIT_CONFIG_INVALID",
        }
    }

    /// What to do.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown(_) => {
                let names: Vec<&str> = super::list().iter().map(Blueprint::name).collect();
                format!("choose from {}", names.join(", "))
            }
            Self::Name { instead, .. } => {
                let rule = "a name has up to 64 lower-case letters, digits, `-` and `_`, and begins with a letter";
                match instead {
                    Some(instead) => format!("{rule}: `{instead}` would do"),
                    None => rule.to_owned(),
                }
            }
            Self::Reserved { .. } => "choose another name".to_owned(),
            Self::Variable { known, .. } => {
                format!(
                    "the variables are {}: `--vars {}=…`",
                    known.join(", "),
                    known.first().unwrap_or(&"name")
                )
            }
            Self::Value { .. } => "give it another value with `--vars`".to_owned(),
        }
    }
}
