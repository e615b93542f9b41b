//! What is shown of a prompt is what a run sends.

use super::*;
use crate::plan_build::resolve::{FAMILIES, ResolveRequest, resolve};
use crate::plan_build::{prompt, resolve::Resolution};

fn asked(role: &str) -> ResolveRequest {
    ResolveRequest {
        role: role.to_owned(),
        dialect: None,
        department: "core".to_owned(),
        team: "duo".to_owned(),
        environment: "desk".to_owned(),
    }
}

fn resolved(
    source: &MemorySource,
    request: &ResolveRequest,
    settings: &PlanSettings,
) -> Result<Resolution, String> {
    resolve(&Library::new(source), request, settings, &catalogue())
        .map_err(|problems| problems.to_string())
}

#[test]
fn each_seat_is_told_what_its_plan_says() {
    let modes = [
        ("prompt_resolver_mode", "resolver"),
        ("prompt_guard_layers", "security, consistency"),
        ("approval_required_tools", "write_file"),
    ];
    for settings in [PlanSettings::default(), with_modes(&modes)] {
        let plan = build_from(&house(), &settings).plan;
        for (key, role) in [("coder", "coder"), ("guard", "integrity_guard")] {
            let found = resolved(&house(), &asked(role), &settings).unwrap();
            let seat = &plan.seats[key];
            assert_eq!(found.seat.system_prompt, seat.system_prompt);
            assert_eq!(found.seat.prompt, seat.prompt);
            assert_eq!(found.policy, plan.policy.prompts);
            assert_eq!(found.reviews, plan.guard_seat == key);
            assert_eq!(found.dialect, "generic");
        }
    }
}

#[test]
fn a_dialect_can_be_asked_for_when_models_are_spoken_to_in_it() {
    for family in FAMILIES {
        assert_eq!(prompt::family(family), family);
    }
    let marked = json!({"model_family": "qwen", "system_prefix": "You are a qwen."});
    let source = house().with("config/dialects/qwen.json", marked.to_string());
    let request = |dialect: &str| ResolveRequest {
        dialect: Some(dialect.to_owned()),
        ..asked("coder")
    };
    let settings = PlanSettings::default();
    let found = resolved(&source, &request("qwen"), &settings).unwrap();
    assert_eq!(found.dialect, "qwen");
    assert!(found.seat.system_prompt.starts_with("You are a qwen."));
    let none = resolved(&source, &request("pirate"), &settings).unwrap_err();
    assert!(none.contains("no model is spoken to in `pirate`"), "{none}");
}

#[test]
fn what_would_stop_a_run_stops_it_here() {
    let source = edited("config/roles/coder.json", |role| {
        role["role"]["prompt_metadata"] = json!({"status": "candidate"});
    });
    let settings = PlanSettings::default();
    let refused = resolved(&source, &asked("coder"), &settings).unwrap_err();
    assert!(
        refused.contains("only `stable` prompts may speak"),
        "{refused}"
    );
    let loose = with_modes(&[("prompt_selection_strict", "false")]);
    let found = resolved(&source, &asked("coder"), &loose).unwrap();
    assert!(found.warnings[0].contains("only `stable` prompts may speak"));
    let nobody = resolved(&source, &asked("nobody"), &settings).unwrap_err();
    assert!(nobody.contains("there is no role `nobody`"), "{nobody}");
    let mut request = asked("coder");
    request.team = "nobody".to_owned();
    let no_team = resolved(&source, &request, &settings).unwrap_err();
    assert!(no_team.contains("there is no team `nobody`"), "{no_team}");
}
