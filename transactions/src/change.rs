//! What a transaction does to files.

use std::path::Path;

use crate::refusal::{Code, Refusal};
use crate::tree::{FileState, Tree};

/// One file that is changed or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Relative to the root of the repository, with `/`.
    pub path: String,
    /// What it is now; `None` for a new file.
    pub before: Option<Before>,
    /// What it will hold.
    pub after: Vec<u8>,
}

/// A file as it was when the change was planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// Content and mode.
    pub state: FileState,
    /// Its owner and group.
    pub owner: (u32, u32),
    /// How many names it has.
    pub links: u64,
}

impl Change {
    /// A change of what is at `path` now, which was planned from `before`.
    ///
    /// # Errors
    ///
    /// `E_WORKTREE_CHANGED` when the file is not what the plan was made from, `E_INTERNAL` when it
    /// cannot be read.
    pub fn of(
        tree: &Tree,
        path: &str,
        before: Option<&[u8]>,
        after: Vec<u8>,
    ) -> Result<Self, Refusal> {
        let found = tree
            .read(Path::new(path))
            .map_err(|error| Refusal::of_io(path, &error))?;
        let is_as_planned = match (&found, before) {
            (Some(found), Some(before)) => found.contents == before,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !is_as_planned {
            return Err(changed(path));
        }
        Ok(Self {
            path: path.to_owned(),
            before: found.map(|found| Before {
                state: found.state,
                owner: found.owner,
                links: found.links,
            }),
            after,
        })
    }
}

/// Somebody changed this file meanwhile.
pub fn changed(path: &str) -> Refusal {
    Refusal::new(
        Code::WorktreeChanged,
        format!("{path} was changed by somebody else meanwhile; it was left as it is"),
    )
    .hint("see what changed: git status; then give the same command again")
}
