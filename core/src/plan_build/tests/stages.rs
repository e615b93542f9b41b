//! Which stages a plan has, by settings, rules and params.

use super::*;
use crate::stages::{Stage, StagePlan};

/// The house with a reviewer on the team, these process rules and these params of the epic.
fn ruled(rules: Value, params: Value) -> MemorySource {
    let seats = json!({
        "analyst": {"roles": ["analyst"]}, "coder": {"roles": ["coder"]},
        "critic": {"roles": ["code_reviewer"]}, "guard": {"roles": ["integrity_guard"]},
    });
    let tools = ["write_file", "update_issue_status"];
    edited(EPIC, |epic| {
        epic["params"] = params;
        epic["issues"][0]["seat"] = json!("analyst");
    })
    .with("config/teams/duo.json", json!({"seats": seats}).to_string())
    .with("config/roles/analyst.json", role(&tools))
    .with("config/roles/code_reviewer.json", role(&tools))
    .with(
        "config/organization.json",
        json!({"name": "O", "process_rules": rules}).to_string(),
    )
}

fn stages(source: &MemorySource, modes: &[(&str, &str)]) -> Vec<StagePlan> {
    let mut settings = PlanSettings::default();
    let modes = modes
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    settings.modes.extend(modes);
    build_from(source, &settings).plan.policy.project.stages
}

/// `stage` or `stage: why it is off`.
fn names(stages: &[StagePlan]) -> Vec<String> {
    stages
        .iter()
        .map(|plan| match &plan.skipped {
            None => plan.stage.to_string(),
            Some(why) => format!("{}: {why}", plan.stage),
        })
        .collect()
}

fn problems(source: &MemorySource) -> PlanErrors {
    let settings = PlanSettings::default();
    let built = build(&Library::new(source), &request(), &settings, &catalogue());
    built.expect_err("refused")
}

#[test]
fn nothing_is_laid_out_where_nothing_is_asked_for() {
    for (rules, modes) in [
        (json!({}), &[][..]),
        (json!({"architecture_mode": "force_microservices"}), &[]),
        (
            json!({"disable_scaffolder": true}),
            &[("frontend_framework_mode", "react")],
        ),
        (
            json!({"dependency_manager_require_pinned_versions": false}),
            &[("architecture_mode", "architect_decides")],
        ),
    ] {
        let found = stages(&ruled(rules.clone(), json!({})), modes);
        assert_eq!(found, [], "{rules}");
    }
}

#[test]
fn a_surface_or_unlocked_services_ask_for_all_three() {
    const ALL: [&str; 3] = ["scaffolder", "dependency_manager", "deployment_planner"];
    let plain = ruled(json!({}), json!({}));
    for surface in ["unspecified", "backend", "CLI", "api+vue", "tui"] {
        let found = stages(&plain, &[("project_surface_profile", surface)]);
        assert_eq!(names(&found), ALL, "{surface}");
    }
    let services = stages(
        &ruled(json!({"architecture_mode": "microservices"}), json!({})),
        &[("enable_microservices", "on")],
    );
    assert_eq!(names(&services), ALL);
    assert_eq!(services[0].facts["architecture_pattern"], "microservices");
    // What the environment says goes before what the organization says.
    let ruled = ruled(json!({"project_surface_profile": "cli"}), json!({}));
    let surface =
        |modes: &[(&str, &str)]| stages(&ruled, modes)[0].facts["project_surface_profile"].clone();
    assert_eq!(surface(&[]), "cli");
    assert_eq!(surface(&[("project_surface_profile", "tui")]), "tui");
}

#[test]
fn a_stage_s_own_rules_ask_for_it_alone() {
    for (key, value, stage) in [
        (
            "scaffolder_required_directories",
            json!(["docs"]),
            "scaffolder",
        ),
        (
            "scaffolder_required_files",
            json!({"a/b.txt": "x"}),
            "scaffolder",
        ),
        ("scaffolder_scan_roots", json!(["lib"]), "scaffolder"),
        (
            "scaffolder_forbidden_extensions",
            json!("jar"),
            "scaffolder",
        ),
        (
            "dependency_manager_python_dependencies",
            json!(["flask==3.1.0"]),
            "dependency_manager",
        ),
        (
            "dependency_manager_node_dependencies",
            json!({"vue": "3.5.13"}),
            "dependency_manager",
        ),
        (
            "deployment_planner_required_files",
            json!(["ops/run.sh"]),
            "deployment_planner",
        ),
    ] {
        let found = stages(&ruled(json!({ key: value }), json!({})), &[]);
        assert_eq!(names(&found), [stage], "{key}");
    }
}

#[test]
fn each_stage_can_be_switched_off_for_all_or_for_one_epic() {
    let surface = ("project_surface_profile", "cli");
    for stage in ["scaffolder", "dependency_manager", "deployment_planner"] {
        let key = format!("disable_{stage}");
        let plain = ruled(json!({}), json!({}));
        let by_setting = stages(&plain, &[surface, (&key, "true")]);
        let by_rule = stages(&ruled(json!({ &key: true }), json!({})), &[surface]);
        let by_epic = stages(&ruled(json!({}), json!({ &key: true })), &[surface]);
        for (found, why) in [
            (by_setting, key.clone()),
            (by_rule, key.clone()),
            (by_epic, format!("params.{key} of the epic")),
        ] {
            let names = names(&found);
            assert!(names.contains(&format!("{stage}: {why}")), "{names:?}");
            let off = found.iter().filter(|plan| plan.skipped.is_some());
            assert_eq!(off.count(), 1, "{names:?}");
        }
    }
}

#[test]
fn the_small_project_policy_moves_cards_when_it_is_asked_for() {
    let seats = |source: &MemorySource, modes: &[(&str, &str)]| {
        let mut settings = PlanSettings::default();
        for (key, value) in modes {
            settings
                .modes
                .insert((*key).to_owned(), (*value).to_owned());
        }
        let built = build_from(source, &settings);
        let seats: Vec<String> = built.cards.iter().map(|it| it.seat.clone()).collect();
        (seats.join(" "), names(&built.plan.policy.project.stages))
    };
    let plain = ruled(json!({}), json!({}));
    let auto = ("small_project_builder_variant", "auto");
    assert_eq!(seats(&plain, &[]), ("analyst guard".to_owned(), vec![]));
    let moved = ("coder guard".to_owned(), vec!["small_project".to_owned()]);
    assert_eq!(seats(&plain, &[auto]), moved);
    let few = ("small_project_issue_threshold", "1");
    assert_eq!(
        seats(&plain, &[auto, few]),
        ("analyst guard".to_owned(), vec![])
    );
    let off = ruled(json!({}), json!({"disable_small_project_policy": true}));
    assert_eq!(seats(&off, &[auto]), ("analyst guard".to_owned(), vec![]));
    let alone = json!({"seats": {"analyst": {"roles": ["analyst"]}, "coder": {"roles": ["coder"]},
                                 "guard": {"roles": ["integrity_guard"]}}});
    let alone = ruled(
        json!({"small_project_auto_inject_code_reviewer": "yes"}),
        json!({}),
    )
    .with("config/teams/duo.json", alone.to_string());
    let (moved, told) = seats(&alone, &[auto]);
    assert_eq!(moved, "coder guard");
    assert_eq!(told, ["reviewer_injected", "small_project"]);
    // The nearer word wins.
    let mut settings = PlanSettings::default();
    for (key, value) in [auto, ("small_project_auto_inject_reviewer", "false")] {
        settings.modes.insert(key.to_owned(), value.to_owned());
    }
    let built = build(&Library::new(&alone), &request(), &settings, &catalogue());
    assert_eq!(built.expect_err("refused").code(), Some("E_STAGE_TEAM"));
}

#[test]
fn an_epic_that_may_not_run_is_refused_with_its_code() {
    let force = ruled(json!({"idesign_mode": "force-idesign"}), json!({}));
    let refused = problems(&force);
    assert_eq!(refused.code(), Some(Stage::StructuralGovernance.code()));
    insta::assert_snapshot!(refused);
    let mut epic: Value = serde_json::from_str(&force.0[EPIC]).expect("json");
    epic["architecture_governance"] = json!({"idesign": true});
    let allowed = force.with(EPIC, epic.to_string());
    let plan = build_from(&allowed, &PlanSettings::default()).plan;
    assert!(plan.policy.gate.idesign);
    // With anything else that is wrong it is a broken asset.
    epic["issues"][0]["seat"] = json!("nobody");
    epic["architecture_governance"] = json!({"idesign": false});
    assert_eq!(problems(&allowed.with(EPIC, epic.to_string())).code(), None);
}

#[test]
fn an_unknown_value_of_any_knob_names_the_known_ones() {
    let rules = json!({
        "project_surface_profile": "web",
        "small_project_builder_variant": "anyone",
        "small_project_issue_threshold": 0,
        "small_project_auto_inject_code_reviewer": "perhaps",
        "enable_microservices": "perhaps",
        "dependency_manager_stack_profile": "perl",
        "dependency_manager_python_dependencies": ["requests>=2"],
        "dependency_manager_node_dependencies": {"vue": "^3", "vite": 6},
        "scaffolder_required_directories": ["../up"],
        "scaffolder_required_files": {"/etc/passwd": "x", "a.txt": 1},
        "deployment_planner_required_files": ["a//b"],
        "disable_scaffolder": "sometimes",
    });
    let params = json!({"disable_deployment_planner": "no"});
    insta::assert_snapshot!(problems(&ruled(rules, params)));
}

#[test]
fn a_rule_that_no_stage_knows_is_told_and_stops_nothing() {
    let rules = json!({
        "scaffolder_required_directorys": ["docs"],
        "small_project_issue_threshold": 2,
        "dependency_manager_pins": true,
    });
    let built = build_from(&ruled(rules, json!({})), &PlanSettings::default());
    insta::assert_snapshot!(built.warnings.join("\n"));
}
