//! What the scripted model answers: the scenario asset, read and checked.
//!
//! [`Scenario`] is the asset as an operator writes it; [`Script`] is the same made ready to answer
//! questions by the thousand. Nothing here waits or sends anything: delays and faults are carried
//! as data to whoever plays them.

mod script;
mod template;

use std::num::{NonZeroU32, NonZeroUsize};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::{Measured, Usage};
use crate::status::words;

pub use script::{Answer, Script};

/// How many characters a chunk has when a reply does not say.
const DEFAULT_CHUNK_CHARS: usize = 64;

words! {
    /// What goes wrong with a scripted reply, on purpose.
    Fault, "fault" {
        /// No connection.
        Connect = "connect",
        /// The server breaks.
        Http500 = "http_500",
        /// The server asks to slow down.
        Http429 = "http_429",
        /// Connected, then silence for ever.
        StallBeforeFirst = "stall_before_first",
        /// Half of the reply, then silence for ever.
        StallMid = "stall_mid",
        /// Half of the reply, then the connection breaks.
        Truncate = "truncate",
        /// A whole reply that means nothing.
        Garbage = "garbage",
    }
}

/// When a reply is given: all that is there must hold; nothing at all holds always.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// The card's id.
    pub issue: Option<String>,
    /// The role that speaks.
    pub role: Option<String>,
    /// The seat that acts.
    pub seat: Option<String>,
    /// The card's turn, from 1.
    pub turn: Option<u32>,
    /// The try at that turn, from 1, recoveries included. It is journaled, so unlike `times` it
    /// still means the same after a crash: script retries with it.
    pub attempt: Option<u32>,
    /// A text that some message of the prompt contains.
    pub prompt_contains: Option<String>,
}

/// A tool call that a reply makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedCall {
    /// The tool.
    pub tool: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Map<String, Value>,
}

/// What a reply is said to have cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedUsage {
    /// Tokens read.
    pub prompt_tokens: Option<u64>,
    /// Tokens written.
    pub output_tokens: Option<u64>,
    /// How long a server would have loaded the model, in milliseconds. Nobody waits for it.
    pub load_ms: Option<u64>,
    /// How long a server would have read the prompt, in milliseconds. Nobody waits for it.
    pub prefill_ms: Option<u64>,
    /// How long a server would have written the reply, in milliseconds. Nobody waits for it.
    pub decode_ms: Option<u64>,
    /// How much memory the model would have taken, in MiB.
    pub memory_mib: Option<u64>,
}

impl From<ScriptedUsage> for Measured {
    fn from(usage: ScriptedUsage) -> Self {
        let micros = |ms: Option<u64>| ms.map(|ms| ms.saturating_mul(1_000));
        Self {
            load_us: micros(usage.load_ms),
            prefill_us: micros(usage.prefill_ms),
            decode_us: micros(usage.decode_ms),
            memory_bytes: usage.memory_mib.map(|mib| mib.saturating_mul(1 << 20)),
        }
    }
}

impl From<ScriptedUsage> for Usage {
    fn from(usage: ScriptedUsage) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens,
            output_tokens: usage.output_tokens,
        }
    }
}

/// One reply of a scenario.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedReply {
    /// When it is given.
    #[serde(default)]
    pub when: When,
    /// How often a run gets it, at most. Counted per run and per process: after a crash the count
    /// starts anew.
    pub times: Option<NonZeroU32>,
    /// The raw text.
    pub content: Option<String>,
    /// Tool calls, answered as the JSON text a model would write, one object a line.
    pub calls: Option<Vec<ScriptedCall>>,
    /// How long after the connection the first chunk comes, in milliseconds. It also delays a fault.
    #[serde(default)]
    pub first_chunk_delay_ms: u64,
    /// How many characters a chunk has; of no effect while `chunk_delay_ms` is 0, when the text
    /// comes in one piece.
    #[serde(default = "default_chunk_chars")]
    pub chunk_chars: NonZeroUsize,
    /// How long between two chunks, in milliseconds.
    #[serde(default)]
    pub chunk_delay_ms: u64,
    /// What goes wrong.
    pub fault: Option<Fault>,
    /// With `http_429` and `http_500`: when to come back, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// What it cost; absent means that the model does not say.
    pub usage: Option<ScriptedUsage>,
}

fn default_chunk_chars() -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(DEFAULT_CHUNK_CHARS - 1)
}

/// A scenario asset.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Tried in order; the first that holds answers.
    #[serde(default)]
    pub replies: Vec<ScriptedReply>,
    /// The answer when none holds.
    pub default: Option<ScriptedReply>,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    ///
    /// A sentence that names `file` and the field that is wrong.
    pub fn parse(text: &str, file: &str) -> Result<Self, String> {
        // Without this a list of the right length would do for an object.
        if !text.trim_start().starts_with('{') {
            return Err(format!("{file}: a scenario is a JSON object, `{{…}}`"));
        }
        let scenario: Self = serde_json::from_str(text).map_err(|cause| {
            let place = place_of_error(text);
            format!("{file}: {place}{cause}")
        })?;
        scenario
            .check()
            .map_err(|problem| format!("{file}: {problem}"))?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), String> {
        if self.name.trim().is_empty() {
            return Err("name: must not be empty".to_owned());
        }
        for (index, reply) in self.replies.iter().enumerate() {
            reply
                .check()
                .map_err(|problem| format!("replies[{index}]{problem}"))?;
        }
        if let Some(reply) = &self.default {
            if reply.when != When::default() {
                return Err(
                    "default.when: the default answers whatever is asked; move this reply to replies"
                        .to_owned(),
                );
            }
            if reply.times.is_some() {
                return Err(
                    "default.times: the default has no limit; move this reply to replies"
                        .to_owned(),
                );
            }
            reply
                .check()
                .map_err(|problem| format!("default{problem}"))?;
        }
        if self.replies.is_empty() && self.default.is_none() {
            return Err("replies: a scenario needs a reply or a default".to_owned());
        }
        Ok(())
    }
}

impl ScriptedReply {
    fn check(&self) -> Result<(), String> {
        let speaks = match (&self.content, &self.calls) {
            (Some(_), Some(_)) => {
                return Err(".calls: give either content or calls, not both".to_owned());
            }
            (None, Some(calls)) if calls.is_empty() => {
                return Err(
                    ".calls: must not be empty; use \"content\": \"\" for an empty reply"
                        .to_owned(),
                );
            }
            (Some(_), None) | (None, Some(_)) => true,
            (None, None) => false,
        };
        let needs_text = match self.fault {
            None | Some(Fault::StallMid | Fault::Truncate) => true,
            Some(
                Fault::Connect
                | Fault::Http500
                | Fault::Http429
                | Fault::StallBeforeFirst
                | Fault::Garbage,
            ) => false,
        };
        if needs_text && !speaks {
            return Err(".content: is missing; give content or calls".to_owned());
        }
        if self.retry_after_ms.is_some()
            && !matches!(self.fault, Some(Fault::Http429 | Fault::Http500))
        {
            return Err(
                ".retry_after_ms: belongs to the faults http_429 and http_500 only".to_owned(),
            );
        }
        Ok(())
    }
}

/// Where in a scenario the types do not fit, as `replies[2].when.turn: `; empty when the text is no
/// JSON object at all. serde_json itself names line and column but not the field.
fn place_of_error(text: &str) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
        return String::new();
    };
    for (key, value) in &fields {
        let found = match key.as_str() {
            "name" => wrong::<String>("name", value),
            "replies" => match value {
                Value::Array(replies) => replies
                    .iter()
                    .enumerate()
                    .find_map(|(index, reply)| wrong_in_reply(&format!("replies[{index}]"), reply)),
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Object(_) => Some("replies".to_owned()),
            },
            "default" => wrong_in_reply("default", value),
            other => Some(other.to_owned()),
        };
        if let Some(place) = found {
            return place + ": ";
        }
    }
    String::new()
}

fn wrong_in_reply(place: &str, reply: &Value) -> Option<String> {
    let Value::Object(fields) = reply else {
        return wrong::<ScriptedReply>(place, reply);
    };
    // Every field of a reply is optional, so each can be tried alone.
    fields.iter().find_map(|(key, value)| {
        let field = format!("{place}.{key}");
        match (key.as_str(), value) {
            ("when", Value::Object(inner)) => inner
                .iter()
                .find_map(|(key, value)| wrong_alone::<When>(&field, key, value)),
            ("calls", Value::Array(calls)) => calls
                .iter()
                .enumerate()
                .find_map(|(at, call)| wrong::<ScriptedCall>(&format!("{field}[{at}]"), call)),
            ("usage", Value::Object(inner)) => inner
                .iter()
                .find_map(|(key, value)| wrong_alone::<ScriptedUsage>(&field, key, value)),
            (key, value) => wrong_alone::<ScriptedReply>(place, key, value),
        }
    })
}

fn wrong<T: DeserializeOwned>(place: &str, value: &Value) -> Option<String> {
    T::deserialize(value).is_err().then(|| place.to_owned())
}

fn wrong_alone<T: DeserializeOwned>(place: &str, key: &str, value: &Value) -> Option<String> {
    let alone = Value::Object(Map::from_iter([(key.to_owned(), value.clone())]));
    wrong::<T>(&format!("{place}.{key}"), &alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_form_is_read() {
        let scenario = Scenario::parse(
            r#"{"name":"NAME","replies":[{"when":{"issue":"I-1","role":"coder","seat":"coder",
                "turn":1,"attempt":1,"prompt_contains":"text"},"times":1,
                "calls":[{"tool":"write_file","args":{"path":"a.txt"}}],
                "first_chunk_delay_ms":3,"chunk_chars":7,"chunk_delay_ms":2,"fault":"truncate",
                "usage":{"prompt_tokens":10,"output_tokens":5,"load_ms":1,"prefill_ms":2,
                "decode_ms":3,"memory_mib":4}}],
                "default":{"content":"…"}}"#,
            "scenarios/NAME.json",
        )
        .unwrap();
        let [reply] = scenario.replies.as_slice() else {
            panic!("one reply")
        };
        assert_eq!(reply.when.prompt_contains.as_deref(), Some("text"));
        assert_eq!(
            (
                reply.chunk_chars.get(),
                reply.chunk_delay_ms,
                reply.first_chunk_delay_ms
            ),
            (7, 2, 3)
        );
        assert_eq!(reply.fault, Some(Fault::Truncate));
        assert_eq!(
            reply.usage.map(Measured::from),
            Some(Measured {
                load_us: Some(1_000),
                prefill_us: Some(2_000),
                decode_us: Some(3_000),
                memory_bytes: Some(4_194_304),
            })
        );
        assert_eq!(scenario.default.unwrap().chunk_chars.get(), 64);
    }

    #[test]
    fn every_mistake_is_named_with_its_file_and_field() {
        let broken = [
            r#"{"name":"x""#,
            r#"[]"#,
            r#"{"replies":[],"default":{"content":""}}"#,
            r#"{"name":" ","default":{"content":""}}"#,
            r#"{"name":"x"}"#,
            r#"{"name":"x","reply":[]}"#,
            r#"{"name":"x","replies":{}}"#,
            r#"{"name":"x","replies":[{"content":"a"},{"contant":"b"}]}"#,
            r#"{"name":"x","replies":[{"content":"a","times":0}]}"#,
            r#"{"name":"x","replies":[{"content":"a","chunk_chars":0}]}"#,
            r#"{"name":"x","replies":[{"content":"a","when":{"turn":"1"}}]}"#,
            r#"{"name":"x","replies":[{"content":"a","when":{"isue":"I-1"}}]}"#,
            r#"{"name":"x","replies":[{"content":"a","usage":{"tokens":1}}]}"#,
            r#"{"name":"x","replies":[{"content":"a","fault":"http_418"}]}"#,
            r#"{"name":"x","replies":[{"calls":[{"tool":"t"},{"name":"t"}]}]}"#,
            r#"{"name":"x","replies":[{"content":"a","calls":[{"tool":"t"}]}]}"#,
            r#"{"name":"x","replies":[{"calls":[]}]}"#,
            r#"{"name":"x","replies":[{"when":{"turn":1}}]}"#,
            r#"{"name":"x","replies":[{"fault":"truncate"}]}"#,
            r#"{"name":"x","replies":[{"content":"a","retry_after_ms":5}]}"#,
            r#"{"name":"x","default":{"content":"a","times":1}}"#,
            r#"{"name":"x","default":{"content":"a","when":{"turn":1}}}"#,
        ];
        let told: Vec<String> = broken
            .iter()
            .map(|text| Scenario::parse(text, "scenarios/x.json").expect_err(text))
            .collect();
        insta::assert_snapshot!(told.join("\n"));
    }
}
