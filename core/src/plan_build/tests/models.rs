//! The compliance policy, and the models of roles as they are shown.

use serde_json::{Value, json};

use super::*;
use crate::plan_build::models::assign::{AssignError, OfEpic, assignments, roles};

fn organization(rules: Value) -> String {
    json!({"name": "x", "process_rules": rules}).to_string()
}

fn with_policy(policy: Value) -> MemorySource {
    let rules = organization(json!({"model_compliance_policy": policy}));
    house().with("config/organization.json", rules)
}

/// Role, choice, what answers and why, where it was chosen, dialect; one line each.
fn told(source: &MemorySource, settings: &PlanSettings, epic: Option<&str>, of: &[&str]) -> String {
    let of: Vec<String> = of.iter().map(|role| (*role).to_owned()).collect();
    let epic = epic.map(|epic| OfEpic {
        epic,
        department: "core",
    });
    let assignments = match assignments(&Library::new(source), settings, epic, &of) {
        Ok(assignments) => assignments,
        Err(error) => return error.to_string(),
    };
    let lines = assignments.iter().map(|it| {
        format!(
            "{} = {} -> {} ({}; {}; {})",
            it.role, it.selected, it.answers, it.reason, it.chosen_in, it.dialect
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_blocked_or_badly_scored_model_is_replaced_in_plans() {
    let policy = json!({
        "fallback_model": "tame:1",
        "blocked_models": ["ollama:M:7B"],
        "min_score": 0.8,
        "model_scores": {"low:1": 0.79, "good:1": 0.8},
    });
    let source = with_policy(policy);
    let mut epic: Value = serde_json::from_str(&source.0[EPIC]).expect("json");
    epic["issues"][0]["params"] = json!({"model_overrides": {"coder": "low:1", "x": "good:1"}});
    let source = source.with(EPIC, epic.to_string());
    let built = build_from(&source, &PlanSettings::default());
    assert_eq!(built.plan.seats["coder"].model.to_string(), "ollama:tame:1");
    let card = |role: &str| {
        built.cards[0]
            .model_override(role)
            .map(|model| model.to_string())
    };
    assert_eq!(card("coder").as_deref(), Some("ollama:tame:1"));
    assert_eq!(card("x").as_deref(), Some("ollama:good:1"));
    insta::assert_snapshot!(built.warnings.join("\n"), @r"
    config/environments/desk.json: model: `ollama:m:7b` may not answer (blocked_model, model_compliance_policy); `ollama:tame:1` does instead
    config/epics/demo.json: issues[0].params.model_overrides.coder: `ollama:low:1` may not answer (score_below_threshold, model_compliance_policy); `ollama:tame:1` does instead
    ");
    // The command line is bound by nothing.
    let request = PlanRequest {
        model_override: Some("m:7b".to_owned()),
        ..request()
    };
    let library = Library::new(&source);
    let built = build(&library, &request, &PlanSettings::default(), &catalogue());
    let built = built.expect("a plan");
    assert_eq!(built.plan.seats["coder"].model.to_string(), "ollama:m:7b");
    assert_eq!(built.warnings, Vec::<String>::new());
}

#[test]
fn every_reason_is_told() {
    let model = json!({"coder": "wild:1"});
    let reason = |policy: Option<Value>| {
        let mut rules = json!({"models": model});
        if let Some(policy) = policy {
            rules["model_compliance_policy"] = policy;
        }
        let source = house().with("config/organization.json", organization(rules));
        told(&source, &PlanSettings::default(), None, &["coder"])
    };
    let mut lines = vec![reason(None), reason(Some(Value::Null))];
    for policy in [
        json!({"enabled": false, "blocked_models": ["wild:1"]}),
        json!({"enabled": true, "blocked_models": ["wild:1"]}),
        json!({"blocked_models": []}),
        json!({"min_score": 1}),
        json!({"min_score": 1, "model_scores": {"wild:1": 0.5}, "fallback_model": "deepseek-coder"}),
        json!({"min_score": 0.5, "model_scores": {"ollama:wild:1": 0.5}}),
        json!({"blocked_models": ["wild:1", "tame:1"], "fallback_model": "tame:1"}),
        json!({"blocked_models": ["wild:1", "qwen2.5-coder:14b"]}),
        json!(["wild:1"]),
        json!({"enabled": "yes", "min_score": "1", "model_scores": {"a": "b"}, "blocked_models": [1], "fallback_model": 1, "blocked": []}),
    ] {
        lines.push(reason(Some(policy)));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_organizations_policy_is_laid_over_the_users_key_by_key() {
    let settings = PlanSettings {
        compliance: Some(json!({
            "enabled": true,
            "fallback_model": "mine:1",
            "blocked_models": ["a:1"],
        })),
        ..PlanSettings::default()
    };
    let models = json!({"one": "a:1", "two": "b:1"});
    let source = house().with(
        "config/organization.json",
        organization(json!({"models": models})),
    );
    assert_eq!(
        told(&source, &settings, None, &["one", "two"]),
        "one = ollama:a:1 -> ollama:mine:1 (blocked_model; config/organization.json: process_rules.models.one; generic)\n\
         two = ollama:b:1 -> ollama:b:1 (min_score_missing; config/organization.json: process_rules.models.two; generic)"
    );
    let policy = json!({"blocked_models": ["b:1"]});
    let rules = json!({"models": models, "model_compliance_policy": policy});
    let source = house().with("config/organization.json", organization(rules));
    assert_eq!(
        told(&source, &settings, None, &["one", "two"]),
        "one = ollama:a:1 -> ollama:a:1 (min_score_missing; config/organization.json: process_rules.models.one; generic)\n\
         two = ollama:b:1 -> ollama:mine:1 (blocked_model; config/organization.json: process_rules.models.two; generic)"
    );
}

#[test]
fn roles_are_shown_with_the_model_that_a_plan_chooses() {
    let mut settings = PlanSettings {
        operator_model: Some("openai:boss".to_owned()),
        ..PlanSettings::default()
    };
    let boss = ("OPERATIONS_LEAD".to_owned(), "other:1".to_owned());
    let coder = ("CODER".to_owned(), "Qwen:1".to_owned());
    settings.env_models.extend([boss, coder]);
    let judge = ("reviewer".to_owned(), "phi4".to_owned());
    settings.preference_models.extend([judge]);
    let mut source = house().with("model/core/dialects/qwen.json", "{}");
    let of = [
        "operations_lead",
        "coder",
        "integrity_guard",
        "architect",
        "whoever",
    ];
    insta::assert_snapshot!(told(&source, &settings, None, &of), @r"
    operations_lead = openai:boss -> openai:boss (policy_missing; process environment: ORKET_OPERATOR_MODEL; generic)
    coder = ollama:Qwen:1 -> ollama:Qwen:1 (policy_missing; process environment: ORKET_MODEL_CODER; qwen)
    integrity_guard = ollama:phi4 -> ollama:phi4 (policy_missing; preferences: models.reviewer; generic)
    architect = ollama:deepseek-r1:32b -> ollama:deepseek-r1:32b (policy_missing; built in: default; generic)
    whoever = ollama:qwen2.5-coder:14b -> ollama:qwen2.5-coder:14b (policy_missing; built in: default; qwen)
    ");
    let mut epic: Value = serde_json::from_str(&source.0[EPIC]).expect("json");
    epic["params"] = json!({"model_overrides": {"coder": "epic:1"}});
    source = source.with(EPIC, epic.to_string());
    insta::assert_snapshot!(told(&source, &settings, Some("demo"), &of), @r"
    operations_lead = openai:boss -> openai:boss (policy_missing; process environment: ORKET_OPERATOR_MODEL; generic)
    coder = ollama:epic:1 -> ollama:epic:1 (policy_missing; config/epics/demo.json: params.model_overrides.coder; generic)
    integrity_guard = ollama:phi4 -> ollama:phi4 (policy_missing; preferences: models.reviewer; generic)
    architect = ollama:m:7b -> ollama:m:7b (policy_missing; config/environments/desk.json: model; generic)
    whoever = ollama:m:7b -> ollama:m:7b (policy_missing; config/environments/desk.json: model; generic)
    ");
    // What is shown is what a plan has.
    let plan = build_from(&source, &settings).plan;
    assert_eq!(plan.seats["coder"].model.to_string(), "ollama:epic:1");
    assert_eq!(plan.seats["guard"].model.to_string(), "ollama:phi4");
}

#[test]
fn an_unknown_epic_is_told_apart_from_broken_assets() {
    let library = Library::new(house());
    let settings = PlanSettings::default();
    let of = |epic| {
        Some(OfEpic {
            epic,
            department: "core",
        })
    };
    let unknown = assignments(&library, &settings, of("dmo"), &[]).expect_err("unknown");
    assert!(
        matches!(unknown, AssignError::Epic(LoadError::NotFound { .. })),
        "{unknown}"
    );
    let library = Library::new(house().with("config/environments/desk.json", "{"));
    let broken = assignments(&library, &settings, of("demo"), &[]).expect_err("broken");
    assert!(matches!(broken, AssignError::Wrong(_)), "{broken}");
}

#[test]
fn all_roles_are_those_of_the_teams_or_else_those_there_are() {
    let source = house().with(
        "model/labs/teams/lab.json",
        "{\"seats\": {\"a\": {\"roles\": [\"Mad Scientist\"]}}}",
    );
    let source = source.with("model/core/teams/broken.json", "{");
    let library = Library::new(&source);
    assert_eq!(
        roles(&library),
        ["coder", "integrity_guard", "mad_scientist"]
    );
    let none = MemorySource::default().with("model/core/roles/lone_wolf.json", "{}");
    assert_eq!(roles(&Library::new(&none)), ["lone_wolf"]);
}

#[test]
fn a_backend_that_is_not_there_is_warned_of() {
    let modes = |backend: &str| PlanSettings {
        modes: [("state_backend_mode".to_owned(), backend.to_owned())].into(),
        ..PlanSettings::default()
    };
    assert_eq!(
        build_from(&house(), &modes("local")).warnings,
        Vec::<String>::new()
    );
    assert_eq!(
        build_from(&house(), &modes("gitea")).warnings,
        [
            "settings: process_rules.state_backend_mode: `gitea` has no effect in this version: state is kept in the journal"
        ]
    );
}
