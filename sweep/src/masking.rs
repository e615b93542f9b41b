//! What two runs came to, with what differs in every run masked, and its hash.
//!
//! Masked are: ends of lines, paths and names that belong to the run (its folder, its id, its build),
//! UUIDs, times in the form of ISO 8601, and `HH:MM:SS`. Anything else that differs is a difference.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Patterns and what stands for them, in the order in which they are applied.
static PATTERNS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (
            r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?",
            "<TIMESTAMP>",
        ),
        (r"\b\d{2}:\d{2}:\d{2}(?:[.,]\d+)?\b", "<TIME>"),
        (
            r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
            "<UUID>",
        ),
    ]
    .into_iter()
    .filter_map(|(pattern, token)| Some((Regex::new(pattern).ok()?, token)))
    .collect()
});

/// What of a run's own names is masked.
#[derive(Debug, Clone, Default)]
pub struct Mask {
    names: Vec<(String, String)>,
}

impl Mask {
    /// Nothing of its own yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With `<token>` for this path, id or name; the longest are looked for first. Empty ones are left
    /// out.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, token: &str) -> Self {
        let name = name.into();
        if !name.is_empty() {
            self.names.push((name, format!("<{token}>")));
            self.names
                .sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        }
        self
    }

    /// The text with everything masked.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        let mut masked = text.replace("\r\n", "\n");
        for (name, token) in &self.names {
            masked = masked.replace(name.as_str(), token);
        }
        for (pattern, token) in PATTERNS.iter() {
            masked = pattern.replace_all(&masked, *token).into_owned();
        }
        masked
    }
}

/// What a run came to.
#[derive(Debug, Clone, Default)]
pub struct Produced {
    /// The exit code, if a program ended.
    pub exit_code: Option<i32>,
    /// What it said.
    pub output: String,
    /// The files that it made, by their path below the run's folder.
    pub artifacts: BTreeMap<String, Vec<u8>>,
}

#[derive(Serialize)]
struct Hashed<'a> {
    exit_code: Option<i32>,
    output: String,
    artifacts: BTreeMap<&'a str, String>,
}

/// SHA-256 of the masked result, hexadecimal. Files that are no UTF-8 count byte for byte.
#[must_use]
pub fn hash(result: &Produced, mask: &Mask) -> String {
    let artifacts = result
        .artifacts
        .iter()
        .map(|(path, bytes)| {
            let digest = match std::str::from_utf8(bytes) {
                Ok(text) => sha256(mask.apply(text).as_bytes()),
                Err(_) => sha256(bytes),
            };
            (path.as_str(), digest)
        })
        .collect();
    let hashed = Hashed {
        exit_code: result.exit_code,
        output: mask.apply(&result.output),
        artifacts,
    };
    // Strings and numbers always make JSON; should they not, the hash of nothing differs from all.
    sha256(&serde_json::to_vec(&hashed).unwrap_or_default())
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(folder: &str, id: &str, at: &str, answer: &str) -> String {
        let mask = Mask::new().with(folder, "RUN_DIR").with(id, "RUN");
        let result = Produced {
            exit_code: Some(0),
            output: format!("run {id} in {folder}/out at {at}\r\n[12:30:01.5] {answer}\n"),
            artifacts: BTreeMap::from([
                (
                    "answer.py".to_owned(),
                    format!("# {id}\n{answer}\n").into_bytes(),
                ),
                ("blob".to_owned(), vec![0xff, 0x00]),
            ]),
        };
        hash(&result, &mask)
    }

    #[test]
    fn what_differs_in_every_run_is_masked_and_nothing_else() {
        let first = run("/tmp/a", "5f3a9b01c2d4", "2026-02-21T10:00:00Z", "42");
        let second = run(
            "/tmp/run b",
            "0011223344ff",
            "2026-02-22 11:01:02.123+01:00",
            "42",
        );
        let other = run("/tmp/a", "5f3a9b01c2d4", "2026-02-21T10:00:00Z", "43");
        assert_eq!(first, second);
        assert_ne!(first, other);
    }

    #[test]
    fn the_longest_name_is_masked_first() {
        let mask = Mask::new()
            .with("/w", "ROOT")
            .with("/w/run", "RUN_DIR")
            .with("", "NOTHING");
        assert_eq!(mask.apply("/w/run/a /w/b"), "<RUN_DIR>/a <ROOT>/b");
        assert_eq!(
            mask.apply("at 10:00:00, id 123E4567-e89b-12d3-a456-426614174000, 10:00"),
            "at <TIME>, id <UUID>, 10:00"
        );
    }

    proptest! {
        #[test]
        fn masking_again_changes_nothing(text in "[0-9TZ: .\\-\\r\\na-f/]{0,60}") {
            let mask = Mask::new().with("/a", "DIR");
            let once = mask.apply(&text);
            // Masking may leave a carriage return before a newline that was behind it.
            prop_assume!(!once.contains("\r\n"));
            prop_assert_eq!(mask.apply(&once), once);
        }
    }
}
