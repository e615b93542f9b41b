use serde_json::{Value, json};

use super::*;
use crate::gate::fixture::card;
use crate::turn::FixtureFault;

fn plan(scenarios: Value) -> FixturePlan {
    FixturePlan {
        path: "verification/check.py".to_owned(),
        scenarios: serde_json::from_value(scenarios).expect("scenarios"),
    }
}

#[test]
fn a_language_is_told_by_ending_or_first_line() {
    let of = |path: &str, text: &str| Language::of(path, text).map(Language::as_str);
    assert_eq!(of("a/b.py", ""), Some("python"));
    assert_eq!(of("a.d/B.TSX", ""), Some("typescript"));
    assert_eq!(
        of("a/tool", "#!/usr/bin/env -S python3.12 -u\n"),
        Some("python")
    );
    assert_eq!(of("a/tool", "#!/bin/bash -e\n"), Some("shell"));
    assert_eq!(of("a/tool", "#!/usr/bin/perl\n"), None);
    assert_eq!(of("a/tool", "hello"), None);
    assert_eq!(of("a/notes.txt", "#!/bin/sh\n"), None);
    assert_eq!(Language::of_path("tsconfig.json"), Some(Language::Jsonc));
    assert_eq!(Language::of_path("package.json"), Some(Language::Json));
    assert_eq!(
        interpreter("#! /usr/bin/env A=1 ruby -w\nx"),
        Some(vec!["ruby".to_owned(), "-w".to_owned()])
    );
    let may = ["a.py", "bin/tool", "agent_output/x.yml"];
    assert!(may.iter().all(|path| may_hold_code(path)));
    let may_not = ["a.txt", "b/README", ".gitignore", "a/.env", "x.md"];
    assert!(!may_not.iter().any(|path| may_hold_code(path)));
}

#[test]
fn a_fixture_lies_below_its_folder() {
    assert_eq!(
        fixture_path("./verification//a/x.py"),
        Ok("verification/a/x.py".to_owned())
    );
    for wrong in [
        "verification",
        "verification/",
        "x.py",
        "verification/../x.py",
        "/verification/x",
        "verificationx/a",
        "",
    ] {
        assert!(fixture_path(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_answer_is_a_pass_only_when_every_scenario_is_spoken_of_and_holds() {
    let plan = plan(json!([
        {"id": "S1", "input_data": {"n": 1}, "expected_output": 2},
        {"id": "S2", "expected_output": {"a": [1, null], "b": "x"}}
    ]));
    let one = json!({"id": "S1", "status": "pass", "actual_output": 2.0});
    let two = json!({"id": "S2", "status": "pass", "actual_output": {"b": "x", "a": [1, null]}});
    let code = |answer: Value| verdict::judge(&plan, &answer.to_string()).code;
    let answer = |results: Value| json!({"ok": true, "results": results, "fatal_error": null});

    let held = verdict::judge(&plan, &answer(json!([two, one])).to_string());
    assert_eq!((held.code, held.passed, held.failed), (None, 2, 0));
    assert_eq!(held.results[0].id, "S1");

    let failed = Some(FixtureFault::Failed);
    assert_eq!(code(answer(json!([one]))), failed, "one is not spoken of");
    assert_eq!(
        code(answer(json!([one, one, two]))),
        failed,
        "one is spoken of twice"
    );
    let wrong = json!({"id": "S1", "status": "pass", "actual_output": 3});
    assert_eq!(
        code(answer(json!([wrong, two]))),
        failed,
        "a pass that is none"
    );
    let silent = json!({"id": "S1", "status": "pass"});
    assert_eq!(
        code(answer(json!([silent, two]))),
        failed,
        "a pass that shows nothing"
    );
    let no = json!({"id": "S1", "status": "fail", "actual_output": 2});
    assert_eq!(code(answer(json!([no, two]))), failed);
    assert_eq!(code(json!({"ok": false, "results": [one, two]})), failed);
    let output = Some(FixtureFault::Output);
    assert_eq!(code(json!({"results": [one, two]})), output);
    assert_eq!(code(json!({"ok": true})), output);
    assert_eq!(code(json!([1])), output);
    for text in [
        "",
        "{}",
        "hello\n{\"ok\":true,\"results\":[]}",
        "{\"ok\":true,\"results\":[]} {}",
    ] {
        assert_eq!(verdict::judge(&plan, text).code, output, "{text}");
    }
    let broke = json!({"ok": true, "results": [one, two], "fatal_error": "import failed"});
    let report = verdict::judge(&plan, &broke.to_string());
    assert_eq!(report.code, Some(FixtureFault::Crashed));
    assert_eq!((report.passed, report.failed), (0, 2));
}

#[test]
fn large_numbers_are_not_rounded_into_each_other() {
    let plan = plan(json!([{"id": "S", "expected_output": 9_007_199_254_740_993_u64}]));
    let answer =
        r#"{"ok":true,"results":[{"id":"S","status":"pass","actual_output":9007199254740992}]}"#;
    assert_eq!(
        verdict::judge(&plan, answer).code,
        Some(FixtureFault::Failed)
    );
}

#[test]
fn only_what_may_hold_code_is_a_card_s_to_be_parsed() {
    let mut card = card();
    card.contract.required_write_paths = vec!["./agent_output/main.py".into(), "a.txt".into()];
    let written = [
        "agent_output/b.rs".to_owned(),
        "agent_output/main.py".to_owned(),
    ];
    assert_eq!(
        own_files(&card, &written),
        ["agent_output/b.rs", "agent_output/main.py"]
    );
}
