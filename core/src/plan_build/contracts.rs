//! What a turn must bring: the role's own contract, or the default of its kind, with the card's
//! params laid over it.
//!
//! The defaults are those of the reference (`core.md` §3.1), by role instead of by seat name. One
//! thing differs: `read_file` is not demanded as such, only the files that must be read, so that a
//! review of files that are not there is possible at all.

use serde_json::{Map, Value};

use super::Findings;
use crate::asset::reader::{Reader, Report};
use crate::asset::role::{rule_ids, statuses};
use crate::asset::{Problem, Role, name};
use crate::contract::{Contract, DECISION_PATH, DecisionRule, same_path};
use crate::status::{CardKind, CardStatus};
use crate::tool::ToolSpec;
use crate::transition::{self, GUARD_ROLE};

pub(super) const WRITE: &str = "write_file";
pub(super) const READ: &str = "read_file";
pub(super) const STATUS: &str = "update_issue_status";

/// Which of the two turns of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The seat's own.
    Work,
    /// The guard's.
    Review,
}

/// Where a contract is declared.
pub(super) struct Place<'a> {
    /// The file.
    pub(super) file: &'a str,
    /// What comes before the names of its fields.
    pub(super) prefix: &'a str,
}

/// What a work turn of `role` must bring when the card says nothing; it never demands a tool that
/// is not offered.
pub(super) fn work_default(role_name: &str, role: &Role, tools: &[ToolSpec]) -> Contract {
    if tools.is_empty() {
        return Contract::default();
    }
    if role_name != GUARD_ROLE
        && let Some(declared) = &role.contract
    {
        return declared.0.clone();
    }
    let write = |path: &str| Contract {
        required_tools: texts(&[WRITE, STATUS]),
        required_statuses: vec![CardStatus::CodeReview],
        required_write_paths: texts(&[path]),
        ..Contract::default()
    };
    let contract = match role_name {
        "requirements_analyst" => write("agent_output/requirements.txt"),
        "architect" | "lead_architect" => Contract {
            architecture_decision: Some(DecisionRule::default()),
            ..write(DECISION_PATH)
        },
        "coder" | "developer" | "senior_developer" | "backend_specialist" => {
            write("agent_output/main.py")
        }
        "code_reviewer" | "reviewer" => Contract {
            required_read_paths: texts(&["agent_output/requirements.txt", "agent_output/main.py"]),
            ..status_only()
        },
        _ => status_only(),
    };
    keep_offered(contract, tools)
}

/// What a review of the guard must bring when the card says nothing.
pub(super) fn review_default(role: &Role, tools: &[ToolSpec]) -> Contract {
    if let Some(declared) = &role.contract {
        return declared.0.clone();
    }
    let contract = Contract {
        required_tools: texts(&[STATUS]),
        required_statuses: vec![
            CardStatus::Done,
            CardStatus::Blocked,
            CardStatus::GuardRequestedChanges,
            CardStatus::GuardRejected,
            CardStatus::GuardApproved,
        ],
        rejection_payload: true,
        ..Contract::default()
    };
    keep_offered(contract, tools)
}

fn status_only() -> Contract {
    Contract {
        required_tools: texts(&[STATUS]),
        required_statuses: vec![CardStatus::CodeReview],
        ..Contract::default()
    }
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn offers(tools: &[ToolSpec], name: &str) -> bool {
    tools.iter().any(|tool| tool.name == name)
}

fn keep_offered(mut contract: Contract, tools: &[ToolSpec]) -> Contract {
    contract.required_tools.retain(|tool| offers(tools, tool));
    if !offers(tools, WRITE) {
        contract.required_write_paths.clear();
        contract.architecture_decision = None;
    }
    if !offers(tools, READ) {
        contract.required_read_paths.clear();
    }
    if !offers(tools, STATUS) {
        contract.required_statuses.clear();
        contract.rejection_payload = false;
    }
    contract
}

/// A card's two contracts.
pub(super) struct CardContracts {
    pub(super) work: Contract,
    pub(super) review: Contract,
}

/// Lays a card's params over the contracts of its seat and of the guard: what the card says of its
/// own turn replaces, what it says of the review adds files and tools and replaces statuses.
pub(super) fn for_card(
    seat: &Contract,
    guard: &Contract,
    params: &Map<String, Value>,
    file: &str,
    field: &str,
) -> (CardContracts, Vec<Problem>, Vec<Problem>) {
    let report = Report::new(file);
    let reader = Reader::new(&report, params, field.to_owned());
    let mut work = seat.clone();
    let mut review = guard.clone();
    let given = |key| reader.value(key).is_some();
    if given("required_write_paths") {
        work.required_write_paths = reader.texts("required_write_paths");
        if work.required_write_paths.is_empty() {
            work.required_tools.retain(|tool| tool != WRITE);
        }
        // Who is sent to write something else is not to decide.
        let elsewhere = |rule: &DecisionRule| !names(&work.required_write_paths, &rule.path);
        if work.architecture_decision.as_ref().is_some_and(elsewhere) {
            work.architecture_decision = None;
        }
    }
    if given("required_read_paths") {
        work.required_read_paths = reader.texts("required_read_paths");
    }
    if given("required_tools") {
        work.required_tools = reader.texts("required_tools");
    }
    if given("required_statuses") {
        work.required_statuses = statuses(&reader, "required_statuses");
    }
    work.tool_calls_only = reader.flag("tool_calls_only", work.tool_calls_only);
    if given("architecture_decision") {
        let due = reader.flag("architecture_decision", false);
        work.architecture_decision = due.then(DecisionRule::default);
    }
    if given("guard_rules") {
        work.rules = rule_ids(&reader, "guard_rules");
    }
    if given("forbidden_phrases") {
        work.forbidden_phrases = reader.texts("forbidden_phrases");
    }
    add(
        &mut review.required_read_paths,
        reader.texts("review_required_read_paths"),
    );
    add(
        &mut review.required_write_paths,
        reader.texts("review_required_write_paths"),
    );
    add(
        &mut review.required_tools,
        reader.texts("review_required_tools"),
    );
    if given("review_required_statuses") {
        review.required_statuses = statuses(&reader, "review_required_statuses");
    }
    // Read elsewhere; asked for here so that only real misspellings are warned of.
    let _ = (given("verify"), given(super::models::OVERRIDES));
    reader.warn_of_misspelt_keys();
    drop(reader);
    let (problems, warnings) = report.into_parts();
    (CardContracts { work, review }, problems, warnings)
}

/// Whether one of the files, however it is written, is `path`.
fn names(files: &[String], path: &str) -> bool {
    files.iter().any(|file| same_path(file, path))
}

fn add(list: &mut Vec<String>, more: Vec<String>) {
    for item in more {
        if !names(list, &item) {
            list.push(item);
        }
    }
}

/// Refuses a contract that no turn of its seat could fulfil. What it has in common with `base`, which
/// was checked where it was declared, is not looked at again.
pub(super) fn check(
    turn: Turn,
    contract: &Contract,
    base: Option<&Contract>,
    tools: &[ToolSpec],
    place: &Place<'_>,
    findings: &mut Findings,
) {
    let mut refuse = |key: &str, message: String| {
        findings.problem(place.file, format!("{}{key}", place.prefix), message);
    };
    if base.is_none_or(|base| base.required_tools != contract.required_tools) {
        for (nth, tool) in contract.required_tools.iter().enumerate() {
            if !offers(tools, tool) {
                let hint = name::suggestion(tool, tools.iter().map(|spec| spec.name.as_str()));
                let message = format!("`{tool}` is not offered to the seat; {hint}");
                refuse(&format!("required_tools[{nth}]"), message);
            }
        }
    }
    if base.is_none_or(|base| base.required_write_paths != contract.required_write_paths) {
        for (nth, path) in contract.required_write_paths.iter().enumerate() {
            if let Some(message) = bad_path(path, WRITE, tools) {
                refuse(&format!("required_write_paths[{nth}]"), message);
            }
        }
    }
    if base.is_none_or(|base| base.required_read_paths != contract.required_read_paths) {
        for (nth, path) in contract.required_read_paths.iter().enumerate() {
            if let Some(message) = bad_path(path, READ, tools) {
                refuse(&format!("required_read_paths[{nth}]"), message);
            }
        }
    }
    if base.is_none_or(|base| base.required_statuses != contract.required_statuses)
        && let Some(message) = bad_statuses(turn, &contract.required_statuses, tools)
    {
        refuse("required_statuses", message);
    }
}

/// Why one of these statuses can never be set in this turn.
fn bad_statuses(turn: Turn, wanted: &[CardStatus], tools: &[ToolSpec]) -> Option<String> {
    if !wanted.is_empty() && !offers(tools, STATUS) {
        return Some(format!(
            "needs `{STATUS}`, which is not offered to the seat"
        ));
    }
    let from = match turn {
        Turn::Work => CardStatus::InProgress,
        Turn::Review => CardStatus::AwaitingGuardReview,
    };
    let allowed = transition::allowed(CardKind::Issue, from);
    let never = wanted.iter().find(|status| !allowed.contains(status))?;
    let allowed: Vec<_> = allowed.iter().map(|status| status.as_str()).collect();
    let allowed = allowed.join(", ");
    Some(format!(
        "`{never}` cannot follow `{from}`; possible: {allowed}"
    ))
}

/// Why a path cannot be one of the workspace, or cannot be reached by the seat.
fn bad_path(path: &str, tool: &str, tools: &[ToolSpec]) -> Option<String> {
    let climbs = path.split(['/', '\\']).any(|part| part == "..");
    let drive = path.chars().nth(1) == Some(':');
    if path.trim().is_empty() || climbs || drive || path.starts_with(['/', '\\']) {
        return Some(format!(
            "`{path}` is no path of the workspace; give a relative one without `..`"
        ));
    }
    let missing = !offers(tools, tool);
    missing.then(|| format!("needs `{tool}`, which is not offered to the seat"))
}
