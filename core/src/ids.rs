//! Identifiers, checked where they enter: they become file names, so they may hold nothing that
//! could climb out of a folder. Case is kept.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The most characters an identifier may have.
pub const MAX_LEN: usize = 128;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("an identifier must not be empty")]
    Empty,
    /// Longer than [`MAX_LEN`].
    #[error("`{0}` is longer than {MAX_LEN} characters")]
    TooLong(String),
    /// Something other than letters, digits, `.`, `_` and `-`, or a leading dot or dash.
    #[error(
        "`{0}` is not an identifier: use letters, digits, `.`, `_` and `-`, and begin with a letter, a digit or `_`"
    )]
    Characters(String),
}

fn check(text: &str) -> Result<(), IdError> {
    let Some(first) = text.chars().next() else {
        return Err(IdError::Empty);
    };
    if text.chars().count() > MAX_LEN {
        return Err(IdError::TooLong(
            text.chars().take(32).collect::<String>() + "…",
        ));
    }
    let starts_well = first.is_alphanumeric() || first == '_';
    let all_allowed = text
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if starts_well && all_allowed {
        Ok(())
    } else {
        Err(IdError::Characters(text.to_owned()))
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text and makes it an identifier.
            ///
            /// # Errors
            ///
            /// [`IdError`] when the text could not be a file name of its own.
            pub fn new(text: impl AsRef<str>) -> Result<Self, IdError> {
                check(text.as_ref())?;
                Ok(Self(Arc::from(text.as_ref())))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

id! {
    /// One run of an epic; the reference system calls it a session.
    RunId
}
id! {
    /// One build: the set of cards that a run, and the runs that continue it, work on.
    BuildId
}
id! {
    /// One card, unique within its build.
    CardId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_cannot_climb_out_of_a_folder() {
        for bad in [
            "", ".", "..", "a/b", "../x", "a\\b", "-rf", ".hidden", "a b", "a\0b", "a:b",
        ] {
            assert!(CardId::new(bad).is_err(), "{bad:?} was accepted");
        }
        for good in [
            "I-1",
            "ISSUE-4F2A",
            "a.b",
            "_x",
            "Ärger",
            "build-golden_flow",
        ] {
            assert_eq!(CardId::new(good).map(String::from), Ok(good.to_owned()));
        }
    }
}
