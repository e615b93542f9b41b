//! The tools that come with Orket, as they are offered to models. Nothing here runs one.

use serde_json::{Value, json};

use crate::status::{CardStatus, WaitReason};
use crate::tool::{EffectClass, ToolHome, ToolSpec};

/// Reads a file of the workspace.
pub const READ_FILE: &str = "read_file";
/// Writes a file of the workspace.
pub const WRITE_FILE: &str = "write_file";
/// Lists a folder of the workspace.
pub const LIST_DIRECTORY: &str = "list_directory";
/// Files a new card.
pub const CREATE_ISSUE: &str = "create_issue";
/// Moves the card.
pub const UPDATE_ISSUE_STATUS: &str = "update_issue_status";
/// Comments on the card.
pub const ADD_ISSUE_COMMENT: &str = "add_issue_comment";
/// Reads a card.
pub const GET_ISSUE_CONTEXT: &str = "get_issue_context";

/// Tools that only look: a turn that calls nothing else has made no progress.
pub const OBSERVATIONAL: &[&str] = &[GET_ISSUE_CONTEXT, READ_FILE, LIST_DIRECTORY, "list_dir"];

/// Whether `tool` only looks.
#[must_use]
pub fn is_observational(tool: &str) -> bool {
    OBSERVATIONAL.contains(&tool)
}

/// Whether `tool` comes with Orket.
#[must_use]
pub fn is_built_in(tool: &str) -> bool {
    is_observational(tool)
        || [
            WRITE_FILE,
            CREATE_ISSUE,
            UPDATE_ISSUE_STATUS,
            ADD_ISSUE_COMMENT,
        ]
        .contains(&tool)
}

/// Every built-in tool.
#[must_use]
pub fn catalogue() -> Vec<ToolSpec> {
    let statuses: Vec<&str> = CardStatus::ALL.iter().map(|s| s.as_str()).collect();
    let reasons: Vec<&str> = WaitReason::ALL.iter().map(|r| r.as_str()).collect();
    vec![
        spec(
            READ_FILE,
            "Read a text file of the workspace.",
            json!({"path": {"type": "string", "description": "path relative to the workspace"}}),
            &["path"],
            EffectClass::Pure,
            ToolHome::Host,
        ),
        spec(
            WRITE_FILE,
            "Write a file of the workspace, replacing what it held.",
            json!({
                "path": {"type": "string", "description": "path relative to the workspace"},
                "content": {
                    "type": ["string", "object", "array"],
                    "description": "the whole text of the file; an object or array is written as indented JSON",
                },
            }),
            &["path", "content"],
            EffectClass::Idempotent,
            ToolHome::Host,
        ),
        spec(
            LIST_DIRECTORY,
            "List the names in a folder of the workspace.",
            json!({"path": {"type": "string", "description": "folder relative to the workspace; `.` when left out"}}),
            &[],
            EffectClass::Pure,
            ToolHome::Host,
        ),
        spec(
            CREATE_ISSUE,
            "File a new card for work that is not this card's.",
            json!({
                "seat": {"type": "string", "description": "the seat that is to work on it"},
                "summary": {"type": "string", "minLength": 5, "description": "what is to be done, in a sentence"},
                "description": {"type": "string", "description": "more about it"},
                "requirements": {"type": "string", "description": "what must be fulfilled"},
                "type": {"type": "string", "description": "`issue` when left out"},
                "priority": {"type": ["number", "string"], "description": "a number, or high, medium, low"},
            }),
            &["seat", "summary"],
            EffectClass::Keyed,
            ToolHome::Ledger,
        ),
        spec(
            UPDATE_ISSUE_STATUS,
            "Move this card to another status.",
            json!({
                "status": {"type": "string", "enum": statuses},
                "wait_reason": {
                    "type": "string",
                    "enum": reasons,
                    "description": "why it waits; needed with blocked and waiting_for_developer",
                },
                "issue_id": {"type": "string", "description": "this card's id; may be left out"},
            }),
            &["status"],
            EffectClass::Keyed,
            ToolHome::Ledger,
        ),
        spec(
            ADD_ISSUE_COMMENT,
            "Add a comment to this card.",
            json!({"comment": {"type": "string"}}),
            &["comment"],
            EffectClass::Keyed,
            ToolHome::Ledger,
        ),
        spec(
            GET_ISSUE_CONTEXT,
            "Read a card's status, summary and comments.",
            json!({"issue_id": {"type": "string", "description": "this card's when left out"}}),
            &[],
            EffectClass::Pure,
            ToolHome::Ledger,
        ),
    ]
}

/// Adds to `update_issue_status` what a reviewer gives with a refusal.
pub fn add_reasons(tools: &mut [ToolSpec]) {
    let tools = tools.iter_mut();
    for tool in tools.filter(|tool| tool.name == UPDATE_ISSUE_STATUS) {
        let Some(Value::Object(properties)) = tool.parameters.get_mut("properties") else {
            continue;
        };
        for (name, schema) in [
            (
                "rationale",
                json!({"type": "string", "description": "why the card is refused"}),
            ),
            (
                "violations",
                json!({
                    "type": ["array", "string"],
                    "items": {"type": "string"},
                    "description": "what is wrong, and where",
                }),
            ),
            (
                "remediation_actions",
                json!({
                    "type": ["array", "string"],
                    "items": {"type": "string"},
                    "description": "what is to be done about it",
                }),
            ),
        ] {
            properties.insert(name.to_owned(), schema);
        }
    }
}

fn spec(
    name: &str,
    description: &str,
    properties: Value,
    required: &[&str],
    effect: EffectClass,
    home: ToolHome,
) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters: json!({"type": "object", "properties": properties, "required": required}),
        effect,
        home,
        time_limit_ms: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_models_are_offered() {
        let text: Vec<String> = catalogue()
            .iter()
            .map(|tool| {
                format!(
                    "{} ({}, {:?}): {}\n  {}",
                    tool.name, tool.effect, tool.home, tool.description, tool.parameters
                )
            })
            .collect();
        insta::assert_snapshot!(text.join("\n"));
    }

    #[test]
    fn every_tool_of_the_catalogue_is_known_as_built_in() {
        let strange = catalogue().into_iter().find(|it| !is_built_in(&it.name));
        assert_eq!(strange, None);
    }

    #[test]
    fn observational_tools_have_no_effect() {
        for tool in catalogue() {
            assert_eq!(
                is_observational(&tool.name),
                tool.effect == EffectClass::Pure,
                "{}",
                tool.name
            );
        }
    }
}
