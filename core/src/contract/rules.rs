//! The rules that a contract can carry beyond files, tools and statuses, by the names that operators
//! write into `runtime_guard_rule_ids`.

use serde::{Deserialize, Serialize};

/// A tool was called that the seat is not offered.
pub const API_NOT_DECLARED: &str = "HALLUCINATION.API_NOT_DECLARED";
/// A file was named that is none of the contract's.
pub const FILE_NOT_FOUND: &str = "HALLUCINATION.FILE_NOT_FOUND";
/// A section of the card's context was asked for that was not given.
pub const CONTEXT_NOT_PROVIDED: &str = "HALLUCINATION.CONTEXT_NOT_PROVIDED";
/// The words around the calls speak of assumptions.
pub const INVENTED_DETAIL: &str = "HALLUCINATION.INVENTED_DETAIL";
/// The answer holds a phrase that the contract forbids.
pub const CONTRADICTION: &str = "HALLUCINATION.CONTRADICTION";
/// Too many files are named.
pub const WORKSPACE_BUDGET: &str = "HALLUCINATION.WORKSPACE_BUDGET_EXCEEDED";
/// Too many files are read.
pub const ACTIVE_BUDGET: &str = "HALLUCINATION.ACTIVE_CONTEXT_BUDGET_EXCEEDED";
/// Too many folders are listed.
pub const PASSIVE_BUDGET: &str = "HALLUCINATION.PASSIVE_CONTEXT_BUDGET_EXCEEDED";
/// Too many other cards are looked at.
pub const ARCHIVED_BUDGET: &str = "HALLUCINATION.ARCHIVED_CONTEXT_BUDGET_EXCEEDED";
/// Too much is looked at, all kinds together.
pub const TOTAL_BUDGET: &str = "HALLUCINATION.TOTAL_CONTEXT_BUDGET_EXCEEDED";
/// A path could leave the workspace.
pub const PATH_TRAVERSAL: &str = "SECURITY.PATH_TRAVERSAL";
/// Text where only calls are wanted.
pub const OUTPUT_FORMAT: &str = "CONSISTENCY.OUTPUT_FORMAT";

/// The rules that a role or an organization can switch on. The budget rules are not among them: a
/// limit switches its own rule on.
pub const SELECTABLE: &[&str] = &[
    API_NOT_DECLARED,
    FILE_NOT_FOUND,
    CONTEXT_NOT_PROVIDED,
    INVENTED_DETAIL,
    CONTRADICTION,
    PATH_TRAVERSAL,
    OUTPUT_FORMAT,
];

/// What is wrong with a list of rule ids, each with its place; nothing when each is known and given
/// once.
#[must_use]
pub fn problems(ids: &[String]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (place, id) in ids.iter().enumerate() {
        if !SELECTABLE.contains(&id.as_str()) {
            let known = SELECTABLE.join(", ");
            found.push((place, format!("unknown guard rule `{id}`; known: {known}")));
        } else if ids.iter().take(place).any(|earlier| earlier == id) {
            found.push((place, format!("the guard rule `{id}` is given twice")));
        }
    }
    found
}

/// How much a turn may touch and look at; absent is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScopeLimits {
    /// Different files read or written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_workspace_items: Option<u32>,
    /// Different files read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_active_context_items: Option<u32>,
    /// Different folders listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_passive_context_items: Option<u32>,
    /// Different other cards looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_archived_context_items: Option<u32>,
    /// Files read, folders listed and cards looked at together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_total_context_items: Option<u32>,
}

impl ScopeLimits {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
