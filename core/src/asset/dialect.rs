//! The dialect: how a family of models is spoken to.

use serde::Serialize;
use serde_json::{Map, Value};

use super::Asset;
use super::reader::Reader;

/// How a family of models is spoken to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dialect {
    /// The family.
    pub model_family: String,
    /// A sample tool call as this family writes it best.
    pub dsl_format: String,
    /// What it must be told.
    pub constraints: Vec<String>,
    /// What keeps it from making things up.
    pub hallucination_guard: String,
    /// What comes before everything else.
    pub system_prefix: String,
    /// Carried along.
    pub tool_call_syntax: String,
    /// How it should write.
    pub style_guidelines: Vec<String>,
    /// About the prompt.
    pub prompt_metadata: PromptMetadata,
}

impl Asset for Dialect {
    const KIND: &'static str = "dialect";
    const CATEGORY: &'static str = "dialects";

    fn read(reader: &Reader<'_>, stem: &str) -> Self {
        Self {
            model_family: reader.text_or("model_family", stem),
            dsl_format: reader.lines("dsl_format"),
            constraints: reader.texts("constraints"),
            hallucination_guard: reader.lines("hallucination_guard"),
            system_prefix: reader.lines("system_prefix"),
            tool_call_syntax: reader.text_or("tool_call_syntax", ""),
            style_guidelines: reader.texts("style_guidelines"),
            prompt_metadata: reader
                .object("prompt_metadata", PromptMetadata::read)
                .unwrap_or_default(),
        }
    }
}

/// Where a prompt comes from and how far it has got.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PromptMetadata {
    /// The prompt's id.
    pub id: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// `stable`, `candidate`, `canary`, ...
    pub status: Option<String>,
    /// Who keeps it.
    pub owner: Option<String>,
    /// When it was last changed.
    pub updated_at: Option<String>,
    /// What it was made from.
    pub lineage: Map<String, Value>,
    /// What changed, as written.
    pub changelog: Vec<Value>,
    /// The rules it owns.
    pub owned_rule_ids: Vec<String>,
}

impl PromptMetadata {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        Self {
            id: reader.text("id"),
            version: reader.text("version"),
            status: reader.text("status"),
            owner: reader.text("owner"),
            updated_at: reader.text("updated_at"),
            lineage: reader.map("lineage"),
            changelog: reader.list("changelog").to_vec(),
            owned_rule_ids: reader.texts("owned_rule_ids"),
        }
    }
}
