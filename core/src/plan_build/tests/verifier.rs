//! What the verifier is told to look at, from what operators write.

use super::*;
use crate::policy::VerifierPolicy;
use crate::verify::{FixtureLimits, VerifyJob};

const PY: &str = "agent_output/main.py";

fn ruled(rules: Value) -> MemorySource {
    let organization = json!({"organization": {"name": "O", "process_rules": rules}});
    edited(EPIC, |epic| {
        epic["issues"][0]["params"] = json!({"required_write_paths": [PY]});
    })
    .with("model/organization.json", organization.to_string())
}

fn job(built: &BuiltPlan, card: usize) -> Option<VerifyJob> {
    VerifyJob::of(&built.plan, &built.cards[card], &[])
}

fn problems(source: &MemorySource) -> String {
    let library = Library::new(source);
    let settings = PlanSettings::default();
    let errors = build(&library, &request(), &settings, &catalogue());
    errors.expect_err("refused").to_string()
}

#[test]
fn a_card_that_writes_code_is_parsed_and_one_that_writes_none_is_not_looked_at() {
    let built = build_from(&ruled(json!({})), &PlanSettings::default());
    let syntax = job(&built, 0).and_then(|job| job.syntax).expect("parsed");
    assert_eq!(
        (syntax.own, syntax.whole_folder),
        (vec![PY.to_owned()], false)
    );
    assert_eq!(job(&built, 1), None, "the guard writes no files");

    let prose = edited(EPIC, |epic| {
        epic["issues"][0]["params"] = json!({"required_write_paths": ["agent_output/a.txt"]});
    });
    let built = build_from(&prose, &PlanSettings::default());
    assert_eq!(job(&built, 0), None);
    let written = ["agent_output/tool.sh".to_owned()];
    let found = VerifyJob::of(&built.plan, &built.cards[0], &written);
    assert_eq!(
        found.and_then(|job| job.syntax).expect("parsed").own,
        written
    );
    let whole = build_from(
        &ruled(json!({"runtime_verifier_scope": "agent_output"})),
        &PlanSettings::default(),
    );
    assert!(
        job(&whole, 0)
            .and_then(|job| job.syntax)
            .expect("parsed")
            .whole_folder
    );
}

#[test]
fn the_default_policy_of_an_older_plan_asks_for_what_it_always_did() {
    let mut built = build_from(&ruled(json!({})), &PlanSettings::default());
    built.plan.policy.verifier = serde_json::from_str("{}").expect("an older plan's");
    assert_eq!(built.plan.policy.verifier, VerifierPolicy::default());
    assert_eq!(job(&built, 0), None);
}

#[test]
fn commands_are_the_card_s_else_the_organization_s_else_the_profile_s() {
    let profiles = json!({"python": ["py test"], "node": [["npm", "test"]]});
    let rules = json!({"runtime_verifier_commands_by_profile": profiles, "runtime_verifier_timeout_sec": 7});
    let built = build_from(&ruled(rules.clone()), &PlanSettings::default());
    let found = job(&built, 0).expect("a job");
    assert_eq!((found.commands.len(), found.profile), (0, None));
    assert_eq!(found.by_profile["python"][0].command, ["py", "test"]);
    assert_eq!(found.by_profile["node"][0].timeout_ms, 7_000);

    let with = |key: &str, value: Value| {
        let mut rules = rules.clone();
        rules[key] = value;
        rules
    };
    for (surface, profile) in [
        ("cli", Some("python")),
        ("api_vue", Some("polyglot")),
        ("unspecified", None),
    ] {
        let rules = with("project_surface_profile", json!(surface));
        let built = build_from(&ruled(rules), &PlanSettings::default());
        assert_eq!(job(&built, 0).expect("a job").profile.as_deref(), profile);
    }
    let written = with("runtime_verifier_stack_profile", json!("node"));
    let built = build_from(&ruled(written), &PlanSettings::default());
    assert_eq!(
        job(&built, 0).expect("a job").profile.as_deref(),
        Some("node")
    );

    let overridden = with("runtime_verifier_commands", json!(["make test"]));
    let built = build_from(&ruled(overridden), &PlanSettings::default());
    let found = job(&built, 0).expect("a job");
    assert_eq!(found.source, "policy_override");
    assert!(found.by_profile.is_empty());

    let mut own = build_from(&ruled(rules), &PlanSettings::default());
    own.cards[0].params.insert("verify".to_owned(), json!([]));
    assert!(
        job(&own, 0).expect("a job").by_profile.is_empty(),
        "the card wants none"
    );
}

#[test]
fn it_can_be_switched_off_but_for_what_a_card_demands() {
    let off = |word: &str| PlanSettings {
        modes: [("disable_runtime_verifier".to_owned(), word.to_owned())].into(),
        ..PlanSettings::default()
    };
    let rules = json!({
        "disable_runtime_verifier": true, "runtime_verifier_commands": ["make"],
        "runtime_verifier_require_deployment_files": true
    });
    let built = build_from(&ruled(rules.clone()), &PlanSettings::default());
    assert_eq!(job(&built, 0), None);
    // The operator's word goes before the organization's.
    let built = build_from(&ruled(rules.clone()), &off("false"));
    let found = job(&built, 0).expect("a job");
    assert_eq!(found.commands.len(), 1);
    assert_eq!(found.required_files.len(), 3);
    let built = build_from(
        &ruled(json!({"runtime_verifier_commands": ["make"]})),
        &off("1"),
    );
    assert_eq!(job(&built, 0), None);

    let mut built = build_from(&ruled(rules), &off("true"));
    built.cards[0].fixture = Some(crate::verify::FixturePlan {
        path: "verification/a.sh".to_owned(),
        scenarios: Vec::new(),
    });
    assert!(job(&built, 0).is_some_and(|job| job.fixture.is_some()));
}

#[test]
fn a_fixture_is_taken_from_the_card_with_its_limits() {
    let source = edited(EPIC, |epic| {
        epic["issues"][0]["verification"] = json!({
            "verification_fixture": "./verification/a.py",
            "scenarios": [{"input_data": {"n": 1}, "expected_output": [2]}]
        });
    });
    let settings = PlanSettings {
        modes: [
            ("verify_timeout_sec", "0.5"),
            ("verify_cpu_sec", "0"),
            ("verify_mem_mb", "64"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into(),
        ..PlanSettings::default()
    };
    let built = build_from(&source, &settings);
    let fixture = job(&built, 0)
        .and_then(|job| job.fixture)
        .expect("a fixture");
    assert_eq!(fixture.plan.path, "verification/a.py");
    assert_eq!(fixture.plan.scenarios[0].id, "S01");
    assert_eq!(
        fixture.limits,
        FixtureLimits {
            wall_ms: 500,
            cpu_sec: 0,
            memory_mb: 64
        }
    );
    assert_eq!(
        job(&build_from(&source, &PlanSettings::default()), 0)
            .and_then(|job| job.fixture)
            .map(|it| it.limits),
        Some(FixtureLimits {
            wall_ms: 5_000,
            cpu_sec: 2,
            memory_mb: 256
        })
    );
}

#[test]
fn what_is_wrong_with_it_is_named() {
    let source = edited(EPIC, |epic| {
        epic["issues"][0]["verification"] = json!({
            "fixture_path": "../secrets.py",
            "scenarios": [{"id": "S"}, {"id": "S"}]
        });
    });
    let rules = json!({"organization": {"name": "O", "process_rules": {
        "runtime_verifier_scope": "everything", "runtime_verifier_commands_by_profile": ["make"],
        "runtime_verifier_syntax": "perhaps", "verify_mem_mb": -1
    }}});
    let source = source.with("model/organization.json", rules.to_string());
    insta::assert_snapshot!(problems(&source));
}
