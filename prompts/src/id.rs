//! Which prompt is meant.

use std::fmt;
use std::str::FromStr;

use orket_core::asset::{Asset, Dialect, Role, name};
use serde::Serialize;

use crate::error::PromptError;

/// What a prompt belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A role.
    Role,
    /// A dialect.
    Dialect,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Role, Self::Dialect];

    /// `role`, `dialect`; also the key that its file may be wrapped in.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role => Role::KIND,
            Self::Dialect => Dialect::KIND,
        }
    }

    /// The folder of its files.
    #[must_use]
    pub const fn category(self) -> &'static str {
        match self {
            Self::Role => Role::CATEGORY,
            Self::Dialect => Dialect::CATEGORY,
        }
    }
}

/// `role.NAME` or `dialect.NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PromptId {
    /// What it belongs to.
    pub kind: Kind,
    /// The name of its asset.
    pub name: String,
}

impl FromStr for PromptId {
    type Err = PromptError;

    fn from_str(text: &str) -> Result<Self, PromptError> {
        let wrong = |reason: String| PromptError::Id {
            id: text.to_owned(),
            reason,
        };
        let (kind, name) = text
            .split_once('.')
            .ok_or_else(|| wrong("it must be role.NAME or dialect.NAME".to_owned()))?;
        let kind = Kind::ALL.into_iter().find(|it| it.as_str() == kind);
        let kind =
            kind.ok_or_else(|| wrong("it begins with neither role nor dialect".to_owned()))?;
        name::check(name).map_err(wrong)?;
        Ok(Self {
            kind,
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for PromptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind.as_str(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        for good in ["role.coder", "dialect.deepseek-r1"] {
            assert_eq!(good.parse::<PromptId>().unwrap().to_string(), good);
        }
        for bad in [
            "coder",
            "role",
            "role.",
            "skill.coder",
            "role.../x",
            "role.a/b",
            "Role.coder",
        ] {
            let error = bad.parse::<PromptId>().unwrap_err();
            assert_eq!(error.code(), "E_PROMPT_ID", "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_id_or_refused(text in ".{0,40}") {
            if let Ok(id) = text.parse::<PromptId>() {
                prop_assert_eq!(id.to_string(), text);
                prop_assert!(!id.name.contains(['/', '\\']));
            }
        }
    }
}
