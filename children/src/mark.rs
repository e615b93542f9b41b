//! The mark that child processes carry in their environment and hand down to their descendants, so
//! that those who leave the process group are still found.

use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

/// The variable that holds the mark.
pub const VARIABLE: &str = "ORKET_CHILD_OF";

/// Who marks: one owner of one data folder.
#[derive(Debug)]
pub struct Marker {
    folder: String,
    owner: String,
    next: AtomicU64,
}

/// The mark of one child: `<data folder>:<fence>:<owner>-<number>`. The number tells apart children
/// of cards whose fences happen to be equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mark(String);

/// What a process's environment says of where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// No mark, or the mark of another data folder.
    Foreign,
    /// A child of this very owner.
    Own,
    /// A child of an earlier owner of this data folder.
    Earlier,
}

impl Marker {
    /// A new owner of the data folder with this id.
    #[must_use]
    pub fn new(data_folder_id: &str) -> Self {
        let owner = uuid::Uuid::new_v4().simple().to_string();
        Self {
            folder: data_folder_id.to_owned(),
            owner: owner.get(..12).unwrap_or(&owner).to_owned(),
            next: AtomicU64::new(1),
        }
    }

    /// The mark of the next child.
    pub fn next(&self, fence: i64) -> Mark {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Mark(format!("{}:{fence}:{}-{number}", self.folder, self.owner))
    }

    /// The data folder's id.
    #[must_use]
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// This owner's part of its marks.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Reads where a process comes from.
    #[must_use]
    pub fn origin(&self, environment: &[u8]) -> Origin {
        let Some(value) = value_in(environment) else {
            return Origin::Foreign;
        };
        let Some(rest) = value.strip_prefix(self.folder.as_str()) else {
            return Origin::Foreign;
        };
        let Some(rest) = rest.strip_prefix(':') else {
            return Origin::Foreign;
        };
        let owner = rest.split_once(':').map(|(_fence, owner)| owner);
        match owner.and_then(|owner| owner.strip_prefix(self.owner.as_str())) {
            Some(number) if number.starts_with('-') => Origin::Own,
            Some(_) | None => Origin::Earlier,
        }
    }
}

impl Mark {
    /// The variable's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The mark in an environment as `/proc/PID/environ` gives it: `NAME=value` ended by NUL each.
#[must_use]
pub fn value_in(environment: &[u8]) -> Option<&str> {
    environment
        .split(|byte| *byte == 0)
        .find_map(|entry| entry.strip_prefix(VARIABLE.as_bytes())?.strip_prefix(b"="))
        .and_then(|value| std::str::from_utf8(value).ok())
}

/// A short id of a data folder, made from its canonical path: the same at every start.
///
/// # Errors
///
/// When the folder is not there.
pub fn data_folder_id(folder: &std::path::Path) -> std::io::Result<String> {
    let canonical = folder.canonicalize()?;
    let hex = format!(
        "{:x}",
        Sha256::digest(canonical.as_os_str().as_encoded_bytes())
    );
    Ok(hex.get(..16).unwrap_or(&hex).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_tells_own_children_from_those_of_earlier_owners_and_other_folders() {
        let (earlier, own) = (Marker::new("f00d"), Marker::new("f00d"));
        let environment = |mark: &Mark| format!("A=b\0{VARIABLE}={}\0C=d\0", mark.as_str());
        let origin = |text: String| own.origin(text.as_bytes());
        assert_eq!(origin(environment(&own.next(7))), Origin::Own);
        assert_eq!(origin(environment(&earlier.next(7))), Origin::Earlier);
        assert_eq!(origin(format!("{VARIABLE}=f00d:7\0")), Origin::Earlier);
        assert_eq!(
            origin(environment(&Marker::new("f00").next(7))),
            Origin::Foreign
        );
        assert_eq!(
            origin(environment(&Marker::new("f00d1").next(7))),
            Origin::Foreign
        );
        assert_eq!(origin(format!("X{VARIABLE}=f00d:7\0")), Origin::Foreign);
        assert_eq!(origin("A=b\0".to_owned()), Origin::Foreign);
    }
}
