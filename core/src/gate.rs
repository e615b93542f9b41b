//! The tool gate: what is checked of every single call before it is carried out. What several
//! calls must bring together is the contract's business ([`crate::contract`]).

mod arguments;
#[cfg(test)]
pub(crate) mod fixture;
mod layers;
mod names;
mod ownership;
mod path;
mod python;
#[cfg(test)]
mod rule_tests;
mod status_change;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;

pub use self::names::{check as check_name, is_too_long};
pub use self::ownership::forbidden_type;
pub use self::path::{PROTECTED, normal_path, protected};
pub use self::status_change::status_asked;

use serde_json::Value;

use crate::plan::{CardPlan, CommandTool, SeatPlan};
use crate::policy::{GatePolicy, SkillPolicy};
use crate::status::CardStatus;
use crate::tool::{ToolCall, ToolSpec};
use crate::tool_catalogue::{
    ADD_ISSUE_COMMENT, CREATE_ISSUE, LIST_DIRECTORY, READ_FILE, UPDATE_ISSUE_STATUS, WRITE_FILE,
};
use crate::turn::Violation;

/// The reason code of every refusal of the gate.
pub const REFUSED: &str = "tool_gate_refused";
/// The tool is not offered to the seat.
pub const RULE_NOT_OFFERED: &str = "HALLUCINATION.API_NOT_DECLARED";
/// An argument is missing or of the wrong kind.
pub const RULE_ARGUMENTS: &str = "TOOL.ARGUMENTS";
/// The path could leave the workspace.
pub const RULE_TRAVERSAL: &str = "SECURITY.PATH_TRAVERSAL";
/// The path belongs to the runtime.
pub const RULE_PROTECTED: &str = "SECURITY.PROTECTED_PATH";
/// The status change is not allowed.
pub const RULE_TRANSITION: &str = "STATE.TRANSITION";
/// The call is about another card.
pub const RULE_OTHER_CARD: &str = "STATE.OTHER_CARD";

/// A destructive call was not confirmed.
pub const RULE_CONFIRM: &str = "TOOL.CONFIRM";
/// The path's name means another file on some machine.
pub const RULE_PATH_NAME: &str = "SECURITY.PATH_NAME";
/// The path looks like another.
pub const RULE_LOOKALIKE: &str = "SECURITY.LOOKALIKE_PATH";
/// The organization forbids files of this type.
pub const RULE_FILE_TYPE: &str = "POLICY.FILE_TYPE";
/// The file belongs to another role.
pub const RULE_OWNERSHIP: &str = "POLICY.FILE_OWNERSHIP";
/// The file does not keep to the layers.
pub const RULE_IDESIGN: &str = "POLICY.IDESIGN";

/// Tools that take something away for good, besides those whose schema requires `confirm`.
const DESTRUCTIVE: [&str; 2] = ["delete_file", "reset_issue"];

/// The fewest characters of a new card's summary.
const SUMMARY_MIN: usize = 5;
/// The longest evidence shown, in characters.
const EVIDENCE: usize = 120;

/// What a call is judged against.
#[derive(Debug, Clone, Copy)]
pub struct GateScope<'a> {
    /// The seat that calls.
    pub seat: &'a SeatPlan,
    /// The card it works on.
    pub card: &'a CardPlan,
    /// The card's status before this call.
    pub status: CardStatus,
    /// What the run refuses beyond the fixed rules.
    pub policy: &'a GatePolicy,
}

/// Checks one call: the tool is offered, its arguments fit its schema, its path stays inside the
/// workspace and out of the runtime's own files, its status change is in the table.
///
/// # Errors
///
/// A [`Violation`] that says what is wrong and what would be right.
pub fn check(call: &ToolCall, scope: &GateScope<'_>) -> Result<(), Violation> {
    let Some(spec) = scope.seat.tools.iter().find(|spec| spec.name == call.tool) else {
        return Err(not_offered(call, scope.seat));
    };
    offered(call, spec)?;
    match call.tool.as_str() {
        READ_FILE | WRITE_FILE => file(call, scope),
        "delete_file" => file(call, scope),
        LIST_DIRECTORY | "list_dir" => folder(call),
        UPDATE_ISSUE_STATUS => status_change::check(call, scope),
        CREATE_ISSUE => new_card(call),
        ADD_ISSUE_COMMENT => filled(call, "comment"),
        _ => Ok(()),
    }
}

/// Checks what does not depend on who calls: the arguments fit the tool's schema, and what cannot be
/// undone is confirmed.
///
/// # Errors
///
/// As [`check`].
pub fn offered(call: &ToolCall, spec: &ToolSpec) -> Result<(), Violation> {
    arguments::check(call, spec)?;
    confirmed(call, spec)
}

/// Checks what the plan knows of a skill before anything runs: that its command is of its runtime,
/// and that what it needs is granted.
///
/// # Errors
///
/// As [`check`]; the rule is the breach's code.
pub fn skill(
    call: &ToolCall,
    command: Option<&CommandTool>,
    policy: &SkillPolicy,
) -> Result<(), Violation> {
    let breach = command.and_then(|command| {
        let skill = command.skill.as_ref()?;
        skill.breach(&command.command, policy)
    });
    match breach {
        None => Ok(()),
        Some(breach) => Err(refuse(&breach.code, breach.message, &shown(call))),
    }
}

/// What cannot be undone is only done when the call says so itself.
fn confirmed(call: &ToolCall, spec: &ToolSpec) -> Result<(), Violation> {
    let given = call.args.get("confirm") == Some(&Value::Bool(true));
    if given || !wants_confirmation(spec) {
        return Ok(());
    }
    let message = format!(
        "{}: this cannot be undone; if it is meant, give `confirm` as true",
        clip(&call.tool)
    );
    Err(refuse(RULE_CONFIRM, message, &shown(call)))
}

/// Whether calls of this tool must say that they are meant.
pub(crate) fn wants_confirmation(spec: &ToolSpec) -> bool {
    let required = spec.parameters.get("required").and_then(Value::as_array);
    let asks = required.is_some_and(|names| names.iter().any(|name| name == "confirm"));
    asks || DESTRUCTIVE.contains(&spec.name.as_str())
}

fn refuse(rule: &str, message: String, evidence: &str) -> Violation {
    Violation {
        reason: REFUSED.to_owned(),
        rule_id: Some(rule.to_owned()),
        message,
        evidence: evidence.chars().take(EVIDENCE).collect(),
    }
}

fn not_offered(call: &ToolCall, seat: &SeatPlan) -> Violation {
    let offered: Vec<&str> = seat.tools.iter().map(|tool| tool.name.as_str()).collect();
    let instead = if offered.is_empty() {
        "this seat has no tools; answer in words".to_owned()
    } else {
        format!("call one of: {}", offered.join(", "))
    };
    refuse(
        RULE_NOT_OFFERED,
        format!(
            "the tool {:?} is not offered to this seat; {instead}",
            clip(&call.tool)
        ),
        &call.tool,
    )
}

/// The refusal of a tool that the seat is not offered.
pub(crate) fn undeclared(call: &ToolCall, seat: &SeatPlan) -> Option<Violation> {
    let offered = seat.tools.iter().any(|tool| tool.name == call.tool);
    (!offered).then(|| not_offered(call, seat))
}

/// The refusal of a path that could leave the workspace.
pub(crate) fn stray_path(call: &ToolCall) -> Option<Violation> {
    let tools = [READ_FILE, WRITE_FILE, LIST_DIRECTORY, "list_dir"];
    let path = call
        .text("path")
        .filter(|_| tools.contains(&call.tool.as_str()))?;
    checked_path(call, path).err()
}

fn checked_path(call: &ToolCall, path: &str) -> Result<String, Violation> {
    normal_path(path).ok_or_else(|| {
        let message = format!(
            "{}: the path {:?} is empty or could leave the workspace; give a path relative to the \
             workspace, without `..`, such as agent_output/notes.txt",
            call.tool,
            clip(path)
        );
        refuse(RULE_TRAVERSAL, message, path)
    })
}

fn file(call: &ToolCall, scope: &GateScope<'_>) -> Result<(), Violation> {
    let path = call.text("path").unwrap_or_default();
    let normal = checked_path(call, path)?;
    if normal == "." {
        let message = format!(
            "{}: {path:?} is the workspace itself; name a file in it",
            call.tool
        );
        return Err(refuse(RULE_ARGUMENTS, message, path));
    }
    names::check(&call.tool, path)?;
    let own = scope
        .policy
        .own_places
        .iter()
        .find(|own| own.holds(&normal));
    if call.tool == READ_FILE {
        return match own {
            Some(own) if own.is_secret => {
                let message = format!(
                    "{}: {:?} belongs to the runtime and cannot be read",
                    call.tool,
                    clip(path)
                );
                Err(refuse(RULE_PROTECTED, message, path))
            }
            Some(_) | None => Ok(()),
        };
    }
    let protected = match own {
        Some(_) => Some("the runtime"),
        None => path::protected(&normal),
    };
    if let Some(owner) = protected {
        let message = format!(
            "{}: {:?} belongs to {owner} and cannot be written; write under agent_output/",
            call.tool,
            clip(path)
        );
        return Err(refuse(RULE_PROTECTED, message, path));
    }
    ownership::check(&normal, scope)?;
    layers::check(call, &normal, scope)
}

fn folder(call: &ToolCall) -> Result<(), Violation> {
    let Some(path) = call.text("path") else {
        return Ok(());
    };
    checked_path(call, path)?;
    names::check(&call.tool, path)
}

fn filled(call: &ToolCall, name: &str) -> Result<(), Violation> {
    if call.text(name).is_some_and(|text| !text.trim().is_empty()) {
        return Ok(());
    }
    let message = format!("{}: `{name}` is empty; say something in it", call.tool);
    Err(refuse(RULE_ARGUMENTS, message, &shown(call)))
}

fn new_card(call: &ToolCall) -> Result<(), Violation> {
    filled(call, "seat")?;
    let length = call
        .text("summary")
        .unwrap_or_default()
        .trim()
        .chars()
        .count();
    if length >= SUMMARY_MIN {
        return Ok(());
    }
    let message = format!(
        "create_issue: the summary has {length} characters; say in at least {SUMMARY_MIN} what is to be done"
    );
    Err(refuse(RULE_ARGUMENTS, message, &shown(call)))
}

/// The names of the arguments that were given.
fn shown(call: &ToolCall) -> String {
    let names: Vec<&str> = call.args.keys().map(String::as_str).collect();
    match names.as_slice() {
        [] => "no arguments given".to_owned(),
        _ => format!("arguments given: {}", names.join(", ")),
    }
}

/// A model's word, cut so that it can stand in a message.
fn clip(word: &str) -> String {
    match word.char_indices().nth(80) {
        None => word.to_owned(),
        Some((end, _)) => word.get(..end).unwrap_or_default().to_owned() + "…",
    }
}
