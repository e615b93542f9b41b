//! `checkpoint.json`: one attempt on one page. It is the only file that the `checkpoint` mode
//! computes, thousands of times a second, so it borrows everything and copies nothing.

use std::fmt::Write as _;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::story::{Ending, Story};
use super::{SCHEMA_VERSION, TurnMeta, pretty, rfc3339};
use crate::canonical::hex;
use crate::failure::{Failure, FailureClass};
use crate::model::{Message, ModelName, Speaker};
use crate::policy::PromptStamp;
use crate::stall::Phase;
use crate::status::CardStatus;

/// How many hexadecimal digits of the prompt's digest are shown.
const HASH_DIGITS: usize = 16;

#[derive(Serialize)]
struct Checkpoint<'a, C: Serialize> {
    schema_version: &'static str,
    run_id: &'a str,
    issue_id: &'a str,
    turn_index: u32,
    attempt: u32,
    #[serde(skip_serializing_if = "is_zero")]
    recoveries: u32,
    role: &'a str,
    prompt_hash: Option<String>,
    model: Option<&'a ModelName>,
    tool_calls: C,
    state_delta: StateDelta,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_metadata: Option<&'a PromptStamp>,
    status: Ending,
    #[serde(flatten)]
    stall: Option<StallPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailurePart<'a>>,
    captured_at: String,
}

#[derive(Serialize)]
struct StateDelta {
    from: Option<CardStatus>,
    /// Empty when the attempt did not change the card's status.
    to: Option<CardStatus>,
}

#[derive(Serialize)]
struct StallPart {
    phase: Phase,
    silent_ms: u64,
    chunks: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct FailurePart<'a> {
    code: &'static str,
    class: FailureClass,
    message: &'a str,
}

impl<'a> From<&'a Failure> for FailurePart<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self {
            code: failure.code(),
            class: failure.class,
            message: &failure.message,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The bytes of the file.
pub(super) fn bytes(meta: &TurnMeta<'_>, story: &Story<'_>, ending: Ending) -> Vec<u8> {
    let asked = !story.rounds.is_empty();
    pretty(&Checkpoint {
        schema_version: SCHEMA_VERSION,
        run_id: meta.run_id,
        issue_id: meta.issue_id,
        turn_index: meta.turn,
        attempt: meta.attempt,
        recoveries: story.recoveries,
        role: meta.role,
        prompt_hash: asked.then(|| prompt_hash(story.messages())),
        model: story.rounds.last().map(|round| round.model),
        tool_calls: Sequence(|| story.calls()),
        state_delta: StateDelta {
            from: story.status,
            to: story.settled,
        },
        prompt_metadata: story
            .began
            .and_then(|(seat, _)| meta.plan?.seat(seat))
            .map(|seat| &seat.prompt),
        status: ending,
        stall: story.stall.as_ref().map(|stall| StallPart {
            phase: stall.phase,
            silent_ms: stall.silent_ms,
            chunks: stall.chunks,
            bytes: stall.bytes,
        }),
        failure: story.failure.map(FailurePart::from),
        captured_at: rfc3339(meta.ended_ms),
    })
}

/// Serialises what an iterator yields as an array, without gathering it first.
struct Sequence<F>(F);

impl<F, I> Serialize for Sequence<F>
where
    F: Fn() -> I,
    I: Iterator,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// The first 16 hexadecimal digits of the SHA-256 of the messages as canonical JSON: an array of
/// `{"content":…,"role":…}`.
pub fn prompt_hash<'a>(messages: impl IntoIterator<Item = &'a Message>) -> String {
    let mut digest = Sha256::new();
    let mut text = String::new();
    digest.update(b"[");
    for (place, message) in messages.into_iter().enumerate() {
        text.clear();
        if place > 0 {
            text.push(',');
        }
        let role = match message.role {
            Speaker::System => "system",
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
        };
        let content = serde_json::to_string(&message.content).unwrap_or_default();
        // Writing to a text cannot fail.
        let _ = write!(text, r#"{{"content":{content},"role":"{role}"}}"#);
        digest.update(text.as_bytes());
    }
    digest.update(b"]");
    let mut shown = hex(&digest.finalize());
    shown.truncate(HASH_DIGITS);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_prompt_hash_is_the_digest_of_the_canonical_json(texts in prop::collection::vec(any::<String>(), 0..4)) {
            let messages: Vec<Message> = texts
                .into_iter()
                .zip([Speaker::System, Speaker::User, Speaker::Assistant, Speaker::User])
                .map(|(text, speaker)| Message::new(speaker, text))
                .collect();
            let value = serde_json::to_value(&messages).unwrap();
            let whole = canonical::sha256_hex(canonical::to_string(&value).as_bytes());
            prop_assert_eq!(prompt_hash(&messages), &whole[..16]);
        }
    }
}
