//! Graphs of invented cards; case 41 of the reference among them.

use orket_core::artifact::rfc3339;
use serde_json::json;

use super::*;

fn card(id: &str, status: &str, depends_on: &[&str]) -> Card {
    Card {
        id: id.to_owned(),
        summary: format!("Part {id}"),
        seat: "coder".to_owned(),
        status: status.to_owned(),
        depends_on: depends_on.iter().map(|it| (*it).to_owned()).collect(),
        created_by: None,
    }
}

fn graph(cards: &[Card]) -> ExecutionGraph {
    execution_graph("S1", cards, Vec::new(), rfc3339)
}

#[test]
fn case_41_a_chain_and_a_card_whose_dependency_is_not_there() {
    let cards = [
        card("A", "done", &[]),
        card("B", "in_progress", &["A"]),
        card("C", "ready", &["B"]),
        card("D", "ready", &["X"]),
    ];
    let graph = graph(&cards);
    assert_eq!((graph.node_count, graph.edge_count), (4, 2));
    assert_eq!(graph.execution_order, ["A", "B", "C", "D"]);
    let [_, b, c, d] = graph.nodes.as_slice() else {
        panic!("{graph:?}")
    };
    assert!(!b.blocked, "{b:?}");
    assert!(c.blocked);
    assert_eq!(c.blocked_by, ["B"]);
    assert_eq!(d.unresolved_dependencies, ["X"]);
    assert_eq!(d.blocked_by, ["X"]);
    assert!(!graph.has_cycle);
}

#[test]
fn a_refused_dependency_blocks_and_all_fields_are_there() {
    let mut b = card("B", "ready", &["A", "X"]);
    b.summary = "Dep".to_owned();
    b.seat = "rev".to_owned();
    let shown = json!(graph(&[card("A", "guard_rejected", &[]), b]));
    assert_eq!(
        shown["nodes"][1],
        json!({"id": "B", "summary": "Dep", "seat": "rev", "status": "ready", "depends_on": ["A", "X"],
               "dependency_count": 2, "dependency_statuses": {"A": "guard_rejected", "X": "missing"},
               "blocked": true, "blocked_by": ["A", "X"], "unresolved_dependencies": ["X"],
               "in_degree": 1, "order_index": 1})
    );
    assert_eq!(shown["edges"], json!([{"source": "A", "target": "B"}]));
    assert_eq!(
        shown["edges_detailed"],
        json!([{"source": "A", "target": "B", "kind": "depends_on"}])
    );
    assert_eq!(shown["execution_order"], json!(["A", "B"]));
    assert_eq!(shown["cycle_nodes"], json!([]));
}

#[test]
fn approved_and_archived_cards_hold_nobody_up_and_are_not_held_up() {
    let cards = [
        card("A", "ready", &[]),
        card("B", "guard_approved", &["A"]),
        card("C", "archived", &["A"]),
        card("D", "canceled", &[]),
        card("E", "ready", &["B", "C", "D"]),
    ];
    let graph = graph(&cards);
    let blocked: Vec<bool> = graph.nodes.iter().map(|node| node.blocked).collect();
    assert_eq!(blocked, [false, false, false, false, true]);
    assert_eq!(graph.nodes[4].blocked_by, ["D"]);
}

#[test]
fn cards_come_in_the_epic_s_order_where_their_dependencies_allow_it() {
    let cards = [
        card("late", "ready", &["early"]),
        card("free", "ready", &[]),
        card("early", "ready", &[]),
        card("last", "ready", &[]),
    ];
    assert_eq!(
        graph(&cards).execution_order,
        ["free", "early", "late", "last"]
    );
}

#[test]
fn cards_that_wait_for_each_other_are_named_and_have_no_place() {
    let cards = [
        card("A", "ready", &["B"]),
        card("B", "ready", &["A"]),
        card("C", "ready", &["C"]),
        card("D", "ready", &["A", "A"]),
        card("E", "ready", &[]),
    ];
    let graph = graph(&cards);
    assert!(graph.has_cycle);
    assert_eq!(graph.cycle_nodes, ["A", "B", "C", "D"]);
    assert_eq!(graph.execution_order, ["E"]);
    assert_eq!(graph.nodes[0].order_index, None);
    assert_eq!(graph.nodes[3].dependency_count, 1);
    assert_eq!(graph.nodes[4].order_index, Some(0));
}

#[test]
fn work_that_goes_from_card_to_card_and_cards_made_by_others_are_ties_too() {
    let ended = |issue_id: &str, turn_index, at_ms| EndedTurn {
        issue_id: issue_id.to_owned(),
        turn_index,
        at_ms,
    };
    let mut made = card("B", "ready", &[]);
    made.created_by = Some("A".to_owned());
    let cards = [card("A", "done", &[]), made];
    let turns = vec![
        ended("B", 1, 3_000),
        ended("A", 1, 1_000),
        ended("A", 2, 2_000),
    ];
    let shown = json!(execution_graph("S1", &cards, turns, rfc3339));
    assert_eq!(
        shown["edges_detailed"],
        json!([{"source": "A", "target": "B", "kind": "spawn"},
               {"source": "A", "target": "B", "kind": "handoff", "source_event": "turn_complete",
                "timestamp": "1970-01-01T00:00:03.000+00:00", "turn_index": 1}])
    );
    assert_eq!(
        (&shown["edge_count"], &shown["handoffs_left_out"]),
        (&json!(2), &json!(0))
    );
    // Neither holds anybody up.
    assert_eq!(shown["nodes"][1]["in_degree"], 0);
}

#[test]
fn of_very_many_handovers_the_rest_is_counted() {
    let turns = (0..MOST_HANDOVERS + 3)
        .map(|number| EndedTurn {
            issue_id: ["A", "B"][number % 2].to_owned(),
            turn_index: 1,
            at_ms: i64::try_from(number).unwrap(),
        })
        .collect();
    let graph = execution_graph(
        "S1",
        &[card("A", "done", &[]), card("B", "done", &[])],
        turns,
        rfc3339,
    );
    assert_eq!(
        (graph.edge_count, graph.handoffs_left_out),
        (MOST_HANDOVERS, 2)
    );
}
