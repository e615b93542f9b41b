//! The graph as it is answered.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// The cards of a run as a graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExecutionGraph {
    /// The run.
    pub session_id: String,
    /// How many cards.
    pub node_count: usize,
    /// How many ties between them.
    pub edge_count: usize,
    /// The cards, in the epic's order.
    pub nodes: Vec<GraphNode>,
    /// The ties, without their kind.
    pub edges: Vec<GraphEdge>,
    /// The same ties in the same order, with their kind.
    pub edges_detailed: Vec<GraphEdgeDetailed>,
    /// Handovers that are not listed because there are more than 10,000.
    pub handoffs_left_out: usize,
    /// The cards in an order in which each comes after all that it depends on; without those that a
    /// cycle keeps from ever beginning.
    pub execution_order: Vec<String>,
    /// Whether there are such.
    pub has_cycle: bool,
    /// Which, in the epic's order.
    pub cycle_nodes: Vec<String>,
}

/// A card in the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GraphNode {
    /// The card.
    pub id: String,
    /// Its title.
    pub summary: String,
    /// Its seat.
    pub seat: String,
    /// Its status.
    pub status: String,
    /// Cards that must be done before, each once.
    pub depends_on: Vec<String>,
    /// How many.
    pub dependency_count: usize,
    /// How each of them stands; `missing` for one that is not in the run.
    pub dependency_statuses: BTreeMap<String, String>,
    /// Whether it cannot begin yet.
    pub blocked: bool,
    /// Cards that keep it from beginning.
    pub blocked_by: Vec<String>,
    /// Cards it depends on that are not in the run.
    pub unresolved_dependencies: Vec<String>,
    /// Cards in the run that it depends on.
    pub in_degree: usize,
    /// Its place in `execution_order`; null when it has none.
    pub order_index: Option<usize>,
}

/// A tie between two cards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GraphEdge {
    /// From.
    pub source: String,
    /// To.
    pub target: String,
}

/// How two cards are tied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// The target waits for the source.
    DependsOn,
    /// A turn at the source asked for the target.
    Spawn,
    /// A turn at the target ended next after one at the source.
    Handoff,
}

/// A tie between two cards, with its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GraphEdgeDetailed {
    /// From.
    pub source: String,
    /// To.
    pub target: String,
    /// How they are tied.
    pub kind: EdgeKind,
    /// With a handoff: the event that tells of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_event: Option<&'static str>,
    /// With a handoff: when, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// With a handoff: the target's turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_index: Option<u32>,
}
