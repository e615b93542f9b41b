//! How far a prompt has got.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// See the file's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Being written.
    Draft,
    /// Ready to be tried out.
    Candidate,
    /// Tried out.
    Canary,
    /// In use.
    Stable,
    /// No longer used.
    Deprecated,
}

/// A word that is no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of: draft, candidate, canary, stable, deprecated")]
pub struct NoStatus(pub String);

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Draft,
        Self::Candidate,
        Self::Canary,
        Self::Stable,
        Self::Deprecated,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Candidate => "candidate",
            Self::Canary => "canary",
            Self::Stable => "stable",
            Self::Deprecated => "deprecated",
        }
    }

    /// Where it may go from here.
    #[must_use]
    pub const fn next(self) -> &'static [Self] {
        match self {
            Self::Draft => &[Self::Candidate, Self::Canary, Self::Deprecated],
            Self::Candidate => &[Self::Canary, Self::Stable, Self::Deprecated],
            Self::Canary => &[Self::Stable, Self::Deprecated],
            Self::Stable => &[Self::Deprecated],
            Self::Deprecated => &[],
        }
    }

    /// Whether a promotion report counts on the way to it.
    #[must_use]
    pub const fn is_guarded(self) -> bool {
        matches!(self, Self::Canary | Self::Stable)
    }
}

impl FromStr for Status {
    type Err = NoStatus;

    fn from_str(text: &str) -> Result<Self, NoStatus> {
        let word = text.trim().to_lowercase();
        let found = Self::ALL.into_iter().find(|it| it.as_str() == word);
        found.ok_or_else(|| NoStatus(text.to_owned()))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_reads_like_the_reference() {
        let lines: Vec<String> = Status::ALL
            .iter()
            .map(|from| {
                let to: Vec<&str> = from.next().iter().map(|it| it.as_str()).collect();
                format!("{from}: {}", to.join(", "))
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        draft: candidate, canary, deprecated
        candidate: canary, stable, deprecated
        canary: stable, deprecated
        stable: deprecated
        deprecated: 
        ");
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert!(!status.next().contains(&status), "nothing moves to itself");
            assert!(
                status.next().iter().all(|next| *next > status),
                "and nothing goes back"
            );
        }
        assert!("retired".parse::<Status>().is_err());
    }
}
