//! Which repository, which pull.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A repository: `owner/name`. Both are names that can be a segment of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoRef {
    owner: String,
    name: String,
}

/// Not the name of a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a repository is written owner/name, without blanks, slashes and dots alone in either")]
pub struct InvalidRef;

impl RepoRef {
    /// A repository of a person or an organization.
    ///
    /// # Errors
    /// When one of them is empty, is `.` or `..`, or holds a slash, a blank or a control character.
    pub fn new(owner: impl Into<String>, name: impl Into<String>) -> Result<Self, InvalidRef> {
        let (owner, name) = (owner.into(), name.into());
        let fits = |text: &str| {
            !matches!(text, "" | "." | "..")
                && !text
                    .chars()
                    .any(|c| c == '/' || c == '\\' || c.is_whitespace() || c.is_control())
        };
        if fits(&owner) && fits(&name) {
            Ok(Self { owner, name })
        } else {
            Err(InvalidRef)
        }
    }

    /// Login of the person or name of the organization.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Name of the repository.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for RepoRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl FromStr for RepoRef {
    type Err = InvalidRef;
    fn from_str(text: &str) -> Result<Self, InvalidRef> {
        let (owner, name) = text.split_once('/').ok_or(InvalidRef)?;
        Self::new(owner, name)
    }
}

impl TryFrom<String> for RepoRef {
    type Error = InvalidRef;
    fn try_from(text: String) -> Result<Self, InvalidRef> {
        text.parse()
    }
}

impl From<RepoRef> for String {
    fn from(repo: RepoRef) -> Self {
        repo.to_string()
    }
}

/// A pull request: `owner/name#number`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PullRef {
    /// Where it is to be merged.
    pub repo: RepoRef,
    /// Its number there.
    pub number: u64,
}

impl fmt::Display for PullRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.repo, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_taken() {
        let repo: RepoRef = serde_json::from_str(r#""acme/shop""#).unwrap();
        assert_eq!((repo.owner(), repo.name()), ("acme", "shop"));
        assert_eq!(serde_json::to_string(&repo).unwrap(), r#""acme/shop""#);
        for text in [
            "", "acme", "/shop", "acme/", "../shop", "acme/..", "a/b/c", "a b/c", "a/b\n",
        ] {
            assert_eq!(text.parse::<RepoRef>(), Err(InvalidRef), "{text}");
        }
    }
}
