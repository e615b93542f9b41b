//! What `GET /v1/system/preview-asset` answers.

use serde::Serialize;
use utoipa::ToSchema;

/// What was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Preview {
    /// An epic.
    Epic(EpicPreview),
    /// One issue of an epic.
    Issue(IssuePreview),
    /// A rock.
    Rock(RockPreview),
}

/// An epic, card by card.
#[derive(Debug, Serialize, ToSchema)]
pub struct EpicPreview {
    /// `epic`.
    #[serde(rename = "type")]
    #[schema(example = "epic")]
    pub kind: &'static str,
    /// Its id, else the name of its asset.
    pub id: String,
    /// Its title.
    pub display_name: String,
    /// Its cards, in the order of the file.
    pub sequencing: Vec<StepPreview>,
}

/// A card of an epic.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepPreview {
    /// Its place, from 1.
    pub step: usize,
    /// The card.
    pub issue_id: String,
    /// Its title.
    pub summary: String,
    /// The seat that works on it.
    pub assigned_to: String,
    /// The role that speaks for the seat.
    pub role: String,
    /// The model that answers, `provider:name`.
    pub model: String,
    /// What the model is told about the seat.
    pub compiled_system_prompt: String,
}

/// One issue.
#[derive(Debug, Serialize, ToSchema)]
pub struct IssuePreview {
    /// `issue`.
    #[serde(rename = "type")]
    #[schema(example = "issue")]
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Its title.
    pub display_name: String,
    /// The seat that works on it.
    pub assigned_to: String,
    /// The role that speaks for the seat.
    pub role: String,
    /// The model that answers, `provider:name`.
    pub model: String,
    /// What the model is told about the seat.
    pub compiled_system_prompt: String,
}

/// A rock, epic by epic.
#[derive(Debug, Serialize, ToSchema)]
pub struct RockPreview {
    /// `rock`.
    #[serde(rename = "type")]
    #[schema(example = "rock")]
    pub kind: &'static str,
    /// Its id, else the name of its asset.
    pub id: String,
    /// Its title.
    pub display_name: String,
    /// Longer text.
    pub description: String,
    /// Its task, line by line.
    pub milestone_tasks: Vec<String>,
    /// Its epics, in the order of the file.
    pub epics: Vec<EpicPreview>,
}
