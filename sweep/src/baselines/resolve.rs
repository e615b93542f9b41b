//! Which baseline a run is compared with.

use serde::Serialize;

use super::{Record, TestBaselines};

/// What a run is.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The machine.
    pub hardware_fingerprint: &'a str,
    /// The revision of the task.
    pub task_revision: &'a str,
    /// The baseline that must be used, if one must.
    pub baseline_ref: Option<&'a str>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// There is one.
    Ok,
    /// The test has none.
    NoBaseline,
    /// It has none of that name.
    RefNotFound,
    /// None is of this machine.
    HwMismatch,
    /// None of this machine is of this revision.
    RevMismatch,
}

impl Status {
    /// As it stands in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::NoBaseline => "NO_BASELINE",
            Self::RefNotFound => "REF_NOT_FOUND",
            Self::HwMismatch => "HW_MISMATCH",
            Self::RevMismatch => "REV_MISMATCH",
        }
    }
}

/// The newest baseline that fits; or the one that is named, which must fit. (The Python Orket took another
/// one in silence when the one that was named did not.)
#[must_use]
pub fn resolve<'a>(
    baselines: &'a TestBaselines,
    wanted: &Wanted<'_>,
) -> (Status, Option<&'a Record>) {
    if baselines.history.is_empty() {
        return (Status::NoBaseline, None);
    }
    let is_named = |record: &&Record| {
        wanted
            .baseline_ref
            .is_none_or(|name| record.reference() == name)
    };
    let named: Vec<&Record> = baselines.history.iter().filter(is_named).collect();
    if named.is_empty() {
        return (Status::RefNotFound, None);
    }
    let same_machine: Vec<&Record> = named
        .into_iter()
        .filter(|it| it.baseline_metadata.hardware_fingerprint == wanted.hardware_fingerprint)
        .collect();
    if same_machine.is_empty() {
        return (Status::HwMismatch, None);
    }
    let newest = same_machine
        .into_iter()
        .rfind(|it| it.baseline_metadata.task_revision == wanted.task_revision);
    match newest {
        Some(record) => (Status::Ok, Some(record)),
        None => (Status::RevMismatch, None),
    }
}
