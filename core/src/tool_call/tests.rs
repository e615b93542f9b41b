//! Replies as models write them, hostile ones included.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;

fn call(tool: &str, args: Value) -> ToolCall {
    let Value::Object(args) = args else {
        panic!("arguments are an object")
    };
    ToolCall {
        tool: tool.to_owned(),
        args,
    }
}

#[test]
fn every_shape_is_a_call() {
    let expected = [call("read_file", json!({"path": "a.txt"}))];
    for text in [
        r#"{"tool":"read_file","args":{"path":"a.txt"}}"#,
        r#"{"tool":"read_file","args":"{\"path\":\"a.txt\"}"}"#,
        r#"{"name":"read_file","arguments":{"path":"a.txt"}}"#,
        r#"{"name":"read_file","parameters":{"path":"a.txt"}}"#,
        r#"{"type":"function","function":{"name":"read_file","arguments":"{\"path\":\"a.txt\"}"}}"#,
        r#"{"tool_calls":[{"id":"1","function":{"name":"read_file","arguments":{"path":"a.txt"}}}]}"#,
        r#"{"calls":[{"tool_calls":[{"tool":"read_file","args":{"path":"a.txt"}}]}]}"#,
        r#"[{"tool":"read_file","args":{"path":"a.txt"}}]"#,
        "```json\n{\"tool\": \"read_file\",\n \"args\": {\"path\": \"a.txt\"}}\n```",
        "<tool_call>\n{\"name\": \"read_file\", \"arguments\": {\"path\": \"a.txt\"}}\n</tool_call>",
        r#"[TOOL_CALLS][{"name":"read_file","arguments":{"path":"a.txt"}}]"#,
        r#"{"tool":"read_file","args":JSON.stringify({"path":"a.txt"})}"#,
    ] {
        let parsed = parse(text);
        assert_eq!(parsed.calls, expected, "{text}");
        assert_eq!(parsed.prose, "", "{text}");
        assert_eq!(parsed.truncated, None, "{text}");
    }
}

#[test]
fn arguments_that_are_none_are_empty() {
    for text in [
        r#"{"tool":"list_directory","args":[1]}"#,
        r#"{"tool":"list_directory","args":"no json"}"#,
        r#"{"tool":"list_directory"}"#,
    ] {
        assert_eq!(parse(text).calls, [call("list_directory", json!({}))]);
    }
}

#[test]
fn what_is_no_call_is_neither_call_nor_prose() {
    for text in [
        r#"{"rationale":"r","violations":[],"remediation_actions":["x"]}"#,
        r#"{"name":"main.py"}"#,
        r#"{"name":"read_file","description":"Reads","parameters":{"type":"object"}}"#,
        r#"[]"#,
    ] {
        let parsed = parse(text);
        assert_eq!(
            (parsed.calls.len(), parsed.prose.as_str()),
            (0, ""),
            "{text}"
        );
    }
    for prose in ["see [1]", "{x} and {y}", r#"{"a": 1,}"#, "[\"a\"]"] {
        assert_eq!(parse(prose).prose, prose);
    }
}

#[test]
fn several_blocks_keep_their_order() {
    let parsed = parse(
        r#"First I write: {"tool":"write_file","args":{"path":"a","content":"x"}},
{"tool":"update_issue_status","args":{"status":"code_review"}} Done."#,
    );
    let tools: Vec<_> = parsed.calls.iter().map(|c| c.tool.as_str()).collect();
    assert_eq!(tools, ["write_file", "update_issue_status"]);
    assert_eq!(parsed.prose, "First I write:\nDone.");
}

#[test]
fn thoughts_hold_no_calls() {
    let inner = r#"{"tool":"update_issue_status","args":{"status":"done"}}"#;
    let outer = r#"{"tool":"update_issue_status","args":{"status":"blocked"}}"#;
    for text in [
        format!("<think>maybe {inner}</think>{outer}"),
        format!("<Thinking>{inner}\n</Thinking>\n{outer}"),
        format!("<reasoning>{inner}</reasoning>{outer}"),
        format!("[THINK]{inner}[/THINK]{outer}"),
        format!("maybe {inner}\n</think>\n{outer}"),
        format!("<think>a<think>b</think>{inner}</think>{outer}"),
        format!("<think>{inner}</thinking>{outer}"),
        format!("{outer}<think>{inner}"),
        // Broken blocks do not hide a tag.
        format!("maybe {inner} or {{\"a\": \"</think>{outer}"),
        format!("maybe {inner} or {{\"a\": [\"</think>\"x{outer}"),
    ] {
        let parsed = parse(&text);
        assert_eq!(parsed.calls, parse(outer).calls, "{text}");
        assert!(parsed.reasoning.contains("status"), "{text}");
    }
    let swallowed = format!("{inner} {{\"x\": \"<think>\" y {outer}");
    assert_eq!(parse(&swallowed).calls, parse(inner).calls);
    assert_eq!(
        strip_reasoning(&format!("<think>x {inner}</think>{outer}")),
        outer
    );
}

#[test]
fn a_tag_inside_a_file_is_the_file_s() {
    let written = [call(
        "write_file",
        json!({"path": "a.md", "content": "</think> and <think> {\"tool\":\"x\"} }"}),
    )];
    assert_eq!(parse(&render(&written)).calls, written);
    assert_eq!(parse(&render(&written)).reasoning, "");
}

#[test]
fn stringify_and_raw_line_breaks_are_read() {
    let parsed = parse(
        "{\"tool\":\"write_file\",\"args\":{\"path\":\"a.json\",\"content\":JSON.stringify({\"n\": [1, \"two\nlines\"]}, null, 2)}}",
    );
    let content = "{\n  \"n\": [\n    1,\n    \"two\\nlines\"\n  ]\n}";
    assert_eq!(
        parsed.calls,
        [call(
            "write_file",
            json!({"path": "a.json", "content": content})
        )]
    );
    let parsed = parse(
        "{\"tool\":\"write_file\",\"args\":{\"path\":\"a\",\"content\":\"if (x) {\n\tJSON.stringify(y) \\\n\\\"}\\\"\"}}",
    );
    assert_eq!(
        parsed.calls[0].text("content"),
        Some("if (x) {\n\tJSON.stringify(y) \n\"}\"")
    );
    let variable = r#"{"tool":"write_file","args":{"path":"a","content":JSON.stringify(data)}}"#;
    assert_eq!(parse(variable).calls, []);
    assert_eq!(parse(variable).truncated, None);
}

#[test]
fn a_block_that_breaks_off_is_reported() {
    let whole =
        r#"ok {"tool":"write_file","args":{"path":"a","content":"def main():\n    print('hi"#;
    let parsed = parse(whole);
    assert_eq!(parsed.calls, []);
    assert_eq!(parsed.prose, "ok");
    insta::assert_snapshot!(parsed.truncated.unwrap());
    let after_a_call = format!("{}\n{{\"tool\":\"upd", render(&[call("x", json!({}))]));
    let parsed = parse(&after_a_call);
    assert_eq!(parsed.calls.len(), 1);
    assert!(parsed.truncated.is_some());
}

#[test]
fn the_old_line_format_is_read_when_there_is_no_json() {
    let text = "I write it.\n[write_file]\npath: `src/a.py`\ncontent:\n```python\nd = {\"a\": [1]}\n\nprint(d)\n```\n[/write_file]\nTOOL: add_issue_comment\ncomment: looks {good}\n\nTOOL: write_file\npath: b";
    let parsed = parse(text);
    assert_eq!(
        parsed.calls,
        [
            call(
                "write_file",
                json!({"path": "src/a.py", "content": "d = {\"a\": [1]}\n\nprint(d)"})
            ),
            call("add_issue_comment", json!({"comment": "looks {good}"})),
        ]
    );
    assert_eq!(parsed.prose, "I write it.");
    assert_eq!(parsed.diagnostics.last().unwrap().stage, "parse_success");
    assert!(parse(&format!("<think>{text}</think>")).calls.is_empty());
}

#[test]
fn the_record_says_what_was_seen() {
    let text =
        r#"<think>hm</think>{"note":1} {"a":1,} {"tool":"read_file","args":{}} {"x":"\ud800"}"#;
    insta::assert_json_snapshot!(parse(text));
    insta::assert_json_snapshot!(parse("nothing").diagnostics);
    let many = parse(&"{}".repeat(1_000)).diagnostics;
    assert_eq!(many[many.len() - 2].data, json!({"dropped": 937}));
}

#[test]
fn the_guard_s_words_are_found() {
    let payload = json!({"rationale": "r", "violations": ["v"], "remediation_actions": ["a"]});
    let call =
        r#"{"tool":"update_issue_status","args":{"status":"blocked","wait_reason":"review"}}"#;
    for text in [
        format!("{call}\n```json\n{payload}\n```"),
        format!("<think>{{\"violations\":[]}}</think> {payload} {call}"),
        format!("[{payload}, {call}]"),
    ] {
        assert_eq!(guard_payload(&text), Some(payload.clone()), "{text}");
    }
    assert_eq!(guard_payload(call), None);
}

#[test]
fn hostile_replies_take_no_time() {
    const SIZE: usize = 1_000_000;
    let repeated = |unit: &str| unit.repeat(SIZE / unit.len());
    for (name, text) in [
        ("brackets", repeated("[")),
        ("braces", repeated("{")),
        ("nested objects", repeated("{\"a\":")),
        ("closed nest", "[".repeat(SIZE / 2) + &"]".repeat(SIZE / 2)),
        ("empty objects", repeated("{}")),
        ("open strings", repeated("{\"")),
        ("opening tags", repeated("<think>")),
        ("closing tags", repeated("</think>")),
        ("tags in broken blocks", repeated("{\"a\":\"</think>\"x")),
        (
            "tags in nested blocks",
            repeated("[\"<think>\",[\"</think>\","),
        ),
        ("opening angles", repeated("<")),
        ("fences", repeated("```\n")),
        ("wrappers", repeated("{\"a\":JSON.stringify(")),
        ("headers", repeated("[write_file]\ncontent:\n")),
        ("backslashes", "{\"".to_owned() + &repeated("\\")),
    ] {
        let begun = Instant::now();
        let parsed = parse(&text);
        let _ = (guard_payload(&text), strip_reasoning(&text));
        let taken = begun.elapsed();
        // A tenth of a second each when optimised; anything quadratic takes many minutes.
        assert!(taken < Duration::from_secs(20), "{name}: {taken:?}");
        assert!(parsed.calls.is_empty(), "{name}");
        assert!(parsed.diagnostics.len() <= 66, "{name}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any_text(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Texts rich in what could confuse a scanner.
fn any_text() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof![
            Just("{".to_owned()),
            Just("}".to_owned()),
            Just("[".to_owned()),
            Just("]".to_owned()),
            Just("\"".to_owned()),
            Just("\\".to_owned()),
            Just("\n".to_owned()),
            Just("```".to_owned()),
            Just("<think>".to_owned()),
            Just("</think>".to_owned()),
            Just("JSON.stringify(".to_owned()),
            Just("{\"tool\":\"x\",\"args\":{}}".to_owned()),
            any::<String>(),
        ],
        0..6,
    )
    .prop_map(|parts| parts.concat())
}

fn any_calls() -> impl Strategy<Value = Vec<ToolCall>> {
    let one = (
        "[a-z][a-z_]{0,12}",
        prop::collection::vec((any_text(), any_json()), 0..4),
    )
        .prop_map(|(tool, args)| ToolCall {
            tool,
            args: args.into_iter().collect(),
        });
    prop::collection::vec(one, 1..5)
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in any_text(), noise in any::<String>()) {
        for text in [text.clone() + &noise, noise + &text] {
            let _ = (parse(&text), guard_payload(&text), strip_reasoning(&text));
        }
    }

    #[test]
    fn a_cut_reply_yields_only_whole_calls(calls in any_calls(), cut in any::<prop::sample::Index>()) {
        let text = render(&calls);
        let cut = (0..=cut.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let parsed = parse(&text[..cut]);
        prop_assert!(calls.starts_with(&parsed.calls));
        let taken = parsed.calls.len();
        let whole = cut <= render(&calls[..taken]).len() + usize::from(taken > 0);
        // A tag in the broken file makes thoughts of what stands before it; nothing is taken then.
        if parsed.reasoning.is_empty() {
            prop_assert_eq!(parsed.truncated.is_none(), whole);
        }
    }

    #[test]
    fn rendered_calls_come_back(
        calls in any_calls(),
        before in "[^{}\\[\\]<]*",
        after in "[^{}\\[\\]<]*",
    ) {
        let parsed = parse(&format!("{before}\n{}\n{after}", render(&calls)));
        prop_assert_eq!(parsed.calls, calls);
        prop_assert_eq!(parsed.truncated, None);
    }
}
