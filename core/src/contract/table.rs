//! Row by row: for each reason code and rule id a reply that breaks it, the words that the model
//! gets back, and a reply that satisfies it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::gate::fixture::seat;
use crate::message::reprompt;
use crate::tool_call::parse;
use crate::turn::Violation;

struct Row {
    reason: &'static str,
    rule: Option<&'static str>,
    contract: Contract,
    breaks: String,
    satisfies: String,
}

fn call(tool: &str, args: Value) -> String {
    json!({"tool": tool, "args": args}).to_string()
}

fn write(path: &str, content: &str) -> String {
    call("write_file", json!({"path": path, "content": content}))
}

fn read(path: &str) -> String {
    call("read_file", json!({ "path": path }))
}

fn status(word: &str) -> String {
    call(
        "update_issue_status",
        json!({"status": word, "wait_reason": "review"}),
    )
}

fn look(args: Value) -> String {
    call("get_issue_context", args)
}

fn coder() -> Contract {
    Contract {
        required_tools: vec!["write_file".to_owned(), "update_issue_status".to_owned()],
        required_statuses: vec![CardStatus::CodeReview],
        required_write_paths: vec!["agent_output/main.py".to_owned()],
        ..Contract::default()
    }
}

fn coder_with(rule: &str) -> Contract {
    Contract {
        rules: vec![rule.to_owned()],
        ..coder()
    }
}

fn limited(limits: ScopeLimits) -> Contract {
    Contract { limits, ..coder() }
}

fn good() -> String {
    write("./agent_output//main.py", "print()") + &status("code_review")
}

fn decision(change: impl Fn(&mut Value)) -> String {
    let mut decision = json!({
        "recommendation": "monolith",
        "confidence": 0.9,
        "evidence": {
            "estimated_domains": 1,
            "external_integrations": 0,
            "independent_scaling_needs": "none",
            "deployment_complexity": "low",
            "team_parallelism": 1,
            "operational_maturity": "low",
        },
    });
    change(&mut decision);
    write(DECISION_PATH, &decision.to_string())
}

fn architect() -> Contract {
    Contract {
        architecture_decision: Some(DecisionRule {
            patterns: vec!["monolith".to_owned()],
            frameworks: vec!["vue".to_owned()],
            ..DecisionRule::default()
        }),
        ..Contract::default()
    }
}

fn guard() -> Contract {
    Contract {
        required_statuses: vec![CardStatus::Done, CardStatus::Blocked],
        rejection_payload: true,
        ..Contract::default()
    }
}

fn row(
    reason: &'static str,
    rule: Option<&'static str>,
    contract: Contract,
    breaks: String,
    satisfies: String,
) -> Row {
    Row {
        reason,
        rule,
        contract,
        breaks,
        satisfies,
    }
}

fn rows() -> Vec<Row> {
    let mut rows = progress_and_paths();
    rows.extend(decisions_and_refusals());
    rows.extend(scopes());
    rows.extend(limits());
    rows
}

fn progress_and_paths() -> Vec<Row> {
    let reads = Contract {
        required_read_paths: vec!["agent_output/design.txt".to_owned()],
        ..Contract::default()
    };
    let words = Contract {
        tool_calls_only: true,
        ..coder()
    };
    vec![
        row(PROGRESS, None, coder(), read("a"), good()),
        row(
            PROGRESS,
            None,
            coder(),
            write("agent_output/main.py", "") + &status("done"),
            good(),
        ),
        row(
            WRITE_PATH,
            None,
            coder(),
            write("main.py", "") + &status("code_review"),
            good(),
        ),
        row(
            READ_PATH,
            None,
            reads,
            read("agent_output/other.txt"),
            read("agent_output\\design.txt"),
        ),
        row(
            TRUNCATED,
            None,
            coder(),
            r#"{"tool":"write_file","args":{"path":"agent_output/main.py","content":"x"#.to_owned(),
            good(),
        ),
        row(
            CONSISTENCY,
            Some(rules::OUTPUT_FORMAT),
            words,
            "Here you are: ".to_owned() + &good(),
            "```json\n".to_owned() + &good() + "\n```",
        ),
        row(
            CONSISTENCY,
            Some(rules::OUTPUT_FORMAT),
            coder_with(rules::OUTPUT_FORMAT),
            good() + &"That is all, and it goes on. ".repeat(9),
            good(),
        ),
    ]
}

fn decisions_and_refusals() -> Vec<Row> {
    let architecture = |breaks| row(ARCHITECTURE, None, architect(), breaks, decision(|_| ()));
    let payload = json!({
        "rationale": "It prints nothing.",
        "violations": ["main.py: no output"],
        "remediation_actions": ["print the greeting"],
    });
    let mut inside = payload.clone();
    inside["status"] = json!("blocked");
    inside["wait_reason"] = json!("review");
    let dependency = |reason: &str| {
        call(
            "update_issue_status",
            json!({"status": "blocked", "wait_reason": reason}),
        ) + &payload.to_string()
    };
    vec![
        architecture(write("notes.txt", "{}")),
        architecture(write(DECISION_PATH, "We build a monolith.")),
        architecture(decision(|it| it["recommendation"] = json!("microservices"))),
        architecture(decision(|it| it["frontend_framework"] = json!("react"))),
        architecture(decision(|it| it["confidence"] = json!(1.5))),
        architecture(decision(|it| {
            it["evidence"]
                .as_object_mut()
                .unwrap()
                .remove("team_parallelism");
        })),
        row(
            GUARD_PAYLOAD,
            None,
            guard(),
            status("blocked"),
            status("blocked") + &payload.to_string(),
        ),
        row(
            GUARD_PAYLOAD,
            None,
            guard(),
            status("blocked") + r#"{"rationale":"no","violations":[" "]}"#,
            call("update_issue_status", inside),
        ),
        row(
            GUARD_PAYLOAD,
            None,
            guard(),
            dependency("dependency"),
            dependency("review"),
        ),
        row(
            PROGRESS,
            Some(RULE_EMPTY_ANSWER),
            Contract::default(),
            String::new(),
            "All is well.".to_owned(),
        ),
    ]
}

fn scopes() -> Vec<Row> {
    let section = Contract {
        required_read_paths: vec!["a.txt".to_owned()],
        ..coder_with(rules::CONTEXT_NOT_PROVIDED)
    };
    let phrase = Contract {
        forbidden_phrases: vec!["No tests needed".to_owned()],
        ..coder_with(rules::CONTRADICTION)
    };
    vec![
        row(
            HALLUCINATION,
            Some(rules::API_NOT_DECLARED),
            coder(),
            good() + &call("deploy", json!({})),
            good() + &call("add_issue_comment", json!({"comment": "done"})),
        ),
        row(
            HALLUCINATION,
            Some(rules::FILE_NOT_FOUND),
            coder_with(rules::FILE_NOT_FOUND),
            good() + &read("agent_output/secret.py"),
            good() + &read("agent_output/./main.py"),
        ),
        row(
            HALLUCINATION,
            Some(rules::CONTEXT_NOT_PROVIDED),
            section.clone(),
            good() + &read("a.txt") + &look(json!({"section": "b.txt"})),
            good() + &read("a.txt") + &look(json!({"section": "./a.txt"})),
        ),
        row(
            HALLUCINATION,
            Some(rules::INVENTED_DETAIL),
            coder_with(rules::INVENTED_DETAIL),
            "It is Probably Python 3. ".to_owned() + &good(),
            "It is improbable. ".to_owned()
                + &write("agent_output/main.py", "# maybe")
                + &status("code_review"),
        ),
        row(
            HALLUCINATION,
            Some(rules::CONTRADICTION),
            phrase,
            "no tests NEEDED here. ".to_owned() + &good(),
            "Tests needed. ".to_owned() + &good(),
        ),
        row(
            SECURITY,
            Some(rules::PATH_TRAVERSAL),
            coder(),
            good() + &write("agent_output/../../etc/passwd", "x"),
            good() + &write("agent_output/..x/passwd", "x"),
        ),
    ]
}

fn limits() -> Vec<Row> {
    let one = Some(1);
    let cards =
        |ids: &[&str]| -> String { ids.iter().map(|id| look(json!({"issue_id": id}))).collect() };
    let folders = |paths: &[&str]| -> String {
        let list = |path: &&str| call("list_directory", json!({"path": *path}));
        paths.iter().map(list).collect()
    };
    let limit = |rule, limits, more: String, fewer: String| {
        row(
            HALLUCINATION,
            Some(rule),
            limited(limits),
            good() + &more,
            good() + &fewer,
        )
    };
    let none = ScopeLimits::default;
    vec![
        limit(
            rules::WORKSPACE_BUDGET,
            ScopeLimits {
                max_workspace_items: one,
                ..none()
            },
            read("b"),
            read("agent_output/main.py"),
        ),
        limit(
            rules::ACTIVE_BUDGET,
            ScopeLimits {
                max_active_context_items: one,
                ..none()
            },
            read("a") + &read("b"),
            read("a") + &read("./a"),
        ),
        limit(
            rules::PASSIVE_BUDGET,
            ScopeLimits {
                max_passive_context_items: one,
                ..none()
            },
            folders(&["a", "b"]),
            folders(&["a", "a/"]),
        ),
        limit(
            rules::ARCHIVED_BUDGET,
            ScopeLimits {
                max_archived_context_items: one,
                ..none()
            },
            cards(&["I-1", "I-2"]),
            cards(&["I-1"]),
        ),
        limit(
            rules::TOTAL_BUDGET,
            ScopeLimits {
                max_total_context_items: Some(2),
                ..none()
            },
            read("a") + &folders(&["b"]) + &cards(&["I-1"]),
            read("a") + &folders(&["b"]),
        ),
    ]
}

fn check(contract: &Contract, text: &str) -> Vec<Violation> {
    let parsed = parse(text);
    contract.check(&Answer {
        calls: &parsed.calls,
        prose: &parsed.prose,
        truncated: parsed.truncated.as_deref(),
        seat: &in_words(contract),
        missing_reads: &[],
        earlier_calls: &[],
        text,
        waits_for_others: false,
    })
}

/// The seat of the row about answers in words has no tools.
fn in_words(contract: &Contract) -> SeatPlan {
    let mut seat = seat("coder");
    if *contract == Contract::default() {
        seat.tools = Vec::new().into();
    }
    seat
}

#[test]
fn each_rule_is_broken_by_one_reply_and_satisfied_by_another() {
    let mut shown = String::new();
    for row in rows() {
        assert_eq!(
            check(&row.contract, &row.satisfies),
            [],
            "{}",
            row.satisfies
        );
        let found = check(&row.contract, &row.breaks);
        let is_it = |it: &&Violation| it.reason == row.reason && it.rule_id.as_deref() == row.rule;
        let violation = found
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("{}: {found:?}", row.breaks));
        let length = violation.evidence.chars().count();
        assert!(length <= 120, "{length}: {}", violation.evidence);
        let only = std::slice::from_ref(violation);
        let told = reprompt(only, &row.contract, &[]).content;
        let told = told
            .split("\nWrite the whole answer again")
            .next()
            .unwrap_or_default();
        let rule = row.rule.unwrap_or("-");
        shown += &format!("# {} {rule}\n{}\n{told}\n", row.reason, row.breaks);
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn every_code_has_a_row() {
    let rows = rows();
    let reasons: BTreeSet<&str> = rows.iter().map(|row| row.reason).collect();
    let rules: BTreeSet<&str> = rows.iter().filter_map(|row| row.rule).collect();
    let all_reasons = [
        PROGRESS,
        WRITE_PATH,
        READ_PATH,
        ARCHITECTURE,
        GUARD_PAYLOAD,
        HALLUCINATION,
        SECURITY,
        CONSISTENCY,
        TRUNCATED,
    ];
    assert_eq!(reasons, BTreeSet::from(all_reasons));
    let all_rules = rules::SELECTABLE.iter().copied().chain([
        rules::WORKSPACE_BUDGET,
        rules::ACTIVE_BUDGET,
        rules::PASSIVE_BUDGET,
        rules::ARCHIVED_BUDGET,
        rules::TOTAL_BUDGET,
        RULE_EMPTY_ANSWER,
    ]);
    assert_eq!(rules, all_rules.collect());
}
