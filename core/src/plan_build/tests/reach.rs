//! Contracts that no turn could meet are refused when the plan is built.

use super::*;
use crate::policy::OwnPlace;

/// What is wrong with the first card's params under these process rules.
fn with(params: Value, rules: Value) -> String {
    let source = edited(EPIC, |epic| epic["issues"][0]["params"] = params);
    let organization = json!({
        "name": "O", "forbidden_file_types": ["exe"], "process_rules": rules,
    });
    let source = source.with("config/organization.json", organization.to_string());
    let settings = PlanSettings {
        own_places: vec![OwnPlace {
            path: "config".to_owned(),
            is_secret: false,
        }],
        ..PlanSettings::default()
    };
    refusals(&source, &settings)
}

#[test]
fn a_file_that_the_gate_refuses_is_named_before_anything_starts() {
    for path in [
        "verification/x.py",
        "agent_output/package.json",
        "agent_output/a.exe",
        "agent_output/con.txt",
        ".git/x",
        "config/epics/demo.json",
    ] {
        let rules = json!({"dependency_file_ownership_enabled": true});
        let problems = with(json!({ "required_write_paths": [path] }), rules);
        let field = "config/epics/demo.json: issues[0].params.required_write_paths:";
        assert!(
            problems.contains(field) && problems.contains(path),
            "{problems}"
        );
    }
    let read = with(
        json!({"review_required_read_paths": ["a/nul.txt"]}),
        json!({}),
    );
    assert!(
        read.contains("issues[0].params.review_required_read_paths"),
        "{read}"
    );
    let fine = json!({"required_write_paths": ["./agent_output/main.sh"]});
    assert_eq!(with(fine, json!({})), "");
    // What the seat's role demands by itself.
    let by_role = with(json!({}), json!({"forbidden_file_types": ["py"]}));
    assert!(by_role.contains("issues[0].seat"), "{by_role}");
}

#[test]
fn a_limit_below_what_is_demanded_is_refused() {
    let reads = json!({"required_read_paths": ["a.txt", "./a.txt", "b.txt", "c.txt"]});
    let limits = |limits: Value| with(reads.clone(), json!({"verification_scope_limits": limits}));
    insta::assert_snapshot!(limits(json!({
        "max_active_context_items": 1, "max_total_context_items": 2, "max_workspace_items": 3,
    })));
    let enough = json!({
        "max_active_context_items": 3, "max_total_context_items": 3, "max_workspace_items": 4,
    });
    assert_eq!(limits(enough), "");
}

#[test]
fn one_file_in_two_spellings_is_one_file() {
    let tools = ["write_file", "read_file", "update_issue_status"];
    let source = edited(EPIC, |epic| {
        epic["issues"][0]["params"] = json!({
            "required_write_paths": ["./agent_output/design.txt"],
            "review_required_read_paths": ["./agent_output/a.txt", "agent_output//a.txt"],
        });
    })
    .with(
        "config/teams/duo.json",
        json!({"seats": {"coder": {"roles": ["architect"]}, "guard": {"roles": ["integrity_guard"]}}})
            .to_string(),
    )
    .with("config/roles/architect.json", role(&tools));
    let cards = build_from(&source, &PlanSettings::default()).cards;
    assert!(cards[0].contract.architecture_decision.is_some());
    assert_eq!(
        cards[0].review_contract.required_read_paths,
        ["./agent_output/a.txt"]
    );
}

#[test]
fn a_window_that_holds_no_prompt_is_told() {
    let warnings = |tokens: &str| {
        let settings = with_modes(&[("context_tokens", tokens)]);
        build_from(&house(), &settings).warnings.join("\n")
    };
    let told = warnings("100");
    assert!(
        told.contains("too small for the prompts of 2 cards"),
        "{told}"
    );
    assert!(told.contains("ORKET_CONTEXT_TOKENS"), "{told}");
    assert_eq!(warnings("32768") + &warnings("0"), "");
}
