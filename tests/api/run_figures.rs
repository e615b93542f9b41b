//! Graphs, tokens and metrics of runs. Cases 41 and 42 of the reference.

use serde_json::{Value, json};

use super::house::Server;
use super::small_epics::{Coder, epic, run, server_with};

#[test]
fn case_41_the_graph_of_a_run_shows_who_waits_for_whom() {
    let coder = Coder {
        fails_at: Some(2),
        ..Coder::default()
    };
    let server = epic(Server::build(), "chain", 3, coder).start();
    let run = run(&server, "chain");
    server.log_to_the_end();
    let before = files(&server);
    let graph = server
        .get(&format!("/v1/runs/{run}/execution-graph"))
        .json();
    assert_eq!(
        (&graph["session_id"], &graph["node_count"]),
        (&json!(run), &json!(3))
    );
    assert_eq!(
        graph["execution_order"],
        json!(["CHAIN-1", "CHAIN-2", "CHAIN-3"])
    );
    assert_eq!(
        (&graph["has_cycle"], &graph["cycle_nodes"]),
        (&json!(false), &json!([]))
    );
    let node = |place: usize| &graph["nodes"][place];
    assert_eq!(
        (&node(0)["status"], &node(0)["blocked"]),
        (&json!("done"), &json!(false))
    );
    assert_eq!(
        (&node(1)["status"], &node(1)["blocked"]),
        (&json!("blocked"), &json!(false))
    );
    assert_eq!(
        (&node(2)["blocked"], &node(2)["blocked_by"]),
        (&json!(true), &json!(["CHAIN-2"]))
    );
    assert_eq!(
        node(2)["dependency_statuses"],
        json!({"CHAIN-2": "blocked"})
    );
    let edges = graph["edges_detailed"].as_array().unwrap();
    let waits: Vec<&Value> = edges
        .iter()
        .filter(|edge| edge["kind"] == "depends_on")
        .collect();
    assert_eq!(
        json!(waits),
        json!([{"source": "CHAIN-1", "target": "CHAIN-2", "kind": "depends_on"},
               {"source": "CHAIN-2", "target": "CHAIN-3", "kind": "depends_on"}])
    );
    assert_eq!(graph["edge_count"], edges.len());
    // Looking writes nothing.
    assert_eq!(files(&server), before);
}

/// Every file of the workspace.
fn files(server: &Server) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![server.folder.path().join("workspace")];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn the_graph_shows_how_the_work_went_from_card_to_card() {
    let server = server_with(&[("two", 2)]);
    let run = run(&server, "two");
    let graph = server
        .get(&format!("/v1/runs/{run}/execution-graph"))
        .json();
    let edges = graph["edges_detailed"].as_array().unwrap();
    let handoffs: Vec<&Value> = edges
        .iter()
        .filter(|edge| edge["kind"] == "handoff")
        .collect();
    assert_eq!(handoffs.len(), 1, "{graph}");
    let handoff = handoffs[0];
    assert_eq!(
        (&handoff["source"], &handoff["target"]),
        (&json!("TWO-1"), &json!("TWO-2"))
    );
    assert_eq!(
        (&handoff["source_event"], &handoff["turn_index"]),
        (&json!("turn_complete"), &json!(1))
    );
    assert!(handoff["timestamp"].as_str().unwrap().starts_with("20"));
}

#[test]
fn case_42_tokens_are_summed_by_role_and_model_and_those_of_other_runs_are_not() {
    let server = server_with(&[("tok", 1), ("other", 2)]);
    let (run, other) = (run(&server, "tok"), run(&server, "other"));
    let summary = server.get(&format!("/v1/runs/{run}/token-summary")).json();
    assert_eq!(
        (&summary["total_tokens"], &summary["turn_count"]),
        (&json!(35), &json!(2))
    );
    assert_eq!(
        summary["by_role"],
        json!([{"role": "coder", "tokens_total": 25}, {"role": "integrity_guard", "tokens_total": 10}])
    );
    assert_eq!(
        summary["by_model"],
        json!([{"model": "scripted:tok", "tokens_total": 35}])
    );
    assert_eq!(
        summary["by_role_model"],
        json!([{"role": "coder", "model": "scripted:tok", "tokens_total": 25},
               {"role": "integrity_guard", "model": "scripted:tok", "tokens_total": 10}])
    );
    assert_eq!(
        summary["turns"][0]["turn_trace_id"],
        json!(format!("{run}:TOK-1:coder:1"))
    );
    assert_eq!(
        (
            &summary["turns"][1]["turn_index"],
            &summary["turns"][1]["tokens_total"]
        ),
        (&json!(2), &json!(10))
    );
    let summary = server
        .get(&format!("/v1/runs/{other}/token-summary"))
        .json();
    assert_eq!(
        (&summary["total_tokens"], &summary["turn_count"]),
        (&json!(70), &json!(4))
    );
    let metrics = server.get(&format!("/v1/runs/{other}/metrics")).json();
    assert_eq!(
        metrics["coder"],
        json!({"tokens": 50, "lines_written": 4, "last_action": "update_issue_status", "detail": "code_review"})
    );
    assert_eq!(metrics["integrity_guard"]["tokens"], 20);
}
