//! What meets a contract, what does not, and whether prompt and check agree.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::gate::fixture::seat;
use crate::tool_call::parse;
use crate::tool_catalogue::{UPDATE_ISSUE_STATUS, WRITE_FILE};
use crate::turn::Violation;

fn coder() -> Contract {
    Contract {
        required_tools: vec![WRITE_FILE.to_owned(), UPDATE_ISSUE_STATUS.to_owned()],
        required_statuses: vec![CardStatus::CodeReview],
        required_write_paths: vec!["agent_output/main.py".to_owned()],
        required_read_paths: Vec::new(),
        tool_calls_only: true,
        ..Contract::default()
    }
}

fn guard() -> Contract {
    Contract {
        required_tools: vec![READ_FILE.to_owned(), UPDATE_ISSUE_STATUS.to_owned()],
        required_statuses: vec![CardStatus::Done, CardStatus::Blocked],
        required_write_paths: Vec::new(),
        required_read_paths: vec!["agent_output/main.py".to_owned(), "design.txt".to_owned()],
        tool_calls_only: false,
        ..Contract::default()
    }
}

struct Reply<'a> {
    text: &'a str,
    missing_reads: &'a [String],
    earlier: &'a str,
}

fn check_as(contract: &Contract, seat: &SeatPlan, reply: &Reply<'_>) -> Vec<Violation> {
    let (parsed, earlier) = (parse(reply.text), parse(reply.earlier));
    contract.check(&Answer {
        calls: &parsed.calls,
        prose: &parsed.prose,
        truncated: parsed.truncated.as_deref(),
        seat,
        missing_reads: reply.missing_reads,
        earlier_calls: &earlier.calls,
        text: reply.text,
        waits_for_others: false,
    })
}

fn check(contract: &Contract, text: &str) -> Vec<Violation> {
    let reply = Reply {
        text,
        missing_reads: &[],
        earlier: "",
    };
    check_as(contract, &seat("coder"), &reply)
}

#[test]
fn what_meets_the_contract_passes() {
    for text in [
        r#"{"tool":"write_file","args":{"path":".\\agent_output/./main.py","content":""}}
           {"tool":"update_issue_status","args":{"status":"code_review"}}"#,
        r#"{"tool":"read_file","args":{"path":"x"}}, {"tool":"write_file","args":{"path":"agent_output/main.py","content":""}},
           {"tool":"update_issue_status","args":{"status":"Code_Review"}} {"tool":"upd"#,
    ] {
        assert_eq!(check(&coder(), text), [], "{text}");
    }
}

#[test]
fn every_lack_has_its_code() {
    let status = |words: &str| format!(r#"{{"tool":"update_issue_status","args":{{{words}}}}}"#);
    let reads = r#"{"tool":"read_file","args":{"path":"design.txt"}} {"tool":"read_file","args":{"path":"./agent_output/main.py"}}"#;
    let cases = [
        ("coder", coder(), String::new()),
        ("coder", coder(), "I will do it later.".to_owned()),
        ("coder", coder(), r#"{"tool":"fly","args":{}}"#.to_owned()),
        ("coder", coder(), reads.to_owned()),
        (
            "coder",
            coder(),
            format!("Done! {}", status(r#""status":"done""#)),
        ),
        (
            "coder",
            coder(),
            r#"{"tool":"write_file","args":{"path":"agent_output/main.py","content":"print("#
                .to_owned(),
        ),
        ("guard", guard(), status(r#""status":"done""#)),
        (
            "guard",
            guard(),
            format!("{reads}{}", status(r#""status":"blocked""#)),
        ),
        (
            "guard",
            guard(),
            format!(
                "{reads}{}",
                status(r#""status":"blocked","wait_reason":"sleepy""#)
            ),
        ),
        ("free", Contract::default(), reads.to_owned()),
    ];
    let mut lines = String::new();
    for (name, contract, text) in cases {
        lines.push_str(&format!("{name} <- {text:?}\n"));
        for found in check(&contract, &text) {
            lines.push_str(&format!(
                "  {} {}\n    {}\n    evidence: {}\n",
                found.reason,
                found.rule_id.unwrap_or_default(),
                found.message,
                found.evidence
            ));
        }
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn files_that_do_not_exist_are_not_demanded() {
    let missing = ["./agent_output/main.py".to_owned(), "design.txt".to_owned()];
    let text = r#"{"tool":"update_issue_status","args":{"status":"done"}}"#;
    let lacks = |missing_reads: &[String], earlier: &str| {
        let reply = Reply {
            text,
            missing_reads,
            earlier,
        };
        check_as(&guard(), &seat("integrity_guard"), &reply)
    };
    assert_eq!(lacks(&missing, ""), []);
    let codes: Vec<_> = lacks(&missing[..1], "")
        .into_iter()
        .map(|v| v.reason)
        .collect();
    assert_eq!(codes, [PROGRESS, READ_PATH]);
    assert_eq!(
        lacks(
            &missing[..1],
            r#"{"tool":"read_file","args":{"path":"design.txt"}}"#
        ),
        []
    );
}

#[test]
fn a_seat_without_tools_answers_in_words() {
    let mut mute = seat("writer");
    mute.tools = std::sync::Arc::from([]);
    let say = |text| {
        let reply = Reply {
            text,
            missing_reads: &[],
            earlier: "",
        };
        check_as(&coder(), &mute, &reply)
    };
    assert_eq!(say("My advice is to wait."), []);
    assert_eq!(say("<think>nothing</think> ").len(), 1);
}

#[test]
fn a_contract_that_only_looks_can_be_met() {
    let contract = Contract {
        required_tools: vec![READ_FILE.to_owned()],
        ..Contract::default()
    };
    assert_eq!(
        check(&contract, r#"{"tool":"read_file","args":{"path":"a"}}"#),
        []
    );
}

#[test]
fn the_contract_in_words() {
    let missing = ["design.txt".to_owned()];
    insta::assert_snapshot!(format!(
        "{}\n=====\n{}\n=====\n{}",
        coder().prompt_section(&[]),
        guard().prompt_section(&missing),
        Contract::default().prompt_section(&[])
    ));
}

#[test]
fn all_that_is_checked_is_said() {
    let contract = Contract {
        rules: vec![rules::CONTEXT_NOT_PROVIDED.to_owned()],
        rejection_payload: true,
        limits: ScopeLimits {
            max_workspace_items: Some(5),
            max_active_context_items: Some(4),
            max_passive_context_items: Some(3),
            max_archived_context_items: Some(2),
            max_total_context_items: Some(6),
        },
        ..guard()
    };
    insta::assert_snapshot!(contract.prompt_section(&[]));
    let nothing = Contract {
        rules: contract.rules,
        ..Contract::default()
    };
    assert!(
        nothing
            .prompt_section(&[])
            .contains("Give get_issue_context no section.")
    );
}

fn any_contract() -> impl Strategy<Value = Contract> {
    let tools = prop::sample::subsequence(
        vec![
            WRITE_FILE,
            READ_FILE,
            UPDATE_ISSUE_STATUS,
            "add_issue_comment",
            "create_issue",
        ],
        0..5,
    );
    let statuses = prop::sample::subsequence(CardStatus::ALL.to_vec(), 0..4);
    let paths = || prop::collection::vec("[a-z]{1,4}(/[a-z]{1,4}){0,2}", 0..3);
    (tools, statuses, paths(), paths(), any::<bool>()).prop_map(
        |(tools, statuses, writes, reads, tool_calls_only)| Contract {
            required_tools: tools.into_iter().map(str::to_owned).collect(),
            required_statuses: statuses,
            required_write_paths: writes,
            required_read_paths: reads,
            tool_calls_only,
            ..Contract::default()
        },
    )
}

proptest! {
    /// The template of the prompt, filled in, is an answer that the check accepts.
    #[test]
    fn the_template_meets_the_contract(contract in any_contract(), missing in any::<bool>()) {
        let missing_reads = match contract.required_read_paths.first() {
            Some(first) if missing => vec![format!("./{first}")],
            _ => Vec::new(),
        };
        let mut template = String::new();
        contract.template(&missing_reads, &mut template);
        let filled: String = template
            .lines()
            .filter(|line| !line.starts_with("or "))
            .map(|line| line.replace("<wait_reason>", "input").replace("<tool>", "add_issue_comment"))
            .collect();
        let mut calls = parse(&filled).calls;
        if calls.iter().all(|call| is_observational(&call.tool)) && !contract.only_looks() {
            let Some(args) = json!({"comment": "x"}).as_object().cloned() else { unreachable!() };
            calls.push(ToolCall { tool: "add_issue_comment".to_owned(), args });
        }
        let seat = seat("coder");
        let lacks = contract.check(&Answer {
            calls: &calls,
            prose: "",
            truncated: None,
            seat: &seat,
            missing_reads: &missing_reads,
            earlier_calls: &[],
            text: "",
            waits_for_others: false,
        });
        prop_assert_eq!(lacks, []);
    }
}
