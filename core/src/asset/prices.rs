//! The price table: what models cost.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Asset;
use super::reader::Reader;
use crate::model::ModelName;
use crate::policy::{Price, Unit, amount};

/// Prices of models in US dollars for a million tokens:
/// `{"name", "models": {"<provider>:<model>": {"input", "output"}}}`. A model `<provider>:*` stands
/// for all of a provider that are not listed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prices {
    /// Its name.
    pub name: String,
    /// By model.
    pub models: BTreeMap<String, Price>,
}

impl Asset for Prices {
    const KIND: &'static str = "prices";
    const CATEGORY: &'static str = "prices";

    fn read(reader: &Reader<'_>, stem: &str) -> Self {
        let mut models = BTreeMap::new();
        for (model, written) in reader.map("models") {
            let price = |side: &str| {
                let text = match written.get(side) {
                    Some(serde_json::Value::Number(number)) => number.to_string(),
                    Some(serde_json::Value::String(text)) => text.clone(),
                    Some(_) | None => {
                        let message = format!("must be US dollars for a million tokens of {side}");
                        reader.problem(&format!("models.{model}.{side}"), message);
                        return 0;
                    }
                };
                amount(Unit::Money, &text).unwrap_or_else(|error| {
                    reader.problem(&format!("models.{model}.{side}"), error);
                    0
                })
            };
            let price = Price {
                input: price("input"),
                output: price("output"),
            };
            models.insert(model.to_lowercase(), price);
        }
        Self {
            name: reader.text_or("name", stem),
            models,
        }
    }
}

impl Prices {
    /// What a model costs, when the table says so.
    #[must_use]
    pub fn of(&self, model: &ModelName) -> Option<Price> {
        let name = model.to_string().to_lowercase();
        let provider = name.split(':').next().unwrap_or_default();
        let whole = self.models.get(&name);
        whole
            .or_else(|| self.models.get(&format!("{provider}:*")))
            .copied()
    }
}
