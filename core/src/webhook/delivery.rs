//! What was told. Gitea and Forgejo tell of reviews in their own events
//! (`pull_request_approved`, with `review.type` and the reviewer as `sender`), GitHub and the Python
//! Orket in one (`pull_request_review`, with `review.state` and `review.user`): both are read.

use serde_json::{Map, Value};

use super::prune::{PAYLOAD, pruned};

/// The longest name of a user, owner or repository, in bytes.
const LONGEST_NAME: usize = 255;

/// A repository, by its owner and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    /// Whose it is: a user or an organization.
    pub owner: String,
    /// Its name.
    pub name: String,
}

impl Repository {
    /// `owner/name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

/// A pull request as an event shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Where.
    pub repository: Repository,
    /// Its number there, from 1.
    pub number: u64,
    /// Its title; empty when it is not told.
    pub title: String,
    /// Who opened it, when that is told.
    pub author: Option<String>,
    /// The commit at the head of its branch, when that is told.
    pub head_sha: Option<String>,
    /// Its branch, when that is told.
    pub head_ref: Option<String>,
    /// Whether it is open, when that is told.
    pub is_open: Option<bool>,
}

impl PullRequest {
    /// `owner/name#number`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}#{}", self.repository.full_name(), self.number)
    }
}

/// What a reviewer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may be merged.
    Approved,
    /// It must be changed first.
    ChangesRequested,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody reviewed a pull request.
    Reviewed {
        /// Which.
        pull_request: PullRequest,
        /// Who.
        reviewer: String,
        /// With which result.
        verdict: Verdict,
        /// In which words.
        words: Option<String>,
    },
    /// A pull request was opened, opened again, or its branch was pushed.
    Opened {
        /// Which.
        pull_request: PullRequest,
        /// It was closed before.
        is_again: bool,
    },
    /// It was merged.
    Merged {
        /// Which.
        pull_request: PullRequest,
    },
    /// It was closed without being merged.
    Closed {
        /// Which.
        pull_request: PullRequest,
    },
    /// Something that nothing follows from; why, in words.
    Ignored {
        /// The pull request that it is about, if it is about one.
        pull_request: Option<PullRequest>,
        /// Why.
        why: String,
    },
}

impl Event {
    /// The pull request that it is about.
    #[must_use]
    pub fn pull_request(&self) -> Option<&PullRequest> {
        match self {
            Self::Reviewed { pull_request, .. }
            | Self::Opened { pull_request, .. }
            | Self::Merged { pull_request }
            | Self::Closed { pull_request } => Some(pull_request),
            Self::Ignored { pull_request, .. } => pull_request.as_ref(),
        }
    }
}

/// Why a payload cannot be read. Shown to the sender, who signed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid payload: {0}")]
pub struct Invalid(String);

impl Invalid {
    fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

/// The object in a payload: the fields that have a meaning, checked for their kind, and no others.
///
/// # Errors
///
/// [`Invalid`]: no JSON, no object, or a field of another kind.
pub fn payload(body: &[u8]) -> Result<Map<String, Value>, Invalid> {
    let text = std::str::from_utf8(body).map_err(|_| Invalid::new("no JSON (not UTF-8)"))?;
    let value = pruned(text, &PAYLOAD).map_err(|error| {
        Invalid::new(format!(
            "no JSON (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    let Value::Object(fields) = value else {
        return Err(Invalid::new("must be an object"));
    };
    let given = |name: &str| fields.get(name).filter(|value| !value.is_null());
    if given("action").is_some_and(|action| !action.is_string()) {
        return Err(Invalid::new("action must be a text"));
    }
    if let Some(number) = given("number")
        && number.as_i64().is_none_or(|number| number < 1)
    {
        return Err(Invalid::new("number must be 1 or more"));
    }
    for name in ["pull_request", "repository", "review", "sender"] {
        if given(name).is_some_and(|value| !value.is_object()) {
            return Err(Invalid::new(format!("{name} must be an object")));
        }
    }
    Ok(fields)
}

/// The event that a name and a payload tell.
///
/// # Errors
///
/// [`Invalid`] when it is one that something follows from and what must be known of it is missing.
pub fn event(name: Option<&str>, fields: &Map<String, Value>) -> Result<Event, Invalid> {
    let action = text(fields.get("action")).unwrap_or_default();
    match name.map(str::trim) {
        Some("pull_request") => match action {
            "opened" | "reopened" | "synchronized" | "synchronize" => Ok(Event::Opened {
                pull_request: pull_request(fields)?,
                is_again: action == "reopened",
            }),
            "closed" => {
                let is_merged = object(fields, "pull_request")?.get("merged") == Some(&true.into());
                let pull_request = pull_request(fields)?;
                Ok(if is_merged {
                    Event::Merged { pull_request }
                } else {
                    Event::Closed { pull_request }
                })
            }
            _ => Ok(ignored(fields, "Event type pull_request not handled")),
        },
        // The name comes in a header, which the signature does not cover: what was reviewed how is
        // read from the payload alone.
        Some(
            "pull_request_review"
            | "pull_request_approved"
            | "pull_request_rejected"
            | "pull_request_comment",
        ) => {
            let review = object(fields, "review")?;
            let state = text(review.get("state"))
                .or_else(|| text(review.get("type")))
                .ok_or_else(|| Invalid::new("review.state is missing"))?;
            reviewed(fields, review, state)
        }
        Some(name) => {
            let shown: String = name.chars().take(64).collect();
            Ok(ignored(fields, &format!("Event type {shown} not handled")))
        }
        None => Ok(ignored(fields, "Event type None not handled")),
    }
}

fn reviewed(
    fields: &Map<String, Value>,
    review: &Map<String, Value>,
    state: &str,
) -> Result<Event, Invalid> {
    let verdict = match state.to_ascii_lowercase().as_str() {
        "approved" | "approve" | "pull_request_review_approved" => Verdict::Approved,
        "changes_requested" | "request_changes" | "rejected" | "pull_request_review_rejected" => {
            Verdict::ChangesRequested
        }
        _ => return Ok(ignored(fields, "Review state not actionable")),
    };
    let reviewer = login(review.get("user"))
        .or_else(|| login(fields.get("sender")))
        .filter(|name| is_name(name))
        .ok_or_else(|| Invalid::new("the reviewer is missing"))?;
    let words = text(review.get("body")).or_else(|| text(review.get("content")));
    Ok(Event::Reviewed {
        pull_request: pull_request(fields)?,
        reviewer: reviewer.to_owned(),
        verdict,
        words: words
            .map(str::trim)
            .filter(|words| !words.is_empty())
            .map(str::to_owned),
    })
}

/// The name of a user.
fn login(user: Option<&Value>) -> Option<&str> {
    let user = user?.as_object()?;
    text(user.get("login")).or_else(|| text(user.get("username")))
}

fn ignored(fields: &Map<String, Value>, why: &str) -> Event {
    Event::Ignored {
        pull_request: pull_request(fields).ok(),
        why: why.to_owned(),
    }
}

/// The repository of a payload.
///
/// # Errors
///
/// [`Invalid`] when it is missing, or is named as none can be.
pub fn repository(fields: &Map<String, Value>) -> Result<Repository, Invalid> {
    let repository = object(fields, "repository")?;
    let name = |value: Option<&Value>, what: &str| {
        text(value)
            .filter(|name| is_name(name))
            .map(str::to_owned)
            .ok_or_else(|| Invalid::new(format!("{what} is missing or no name")))
    };
    let owner = object(repository, "owner")?;
    Ok(Repository {
        owner: name(
            owner.get("login").or_else(|| owner.get("username")),
            "repository.owner.login",
        )?,
        name: name(repository.get("name"), "repository.name")?,
    })
}

fn pull_request(fields: &Map<String, Value>) -> Result<PullRequest, Invalid> {
    let repository = repository(fields)?;
    let shown = object(fields, "pull_request")?;
    let number = shown
        .get("number")
        .or_else(|| fields.get("number"))
        .and_then(Value::as_i64)
        .and_then(|number| u64::try_from(number).ok())
        .filter(|number| *number > 0)
        .ok_or_else(|| Invalid::new("pull_request.number is missing"))?;
    let user = shown.get("user").and_then(Value::as_object);
    let head = shown.get("head").and_then(Value::as_object);
    let head_of = |name: &str| {
        text(head.and_then(|head| head.get(name)))
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    Ok(PullRequest {
        repository,
        number,
        title: text(shown.get("title")).unwrap_or_default().to_owned(),
        author: user
            .and_then(|user| text(user.get("login")))
            .filter(|name| is_name(name))
            .map(str::to_owned),
        head_sha: head_of("sha").filter(|sha| is_sha(sha)),
        head_ref: head_of("ref"),
        is_open: text(shown.get("state")).map(|state| state == "open"),
    })
}

fn object<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
) -> Result<&'a Map<String, Value>, Invalid> {
    fields
        .get(name)
        .and_then(Value::as_object)
        .ok_or_else(|| Invalid::new(format!("{name} is missing")))
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}

/// What owners, repositories and users may be called: it goes into the path of a request.
fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name != "."
        && name != ".."
        && name.bytes().all(is_allowed)
}

/// A whole commit id: SHA-1 or SHA-256 in hexadecimal digits.
fn is_sha(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The card that a title names: the first `ISSUE-…` of capital letters and digits.
#[must_use]
pub fn card_in(title: &str) -> Option<&str> {
    const MARK: &str = "ISSUE-";
    title.match_indices(MARK).find_map(|(start, _)| {
        let rest = title.get(start + MARK.len()..)?;
        let length = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            .count();
        (length > 0).then(|| title.get(start..start + MARK.len() + length))?
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn base() -> Value {
        json!({
            "action": "opened",
            "number": 7,
            "pull_request": {
                "number": 7, "title": "[ISSUE-AB12] Add a page", "merged": false, "merged_by": null,
                "user": {"login": "ada"},
                "head": {"ref": "page", "sha": "a".repeat(40), "repo": null},
            },
            "repository": {"name": "site", "owner": {"login": "acme"}},
            "sender": {"login": "grace"},
        })
    }

    fn told(name: &str, change: impl FnOnce(&mut Value)) -> Result<Event, Invalid> {
        let mut value = base();
        change(&mut value);
        let fields = payload(value.to_string().as_bytes())?;
        event(Some(name), &fields)
    }

    fn reviewed_by(event: Result<Event, Invalid>) -> (String, Verdict, Option<String>) {
        match event.unwrap() {
            Event::Reviewed {
                reviewer,
                verdict,
                words,
                ..
            } => (reviewer, verdict, words),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reviews_are_understood_in_both_dialects() {
        let own = |kind: &str| json!({"type": format!("pull_request_review_{kind}"), "content": " too long "});
        for (name, kind, verdict) in [
            ("pull_request_approved", "approved", Verdict::Approved),
            (
                "pull_request_rejected",
                "rejected",
                Verdict::ChangesRequested,
            ),
            ("pull_request_review", "approved", Verdict::Approved),
            ("pull_request_review", "rejected", Verdict::ChangesRequested),
        ] {
            let event = told(name, |it| {
                it["action"] = json!("reviewed");
                it["review"] = own(kind);
            });
            let words = Some("too long".to_owned());
            assert_eq!(reviewed_by(event), ("grace".to_owned(), verdict, words));
        }
        for (state, verdict) in [
            ("approved", Verdict::Approved),
            ("APPROVED", Verdict::Approved),
            ("changes_requested", Verdict::ChangesRequested),
        ] {
            let event = told("pull_request_review", |it| {
                it["review"] = json!({"state": state, "user": {"login": "linus"}, "body": null});
            });
            assert_eq!(reviewed_by(event), ("linus".to_owned(), verdict, None));
        }
    }

    #[test]
    fn what_nothing_follows_from_says_why() {
        let why = |event: Result<Event, Invalid>| match event.unwrap() {
            Event::Ignored { why, .. } => why,
            other => panic!("{other:?}"),
        };
        let commented = |it: &mut Value| {
            it["review"] = json!({"state": "commented", "user": {"login": "ada"}});
        };
        assert_eq!(
            why(told("pull_request_review", commented)),
            "Review state not actionable"
        );
        let words = |it: &mut Value| it["review"] = json!({"type": "pull_request_review_comment"});
        // Whatever the header says, which nobody signed.
        for name in ["pull_request_comment", "pull_request_approved"] {
            assert_eq!(why(told(name, words)), "Review state not actionable");
        }
        assert_eq!(why(told("push", |_| {})), "Event type push not handled");
        let edited = told("pull_request", |it| it["action"] = json!("edited"));
        assert_eq!(why(edited), "Event type pull_request not handled");
        let fields = payload(b"{}").unwrap();
        assert_eq!(why(event(None, &fields)), "Event type None not handled");
    }

    #[test]
    fn opening_pushing_merging_and_closing_are_told_apart() {
        for action in ["opened", "reopened", "synchronized"] {
            let event = told("pull_request", |it| it["action"] = json!(action)).unwrap();
            let Event::Opened { pull_request, .. } = event else {
                panic!("{event:?}");
            };
            assert_eq!(pull_request.key(), "acme/site#7");
            assert_eq!(pull_request.author.as_deref(), Some("ada"));
            assert_eq!(pull_request.head_sha, Some("a".repeat(40)));
            assert_eq!(card_in(&pull_request.title), Some("ISSUE-AB12"));
        }
        let closed = |merged: bool| {
            told("pull_request", |it| {
                it["action"] = json!("closed");
                it["pull_request"]["merged"] = json!(merged);
            })
        };
        assert!(matches!(closed(true), Ok(Event::Merged { .. })));
        assert!(matches!(closed(false), Ok(Event::Closed { .. })));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for body in [
            &b""[..],
            b"[]",
            b"{\"other\": \"\xff\"}",
            b"7",
            b"{",
            br#"{"number": 0}"#,
            br#"{"number": -1}"#,
            br#"{"action": 1}"#,
            br#"{"pull_request": []}"#,
            br#"{"repository": "x"}"#,
        ] {
            let refused = payload(body).unwrap_err().to_string();
            assert!(refused.starts_with("Invalid payload: "), "{refused}");
        }
        for change in [
            |it: &mut Value| it["repository"]["owner"]["login"] = json!("../admin"),
            |it: &mut Value| it["repository"]["name"] = json!("a/b"),
            |it: &mut Value| it["repository"] = json!(null),
            |it: &mut Value| it["pull_request"]["number"] = json!(0),
            |it: &mut Value| it["pull_request"] = json!(null),
        ] {
            assert!(told("pull_request", change).is_err());
        }
        let nobody = told("pull_request_approved", |it| {
            it["review"] = json!({"type": "pull_request_review_approved"});
            it["sender"] = json!(null);
        });
        assert!(nobody.is_err());
        assert!(told("pull_request_review", |_| {}).is_err());
    }

    #[test]
    fn a_title_names_the_first_card_in_it() {
        assert_eq!(card_in("ISSUE-1 and ISSUE-2"), Some("ISSUE-1"));
        assert_eq!(card_in("fix: ISSUE-ABc"), Some("ISSUE-AB"));
        assert_eq!(card_in("ISSUE- ISSUE-é ISSUE-X"), Some("ISSUE-X"));
        assert_eq!(card_in("issue-1"), None);
        assert_eq!(card_in(""), None);
    }
}
