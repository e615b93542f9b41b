//! Reading what a model proposes: one JSON object with an `action`.

use serde_json::{Map, Value};

use super::command::{AssetChange, AssetVerb, Change, Command, Look};
use super::kinds::{Template, slug};
use super::line::priority;
use super::parse::{Parsed, parse};

/// The seat of a card for which none is named: one that the standard team has.
const DEFAULT_SEAT: &str = "coder";
/// How much of an answer that makes no sense is shown, in characters.
const SHOWN: usize = 300;
/// Beginnings of objects that are tried.
const TRIES: usize = 64;

/// What a model proposes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Proposal {
    /// An answer.
    Say(String),
    /// A look at something.
    Look(Look),
    /// The list of commands.
    Help,
    /// A change, and why.
    Change(Change, String),
    /// Nothing that makes sense; in words.
    Nonsense(String),
    /// Not even an object; in words.
    NoObject(String),
}

/// The text of an answer in plain chat; an object is unwrapped to its `response` or `reasoning`.
pub(super) fn spoken(answer: &str) -> String {
    let Some(object) = object(answer, |_| true).filter(|_| is_only_json(answer)) else {
        return answer.to_owned();
    };
    let text = ["response", "reasoning"]
        .iter()
        .find_map(|key| text(&object, key));
    text.unwrap_or(answer).to_owned()
}

fn is_only_json(answer: &str) -> bool {
    let bare = answer
        .trim()
        .trim_start_matches("```json")
        .trim_matches('`')
        .trim();
    bare.starts_with('{') && bare.ends_with('}')
}

/// Reads an answer in the form of an action.
pub(super) fn read(answer: &str, departments: &[String], department: &str) -> Proposal {
    let Some(object) = object(answer, |object| object.contains_key("action")) else {
        let shown: String = answer.chars().take(SHOWN).collect();
        return Proposal::NoObject(format!("the model answered without an action:\n{shown}"));
    };
    let action = text(&object, "action").unwrap_or_default().to_lowercase();
    let reasoning = text(&object, "reasoning").unwrap_or_default().to_owned();
    let named = text(&object, "suggested_department")
        .filter(|name| departments.iter().any(|it| it == name));
    let department = named.unwrap_or(department);
    let change = |what| {
        let change = Change::Asset(AssetChange {
            what,
            department: department.to_owned(),
        });
        Proposal::Change(change, reasoning.clone())
    };
    let missing = |field: &str| {
        Proposal::Nonsense(format!("the model proposed `{action}` without `{field}`"))
    };
    let empty = Map::new();
    let asset = object
        .get("new_asset")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    match action.as_str() {
        "converse" | "chat" | "respond" | "conversation" => {
            let said = text(&object, "response").unwrap_or(reasoning.as_str());
            Proposal::Say(said.to_owned())
        }
        "command" => {
            let Some(line) = text(&object, "command") else {
                return missing("command");
            };
            command(line, departments, department, reasoning)
        }
        "create_issue" => {
            let Some(epic) = text(&object, "target_parent") else {
                return missing("target_parent");
            };
            let Some(summary) = text(asset, "summary").or(text(asset, "name")) else {
                return missing("new_asset.summary");
            };
            let wished = asset
                .get("priority")
                .map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned));
            change(AssetVerb::AddCard {
                epic: epic.to_owned(),
                seat: text(asset, "seat").unwrap_or(DEFAULT_SEAT).to_owned(),
                priority: wished.as_deref().and_then(priority).unwrap_or(2.0),
                summary: summary.to_owned(),
                note: text(asset, "note").map(str::to_owned),
            })
        }
        "create_epic" | "create_rock" => {
            let Some(name) = text(asset, "name").or(text(asset, "summary")) else {
                return missing("new_asset.name");
            };
            let is_epic = action == "create_epic";
            change(AssetVerb::Create {
                kind: if is_epic {
                    Template::Epic
                } else {
                    Template::Rock
                },
                name: slug(name),
                title: Some(name.to_owned()),
                rock: text(&object, "target_parent")
                    .filter(|_| is_epic)
                    .map(str::to_owned),
            })
        }
        "adopt_issue" => {
            let Some(card) = text(&object, "issue_id") else {
                return missing("issue_id");
            };
            let Some(epic) = text(&object, "target_epic") else {
                return missing("target_epic");
            };
            change(AssetVerb::MoveCard {
                card: card.to_owned(),
                epic: epic.to_owned(),
            })
        }
        "assign_team" => {
            let Some(team) = text(&object, "suggested_team") else {
                return missing("suggested_team");
            };
            match text(&object, "target_epic") {
                Some(epic) => change(AssetVerb::AssignTeam {
                    team: team.to_owned(),
                    epic: epic.to_owned(),
                }),
                None => Proposal::Say(format!(
                    "Team `{team}` of department `{department}` would suit. {reasoning}\n/assign-team {team} EPIC gives it to an epic."
                )),
            }
        }
        "turn_directive" => {
            let seat = text(&object, "target_seat").unwrap_or("the seat");
            let directive = text(&object, "directive").unwrap_or(reasoning.as_str());
            Proposal::Say(format!(
                "For {seat}: {directive}\nA seat is told through its card: put it into the card's note or description."
            ))
        }
        _ => Proposal::Nonsense(format!("the model proposed `{action}`, which is no action")),
    }
}

fn command(line: &str, departments: &[String], department: &str, reasoning: String) -> Proposal {
    let line = format!("/{}", line.trim().trim_start_matches('/'));
    match parse(&line, departments, department) {
        Parsed::Command(Command::Look(look)) => Proposal::Look(look),
        Parsed::Command(Command::Help) => Proposal::Help,
        Parsed::Command(Command::Change(change)) | Parsed::Maybe(Command::Change(change)) => {
            Proposal::Change(change, reasoning)
        }
        // A model confirms nothing.
        Parsed::Command(_) | Parsed::Maybe(_) | Parsed::Talk => {
            Proposal::Nonsense(format!("the model proposed `{line}`, which it may not"))
        }
        Parsed::Hint(hint) => Proposal::Nonsense(format!("the model proposed `{line}`: {hint}")),
    }
}

/// A text that is not empty.
fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object
        .get(key)?
        .as_str()
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// The first JSON object in a text that is one of those that are looked for.
fn object(
    text: &str,
    is_wanted: impl Fn(&Map<String, Value>) -> bool,
) -> Option<Map<String, Value>> {
    let begins = text.match_indices('{').take(TRIES);
    begins
        .filter_map(|(at, _)| text.get(at..))
        .find_map(|rest| {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
            match values.next()?.ok()? {
                Value::Object(object) if is_wanted(&object) => Some(object),
                _ => None,
            }
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn proposal(answer: &Value) -> Proposal {
        read(
            &answer.to_string(),
            &["core".to_owned(), "sales".to_owned()],
            "core",
        )
    }

    #[test]
    fn plain_chat_unwraps_an_object() {
        assert_eq!(spoken("It is fine."), "It is fine.");
        assert_eq!(
            spoken(r#"{"action":"converse","response":"It is fine."}"#),
            "It is fine."
        );
        assert_eq!(spoken("```json\n{\"reasoning\": \"so\"}\n```"), "so");
        let code = r#"Write {"a": 1} into it."#;
        assert_eq!(spoken(code), code);
    }

    #[test]
    fn each_action_is_a_change_or_words() {
        let issue = json!({"action": "create_issue", "reasoning": "r", "target_parent": "x",
            "new_asset": {"summary": "Write {it}", "priority": "High"}});
        let Proposal::Change(Change::Asset(AssetChange { what, department }), why) =
            proposal(&issue)
        else {
            panic!("{issue}");
        };
        assert_eq!((department.as_str(), why.as_str()), ("core", "r"));
        assert_eq!(
            what,
            AssetVerb::AddCard {
                epic: "x".to_owned(),
                seat: DEFAULT_SEAT.to_owned(),
                priority: 3.0,
                summary: "Write {it}".to_owned(),
                note: None,
            }
        );
        let epic = json!({"action": "create_epic", "suggested_department": "sales",
            "new_asset": {"name": "../../Pay Ments"}, "target_parent": "launch"});
        let Proposal::Change(Change::Asset(AssetChange { what, department }), _) = proposal(&epic)
        else {
            panic!("{epic}");
        };
        assert_eq!(department, "sales");
        assert!(
            matches!(what, AssetVerb::Create { name, rock: Some(_), .. } if name == "pay_ments")
        );
        let run = json!({"action": "command", "command": "run epic x"});
        assert!(matches!(
            proposal(&run),
            Proposal::Change(Change::Work(_), _)
        ));
        let look = json!({"action": "command", "command": "/list epics"});
        assert!(matches!(proposal(&look), Proposal::Look(_)));
    }

    #[test]
    fn what_makes_no_sense_is_said_and_nothing_is_confirmed() {
        for answer in [
            json!({"action": "command", "command": "/confirm"}),
            json!({"action": "command", "command": "/rm -rf"}),
            json!({"action": "create_issue"}),
            json!({"action": "adopt_issue", "issue_id": "A"}),
            json!({"action": "format_disk"}),
            json!({"response": "hi"}),
            json!("no"),
        ] {
            assert!(
                matches!(
                    proposal(&answer),
                    Proposal::Nonsense(_) | Proposal::NoObject(_)
                ),
                "{answer}"
            );
        }
        let said = read(
            "Sure! {\"action\": \"converse\", \"response\": \"a } in it\"} Done.",
            &[],
            "core",
        );
        assert_eq!(said, Proposal::Say("a } in it".to_owned()));
    }

    proptest! {
        #[test]
        fn no_answer_breaks_it(answer in "[{}\":a-z, \\\\]{0,80}") {
            let _ = (spoken(&answer), read(&answer, &[], "core"));
        }
    }
}
