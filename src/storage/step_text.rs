//! A step as the journal stores it: its JSON text, and the digest of its row that its link is made of.
//!
//! Whoever submits a step makes this, or else the writer. There is one way of making it, and others
//! may call it: it is done for every step of every turn, so its cost is watched
//! (`benches/instructions.rs`).
//!
//! What a seat is told at the beginning of every prompt is most of a prompt and the same for all cards
//! of a run. It is stored once, in `run_texts`; the step has `"content_ref":"<digest>"` in its place, a
//! BLAKE3 digest in hexadecimal digits. Such a name cannot stand in what somebody said: within a text of
//! JSON its quotation marks would be escaped.

use std::cell::RefCell;
use std::io;

use orket_actors::port::store::{StepRow, TurnRow};
use orket_core::chain::{Content, Linked};
use orket_core::model::{Message, ModelName, ModelOptions, Speaker};
use orket_core::turn::Step;
use serde::{Serialize, Serializer};

/// Most steps are not longer: no text of theirs has to be moved while it grows.
const USUAL_BYTES: usize = 768;

/// Shorter texts are stored where they are said: a name of theirs would save little.
const WORTH_SHARING: usize = 512;

/// What stands before the digest in a step that names a text, and what behind it.
const NAMED: (&str, &str) = (r#""messages":[{"role":"system","content_ref":""#, r#""}"#);
/// What stands there instead in the whole step.
const SAID: (&str, &str) = (r#""messages":[{"role":"system","content":"#, "}");
/// How every step begins that may name one.
const ASKING: &str = r#"{"kind":"model_requested","#;

/// What of a step can be made before its turn comes.
#[derive(Debug)]
pub struct StepText {
    /// Its JSON.
    pub body: String,
    /// What is linked of it.
    pub content: Content,
    /// The text that it names.
    pub shared: Option<Digest>,
}

/// The digest of a text that steps name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of this text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(*blake3::hash(text.as_bytes()).as_bytes())
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn from_hex(hex: &str) -> Option<Self> {
        let hash = blake3::Hash::from_hex(hex).ok()?;
        Some(Self(*hash.as_bytes()))
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

/// The text of a step that is stored by itself, if it has one.
#[must_use]
pub fn shared_text(step: &Step) -> Option<&str> {
    let Step::ModelRequested { messages, .. } = step else {
        return None;
    };
    long_system(messages).map(|message| message.content.as_str())
}

fn long_system(messages: &[Message]) -> Option<&Message> {
    messages
        .first()
        .filter(|it| it.role == Speaker::System && it.content.len() >= WORTH_SHARING)
}

/// The whole JSON text of a stored step: what it names is put in its place. `None` when it names
/// nothing, and is whole as it is.
///
/// # Errors
///
/// What `find` says of a text that is not there.
pub fn whole<E>(
    body: &str,
    find: impl FnOnce(Digest) -> Result<std::sync::Arc<str>, E>,
) -> Result<Option<String>, E> {
    let Some((before, name, after)) = named(body) else {
        return Ok(None);
    };
    let text = find(name)?;
    // A text always has a JSON form.
    let text = serde_json::to_string(&*text).unwrap_or_default();
    Ok(Some([before, SAID.0, &text, SAID.1, after].concat()))
}

/// What stands before the name of a text, the name, and what stands behind it.
fn named(body: &str) -> Option<(&str, Digest, &str)> {
    if !body.starts_with(ASKING) {
        return None;
    }
    // The last: options, which stand before the messages, may hold anything.
    let (before, rest) = body.rsplit_once(NAMED.0)?;
    let (digest, after) = rest.split_once(NAMED.1)?;
    Some((before, Digest::from_hex(digest)?, after))
}

/// A question as it is stored when its first message is named. The fields of [`Step::ModelRequested`].
#[derive(Serialize)]
struct Asking<'a> {
    kind: &'static str,
    round: u32,
    model: &'a ModelName,
    options: &'a ModelOptions,
    #[serde(serialize_with = "messages")]
    messages: (Digest, &'a [Message]),
}

/// The name of a text, then the messages behind it.
fn messages<S: Serializer>(
    (digest, rest): &(Digest, &[Message]),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Said<'a> {
        Named { role: Speaker, content_ref: String },
        Whole(&'a Message),
    }
    let name = Said::Named {
        role: Speaker::System,
        content_ref: digest.to_string(),
    };
    serializer.collect_seq(std::iter::once(name).chain(rest.iter().map(Said::Whole)))
}

thread_local! {
    /// Texts that this thread named before: comparing one costs a hundredth of digesting it.
    static NAMED_BEFORE: RefCell<Vec<(Box<str>, Digest)>> = const { RefCell::new(Vec::new()) };
}

/// A run has one text for each seat; past this many they are digested again.
const REMEMBERED: usize = 8;

fn digest_of(text: &str) -> Digest {
    NAMED_BEFORE.with_borrow_mut(|before| {
        if let Some((_, digest)) = before.iter().find(|(known, _)| &**known == text) {
            return *digest;
        }
        let digest = Digest::of(text);
        if before.len() >= REMEMBERED {
            before.remove(0);
        }
        before.push((text.into(), digest));
        digest
    })
}

fn write(step: &Step, out: &mut Bounded) -> serde_json::Result<Option<Digest>> {
    if let Step::ModelRequested {
        round,
        model,
        options,
        messages,
    } = step
        && let Some(system) = long_system(messages)
        && let Some((_, rest)) = messages.split_first()
    {
        let digest = digest_of(&system.content);
        let asking = Asking {
            kind: "model_requested",
            round: *round,
            model,
            options,
            messages: (digest, rest),
        };
        serde_json::to_writer(out, &asking)?;
        return Ok(Some(digest));
    }
    serde_json::to_writer(out, step)?;
    Ok(None)
}

impl StepText {
    /// Of this step of an attempt; `None` when it is longer than `most` bytes, or has no JSON form.
    #[must_use]
    pub fn within(most: usize, turn: TurnRow, step: &StepRow) -> Option<Self> {
        let mut text = Bounded {
            bytes: Vec::with_capacity(USUAL_BYTES),
            most,
        };
        let shared = write(&step.step, &mut text).ok()?;
        let body = String::from_utf8(text.bytes).ok()?;
        let content = content_of(turn, step, &body);
        Some(Self {
            body,
            content,
            shared,
        })
    }
}

/// The step that a stored text tells.
///
/// # Errors
///
/// When it tells none: it was damaged, or written by a later version.
pub fn read(body: &str) -> serde_json::Result<Step> {
    serde_json::from_str(body)
}

/// What is linked of a step: all of its row.
#[must_use]
pub fn content_of(turn: TurnRow, step: &StepRow, body: &str) -> Content {
    Content::of(&Linked {
        turn,
        seq: i64::from(step.seq),
        at_ms: step.at_ms,
        body: body.as_bytes(),
    })
}

/// Fails when it would grow beyond `most`.
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.most {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Each piece is written whole or not at all, so there is nothing to begin again: JSON comes in many
    /// short pieces.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes).map(|_| ())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn asked(system: &str) -> Step {
        Step::ModelRequested {
            round: 0,
            model: ModelName::parse("scripted:x").unwrap(),
            options: ModelOptions::default(),
            messages: vec![
                Message::new(Speaker::System, system),
                Message::new(
                    Speaker::User,
                    r#"{"role":"system","content_ref":"00"} is no name in here"#,
                ),
            ],
        }
    }

    fn stored(step: Step) -> StepText {
        let row = StepRow {
            seq: 1,
            at_ms: 7,
            step: Arc::new(step),
        };
        StepText::within(1 << 20, 3, &row).unwrap()
    }

    #[test]
    fn a_long_beginning_is_named_and_comes_back_byte_for_byte() {
        let system = "You hold a seat; say \"yes\"\n\u{7}\u{1F980}. ".repeat(40);
        let text = stored(asked(&system));
        assert!(text.body.len() < 400, "{}", text.body);
        let named = text.shared.unwrap();
        assert_eq!(named, Digest::of(&system));
        let found = whole(&text.body, |digest| {
            assert_eq!(digest, named);
            Ok::<_, ()>(Arc::from(system.as_str()))
        });
        let plain = serde_json::to_string(&asked(&system)).unwrap();
        assert_eq!(found.unwrap().unwrap(), plain);
        assert_eq!(read(&plain).unwrap(), asked(&system));
        assert_eq!(whole(&text.body, |_| Err("gone")), Err("gone"));
    }

    #[test]
    fn what_is_short_or_names_nothing_is_whole_as_it_is() {
        let text = stored(asked("Short."));
        assert_eq!(text.shared, None);
        assert_eq!(text.body, serde_json::to_string(&asked("Short.")).unwrap());
        let never = |_| -> Result<Arc<str>, ()> { panic!("nothing is named") };
        assert_eq!(whole(&text.body, never), Ok(None));
        let other = r#"{"kind":"call_intended","args":{"role":"system","content_ref":"00"}}"#;
        assert_eq!(whole(other, never), Ok(None));
    }
}
