//! What may go, and letting it go.
//!
//! - [`runs`]: the steps of old runs, with a note of what went.
//! - [`webhook`]: digests of deliveries that are kept no more, pull requests that are over.
//! - [`backups`]: backups, and what restores put aside.

pub mod backups;
pub mod runs;
pub mod webhook;

use serde::{Deserialize, Serialize, Serializer};

/// What is kept whatever else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What is younger than so many days.
    pub older_than_days: u32,
    /// So many of the newest: runs of each epic, backups.
    pub keep_last: u32,
    /// So many digests of past deliveries.
    pub keep_digests: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            older_than_days: 90,
            keep_last: 5,
            keep_digests: 100_000,
        }
    }
}

impl Policy {
    /// What happened before this may go, milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn before(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(i64::from(self.older_than_days) * 24 * 60 * 60 * 1_000)
    }
}

/// One thing that is, or was, looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    /// `steps`, `files`, `digests`, `pull_request`, `backup`.
    pub namespace: &'static str,
    /// A run, a folder, a pull request.
    pub path: String,
    /// `delete` or `keep`.
    pub action: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Whether somebody pinned it.
    pub pinned: bool,
    /// What it takes, about.
    pub size_bytes: u64,
    /// When it ended, milliseconds since 1970-01-01 UTC; shown as RFC 3339.
    #[serde(rename = "updated_at", serialize_with = "as_time")]
    pub updated_ms: i64,
}

impl Action {
    /// Whether it goes.
    #[must_use]
    pub fn is_removal(&self) -> bool {
        self.action == "delete"
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn as_time<S: Serializer>(unix_ms: &i64, to: S) -> Result<S::Ok, S::Error> {
    let at = jiff::Timestamp::from_millisecond(*unix_ms).unwrap_or_default();
    to.collect_str(&at)
}
