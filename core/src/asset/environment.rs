//! The environment: which model answers, with which options, within which time.

use serde::Serialize;
use serde_json::{Map, Value};

use super::Asset;
use super::reader::Reader;
use crate::model::ModelName;

/// A model and its options.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Environment {
    /// The version of the format.
    pub schema_version: String,
    /// Its name.
    pub name: String,
    /// The model, unless something stronger chooses.
    pub model: Option<ModelName>,
    /// 0 is greedy.
    pub temperature: Option<f64>,
    /// For providers that can repeat themselves.
    pub seed: Option<i64>,
    /// How long one turn may take, in milliseconds; the file says it in seconds.
    pub timeout_ms: Option<u64>,
    /// Further options of the provider.
    pub params: Map<String, Value>,
}

impl Asset for Environment {
    const KIND: &'static str = "environment";
    const CATEGORY: &'static str = "environments";

    fn read(reader: &Reader<'_>, stem: &str) -> Self {
        Self {
            schema_version: reader.text_or("schema_version", "1.0.0"),
            name: reader.text_or("name", stem),
            model: model(reader),
            temperature: temperature(reader),
            seed: seed(reader),
            timeout_ms: milliseconds(reader, "timeout"),
            params: reader.map("params"),
        }
    }
}

fn model(reader: &Reader<'_>) -> Option<ModelName> {
    let text = reader.text("model")?;
    match ModelName::parse(&text) {
        Ok(model) => Some(model),
        Err(error) => {
            reader.problem("model", error);
            None
        }
    }
}

fn temperature(reader: &Reader<'_>) -> Option<f64> {
    let temperature = reader.number("temperature")?;
    if temperature < 0.0 {
        reader.problem(
            "temperature",
            format!("must be a number from 0, not {temperature}"),
        );
        return None;
    }
    Some(temperature)
}

fn seed(reader: &Reader<'_>) -> Option<i64> {
    let value = reader.value("seed")?;
    let seed = value.as_i64();
    if seed.is_none() {
        reader.problem("seed", super::expected("a whole number", value));
    }
    seed
}

/// A number of seconds, as milliseconds.
pub(super) fn milliseconds(reader: &Reader<'_>, key: &'static str) -> Option<u64> {
    let seconds = reader.positive(key, "a number of seconds")?;
    match std::time::Duration::try_from_secs_f64(seconds) {
        Ok(duration) => u64::try_from(duration.as_millis())
            .ok()
            .map(|milliseconds| milliseconds.max(1)),
        Err(_) => {
            reader.problem(key, format!("is too long: {seconds} seconds"));
            None
        }
    }
}
