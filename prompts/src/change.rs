//! A new version, a promotion, the end of a prompt. Pure: what the file becomes, not the file.

use std::str::FromStr;

use jiff::civil::Date;
use pep440_rs::Version;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::document::Document;
use crate::error::PromptError;
use crate::id::{Kind, PromptId};
use crate::status::Status;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A new version begins.
    New {
        /// Its version.
        version: String,
        /// Its status: a draft or a candidate.
        status: Status,
    },
    /// It gets further.
    Promote(Status),
    /// It comes to an end.
    Deprecate,
    /// It stays a candidate for another while.
    Renew,
}

impl Action {
    /// Its word.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::New { .. } => "new",
            Self::Promote(_) => "promote",
            Self::Deprecate => "deprecate",
            Self::Renew => "renew",
        }
    }
}

/// How far a prompt has got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Its version.
    pub version: Option<String>,
    /// Its status.
    pub status: Option<String>,
}

/// A change.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Before it.
    pub before: Standing,
    /// After it.
    pub after: Standing,
    /// What the prompt says of itself after it.
    pub metadata: Map<String, Value>,
    /// The file after it.
    pub document: Document,
}

/// Does it to a document; `None` for a prompt that is not there yet, which only a new version can be.
///
/// # Errors
///
/// When the status or the version does not follow from what is there.
pub fn change(
    id: &PromptId,
    document: Option<Document>,
    action: &Action,
    notes: Option<&str>,
    today: Date,
) -> Result<Change, PromptError> {
    let before = document.as_ref().map_or(
        Standing {
            version: None,
            status: None,
        },
        standing,
    );
    let (version, status) = follow(id, &before, document.is_some(), action)?;
    let mut document = document.unwrap_or_else(|| skeleton(id, notes));
    document.edit(|metadata| {
        let mut set = |key: &str, value: Value| {
            metadata.insert(key.to_owned(), value);
        };
        set("id", json!(id.to_string()));
        set("version", json!(version));
        set("status", json!(status));
        if !matches!(
            action,
            Action::Promote(_) | Action::Deprecate | Action::Renew
        ) {
            lineage(metadata, &before);
        }
        metadata.insert("updated_at".to_owned(), json!(today.to_string()));
        let entry = json!({
            "version": version,
            "date": today.to_string(),
            "status": status,
            "notes": notes.map_or_else(|| format!("{} {status}", action.as_str()), str::to_owned),
        });
        match metadata.get_mut("changelog") {
            Some(Value::Array(entries)) => entries.push(entry),
            Some(_) | None => {
                metadata.insert("changelog".to_owned(), json!([entry]));
            }
        }
    });
    Ok(Change {
        before,
        after: standing(&document),
        metadata: document.metadata().cloned().unwrap_or_default(),
        document,
    })
}

fn standing(document: &Document) -> Standing {
    Standing {
        version: document.word("version").map(str::to_owned),
        status: document.word("status").map(str::to_owned),
    }
}

/// The version and the status after the action.
fn follow(
    id: &PromptId,
    before: &Standing,
    is_there: bool,
    action: &Action,
) -> Result<(String, Status), PromptError> {
    let to = match action {
        Action::New { version, status } => {
            let first = [Status::Draft, Status::Candidate];
            if !first.contains(status) {
                return Err(PromptError::Transition {
                    id: id.to_string(),
                    from: "a new version".to_owned(),
                    to: *status,
                    next: first.to_vec(),
                });
            }
            newer(id, before.version.as_deref(), version)?;
            return Ok((version.clone(), *status));
        }
        Action::Promote(to) => *to,
        Action::Deprecate => Status::Deprecated,
        Action::Renew => Status::Candidate,
    };
    if !is_there {
        return Err(PromptError::NotFound {
            id: id.to_string(),
            hint: "make it first".to_owned(),
        });
    }
    // Runs take what says nothing as stable, 1.0.0.
    let from = before.status.as_deref().unwrap_or(Status::Stable.as_str());
    let next: &[Status] = match (Status::from_str(from), action) {
        (Ok(Status::Candidate), Action::Renew) => &[Status::Candidate],
        (Ok(from), _) => from.next(),
        // A word that means nothing can only be done away with.
        (Err(_), _) => &[Status::Deprecated],
    };
    if !next.contains(&to) {
        return Err(PromptError::Transition {
            id: id.to_string(),
            from: from.to_owned(),
            to,
            next: next.to_vec(),
        });
    }
    let version = before.version.clone().unwrap_or_else(|| "1.0.0".to_owned());
    Ok((version, to))
}

/// That a version is one, and later than the one of before.
fn newer(id: &PromptId, before: Option<&str>, version: &str) -> Result<(), PromptError> {
    let wrong = |reason: String| PromptError::Version {
        id: id.to_string(),
        reason,
    };
    let Ok(new) = Version::from_str(version) else {
        return Err(wrong(format!("`{version}` is no version, such as 1.1.0")));
    };
    match before.map(|text| (text, Version::from_str(text))) {
        Some((text, Ok(old))) if new <= old => {
            Err(wrong(format!("{version} does not come after {text}")))
        }
        Some(_) | None => Ok(()),
    }
}

fn lineage(metadata: &mut Map<String, Value>, before: &Standing) {
    let mut lineage = match metadata.get("lineage") {
        Some(Value::Object(known)) => known.clone(),
        Some(_) | None => Map::new(),
    };
    lineage.entry("parent").or_insert(Value::Null);
    if let Some(version) = &before.version {
        lineage.insert("previous_version".to_owned(), json!(version));
    }
    metadata.insert("lineage".to_owned(), Value::Object(lineage));
}

/// A prompt that is still to be written.
fn skeleton(id: &PromptId, notes: Option<&str>) -> Document {
    let about = notes.unwrap_or("To be written.");
    let fields = match id.kind {
        Kind::Role => json!({
            "name": id.name,
            "type": "utility",
            "description": about,
            "intent": "",
            "responsibilities": [],
            "constraints": [],
            "tools": ["read_file", "write_file", "update_issue_status"],
            "prompt": null,
        }),
        Kind::Dialect => json!({
            "model_family": id.name,
            "dsl_format": "{\"tool\": \"NAME\", \"args\": {\"argument\": \"text\"}}",
            "constraints": [],
            "hallucination_guard": "",
            "system_prefix": "",
            "tool_call_syntax": "json_object",
            "style_guidelines": [],
        }),
    };
    let mut fields = match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    fields.insert(
        "prompt_metadata".to_owned(),
        json!({"id": id.to_string(), "owner": "local", "owned_rule_ids": []}),
    );
    Document::of(id.kind, fields)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn at(status: &str, version: &str) -> Document {
        let text = json!({"role": {
            "name": "coder",
            "prompt_metadata": {
                "id": "role.coder", "version": version, "status": status, "owner": "core",
                "lineage": {"parent": "role.developer"}, "changelog": [], "extra": 7
            },
            "tools": []
        }});
        Document::read(&text.to_string(), Kind::Role, "coder.json").unwrap()
    }

    fn id() -> PromptId {
        "role.coder".parse().unwrap()
    }

    fn done(document: Document, action: Action) -> Result<Change, PromptError> {
        change(
            &id(),
            Some(document),
            &action,
            Some("why"),
            date(2026, 3, 1),
        )
    }

    #[test]
    fn a_new_version_is_told_whole() {
        let action = Action::New {
            version: "1.1.0".to_owned(),
            status: Status::Draft,
        };
        let change = done(at("stable", "1.0.0"), action).unwrap();
        insta::assert_snapshot!(change.document.text());
        let stand = |version: &str, status: &str| Standing {
            version: Some(version.to_owned()),
            status: Some(status.to_owned()),
        };
        assert_eq!(change.before, stand("1.0.0", "stable"));
        assert_eq!(change.after, stand("1.1.0", "draft"));
    }

    #[test]
    fn versions_only_go_forward() {
        for (version, code) in [
            ("1.0.0", Some("E_PROMPT_VERSION")),
            ("0.9", Some("E_PROMPT_VERSION")),
            ("next", Some("E_PROMPT_VERSION")),
            ("1.0.1", None),
            ("1.10", None),
        ] {
            let action = Action::New {
                version: version.to_owned(),
                status: Status::Candidate,
            };
            let found = done(at("stable", "1.0.0"), action).err();
            assert_eq!(found.map(|error| error.code()), code, "{version}");
        }
        let action = Action::New {
            version: "2".to_owned(),
            status: Status::Stable,
        };
        let error = done(at("stable", "1.0.0"), action).unwrap_err();
        assert_eq!(
            error.to_string(),
            "role.coder is a new version and cannot become stable; it may become draft or candidate"
        );
    }

    #[test]
    fn what_is_not_there_can_only_be_new() {
        let action = Action::New {
            version: "0.1.0".to_owned(),
            status: Status::Draft,
        };
        let made = change(&id(), None, &action, Some("Writes."), date(2026, 3, 1)).unwrap();
        insta::assert_snapshot!(made.document.text());
        let none = change(&id(), None, &Action::Deprecate, None, date(2026, 3, 1));
        assert_eq!(none.unwrap_err().code(), "E_PROMPT_NOT_FOUND");
    }

    #[test]
    fn a_status_that_means_nothing_can_only_be_done_away_with() {
        assert!(done(at("retired", "1"), Action::Deprecate).is_ok());
        let error = done(at("retired", "1"), Action::Promote(Status::Stable)).unwrap_err();
        assert_eq!(error.code(), "E_PROMPT_TRANSITION");
    }

    proptest! {
        /// Whatever is asked for in whatever order, only steps of the machine are taken, and each leaves
        /// its entry.
        #[test]
        fn a_prompt_only_ever_goes_where_the_machine_lets_it(
            wishes in proptest::collection::vec(0_usize..5, 1..12)
        ) {
            let mut document = at("draft", "1.0.0");
            let mut taken = 0;
            for wish in wishes {
                let to = Status::ALL[wish];
                let from: Status = document.word("status").unwrap().parse().unwrap();
                match done(document.clone(), Action::Promote(to)) {
                    Ok(change) => {
                        prop_assert!(from.next().contains(&to));
                        taken += 1;
                        document = change.document;
                    }
                    Err(error) => {
                        prop_assert!(!from.next().contains(&to));
                        prop_assert_eq!(error.code(), "E_PROMPT_TRANSITION");
                    }
                }
            }
            let entries = document.metadata().unwrap()["changelog"].as_array().unwrap().len();
            prop_assert_eq!(entries, taken);
            prop_assert_eq!(&document.metadata().unwrap()["extra"], &json!(7));
        }
    }
}
