//! What the schema lets through is accepted by the check, and what it stops is what it should.

use serde_json::{Value, json};

use super::*;
use crate::gate::fixture::seat;
use crate::tool_call::parse;

/// Just enough of JSON Schema for what [`super::schema`] writes; anything else fails the test.
fn fits(value: &Value, schema: &Value, root: &Value) -> bool {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        return fits(
            value,
            root.pointer(name.trim_start_matches('#')).unwrap(),
            root,
        );
    }
    schema
        .as_object()
        .unwrap()
        .iter()
        .all(|(word, rule)| match word.as_str() {
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "anyOf" => rule
                .as_array()
                .unwrap()
                .iter()
                .any(|one| fits(value, one, root)),
            "type" => match rule.as_str() {
                Some("object") => value.is_object(),
                Some("array") => value.is_array(),
                Some("string") => value.is_string(),
                _ => panic!("{rule}"),
            },
            "required" => {
                let names = rule.as_array().unwrap().iter().filter_map(Value::as_str);
                names.into_iter().all(|name| value.get(name).is_some())
            }
            "properties" => rule
                .as_object()
                .unwrap()
                .iter()
                .all(|(name, inner)| value.get(name).is_none_or(|it| fits(it, inner, root))),
            "additionalProperties" => {
                let known = &schema["properties"];
                value
                    .as_object()
                    .is_none_or(|it| it.keys().all(|name| known.get(name).is_some()))
            }
            "prefixItems" => {
                let shapes = rule.as_array().unwrap();
                let items = value.as_array().unwrap();
                items
                    .iter()
                    .zip(shapes)
                    .all(|(item, shape)| fits(item, shape, root))
            }
            "items" => value
                .as_array()
                .unwrap()
                .iter()
                .all(|item| fits(item, rule, root)),
            "minItems" => value.as_array().unwrap().len() as u64 >= rule.as_u64().unwrap(),
            "maxItems" => value.as_array().unwrap().len() as u64 <= rule.as_u64().unwrap(),
            "minLength" => value.as_str().unwrap().len() as u64 >= rule.as_u64().unwrap(),
            "description" | "$defs" => true,
            other => panic!("the test does not know {other}"),
        })
}

fn answer(calls: &[(&str, Value)]) -> Value {
    let calls: Vec<Value> = calls
        .iter()
        .map(|(tool, args)| json!({"tool": tool, "args": args}))
        .collect();
    json!({ "tool_calls": calls })
}

fn lacks(contract: &Contract, reply: &Value, earlier: &[ToolCall]) -> Vec<crate::turn::Violation> {
    let text = reply.to_string();
    let parsed = parse(&text);
    contract.check(&Answer {
        calls: &parsed.calls,
        prose: &parsed.prose,
        truncated: None,
        seat: &seat("coder"),
        missing_reads: &[],
        earlier_calls: earlier,
        text: &text,
        waits_for_others: false,
    })
}

fn write(path: &str) -> (&'static str, Value) {
    ("write_file", json!({"path": path, "content": "x"}))
}

fn status(word: &str) -> (&'static str, Value) {
    ("update_issue_status", json!({ "status": word }))
}

fn coder() -> Contract {
    Contract {
        required_tools: vec!["write_file".to_owned(), "update_issue_status".to_owned()],
        required_statuses: vec![CardStatus::CodeReview],
        required_write_paths: vec!["agent_output/main.py".to_owned()],
        tool_calls_only: true,
        ..Contract::default()
    }
}

#[test]
fn a_coder_s_schema_lets_through_what_meets_the_contract_and_nothing_else() {
    let contract = coder();
    let schema = contract
        .reply_schema(&seat("coder"), &[], &[], false)
        .unwrap();
    insta::assert_json_snapshot!(schema);
    let main = "agent_output/main.py";
    for calls in [
        vec![write(main), status("code_review")],
        vec![
            ("add_issue_comment", json!({"comment": "x"})),
            write(main),
            status("code_review"),
        ],
        vec![write("a"), write("b"), write(main), status("code_review")],
    ] {
        let reply = answer(&calls);
        assert!(fits(&reply, &schema, &schema), "{reply}");
        assert_eq!(lacks(&contract, &reply, &[]), [], "{reply}");
    }
    for reply in [
        json!("I will do it."),
        answer(&[]),
        answer(&[write(main)]),
        answer(&[write("main.py"), status("code_review")]),
        answer(&[write(main), status("done")]),
        answer(&[("deploy", json!({})), write(main), status("code_review")]),
        answer(&[("read_file", json!({"path": "x"}))]),
        answer(&[
            write(main),
            (
                "update_issue_status",
                json!({"status": "code_review", "issue_id": "I-2"}),
            ),
        ]),
    ] {
        assert!(!fits(&reply, &schema, &schema), "{reply}");
    }
}

#[test]
fn what_must_be_read_comes_first_and_the_rest_afterwards() {
    let contract = Contract {
        required_read_paths: vec!["a.txt".to_owned(), "b.txt".to_owned()],
        ..coder()
    };
    let seat = seat("coder");
    let read = |path: &str| ("read_file", json!({ "path": path }));
    let reads = answer(&[read("a.txt"), read("b.txt")]);
    let whole = answer(&[write("agent_output/main.py"), status("code_review")]);
    let first = contract.reply_schema(&seat, &[], &[], true).unwrap();
    assert!(
        fits(&reads, &first, &first) && !fits(&whole, &first, &first),
        "{first}"
    );
    let earlier = parse(&reads.to_string()).calls;
    let second = contract.reply_schema(&seat, &[], &earlier, false).unwrap();
    assert!(
        fits(&whole, &second, &second) && !fits(&reads, &second, &second),
        "{second}"
    );
    assert_eq!(lacks(&contract, &whole, &earlier), []);
    // Where there is no second round, all comes at once.
    let at_once = contract
        .reply_schema(&seat, &["b.txt".to_owned()], &[], false)
        .unwrap();
    let all = answer(&[
        read("a.txt"),
        write("agent_output/main.py"),
        status("code_review"),
    ]);
    assert!(fits(&all, &at_once, &at_once), "{at_once}");
}

#[test]
fn a_first_answer_may_look_things_up() {
    let schema = coder()
        .reply_schema(&seat("coder"), &[], &[], true)
        .unwrap();
    let look = answer(&[
        ("list_directory", json!({})),
        ("read_file", json!({"path": "x"})),
    ]);
    assert!(fits(&look, &schema, &schema), "{schema}");
}

#[test]
fn a_guard_s_refusal_brings_its_reasons() {
    let contract = Contract {
        required_statuses: vec![
            CardStatus::Done,
            CardStatus::Blocked,
            CardStatus::GuardRejected,
        ],
        rejection_payload: true,
        ..Contract::default()
    };
    let schema = contract
        .reply_schema(&seat("coder"), &[], &[], false)
        .unwrap();
    let with = |more: Value| {
        let mut args = json!({
            "status": "blocked", "wait_reason": "input", "rationale": "no",
            "violations": ["x"], "remediation_actions": ["y"],
        });
        for (name, value) in more.as_object().unwrap() {
            if value.is_null() {
                args.as_object_mut().unwrap().remove(name);
            } else {
                args[name] = value.clone();
            }
        }
        answer(&[("update_issue_status", args)])
    };
    let rejected = with(json!({"status": "guard_rejected", "wait_reason": null}));
    for reply in [answer(&[status("done")]), with(json!({})), rejected] {
        assert!(fits(&reply, &schema, &schema), "{reply}\n{schema}");
        assert_eq!(lacks(&contract, &reply, &[]), [], "{reply}");
    }
    for reply in [
        answer(&[status("blocked")]),
        with(json!({"wait_reason": null})),
        with(json!({"wait_reason": "dependency"})),
        with(json!({"violations": []})),
        with(json!({"rationale": ""})),
        with(json!({"status": "guard_rejected", "wait_reason": null, "remediation_actions": null})),
    ] {
        assert!(!fits(&reply, &schema, &schema), "{reply}");
        assert_ne!(lacks(&contract, &reply, &[]), [], "{reply}");
    }
}

#[test]
fn an_architect_s_schema_asks_for_the_whole_decision() {
    let contract = Contract {
        architecture_decision: Some(DecisionRule::default()),
        required_statuses: vec![CardStatus::CodeReview],
        ..Contract::default()
    };
    let schema = contract
        .reply_schema(&seat("coder"), &[], &[], false)
        .unwrap();
    let mut decision = json!({
        "recommendation": "monolith", "confidence": 0.9, "structure": "one file",
        "evidence": {
            "estimated_domains": "1", "external_integrations": "0",
            "independent_scaling_needs": "none", "deployment_complexity": "low",
            "team_parallelism": "1", "operational_maturity": "low",
        },
    });
    let reply = |decision: &Value| {
        let file = (
            "write_file",
            json!({"path": DECISION_PATH, "content": decision}),
        );
        answer(&[file, status("code_review")])
    };
    let good = reply(&decision);
    assert!(fits(&good, &schema, &schema), "{schema}");
    assert_eq!(lacks(&contract, &good, &[]), []);
    decision["confidence"] = json!(7);
    let bad = reply(&decision);
    assert!(!fits(&bad, &schema, &schema));
    assert_ne!(lacks(&contract, &bad, &[]), []);
}

#[test]
fn words_need_no_schema() {
    let mut mute = seat("coder");
    mute.tools = Vec::new().into();
    assert_eq!(coder().reply_schema(&mute, &[], &[], true), None);
}
