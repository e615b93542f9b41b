//! A seat and a card for the tests of what reads and writes a turn's text.

use std::sync::Arc;

use crate::contract::Contract;
use crate::ids::CardId;
use crate::model::{ModelName, ModelOptions};
use crate::plan::{CardPlan, SeatPlan};
use crate::status::CardKind;
use crate::tool_catalogue::catalogue;

/// A seat with one role and every built-in tool.
pub(crate) fn seat(role: &str) -> SeatPlan {
    SeatPlan {
        seat: role.to_owned(),
        role: role.to_owned(),
        roles: vec![role.to_owned()],
        system_prompt: Arc::from(""),
        prompt: crate::policy::PromptStamp::default(),
        tools: catalogue().into(),
        contract: Contract::default(),
        model: ModelName::parse("scripted:x").unwrap(),
        options: ModelOptions::default(),
    }
}

/// A card with nothing but an id.
pub(crate) fn card() -> CardPlan {
    CardPlan {
        id: CardId::new("I-1").unwrap(),
        kind: CardKind::Issue,
        summary: String::new(),
        seat: "coder".to_owned(),
        description: String::new(),
        note: String::new(),
        requirements: String::new(),
        priority: 2.0,
        depends_on: Vec::new(),
        max_retries: 3,
        contract: Contract::default(),
        review_contract: Contract::default(),
        verify: Vec::new(),
        fixture: None,
        params: serde_json::Map::new(),
        labels: Vec::new(),
        references: Vec::new(),
        created_by: None,
    }
}
