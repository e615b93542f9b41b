//! The cards of a run as a graph: what each waits for, in which order they can be done, and how the
//! work went from card to card.

mod order;
mod shape;

use std::collections::HashMap;

use orket_core::status::CardStatus;

use order::{needs, order};
pub use shape::{EdgeKind, ExecutionGraph, GraphEdge, GraphEdgeDetailed, GraphNode};

/// Handovers that one graph lists.
const MOST_HANDOVERS: usize = 10_000;

/// A card, as the graph needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Card {
    /// Its id.
    pub id: String,
    /// Its title.
    pub summary: String,
    /// Its seat.
    pub seat: String,
    /// Its status.
    pub status: String,
    /// Cards that must be done before.
    pub depends_on: Vec<String>,
    /// The card whose turn asked for it.
    pub created_by: Option<String>,
}

/// A turn that ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedTurn {
    /// Its card.
    pub issue_id: String,
    /// The card's turn, from 1.
    pub turn_index: u32,
    /// When it ended, milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
}

/// The graph of a run's cards, which come in the epic's order. `stamp` writes an instant.
#[must_use]
pub fn execution_graph(
    session_id: &str,
    cards: &[Card],
    mut turns: Vec<EndedTurn>,
    stamp: impl Fn(i64) -> String,
) -> ExecutionGraph {
    let places: HashMap<&str, usize> = cards
        .iter()
        .enumerate()
        .map(|(place, card)| (card.id.as_str(), place))
        .collect();
    let needs: Vec<Vec<&str>> = cards.iter().map(needs).collect();
    let order = order(&places, &needs);
    let mut order_index: Vec<Option<usize>> = vec![None; cards.len()];
    for (index, place) in order.iter().enumerate() {
        if let Some(slot) = order_index.get_mut(*place) {
            *slot = Some(index);
        }
    }
    let status_of = |id: &str| {
        places
            .get(id)
            .and_then(|place| cards.get(*place))
            .map(|it| it.status.as_str())
    };
    let nodes: Vec<GraphNode> = cards
        .iter()
        .zip(&needs)
        .zip(order_index)
        .map(|((card, needs), order_index)| node(card, needs, order_index, status_of))
        .collect();
    turns.sort_by_key(|turn| (turn.at_ms, turn.turn_index));
    let (handovers, handoffs_left_out) = handovers(&turns, stamp);
    let edges_detailed: Vec<GraphEdgeDetailed> = dependencies(cards, &needs, &places)
        .chain(spawned(cards, &places))
        .chain(handovers)
        .collect();
    let cycle_nodes: Vec<String> = nodes
        .iter()
        .filter(|node| node.order_index.is_none())
        .map(|node| node.id.clone())
        .collect();
    ExecutionGraph {
        session_id: session_id.to_owned(),
        node_count: nodes.len(),
        edge_count: edges_detailed.len(),
        edges: edges_detailed
            .iter()
            .map(|edge| GraphEdge {
                source: edge.source.clone(),
                target: edge.target.clone(),
            })
            .collect(),
        edges_detailed,
        handoffs_left_out,
        execution_order: order
            .iter()
            .filter_map(|place| cards.get(*place))
            .map(|card| card.id.clone())
            .collect(),
        has_cycle: !cycle_nodes.is_empty(),
        cycle_nodes,
        nodes,
    }
}

fn node<'a>(
    card: &Card,
    needs: &[&str],
    order_index: Option<usize>,
    status_of: impl Fn(&str) -> Option<&'a str>,
) -> GraphNode {
    let satisfies = |status: Option<&str>| {
        status
            .and_then(|word| word.parse::<CardStatus>().ok())
            .is_some_and(CardStatus::satisfies_dependency)
    };
    let those = |is_wished: &dyn Fn(&str) -> bool| -> Vec<String> {
        let wished = needs.iter().filter(|need| is_wished(need));
        wished.map(|need| (*need).to_owned()).collect()
    };
    // What is as good as done has nothing to wait for.
    let is_past = satisfies(Some(&card.status));
    let blocked_by = those(&|need| !is_past && !satisfies(status_of(need)));
    GraphNode {
        id: card.id.clone(),
        summary: card.summary.clone(),
        seat: card.seat.clone(),
        status: card.status.clone(),
        depends_on: those(&|_| true),
        dependency_count: needs.len(),
        dependency_statuses: needs
            .iter()
            .map(|need| {
                (
                    (*need).to_owned(),
                    status_of(need).unwrap_or("missing").to_owned(),
                )
            })
            .collect(),
        blocked: !blocked_by.is_empty(),
        blocked_by,
        unresolved_dependencies: those(&|need| status_of(need).is_none()),
        in_degree: needs
            .iter()
            .filter(|need| status_of(need).is_some())
            .count(),
        order_index,
    }
}

fn edge(source: &str, target: &str, kind: EdgeKind) -> GraphEdgeDetailed {
    GraphEdgeDetailed {
        source: source.to_owned(),
        target: target.to_owned(),
        kind,
        source_event: None,
        timestamp: None,
        turn_index: None,
    }
}

fn dependencies<'a>(
    cards: &'a [Card],
    needs: &'a [Vec<&'a str>],
    places: &'a HashMap<&str, usize>,
) -> impl Iterator<Item = GraphEdgeDetailed> + 'a {
    cards.iter().zip(needs).flat_map(|(card, needs)| {
        needs
            .iter()
            .filter(|need| places.contains_key(**need))
            .map(|need| edge(need, &card.id, EdgeKind::DependsOn))
    })
}

fn spawned<'a>(
    cards: &'a [Card],
    places: &'a HashMap<&str, usize>,
) -> impl Iterator<Item = GraphEdgeDetailed> + 'a {
    cards.iter().filter_map(|card| {
        let from = card.created_by.as_deref()?;
        places
            .contains_key(from)
            .then(|| edge(from, &card.id, EdgeKind::Spawn))
    })
}

/// Where the card changes from one turn to the next, and how many of these are too many.
fn handovers(
    turns: &[EndedTurn],
    stamp: impl Fn(i64) -> String,
) -> (Vec<GraphEdgeDetailed>, usize) {
    let changes: Vec<(&EndedTurn, &EndedTurn)> = turns
        .iter()
        .zip(turns.iter().skip(1))
        .filter(|(before, after)| before.issue_id != after.issue_id)
        .collect();
    let listed = changes.iter().take(MOST_HANDOVERS);
    let edges = listed.map(|(before, after)| GraphEdgeDetailed {
        source_event: Some("turn_complete"),
        timestamp: Some(stamp(after.at_ms)),
        turn_index: Some(after.turn_index),
        ..edge(&before.issue_id, &after.issue_id, EdgeKind::Handoff)
    });
    (
        edges.collect(),
        changes.len().saturating_sub(MOST_HANDOVERS),
    )
}

#[cfg(test)]
mod tests;
