//! What the model is told.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use orket_core::model::{Message, Speaker};
use serde_json::{Value, json};

use super::forms::FORMS;
use super::talks::Exchange;

/// How things stand, as the model is told.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Departments.
    pub departments: Vec<String>,
    /// Teams with their seats.
    pub teams: Vec<String>,
    /// Epics.
    pub epics: Vec<String>,
    /// Rocks.
    pub rocks: Vec<String>,
    /// The newest runs, a line each.
    pub runs: Vec<String>,
}

/// How many of each there are in a prompt.
const SHOWN: usize = 60;

const CHAT: &str = "You answer at the operator desk of Orket, in the role operations_lead. Orket runs cards of work with language models: a rock holds epics, an epic holds cards, a team's seats work on the cards and its guard reviews them. Answer in plain text, in a few sentences, in the language of the question. In this conversation you start, stop and change nothing, so never say that you did. When the operator wants something done, name the command for it. What is not among the facts below you do not know; say so rather than guess.";

const ACTION: &str = "You turn what an operator of Orket writes into one action. Answer with one JSON object and nothing else. Its fields are `action`, `reasoning` (one sentence) and those that the action needs:

- `command`: `command`, a line with one of the commands below. Prefer this one.
- `create_issue`: `target_parent` (an epic), `new_asset` with `summary`, `seat`, `priority` (High, Medium or Low) and `note`.
- `create_epic`: `new_asset` with `name`, and `target_parent` (a rock) when there is one.
- `create_rock`: `new_asset` with `name`.
- `adopt_issue`: `issue_id`, `target_epic`.
- `assign_team`: `suggested_team`, `suggested_department`, and `target_epic` when there is one.
- `turn_directive`: `target_seat`, `directive`.
- `converse`: `response`, what you answer. Take it when the operator only asks, and when you are not sure what is wanted.

Take names from the facts; do not invent epics, seats or runs. Nothing is carried out before the operator has seen it and agreed.";

/// The prompt of a conversation.
pub(super) fn chat(facts: &Facts, earlier: &[Exchange], message: &str) -> Vec<Message> {
    messages(CHAT, facts, earlier, message)
}

/// The prompt for an action.
pub(super) fn action(facts: &Facts, earlier: &[Exchange], message: &str) -> Vec<Message> {
    messages(ACTION, facts, earlier, message)
}

/// What an action looks like.
pub(super) static ACTION_SCHEMA: LazyLock<Arc<Value>> = LazyLock::new(|| {
    let text = json!({"type": "string"});
    Arc::new(json!({
        "type": "object",
        "properties": {
            "action": {
                "type": "string",
                "enum": [
                    "command", "create_issue", "create_epic", "create_rock", "adopt_issue", "assign_team",
                    "turn_directive", "converse",
                ],
            },
            "reasoning": text, "response": text, "command": text, "target_parent": text, "issue_id": text,
            "target_epic": text, "suggested_team": text, "suggested_department": text, "target_seat": text,
            "directive": text,
            "new_asset": {
                "type": "object",
                "properties": {"name": text, "summary": text, "seat": text, "priority": text, "note": text},
            },
        },
        "required": ["action", "reasoning"],
    }))
});

fn messages(task: &str, facts: &Facts, earlier: &[Exchange], message: &str) -> Vec<Message> {
    let mut system = format!("{task}\n\nCommands:\n");
    // A model confirms nothing.
    for (form, what) in FORMS
        .iter()
        .filter(|(form, _)| !form.starts_with("confirm") && *form != "cancel")
    {
        let _ = writeln!(system, "/{form}: {what}");
    }
    system.push_str("\nFacts:\n");
    for (what, names) in [
        ("departments", &facts.departments),
        ("teams and their seats", &facts.teams),
        ("epics", &facts.epics),
        ("rocks", &facts.rocks),
        ("newest runs", &facts.runs),
    ] {
        let _ = writeln!(system, "- {what}: {}", list(names));
    }
    let mut messages = vec![Message::new(Speaker::System, system)];
    for exchange in earlier {
        messages.push(Message::new(Speaker::User, exchange.said.clone()));
        messages.push(Message::new(Speaker::Assistant, exchange.answered.clone()));
    }
    messages.push(Message::new(Speaker::User, message));
    messages
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join("; "),
        more => format!("{}; and {more} more", shown.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_has_the_facts_and_what_was_said_before() {
        let facts = Facts {
            departments: vec!["core".to_owned()],
            teams: vec!["standard (coder, integrity_guard)".to_owned()],
            epics: (0..70).map(|n| format!("e{n}")).collect(),
            ..Facts::default()
        };
        let earlier = [Exchange {
            said: "hi".to_owned(),
            answered: "hello".to_owned(),
        }];
        let messages = action(&facts, &earlier, "create an epic");
        let roles: Vec<Speaker> = messages.iter().map(|it| it.role).collect();
        assert_eq!(
            roles,
            [
                Speaker::System,
                Speaker::User,
                Speaker::Assistant,
                Speaker::User
            ]
        );
        insta::assert_snapshot!(messages[0].content);
    }
}
