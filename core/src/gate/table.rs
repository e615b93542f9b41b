//! Row by row: for each rule of the gate a call that breaks it, the words that the model gets back,
//! and a call that satisfies it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::fixture::{card, seat};
use super::*;
use crate::contract::Contract;
use crate::message::reprompt;
use crate::policy::{FileOwnership, GatePolicy};
use crate::tool::{EffectClass, ToolHome, ToolSpec};

struct Row {
    rule: &'static str,
    breaks: (&'static str, Value),
    satisfies: (&'static str, Value),
}

fn row(rule: &'static str, breaks: (&'static str, Value), satisfies: (&'static str, Value)) -> Row {
    Row {
        rule,
        breaks,
        satisfies,
    }
}

fn write(path: &str) -> (&'static str, Value) {
    ("write_file", json!({"path": path, "content": "x"}))
}

fn status(args: Value) -> (&'static str, Value) {
    ("update_issue_status", args)
}

fn rows() -> Vec<Row> {
    vec![
        row(
            RULE_NOT_OFFERED,
            ("rm_rf", json!({"path": "/"})),
            write("agent_output/a.txt"),
        ),
        row(
            RULE_ARGUMENTS,
            ("write_file", json!({"path": "agent_output/a.txt"})),
            write("agent_output/a.txt"),
        ),
        row(
            RULE_TRAVERSAL,
            ("read_file", json!({"path": "../secret.txt"})),
            ("read_file", json!({"path": "secret.txt"})),
        ),
        row(
            RULE_PROTECTED,
            write("verification/fixture.py"),
            write("agent_output/fixture.py"),
        ),
        row(
            RULE_TRANSITION,
            status(json!({"status": "done"})),
            status(json!({"status": "code_review"})),
        ),
        row(
            RULE_OTHER_CARD,
            status(json!({"status": "code_review", "issue_id": "I-2"})),
            status(json!({"status": "code_review", "issue_id": "I-1"})),
        ),
        row(
            RULE_CONFIRM,
            ("wipe", json!({"confirm": false})),
            ("wipe", json!({"confirm": true})),
        ),
        row(
            RULE_PATH_NAME,
            write("agent_output/nul.txt"),
            write("agent_output/null.txt"),
        ),
        row(
            RULE_LOOKALIKE,
            write("v\u{435}rification/x.py"),
            write("agent_output/é.txt"),
        ),
        row(
            RULE_FILE_TYPE,
            write("agent_output/a.EXE"),
            write("agent_output/a.sh"),
        ),
        row(
            RULE_OWNERSHIP,
            write("agent_output/dependencies/package.json"),
            write("agent_output/main.json"),
        ),
        row(
            RULE_IDESIGN,
            write("engines/price.py"),
            write("engines/price_engine.py"),
        ),
    ]
}

fn ask(call: &(&'static str, Value)) -> Result<(), Violation> {
    let (tool, args) = call;
    let call = ToolCall {
        tool: (*tool).to_owned(),
        args: args.as_object().cloned().unwrap_or_default(),
    };
    let mut seat = seat("coder");
    let wipe = ToolSpec {
        name: "wipe".to_owned(),
        description: "Deletes everything.".to_owned(),
        parameters: json!({"type": "object", "required": ["confirm"],
                           "properties": {"confirm": {"type": "boolean"}}}),
        effect: EffectClass::AtMostOnce,
        home: ToolHome::Host,
        time_limit_ms: None,
    };
    seat.tools = seat.tools.iter().cloned().chain([wipe]).collect();
    let card = card();
    let policy = GatePolicy {
        forbidden_file_types: vec![".exe".to_owned()],
        owned_files: vec![FileOwnership::dependencies(Vec::new(), Vec::new())],
        idesign: tool == &"write_file"
            && args["path"]
                .as_str()
                .is_some_and(|it| it.starts_with("engines")),
        ..GatePolicy::default()
    };
    check(
        &call,
        &GateScope {
            seat: &seat,
            card: &card,
            status: CardStatus::InProgress,
            policy: &policy,
        },
    )
}

#[test]
fn each_rule_is_broken_by_one_call_and_satisfied_by_another() {
    let mut shown = String::new();
    for row in rows() {
        assert_eq!(ask(&row.satisfies), Ok(()), "{}", row.rule);
        let violation = ask(&row.breaks).expect_err(row.rule);
        assert_eq!(violation.reason, REFUSED);
        assert_eq!(violation.rule_id.as_deref(), Some(row.rule));
        let length = violation.evidence.chars().count();
        assert!(length <= 120, "{length}: {}", violation.evidence);
        let told = reprompt(std::slice::from_ref(&violation), &Contract::default(), &[]);
        let told = told.content.split("\nWrite the whole answer again");
        let told = told.into_iter().next().unwrap_or_default();
        shown += &format!(
            "# {}\n{} {}\n{told}\n",
            row.rule, row.breaks.0, row.breaks.1
        );
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn every_rule_has_a_row() {
    let rows: BTreeSet<&str> = rows().iter().map(|row| row.rule).collect();
    // Each constant of the gate that names a rule, read off its source.
    let source = include_str!("../gate.rs");
    let named = source
        .lines()
        .filter_map(|line| line.strip_prefix("pub const RULE_")?.split('"').nth(1));
    let named: BTreeSet<&str> = named.collect();
    assert!(named.len() >= 12, "{named:?}");
    assert_eq!(rows, named);
}
