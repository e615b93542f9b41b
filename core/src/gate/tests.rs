//! What the gate lets through and what it answers when it does not.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::gate::fixture::{card, seat};
use crate::policy::GatePolicy;

fn ask(role: &str, status: CardStatus, tool: &str, args: Value) -> Result<(), Violation> {
    let Value::Object(args) = args else {
        panic!("arguments are an object")
    };
    let call = ToolCall {
        tool: tool.to_owned(),
        args,
    };
    let (seat, card) = (seat(role), card());
    check(
        &call,
        &GateScope {
            seat: &seat,
            card: &card,
            status,
            policy: &GatePolicy::default(),
        },
    )
}

#[test]
fn what_is_right_passes() {
    let pass = |tool: &str, args: Value| {
        assert_eq!(ask("coder", CardStatus::InProgress, tool, args), Ok(()));
    };
    pass("read_file", json!({"path": "verification/x.py"}));
    pass(
        "write_file",
        json!({"path": ".\\agent_output\\a.txt", "content": ""}),
    );
    pass("write_file", json!({"path": "a.json", "content": {"a": 1}}));
    pass(
        "write_file",
        json!({"path": "verification.txt", "content": "", "mode": 1}),
    );
    pass(
        "write_file",
        json!({"path": ".github/orket.login", "content": ""}),
    );
    pass("list_directory", json!({}));
    pass("list_directory", json!({"path": "./"}));
    pass("list_directory", json!({"path": null}));
    pass(
        "create_issue",
        json!({"seat": "qa", "summary": "Teste", "priority": "High"}),
    );
    pass("add_issue_comment", json!({"comment": "x"}));
    pass("get_issue_context", json!({"issue_id": "I-2"}));
    pass("update_issue_status", json!({"status": "code_review"}));
    pass(
        "update_issue_status",
        json!({"status": " Blocked ", "wait_reason": "input", "issue_id": "I-1"}),
    );
    pass(
        "update_issue_status",
        json!({"status": "code_review", "wait_reason": "", "issue_id": null}),
    );
}

#[test]
fn every_refusal_says_what_would_be_right() {
    let cases = [
        ("coder", "rm_rf", json!({})),
        ("coder", "write_file", json!({"path": "a"})),
        ("coder", "write_file", json!({"path": "a", "content": null})),
        ("coder", "write_file", json!({"path": 1, "content": ""})),
        ("coder", "write_file", json!({"path": "a", "content": 5})),
        (
            "coder",
            "write_file",
            json!({"path": "../a", "content": ""}),
        ),
        ("coder", "read_file", json!({"path": "/etc/passwd"})),
        ("coder", "list_directory", json!({"path": "a\\..\\.."})),
        ("coder", "read_file", json!({"path": "."})),
        (
            "coder",
            "write_file",
            json!({"path": "./Verification/a.py", "content": ""}),
        ),
        (
            "coder",
            "write_file",
            json!({"path": "observability/x", "content": ""}),
        ),
        (
            "coder",
            "write_file",
            json!({"path": "orket.log.1", "content": ""}),
        ),
        (
            "coder",
            "write_file",
            json!({"path": "sub/.git/hooks/pre-commit", "content": ""}),
        ),
        (
            "coder",
            "write_file",
            json!({"path": ".orket/durable/db", "content": ""}),
        ),
        (
            "coder",
            "write_file",
            json!({"path": "agent_output/verification/r.json", "content": ""}),
        ),
        (
            "coder",
            "create_issue",
            json!({"seat": " ", "summary": "long enough"}),
        ),
        (
            "coder",
            "create_issue",
            json!({"seat": "qa", "summary": "  ab  "}),
        ),
        ("coder", "add_issue_comment", json!({"comment": "\n"})),
        ("coder", "update_issue_status", json!({})),
        (
            "coder",
            "update_issue_status",
            json!({"status": "finished"}),
        ),
        (
            "coder",
            "update_issue_status",
            json!({"status": "code_review", "issue_id": "I-2"}),
        ),
        ("coder", "update_issue_status", json!({"status": "blocked"})),
        (
            "coder",
            "update_issue_status",
            json!({"status": "blocked", "wait_reason": "tired"}),
        ),
        ("coder", "update_issue_status", json!({"status": "done"})),
        (
            "coder",
            "update_issue_status",
            json!({"status": "in_progress"}),
        ),
    ];
    let mut lines = String::new();
    for (role, tool, args) in cases {
        let shown = format!("{tool} {args}");
        let violation = ask(role, CardStatus::InProgress, tool, args).expect_err(&shown);
        assert_eq!(violation.reason, "tool_gate_refused");
        lines.push_str(&format!(
            "{shown}\n  {}: {}\n  evidence: {}\n",
            violation.rule_id.unwrap(),
            violation.message,
            violation.evidence
        ));
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn only_the_guard_may_finish() {
    let done = |role| {
        ask(
            role,
            CardStatus::AwaitingGuardReview,
            "update_issue_status",
            json!({"status": "done"}),
        )
    };
    assert_eq!(done("integrity_guard"), Ok(()));
    let refused = done("coder").unwrap_err();
    assert_eq!(refused.rule_id.as_deref(), Some(RULE_TRANSITION));
    assert!(
        refused
            .message
            .ends_with("this seat may set: blocked, archived"),
        "{}",
        refused.message
    );
}

#[test]
fn one_path_has_one_name() {
    for (written, normal) in [
        ("a", Some("a")),
        ("./a//b/./c/", Some("a/b/c")),
        ("a\\b", Some("a/b")),
        (".", Some(".")),
        (".hidden/..x", Some(".hidden/..x")),
        ("ä b", Some("ä b")),
        ("", None),
        (" ", None),
        ("/a", None),
        ("\\\\server\\x", None),
        ("C:a", None),
        ("./c:/a", None),
        ("a/../b", None),
        ("a/..", None),
        ("a\0b", None),
        ("a\nb", None),
        ("a/ /b", None),
    ] {
        assert_eq!(normal_path(written).as_deref(), normal, "{written:?}");
    }
}

proptest! {
    #[test]
    fn a_normal_path_stays_inside_and_is_its_own_normal_form(path in "[a-zA-Z.:/\\\\ ~]{0,24}") {
        if let Some(normal) = normal_path(&path) {
            prop_assert_eq!(normal_path(&normal), Some(normal.clone()));
            let inside = std::path::Path::new(&normal).components().all(|part| {
                matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir)
            });
            prop_assert!(inside, "{}", normal);
        }
    }
}
