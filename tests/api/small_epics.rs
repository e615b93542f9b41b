//! Small epics with a scripted model, and running them.

use serde_json::{Value, json};

use super::house::{Builder, Server};

/// How the scripted coder of an epic works.
#[derive(Clone, Copy, Default)]
pub struct Coder {
    /// Before each reply.
    pub delay_ms: u64,
    /// The card at which nothing of what is asked is done.
    pub fails_at: Option<usize>,
}

/// An epic of `cards` cards, each depending on the one before. The coder's turns take 25 tokens, the
/// guard's 10.
pub fn epic(builder: Builder, name: &str, cards: usize, coder: Coder) -> Builder {
    let id = |number: usize| format!("{}-{number}", name.to_uppercase());
    let issues: Vec<Value> = (1..=cards)
        .map(|number| {
            let before: Vec<String> = (number > 1).then(|| id(number - 1)).into_iter().collect();
            json!({"id": id(number), "summary": format!("Part {number}"), "seat": "coder",
                   "depends_on": before, "max_retries": 0,
                   "params": {"required_write_paths": [format!("agent_output/{}.txt", id(number))],
                              "review_required_read_paths": []}})
        })
        .collect();
    let mut replies = Vec::new();
    if let Some(number) = coder.fails_at {
        replies.push(
            json!({"when": {"role": "coder", "issue": id(number)}, "content": "I would rather not.",
                            "usage": {"prompt_tokens": 1, "output_tokens": 1}}),
        );
    }
    replies.push(json!({"when": {"role": "coder"}, "first_chunk_delay_ms": coder.delay_ms,
        "usage": {"prompt_tokens": 20, "output_tokens": 5},
        "calls": [{"tool": "write_file", "args": {"path": "agent_output/{{issue_id}}.txt", "content": "one\ntwo"}},
                  {"tool": "update_issue_status", "args": {"status": "code_review"}}]}));
    replies.push(json!({"when": {"role": "integrity_guard"},
        "usage": {"prompt_tokens": 6, "output_tokens": 4},
        "calls": [{"tool": "update_issue_status", "args": {"status": "done"}}]}));
    let epic =
        json!({"epic": {"name": name, "team": "standard", "environment": name, "issues": issues}});
    let environment = json!({"environment": {"name": name, "model": format!("scripted:{name}")}});
    let scenario = json!({"name": name, "replies": replies});
    builder
        .file(&format!("config/epics/{name}.json"), &epic.to_string())
        .file(
            &format!("config/environments/{name}.json"),
            &environment.to_string(),
        )
        .file(
            &format!("config/scenarios/{name}.json"),
            &scenario.to_string(),
        )
}

/// A server with these epics, each of so many cards.
pub fn server_with(epics: &[(&str, usize)]) -> Server {
    let with =
        |builder, (name, cards): &(&str, usize)| epic(builder, name, *cards, Coder::default());
    epics.iter().fold(Server::build(), with).start()
}

/// Starts an epic; its run.
pub fn start(server: &Server, epic: &str) -> String {
    let started = server.post("/v1/runs", json!({"kind": "epic", "name": epic}));
    assert_eq!(started.status, 200, "{}", started.text);
    started.json()["run_id"].as_str().unwrap().to_owned()
}

/// Runs an epic to its end; its run.
pub fn run(server: &Server, epic: &str) -> String {
    let run = start(server, epic);
    server.until(&format!("/v1/runs/{run}"), |it| {
        !["running", "queued"].contains(&it["status"].as_str().unwrap())
    });
    run
}
