//! How many baselines there are, and how many tests have one that fits.

use serde::Serialize;

use super::TestBaselines;
use super::resolve::{Status, Wanted, resolve};

/// The counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Tests with baselines.
    pub tests: usize,
    /// Baselines.
    pub records: usize,
    /// Those that are pinned.
    pub pinned: usize,
    /// Those that are not the newest of their test.
    pub stale: usize,
    /// Tests without a baseline of the machine that was named.
    pub hardware_mismatches: usize,
    /// Tests that have one of the machine, and none of the revision that was named.
    pub revision_mismatches: usize,
}

impl Health {
    /// Whether there are any, and all fit.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.records > 0 && self.hardware_mismatches == 0 && self.revision_mismatches == 0
    }
}

/// Counts the baselines of all tests. A machine or revision that is not named fits every one.
#[must_use]
pub fn of(
    all: &[TestBaselines],
    hardware_fingerprint: Option<&str>,
    task_revision: Option<&str>,
) -> Health {
    let mut health = Health::default();
    for baselines in all.iter().filter(|it| !it.history.is_empty()) {
        health.tests += 1;
        health.records += baselines.history.len();
        health.pinned += baselines.history.iter().filter(|it| it.pinned).count();
        health.stale += baselines.history.len() - 1;
        let fits = baselines.history.iter().map(|record| {
            let metadata = &record.baseline_metadata;
            let wanted = Wanted {
                hardware_fingerprint: hardware_fingerprint
                    .unwrap_or(&metadata.hardware_fingerprint),
                task_revision: task_revision.unwrap_or(&metadata.task_revision),
                baseline_ref: Some(record.reference()),
            };
            resolve(baselines, &wanted).0
        });
        let statuses: Vec<Status> = fits.collect();
        if statuses.contains(&Status::Ok) {
            continue;
        }
        if statuses.contains(&Status::RevMismatch) {
            health.revision_mismatches += 1;
        } else {
            health.hardware_mismatches += 1;
        }
    }
    health
}
