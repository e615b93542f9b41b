//! The longest reply: under which of a provider's options it stands, and what is put there where
//! tokens or money are limited. What is set aside before a question is a maximum only because the
//! server is told to stop there.

use serde_json::{Map, Value};

use super::amounts::MOST_AMOUNT;
use crate::model::ModelName;

/// Tokens that a reply may have where tokens or money are limited and the model's options do not
/// bound it.
pub const DEFAULT_OUTPUT_TOKENS: u64 = 4_096;
/// Every name under which some provider takes the longest reply.
const OUTPUT_KEYS: [&str; 5] = [
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "num_predict",
    LLAMA_CPP,
];
/// llama.cpp's own name, which it puts before those of OpenAI; others that speak like OpenAI do not
/// know it.
const LLAMA_CPP: &str = "n_predict";

/// Options that bound the reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounded {
    /// The options, with the bound in them.
    pub params: Map<String, Value>,
    /// The most tokens that the server may write then.
    pub most: u64,
    /// The key under which the bound was put, where the options had none of their own.
    pub put: Option<&'static str>,
    /// Keys that this provider obeys and whose value bounded nothing; the bound stands there now.
    pub replaced: Vec<&'static str>,
    /// Keys that only other providers obey.
    pub ignored: Vec<&'static str>,
}

/// The names under which a provider takes the longest reply; the first is the one to use.
fn keys(model: &ModelName) -> &'static [&'static str] {
    match model.provider.as_str() {
        "ollama" => &["num_predict"],
        "openai" if wants_completion_tokens(&model.model) => {
            &["max_completion_tokens", "max_tokens", LLAMA_CPP]
        }
        "openai" => &["max_tokens", "max_completion_tokens", LLAMA_CPP],
        _ => &["max_tokens"],
    }
}

/// OpenAI's own models: the newer of them refuse `max_tokens`. Servers that only speak like OpenAI
/// may know nothing else.
fn wants_completion_tokens(model: &str) -> bool {
    let own = ["gpt-", "chatgpt-", "o1", "o3", "o4"];
    own.iter().any(|start| model.starts_with(start)) && !model.starts_with("gpt-oss")
}

/// The options with a bound that `model`'s provider obeys: the operator's own, else `bound`. A value
/// that is no whole number above zero bounds nothing: `-1`, `-2` and `0` mean "without end" at Ollama.
#[must_use]
pub fn bounded(model: &ModelName, params: &Map<String, Value>, bound: u64) -> Bounded {
    let mut params = params.clone();
    if model.provider == "ollama" {
        lift(&mut params, "num_predict");
    }
    let keys = keys(model);
    let mut most = 0;
    let mut replaced = Vec::new();
    for key in keys {
        match params.get(*key) {
            None => {}
            Some(Value::Null) => {
                params.shift_remove(*key);
            }
            Some(value) => match own(value) {
                Some(tokens) => most = most.max(tokens),
                None => {
                    replaced.push(*key);
                    params.insert((*key).to_owned(), bound.into());
                    most = most.max(bound);
                }
            },
        }
    }
    let mut put = replaced.first().copied();
    let is_told = |key: &&&str| **key != LLAMA_CPP && params.contains_key(**key);
    if keys.iter().find(is_told).is_none()
        && let Some(key) = keys.first()
    {
        if most == 0 {
            most = bound;
            put = Some(key);
        }
        params.insert((*key).to_owned(), most.into());
    }
    let ignored = OUTPUT_KEYS
        .into_iter()
        .filter(|key| !keys.contains(key) && params.get(*key).is_some_and(|it| !it.is_null()))
        .collect();
    Bounded {
        most: most
            .saturating_mul(replies(model, &params))
            .min(MOST_AMOUNT),
        params,
        put,
        replaced,
        ignored,
    }
}

/// A bound that is one.
fn own(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .filter(|tokens| (1..=MOST_AMOUNT).contains(tokens))
}

/// How many replies are asked for at once; each may be as long.
fn replies(model: &ModelName, params: &Map<String, Value>) -> u64 {
    if model.provider != "openai" {
        return 1;
    }
    let number = |key: &str| params.get(key).and_then(Value::as_u64).unwrap_or(1);
    number("n").max(number("best_of")).max(1)
}

/// Ollama takes options within `options` too, and the later of the two counts: it is written once.
fn lift(params: &mut Map<String, Value>, key: &str) {
    let mut last = None;
    for (name, value) in &*params {
        match value {
            Value::Object(inner) if name == "options" => last = inner.get(key).or(last),
            value if name == key => last = Some(value),
            _ => {}
        }
    }
    let last = last.filter(|value| !value.is_null()).cloned();
    if let Some(Value::Object(inner)) = params.get_mut("options") {
        inner.shift_remove(key);
    }
    match last {
        Some(value) => {
            params.insert(key.to_owned(), value);
        }
        None => {
            params.shift_remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What a provider is sent and what is set aside for it.
    fn sent(model: &str, params: Value) -> (Value, u64) {
        let model = ModelName::parse(model).unwrap();
        let params = params.as_object().unwrap();
        let bounded = bounded(&model, params, 4_096);
        (Value::Object(bounded.params), bounded.most)
    }

    #[test]
    fn each_provider_is_told_under_the_key_that_it_obeys() {
        for (model, params, then, most) in [
            ("ollama:q", json!({}), json!({"num_predict": 4_096}), 4_096),
            (
                "openai:local",
                json!({}),
                json!({"max_tokens": 4_096}),
                4_096,
            ),
            (
                "openai:gpt-oss-20b",
                json!({}),
                json!({"max_tokens": 4_096}),
                4_096,
            ),
            (
                "openai:gpt-5",
                json!({}),
                json!({"max_completion_tokens": 4_096}),
                4_096,
            ),
            (
                "anthropic:claude",
                json!({}),
                json!({"max_tokens": 4_096}),
                4_096,
            ),
            // What the provider does not read bounds nothing.
            (
                "ollama:q",
                json!({"max_tokens": 1, "num_predict": 5_000}),
                json!({"max_tokens": 1, "num_predict": 5_000}),
                5_000,
            ),
            (
                "ollama:q",
                json!({"max_tokens": 1}),
                json!({"max_tokens": 1, "num_predict": 4_096}),
                4_096,
            ),
            // One of the two is obeyed: the larger is what may come.
            (
                "openai:local",
                json!({"max_tokens": 10, "max_completion_tokens": 20}),
                json!({"max_tokens": 10, "max_completion_tokens": 20}),
                20,
            ),
            (
                "openai:local",
                json!({"n_predict": 9, "max_tokens": null}),
                json!({"n_predict": 9, "max_tokens": 9}),
                9,
            ),
            (
                "openai:local",
                json!({"max_tokens": 10, "n": 3}),
                json!({"max_tokens": 10, "n": 3}),
                30,
            ),
        ] {
            assert_eq!(
                sent(model, params.clone()),
                (then, most),
                "{model} {params}"
            );
        }
    }

    #[test]
    fn what_bounds_nothing_is_replaced() {
        for value in [json!(-1), json!(-2), json!(0), json!("many"), json!(1.5)] {
            let model = ModelName::parse("ollama:q").unwrap();
            let params = json!({"num_predict": value});
            let bounded = bounded(&model, params.as_object().unwrap(), 4_096);
            assert_eq!(bounded.replaced, ["num_predict"], "{value}");
            assert_eq!(
                (bounded.most, bounded.params["num_predict"].as_u64()),
                (4_096, Some(4_096)),
                "{value}"
            );
        }
    }

    #[test]
    fn ollama_s_own_options_count_as_it_reads_them() {
        let inner = json!({"num_predict": 1, "options": {"num_predict": 9, "seed": 1}});
        assert_eq!(
            sent("ollama:q", inner),
            (json!({"num_predict": 9, "options": {"seed": 1}}), 9)
        );
        let outer = json!({"options": {"num_predict": -1}, "num_predict": 7});
        assert_eq!(
            sent("ollama:q", outer),
            (json!({"options": {}, "num_predict": 7}), 7)
        );
        let unset = json!({"options": {"num_predict": null}});
        assert_eq!(
            sent("ollama:q", unset),
            (json!({"options": {}, "num_predict": 4_096}), 4_096)
        );
    }

    #[test]
    fn bounding_twice_is_bounding_once() {
        for model in ["ollama:q", "openai:local", "anthropic:c", "scripted:s"] {
            let model = ModelName::parse(model).unwrap();
            let once = bounded(&model, &Map::new(), 100);
            let twice = bounded(&model, &once.params, 4_096);
            assert_eq!((once.params, once.most), (twice.params, twice.most));
        }
    }
}
