//! Names that come from outside and become names of files: roots, runs, turns, stems, types and ids.
//! Nothing that is made here can leave the folder it is put in.

use std::fmt;

use serde::Serialize;

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty, `.` or `..`, or has other characters.
    #[error("must be letters, digits, `.`, `_` and `-`, and neither `.` nor `..`")]
    Plain,
    /// A stem of the like.
    #[error(
        "must be segments of letters, digits, `.`, `_` and `-`, separated by `/`, none of them `.` or `..`"
    )]
    Stem,
    /// It would have the file name of something else.
    #[error("`.tombstone` at the end and `.json` in a folder's name are taken")]
    Taken,
    /// It is too long.
    #[error("is too long")]
    Long,
}

/// The longest plain name, in bytes.
const LONGEST_NAME: usize = 64;
/// The longest segment of a stem, in bytes; `.tombstone.json` still fits behind it.
const LONGEST_SEGMENT: usize = 200;
/// The longest stem, in bytes.
const LONGEST_STEM: usize = 1_024;
/// How many segments a stem may have.
const DEEPEST_STEM: usize = 16;
/// The longest escaped type or id, in bytes.
const LONGEST_ESCAPED: usize = 240;

fn is_plain(text: &str) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    !text.is_empty() && text != "." && text != ".." && text.as_bytes().iter().all(is_allowed)
}

/// The name of a root: one folder below `<workspace>/.orket/kernel/`. A single segment, so that no root
/// lies in another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootName(String);

/// The id of a run: `run-` and eight hexadecimal digits, or what a caller calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunName(String);

fn plain(text: &str) -> Result<String, NameError> {
    if text.len() > LONGEST_NAME {
        return Err(NameError::Long);
    }
    if !is_plain(text) {
        return Err(NameError::Plain);
    }
    Ok(text.to_owned())
}

impl RootName {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// [`NameError`].
    pub fn new(text: &str) -> Result<Self, NameError> {
        plain(text).map(Self)
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for RootName {
    fn default() -> Self {
        Self(".orket_kernel".to_owned())
    }
}

impl RunName {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// [`NameError`].
    pub fn new(text: &str) -> Result<Self, NameError> {
        plain(text).map(Self)
    }

    /// A new one.
    #[must_use]
    pub fn mint() -> Self {
        let (high, _) = uuid::Uuid::new_v4().as_u64_pair();
        Self(format!("run-{:08x}", high >> 32))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The number of a turn that can be promoted: `turn-` and exactly four digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TurnNumber(u16);

impl TurnNumber {
    /// Reads a turn id; nothing round the digits is allowed.
    #[must_use]
    pub fn of(turn_id: &str) -> Option<Self> {
        let digits = turn_id.strip_prefix("turn-")?;
        let is_number = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number {
            return None;
        }
        digits.parse().ok().map(Self)
    }

    /// The one before any turn.
    pub const NONE: Self = Self(0);

    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for TurnNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "turn-{:04}", self.0)
    }
}

/// What a body is called in the index: segments separated by `/`, dots kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Stem(String);

/// What the file of a tombstone ends with.
const TOMBSTONE: &str = ".tombstone";

impl Stem {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// [`NameError`].
    pub fn new(text: &str) -> Result<Self, NameError> {
        let segments: Vec<&str> = text.split('/').collect();
        let is_long = text.len() > LONGEST_STEM
            || segments.len() > DEEPEST_STEM
            || segments
                .iter()
                .any(|segment| segment.len() > LONGEST_SEGMENT);
        if is_long {
            return Err(NameError::Long);
        }
        if !segments.iter().all(|segment| is_plain(segment)) {
            return Err(NameError::Stem);
        }
        let (folders, is_tombstone) = match segments.split_last() {
            Some((last, folders)) => (folders, last.ends_with(TOMBSTONE)),
            None => (&[][..], false),
        };
        // `a.tombstone` would have the file of the tombstone of `a`, and `a.json/b` would need a
        // folder where `a` has its file.
        if is_tombstone || folders.iter().any(|folder| folder.ends_with(".json")) {
            return Err(NameError::Taken);
        }
        Ok(Self(text.to_owned()))
    }

    /// The file of its triplet, below `triplets/`.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}.json", self.0)
    }

    /// The file of its tombstone, below `triplets/`.
    #[must_use]
    pub fn tombstone_file(&self) -> String {
        format!("{}{TOMBSTONE}.json", self.0)
    }

    /// Which stem a file below `triplets/` is of, and whether it is its tombstone.
    #[must_use]
    pub fn of_file(file: &str) -> Option<(Self, bool)> {
        let name = file.strip_suffix(".json")?;
        let (stem, is_tombstone) = match name.strip_suffix(TOMBSTONE) {
            Some(stem) => (stem, true),
            None => (name, false),
        };
        Some((Self::new(stem).ok()?, is_tombstone))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Stem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Stem {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// A text as one segment of a path: `% / \ :` and control characters as `%` and two hexadecimal
/// digits, and dots where they alone would make a segment with a meaning. `None` when it is empty or
/// too long.
#[must_use]
pub fn escaped(text: &str) -> Option<String> {
    let is_dots = text == "." || text == "..";
    let mut segment = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '%' => segment.push_str("%25"),
            '/' => segment.push_str("%2F"),
            '\\' => segment.push_str("%5C"),
            ':' => segment.push_str("%3A"),
            '.' if is_dots => segment.push_str("%2E"),
            control if control.is_ascii_control() => {
                segment.push_str(&format!("%{:02X}", u32::from(control)));
            }
            other => segment.push(other),
        }
    }
    (!segment.is_empty() && segment.len() <= LONGEST_ESCAPED).then_some(segment)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for good in ["a", ".orket_kernel", "run-0a1b2c3d", "a..b", "..."] {
            assert_eq!(RootName::new(good).map(|name| name.0), Ok(good.to_owned()));
        }
        for bad in [
            "", ".", "..", "a/b", "/a", "a\\b", "ä", "a b", "a\0", "~", "a:b", "a\n",
        ] {
            assert_eq!(RootName::new(bad), Err(NameError::Plain), "{bad}");
            assert_eq!(RunName::new(bad), Err(NameError::Plain), "{bad}");
        }
        assert_eq!(RunName::new(&"a".repeat(65)), Err(NameError::Long));
    }

    #[test]
    fn stems_keep_their_dots_and_stay_where_they_are_put() {
        let stem = Stem::new("a/b.v1").unwrap();
        assert_eq!(stem.file(), "a/b.v1.json");
        assert_eq!(stem.tombstone_file(), "a/b.v1.tombstone.json");
        assert_eq!(Stem::of_file("a/b.v1.json"), Some((stem.clone(), false)));
        assert_eq!(Stem::of_file("a/b.v1.tombstone.json"), Some((stem, true)));
        for bad in [
            "", "/a", "a/", "a//b", "../a", "a/../b", "a/.", "a\\b", "ä", "a\0",
        ] {
            assert_eq!(Stem::new(bad), Err(NameError::Stem), "{bad}");
        }
        for taken in ["a.tombstone", "x/a.tombstone", "a.json/b"] {
            assert_eq!(Stem::new(taken), Err(NameError::Taken), "{taken}");
        }
        assert!(Stem::new("a.json").is_ok());
        let deep = vec!["a"; 17].join("/");
        for long in [&"a".repeat(201), &deep] {
            assert_eq!(Stem::new(long), Err(NameError::Long));
        }
        for file in ["a.txt", ".json", "../a.json"] {
            assert_eq!(Stem::of_file(file), None, "{file}");
        }
    }

    #[test]
    fn turns_are_numbered_with_exactly_four_digits() {
        assert_eq!(TurnNumber::of("turn-0007"), Some(TurnNumber(7)));
        assert_eq!(TurnNumber(7).to_string(), "turn-0007");
        for bad in [
            "bad",
            "turn-7",
            "turn-00007",
            " turn-0001",
            "turn-0001\n",
            "turn-+001",
            "TURN-0001",
        ] {
            assert_eq!(TurnNumber::of(bad), None, "{bad}");
        }
    }

    #[test]
    fn types_and_ids_become_one_segment() {
        assert_eq!(escaped("a/b\\c:d%e").unwrap(), "a%2Fb%5Cc%3Ad%25e");
        assert_eq!(escaped("..").unwrap(), "%2E%2E");
        assert_eq!(escaped(".").unwrap(), "%2E");
        assert_eq!(escaped("a\0\n").unwrap(), "a%00%0A");
        assert_eq!(escaped(""), None);
        assert_eq!(escaped(&"ä".repeat(121)), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_a_segment_with_a_meaning(one in any::<String>(), other in any::<String>()) {
            if let Some(segment) = escaped(&one) {
                let path = std::path::Path::new(&segment);
                let parts: Vec<_> = path.components().collect();
                prop_assert!(matches!(parts[..], [std::path::Component::Normal(_)]));
                prop_assert!(!segment.contains('\0'));
                if one != other {
                    prop_assert_ne!(Some(segment), escaped(&other));
                }
            }
            if let Ok(stem) = Stem::new(&one) {
                prop_assert_eq!(Stem::of_file(&stem.file()), Some((stem.clone(), false)));
                prop_assert_eq!(Stem::of_file(&stem.tombstone_file()), Some((stem, true)));
            }
        }
    }
}
