//! What a turn is shown of earlier decisions, and what a card leaves behind for later runs.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::buffer::RecordWrite;
use crate::canonical::json_v1;
use crate::card_life::CardLife;
use crate::ids::CardId;
use crate::plan::{CardPlan, RunPlan};
use crate::status::words;
use crate::tool_call::parse;

/// The kind of record that a decision is.
pub const DECISION: &str = "decision";
/// The longest text of a decision, in characters.
const DECISION_CHARS: usize = 400;

words! {
    /// What a run sees of the project's memory, and what it adds to it.
    VisibilityMode, "memory visibility mode" {
        /// Nothing, in both directions.
        Off = "off",
        /// It sees the memory as it was when the run began, and adds nothing.
        ReadOnly = "read_only",
        /// It sees the memory as it was when the run began; what it adds becomes visible as a whole
        /// when the run is over.
        BufferedWrite = "buffered_write",
        /// It sees the memory as it is, and adds to it with every card that is done. Two such runs
        /// cannot be compared.
        LiveReadWrite = "live_read_write",
    }
}

impl VisibilityMode {
    /// Whether decisions of the run are remembered.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::BufferedWrite | Self::LiveReadWrite)
    }

    /// Whether the run sees one and the same snapshot throughout.
    #[must_use]
    pub const fn holds_still(self) -> bool {
        matches!(self, Self::ReadOnly | Self::BufferedWrite)
    }
}

/// What was looked up before a turn, as it is recorded with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// How the run sees the memory.
    pub visibility: VisibilityMode,
    /// The snapshot that was looked into.
    pub snapshot: u64,
    /// The search; `None` when there was nothing to search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
}

/// One search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// Of the query in canonical form.
    pub query_fingerprint: String,
    /// How many records hold any of its words; those that say the same count once.
    pub candidates: u64,
    /// The best of them, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Recalled>,
}

/// One record that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recalled {
    /// The record.
    pub id: i64,
    /// What kind of record it is.
    pub record_type: String,
    /// What is remembered.
    pub content: String,
    /// How many of the query's words it holds.
    pub score: i64,
}

/// What is searched for before a turn on this card: the words of its name and note.
#[must_use]
pub fn query(card: &CardPlan) -> String {
    format!("{} {}", card.summary, card.note).trim().to_owned()
}

/// Tells queries apart without holding them.
#[must_use]
pub fn query_fingerprint(query: &str) -> String {
    let words = super::access::words_of(query);
    json_v1::fingerprint(&json!(words))
        .unwrap_or_else(|_no_form| crate::canonical::sha256_hex(query.as_bytes()))
}

/// The work that a decision belongs to, of which there may be many builds.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The department of the epic.
    pub department: &'a str,
    /// The epic's name.
    pub epic: &'a str,
    /// The build, which is told and tells nothing apart.
    pub build_id: &'a str,
    /// The epic's own cards; empty in the record of earlier versions.
    pub cards: &'a [CardId],
}

impl<'a> Origin<'a> {
    /// Of a run.
    #[must_use]
    pub fn of(plan: &'a RunPlan) -> Self {
        Self {
            department: &plan.department,
            epic: &plan.epic,
            build_id: plan.build_id.as_str(),
            cards: &plan.cards,
        }
    }

    /// What makes a decision on this card the same matter in every build of the epic.
    fn key(self, card: &CardPlan) -> String {
        let epic = format!("{}/{}", self.department, self.epic);
        let Some(creator) = &card.created_by else {
            return format!("{epic}/{}", card.id);
        };
        // The id of a card that a turn created is another in each build, and so is a creator's that
        // was created itself.
        let is_own = self.cards.is_empty() || self.cards.contains(creator);
        let known_by = if is_own { creator.as_str() } else { "" };
        format!("{epic}/{known_by}/{}", one_line(&card.summary))
    }
}

/// What a card that ended well leaves behind: the last word of a seat of architects, or one that
/// speaks of a decision. The epic and the card make the record's key, for a card that a turn created
/// its creator and summary: a later decision on the same matter takes the place of an earlier one,
/// whichever build it comes from.
#[must_use]
pub fn decision(origin: Origin<'_>, card: &CardPlan, life: &CardLife) -> Option<RecordWrite> {
    let said = life.last_reply.trim();
    let is_architect = card.seat.to_lowercase().contains("architect");
    if !life.status.satisfies_dependency()
        || said.is_empty()
        || !(is_architect || said.to_lowercase().contains("decision"))
    {
        return None;
    }
    let matter = if card.created_by.is_none() {
        format!("{} ({})", card.id, card.summary)
    } else {
        // Its id means nothing to later builds.
        one_line(&card.summary)
    };
    let content = format!("{} on {matter}: {}", card.seat, gist(said));
    let value = json!({
        "record_type": DECISION,
        "content": content,
        "metadata": {
            "issue_id": card.id.as_str(), "role": card.seat, "type": DECISION,
            "build_id": origin.build_id,
        },
    });
    Some(RecordWrite {
        key: origin.key(card),
        value: Some(value),
    })
}

/// What a reply says, in one line: its prose, else the text of the first file that it writes, else
/// the reply as it stands.
fn gist(reply: &str) -> String {
    let parsed = parse(reply);
    let written = || {
        let texts = parsed.calls.iter().filter(|call| call.tool == "write_file");
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        texts
            .filter_map(|call| call.args.get("content"))
            .map(text)
            .next()
    };
    let text = if parsed.prose.trim().is_empty() {
        written().unwrap_or_else(|| reply.to_owned())
    } else {
        parsed.prose.clone()
    };
    let line = one_line(&text);
    match line.char_indices().nth(DECISION_CHARS) {
        None => line,
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
    }
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::CardStatus;

    fn card(seat: &str) -> CardPlan {
        serde_json::from_value(json!({
            "id": "I-1", "kind": "issue", "summary": "Choose storage", "seat": seat,
            "note": "for sessions", "priority": 2.0, "max_retries": 3,
            "contract": crate::contract::Contract::default(),
            "review_contract": crate::contract::Contract::default(),
        }))
        .expect("a card")
    }

    fn life(status: CardStatus, reply: &str) -> CardLife {
        CardLife {
            status,
            last_reply: reply.to_owned(),
            ..CardLife::default()
        }
    }

    fn content(seat: &str, status: CardStatus, reply: &str) -> Option<String> {
        let write = decision(origin("build-a", &[]), &card(seat), &life(status, reply))?;
        assert_eq!(write.key, "core/shop/I-1");
        let value = write.value?;
        assert_eq!(value["metadata"]["build_id"], "build-a");
        Some(value["content"].as_str()?.to_owned())
    }

    fn origin<'a>(build_id: &'a str, cards: &'a [CardId]) -> Origin<'a> {
        Origin {
            department: "core",
            epic: "shop",
            build_id,
            cards,
        }
    }

    #[test]
    fn a_created_card_is_known_again_in_another_build() {
        let own = [CardId::new("I-1").expect("an id")];
        let left = |id: &str, creator: &str, build: &str| {
            let mut created = card("architect");
            created.id = CardId::new(id).expect("an id");
            created.created_by = Some(CardId::new(creator).expect("an id"));
            let done = life(CardStatus::Done, "SQLite");
            let write = decision(origin(build, &own), &created, &done).expect("kept");
            let content = write.value.expect("a value")["content"].clone();
            (write.key, content)
        };
        let first = left("ISSUE-0A", "I-1", "one");
        assert_eq!(first.0, "core/shop/I-1/Choose storage");
        assert_eq!(first.1, "architect on Choose storage: SQLite");
        assert_eq!(left("ISSUE-0B", "I-1", "two"), first);
        // A creator that was created has another id in each build.
        let second = left("ISSUE-1A", "ISSUE-0A", "one");
        assert_eq!(second.0, "core/shop//Choose storage");
        assert_eq!(left("ISSUE-1B", "ISSUE-0B", "two"), second);
    }

    #[test]
    fn what_architects_say_and_what_is_called_a_decision_is_kept_once_it_held() {
        use CardStatus::{Blocked, Done};
        let kept = |seat, status, reply| content(seat, status, reply).is_some();
        assert!(kept("lead_architect", Done, "SQLite"));
        assert!(kept("coder", Done, "The Decision is SQLite"));
        assert!(!kept("coder", Done, "SQLite"));
        assert!(!kept("architect", Blocked, "SQLite"), "it did not hold");
        assert!(!kept("architect", Done, "  "));
    }

    #[test]
    fn the_gist_is_prose_else_what_was_written_else_the_reply() {
        let gist = |reply: &str| content("architect", CardStatus::Done, reply).expect("kept");
        let call = r#"{"tool":"write_file","args":{"path":"d.txt","content":"{\n \"recommendation\": \"monolith\"}"}}"#;
        assert_eq!(
            gist(call),
            r#"architect on I-1 (Choose storage): { "recommendation": "monolith"}"#
        );
        assert!(gist(&format!("We take SQLite.\n{call}")).ends_with(": We take SQLite."));
        let cut_off = &call[..60];
        assert!(gist(cut_off).contains("write_file"), "{}", gist(cut_off));
        assert!(gist(&"ä".repeat(2_000)).ends_with("ä…"));
    }

    #[test]
    fn queries_are_told_apart_by_their_words() {
        assert_eq!(query(&card("coder")), "Choose storage for sessions");
        assert_eq!(
            query_fingerprint("Storage choose"),
            query_fingerprint("choose storage!")
        );
        assert_ne!(query_fingerprint("a"), query_fingerprint("b"));
    }
}
