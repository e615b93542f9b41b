//! The role: who speaks on a seat, with which tools and under which contract.

use serde::Serialize;
use serde_json::{Map, Value};

use super::Asset;
use super::dialect::PromptMetadata;
use super::reader::Reader;
use crate::contract::{Contract, DecisionRule, rules};
use crate::status::{CardKind, CardStatus};

/// A role.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Role {
    /// Its id, if it has one.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// What kind of card it is: a utility.
    #[serde(rename = "type")]
    pub kind: CardKind,
    /// What it is, in a line or two.
    pub description: String,
    /// What it wants.
    pub intent: String,
    /// What it answers for.
    pub responsibilities: Vec<String>,
    /// What it must keep to.
    pub constraints: Vec<String>,
    /// The tools it may call.
    pub tools: Vec<String>,
    /// What it can do, as written.
    pub capabilities: Map<String, Value>,
    /// Free settings.
    pub policy: Map<String, Value>,
    /// Further instructions to the model.
    pub prompt: String,
    /// About the prompt.
    pub prompt_metadata: PromptMetadata,
    /// What its turns must bring, if it says so.
    pub contract: Option<DeclaredContract>,
}

/// A contract as a role declares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeclaredContract(pub Contract);

impl Asset for Role {
    const KIND: &'static str = "role";
    const CATEGORY: &'static str = "roles";

    fn read(reader: &Reader<'_>, stem: &str) -> Self {
        Self {
            id: reader.text("id"),
            name: reader.text_or("name", stem),
            kind: reader.word("type").unwrap_or(CardKind::Utility),
            description: reader.lines("description"),
            intent: reader.lines("intent"),
            responsibilities: reader.texts("responsibilities"),
            constraints: reader.texts("constraints"),
            tools: reader.texts("tools"),
            capabilities: reader.map("capabilities"),
            policy: reader.map("policy"),
            prompt: reader.lines("prompt"),
            prompt_metadata: reader
                .object("prompt_metadata", PromptMetadata::read)
                .unwrap_or_default(),
            contract: reader.object("contract", DeclaredContract::read),
        }
    }
}

impl DeclaredContract {
    fn read(reader: &Reader<'_>) -> Self {
        Self(Contract {
            required_tools: reader.texts("required_tools"),
            required_statuses: statuses(reader, "required_statuses"),
            required_write_paths: reader.texts("required_write_paths"),
            required_read_paths: reader.texts("required_read_paths"),
            tool_calls_only: reader.flag("tool_calls_only", false),
            architecture_decision: decision(reader),
            rejection_payload: reader.flag("rejection_payload", false),
            rules: rule_ids(reader, "guard_rules"),
            forbidden_phrases: reader.texts("forbidden_phrases"),
            ..Contract::default()
        })
    }
}

/// `true` for the usual decision, in the usual file.
fn decision(reader: &Reader<'_>) -> Option<DecisionRule> {
    reader
        .flag("architecture_decision", false)
        .then(DecisionRule::default)
}

/// A list of rules, each known and given once.
pub(crate) fn rule_ids(reader: &Reader<'_>, key: &'static str) -> Vec<String> {
    let ids = reader.texts(key);
    for (place, message) in rules::problems(&ids) {
        reader.problem(&format!("{key}[{place}]"), message);
    }
    ids
}

/// A list of status words.
pub(crate) fn statuses(reader: &Reader<'_>, key: &'static str) -> Vec<CardStatus> {
    let texts = reader.texts(key);
    let words = texts.iter().enumerate().filter_map(|(place, text)| {
        let word = text.parse();
        word.map_err(|error: crate::status::UnknownWord| {
            reader.problem(&format!("{key}[{place}]"), error.to_string());
        })
        .ok()
    });
    words.collect()
}
