//! The points of a summary: speed against adherence.

use serde::{Deserialize, Serialize};

use crate::lane::{Lane, VramProfile};
use crate::row::QuantRow;
use crate::summary::{Session, Summary};
use crate::validity;

/// The points, for other programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scatter {
    /// When it was made, UTC.
    pub generated_at: String,
    /// The summary.
    pub source_summary: String,
    /// Where it ran.
    pub execution_lane: Lane,
    /// How much graphics memory it might take.
    pub vram_profile: VramProfile,
    /// Whether rows that are not valid are shown.
    pub include_invalid: bool,
    /// One for each row.
    pub points: Vec<Point>,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The model.
    pub model_id: String,
    /// Its quantization.
    pub quant_tag: String,
    /// How much that keeps of the model.
    pub quant_rank: Option<u32>,
    /// Tokens written in a second.
    pub generation_tps: Option<f64>,
    /// Adherence, 0 to 1.
    pub adherence_score: Option<f64>,
    /// Seconds of a run.
    pub total_latency: Option<f64>,
    /// Whether it may be chosen.
    pub valid: bool,
    /// What it is chosen for; `None` for nothing.
    pub frontier_role: Option<Role>,
}

/// What a row is chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// The smallest that will do.
    #[serde(rename = "minimum_viable")]
    MinimumViable,
    /// The most adherence for a second.
    #[serde(rename = "best_value")]
    BestValue,
    /// Both.
    #[serde(rename = "minimum_viable+best_value")]
    Both,
}

impl Role {
    /// As it stands in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MinimumViable => "minimum_viable",
            Self::BestValue => "best_value",
            Self::Both => "minimum_viable+best_value",
        }
    }
}

/// The points of a summary: models in their order, the highest rank first.
#[must_use]
pub fn of(summary: &Summary, source: &str, include_invalid: bool, now: &str) -> Scatter {
    let points = summary.sessions.iter().flat_map(|session| {
        let mut rows: Vec<&QuantRow> = session
            .per_quant
            .iter()
            .filter(|row| include_invalid || validity::is_valid(row))
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.quant_rank));
        rows.into_iter()
            .map(|row| point(session, row))
            .collect::<Vec<_>>()
    });
    Scatter {
        generated_at: now.to_owned(),
        source_summary: source.to_owned(),
        execution_lane: summary.execution_lane,
        vram_profile: summary.vram_profile,
        include_invalid,
        points: points.collect(),
    }
}

fn point(session: &Session, row: &QuantRow) -> Point {
    let is = |tag: &Option<String>| tag.as_deref() == Some(&row.quant_tag);
    let frontier = &session.efficiency_frontier;
    let role = match (
        is(&frontier.minimum_viable_quant_tag),
        is(&frontier.best_value_quant_tag),
    ) {
        (true, true) => Some(Role::Both),
        (true, false) => Some(Role::MinimumViable),
        (false, true) => Some(Role::BestValue),
        (false, false) => None,
    };
    Point {
        model_id: session.model_id.clone(),
        quant_tag: row.quant_tag.clone(),
        quant_rank: row.quant_rank,
        generation_tps: row.generation_tokens_per_second,
        adherence_score: row.adherence_score,
        total_latency: row.total_latency,
        valid: validity::is_valid(row),
        frontier_role: role,
    }
}
