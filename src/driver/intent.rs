//! What a message in plain words wants changed: a verb with a noun close behind it. A change that a
//! model proposes is only shown to the operator when the operator's own words ask for it.

use std::collections::BTreeSet;

use super::command::{AssetVerb, Change, WorkChange};
use super::kinds::Template;

/// How far behind the verb the noun may begin, in characters.
const REACH: usize = 40;

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// A new card.
    Card,
    /// A new epic.
    Epic,
    /// A new rock.
    Rock,
    /// A new team or environment.
    Seats,
    /// A card into another epic.
    Move,
    /// A seat or a team for something.
    Assign,
    /// Something out of the files.
    Delete,
    /// Work to begin.
    Run,
    /// Work to stop.
    Halt,
    /// Work to go on.
    Resume,
    /// A gate decided.
    Decide,
    /// Cards put away.
    Archive,
}

struct Pattern {
    wish: Wish,
    verbs: &'static [&'static str],
    nouns: &'static [&'static str],
}

const NEW: &[&str] = &[
    "create", "add", "make", "new", "write", "open", "plan", "set", "start", "build", "draft",
];
const CARD: &[&str] = &[
    "card", "cards", "issue", "issues", "ticket", "tickets", "task", "tasks", "story", "stories",
];
const WORK: &[&str] = &[
    "epic", "epics", "rock", "rocks", "card", "cards", "run", "runs", "session", "sessions",
    "build", "builds", "active", "it", "again",
];

const PATTERNS: [Pattern; 12] = [
    Pattern {
        wish: Wish::Card,
        verbs: NEW,
        nouns: CARD,
    },
    Pattern {
        wish: Wish::Epic,
        verbs: NEW,
        nouns: &["epic", "epics"],
    },
    Pattern {
        wish: Wish::Rock,
        verbs: NEW,
        nouns: &["rock", "rocks"],
    },
    Pattern {
        wish: Wish::Seats,
        verbs: NEW,
        nouns: &["team", "teams", "environment", "environments", "crew"],
    },
    Pattern {
        wish: Wish::Move,
        verbs: &["move", "adopt", "transfer", "shift", "put"],
        nouns: CARD,
    },
    Pattern {
        wish: Wish::Assign,
        verbs: &["assign", "give", "hand", "reassign", "switch"],
        nouns: &[
            "team",
            "teams",
            "seat",
            "seats",
            "card",
            "cards",
            "issue",
            "issues",
            "epic",
            "epics",
            "coder",
            "architect",
            "reviewer",
            "developer",
        ],
    },
    Pattern {
        wish: Wish::Delete,
        verbs: &["delete", "remove", "drop", "erase"],
        nouns: &[
            "card",
            "cards",
            "issue",
            "issues",
            "epic",
            "epics",
            "rock",
            "rocks",
            "team",
            "teams",
            "environment",
            "environments",
        ],
    },
    Pattern {
        wish: Wish::Run,
        verbs: &["run", "start", "launch", "execute", "begin", "kick"],
        nouns: WORK,
    },
    Pattern {
        wish: Wish::Halt,
        verbs: &["halt", "stop", "abort", "kill", "interrupt", "cancel"],
        nouns: WORK,
    },
    Pattern {
        wish: Wish::Resume,
        verbs: &["resume", "continue", "restart", "proceed"],
        nouns: WORK,
    },
    Pattern {
        wish: Wish::Decide,
        verbs: &["approve", "reject", "accept", "decline", "expire", "allow"],
        nouns: &[
            "gate",
            "gates",
            "request",
            "requests",
            "approval",
            "approvals",
            "call",
        ],
    },
    Pattern {
        wish: Wish::Archive,
        verbs: &["archive", "shelve", "unarchive", "unshelve"],
        nouns: &[
            "card",
            "cards",
            "issue",
            "issues",
            "build",
            "builds",
            "everything",
            "all",
            "related",
        ],
    },
];

/// What Orket's settings are called; nothing is changed by talking about them.
const SETTINGS: [&str; 3] = ["runtime policy", "settings", "configuration"];

/// Each change that the text asks for in so many words.
#[must_use]
pub fn wishes(text: &str) -> BTreeSet<Wish> {
    super::orders::orders(text)
        .iter()
        .flat_map(|order| found(order, true))
        .collect()
}

/// Whether the text is about Orket's cards, runs or settings at all, asked for or not.
#[must_use]
pub fn is_structural(text: &str) -> bool {
    let lower = text.to_lowercase();
    !found(text, false).is_empty() || SETTINGS.iter().any(|phrase| lower.contains(phrase))
}

/// Whether the operator's words ask for this change.
#[must_use]
pub fn is_wished(wishes: &BTreeSet<Wish>, change: &Change) -> bool {
    let needed = match change {
        Change::Asset(asset) => match &asset.what {
            AssetVerb::Create {
                kind: Template::Epic,
                ..
            } => Wish::Epic,
            AssetVerb::Create {
                kind: Template::Rock,
                ..
            } => Wish::Rock,
            AssetVerb::Create {
                kind: Template::Team | Template::Environment,
                ..
            } => Wish::Seats,
            AssetVerb::AddCard { .. } => Wish::Card,
            AssetVerb::MoveCard { .. } => Wish::Move,
            AssetVerb::AssignCard { .. } | AssetVerb::AssignTeam { .. } => Wish::Assign,
            AssetVerb::DeleteCard { .. } | AssetVerb::Delete { .. } => Wish::Delete,
        },
        Change::Work(work) => match work {
            WorkChange::Run { .. } => Wish::Run,
            WorkChange::Halt(_) => Wish::Halt,
            WorkChange::Resume(_) => Wish::Resume,
            WorkChange::Decide { .. } => Wish::Decide,
            WorkChange::Archive { .. } | WorkChange::Unarchive { .. } => Wish::Archive,
        },
    };
    wishes.contains(&needed)
}

/// A word and where it begins, in characters.
struct Word {
    text: String,
    at: usize,
}

fn found(text: &str, is_order: bool) -> BTreeSet<Wish> {
    let words = words(text);
    let mut wishes = BTreeSet::new();
    for (place, verb) in words.iter().enumerate() {
        // "Stop creating epics" stops no run.
        let next = words.get(place + 1).map(|word| word.text.as_str());
        if is_order && next.is_some_and(|next| next.ends_with("ing")) {
            continue;
        }
        for pattern in &PATTERNS {
            if !pattern.verbs.contains(&verb.text.as_str()) {
                continue;
            }
            let end = verb.at + verb.text.chars().count();
            let near = words
                .iter()
                .skip(place + 1)
                .take_while(|noun| noun.at.saturating_sub(end) <= REACH);
            if near
                .into_iter()
                .any(|noun| pattern.nouns.contains(&noun.text.as_str()))
            {
                wishes.insert(pattern.wish);
            }
        }
    }
    wishes
}

fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut open = false;
    for (at, c) in text.chars().enumerate() {
        if !c.is_alphanumeric() && !matches!(c, '\'' | '’') {
            open = false;
            continue;
        }
        match words.last_mut().filter(|_| open) {
            Some(word) => word.text.extend(c.to_lowercase()),
            None => words.push(Word {
                text: c.to_lowercase().collect(),
                at,
            }),
        }
        open = true;
    }
    for word in &mut words {
        // Quotes around a word are no part of it.
        word.text = word.text.trim_matches(['\'', '’']).to_owned();
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_order_has_a_verb_with_a_noun_behind_it() {
        for (text, expected) in [
            ("Please create a new epic for payments", vec![Wish::Epic]),
            ("add a card about logging to golden_flow", vec![Wish::Card]),
            ("could you halt the session?", vec![Wish::Halt]),
            (
                "Create an epic without cards, and do not run it.",
                vec![Wish::Epic],
            ),
            ("I don't like it. Halt the run!", vec![Wish::Halt]),
            ("that is not it, but archive card A-1", vec![Wish::Archive]),
            (
                "please create an epic called \"halt the run\"",
                vec![Wish::Epic],
            ),
            ("would you please run the epic?", vec![Wish::Run]),
            ("run active", vec![Wish::Run]),
            ("Move issue A-1 to the other epic", vec![Wish::Move]),
            ("approve that gate", vec![Wish::Decide]),
            ("archive card A-1", vec![Wish::Archive]),
            ("the epic was created by Ada", vec![]),
            ("tell me of rocks", vec![]),
            (
                "create something, and much later in this sentence, an epic",
                vec![],
            ),
        ] {
            assert_eq!(
                wishes(text).into_iter().collect::<Vec<_>>(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn a_question_or_a_no_is_no_order_but_still_about_the_work() {
        for text in [
            "do not create an epic",
            "Please do not, under any circumstances whatsoever, create an epic",
            "I would never ask you to create an epic",
            "create no epic",
            "stop creating epics",
            "run neither the epic nor the rock",
            "there is no need to create an epic",
            "nobody should halt the run",
            "what happens when I create an epic?",
            "Is it wise to halt the run?",
            "did you create an epic",
            "can I run the epic?",
            "run the epic?",
            "so, when will you run the epic?",
            "if I were to create an epic",
            "the mail says \"create an epic\"",
            "the mail says “halt the run now”",
            "she wrote 'create an epic' and left",
            "`create an epic` is what he typed",
            "```\ncreate an epic\n```",
            "> create an epic",
            "he said \"create an epic",
            "tell me how to create an epic",
            "don’t create an epic",
            "don't create an epic",
            "how do I create an epic?",
            "should we halt the run?",
            "talk about it, do not run the epic",
        ] {
            assert!(wishes(text).is_empty(), "{text}");
            assert!(is_structural(text), "{text}");
        }
        assert!(is_structural("what is the runtime policy?"));
        assert!(!is_structural("what is the capital of France?"));
        assert!(!is_structural("ok"));
    }

    proptest! {
        #[test]
        fn orders_are_always_structural(text in "\\PC{0,20}(create|halt|move)? ?(an )?(epic|run|card)?\\PC{0,60}") {
            prop_assert!(wishes(&text).is_empty() || is_structural(&text));
        }
    }
}
