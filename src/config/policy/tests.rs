//! What holds, what is refused, what is stored.

use serde_json::json;

use super::*;

fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

fn sources(organization: Value, user_settings: Value) -> Sources {
    Sources {
        organization: map(organization),
        user_settings: map(user_settings),
        ..Sources::default()
    }
}

fn with_variable(mut sources: Sources, name: &str, value: &str) -> Sources {
    sources
        .environment
        .insert(name.to_owned(), value.to_owned());
    sources
}

fn objections(sources: &mut Sources, given: Value, unlocked: bool) -> Value {
    match change(sources, &map(given), unlocked) {
        Err(Refused::Objections(objections)) => json!(objections),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_shown_by_default_is_a_value_of_the_knob() {
    for field in Field::ALL {
        assert_eq!(field.knob().read(field.default()), Ok(field.default()));
        assert_eq!(Field::of(field.key()), Some(field));
        let variable = crate::config::variable::find(field.variable()).expect("a variable");
        assert_eq!(variable.key(), field.key());
        let said = variable.default;
        assert!(said.is_empty() || said == field.default(), "{field:?}");
    }
}

#[test]
fn every_value_of_every_setting_is_taken_in_every_spelling() {
    for field in Field::ALL {
        for (value, others) in field.knob().values {
            for spelling in std::iter::once(value).chain(*others) {
                let spelling = format!(" {} ", spelling.to_uppercase().replace('_', "-"));
                // Gitea needs its pilot.
                let user = json!({"gitea_state_pilot_enabled": true, "theme": "dark"});
                let mut sources = sources(json!({}), user);
                let given = map(json!({field.key(): spelling}));
                let (changed, policy) = change(&mut sources, &given, true).expect("taken");
                assert_eq!(changed, [field]);
                let stored = sources.user_settings.get(field.key());
                assert_eq!(stored, Some(&field.json(value)), "{spelling}");
                assert_eq!(sources.user_settings.get("theme"), Some(&json!("dark")));
                let held = [
                    &policy.architecture_mode,
                    &policy.frontend_framework_mode,
                    &policy.project_surface_profile,
                    &policy.small_project_builder_variant,
                    &policy.state_backend_mode,
                    &policy.gitea_state_pilot_enabled,
                ];
                let of_user = Effective {
                    value,
                    origin: Origin::UserSettings,
                };
                assert!(held.contains(&&of_user), "{spelling}: {policy:?}");
            }
        }
    }
}

#[test]
fn the_nearest_word_holds_and_says_where_it_came_from() {
    let rules = json!({"state_backend_mode": "", "gitea_state_pilot_enabled": false});
    let user = json!({
        "state_backend_mode": "sqlite",
        "gitea_state_pilot_enabled": true,
        "frontend_framework_mode": "react",
    });
    let policy = Policy::of(&sources(rules, user.clone()), false).expect("right");
    // An organization's `false` is a word, its empty text is none.
    assert!(!policy.gitea_state_pilot_enabled.is_true());
    assert_eq!(
        policy.gitea_state_pilot_enabled.origin,
        Origin::Organization
    );
    assert_eq!(
        policy.state_backend_mode,
        Effective {
            value: "local",
            origin: Origin::UserSettings
        }
    );
    assert_eq!(policy.architecture_mode.origin, Origin::Default);
    let name = "ORKET_STATE_BACKEND_MODE";
    let sources = with_variable(sources(json!({}), user), name, " Gitea ");
    let policy = Policy::of(&sources, false).expect("right");
    let of_variable = Origin::Environment(name.to_owned());
    assert_eq!(
        policy.state_backend_mode,
        Effective {
            value: "gitea",
            origin: of_variable
        }
    );
    assert!(policy.gitea_state_pilot_enabled.is_true());
}

#[test]
fn microservices_are_a_monolith_while_they_are_locked() {
    let name = "ORKET_ARCHITECTURE_MODE";
    let sources = with_variable(Sources::default(), name, "microservices");
    let held = |unlocked| {
        Policy::of(&sources, unlocked)
            .expect("right")
            .architecture_mode
            .value
    };
    assert_eq!(
        (held(false), held(true)),
        ("force_monolith", "force_microservices")
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let mut sources = sources(json!({}), json!({}));
    let given = json!({
        "frontend_framework_mode": "svelte",
        "colour": "red",
        "architecture_mode": "Microservices",
        "project_surface_profile": true,
        "gitea_state_pilot_enabled": [1],
        "small_project_builder_variant": " ",
        "state_backend_mode": "gitea",
    });
    insta::assert_json_snapshot!(objections(&mut sources, given, false));
}

#[test]
fn gitea_needs_its_pilot_whoever_says_so() {
    let told = |organization: Value, user: Value, given: Value| {
        let mut sources = sources(organization, user);
        match change(&mut sources, &map(given), true) {
            Ok(_) => None,
            Err(Refused::Objections(objections)) => Some(json!(objections)[0]["message"].clone()),
            Err(other) => panic!("{other:?}"),
        }
    };
    let gitea = json!({"state_backend_mode": "gitea"});
    let both = json!({"state_backend_mode": "gitea", "gitea_state_pilot_enabled": "on"});
    let needs = |backend: &str, pilot: &str| {
        Some(json!(format!(
            "gitea (from: {backend}) needs gitea_state_pilot_enabled, which is false (from: {pilot})"
        )))
    };
    let none = || json!({});
    assert_eq!(
        told(none(), none(), gitea.clone()),
        needs("user settings", "default")
    );
    assert_eq!(told(none(), none(), both.clone()), None);
    assert_eq!(
        told(
            none(),
            json!({"gitea_state_pilot_enabled": true}),
            gitea.clone()
        ),
        None
    );
    let off = json!({"gitea_state_pilot_enabled": "disabled"});
    assert_eq!(
        told(none(), both.clone(), off.clone()),
        needs("user settings", "user settings")
    );
    let null = json!({"gitea_state_pilot_enabled": null});
    assert_eq!(
        told(none(), both.clone(), null),
        needs("user settings", "default")
    );
    // The organization speaks after the user, and is heard before him.
    assert_eq!(
        told(off.clone(), none(), both.clone()),
        needs("user settings", "organization")
    );
    let local = json!({"state_backend_mode": "db"});
    assert_eq!(told(gitea, none(), local), needs("organization", "default"));
    // What is not about it is none of its business.
    let vue = json!({"frontend_framework_mode": "vue"});
    assert_eq!(
        told(none(), json!({"state_backend_mode": "gitea"}), vue),
        None
    );
}

#[test]
fn null_takes_a_value_back() {
    let user = json!({"a": 1, "project_surface_profile": "cli", "ORKET_PROJECT_SURFACE_PROFILE": "tui", "z": 2});
    let mut sources = sources(json!({}), user);
    let given = map(json!({"project_surface_profile": null}));
    let (_, policy) = change(&mut sources, &given, false).expect("taken");
    assert_eq!(
        policy.project_surface_profile,
        Effective {
            value: "unspecified",
            origin: Origin::Default
        }
    );
    assert_eq!(json!(sources.user_settings).to_string(), r#"{"a":1,"z":2}"#);
}

#[test]
fn a_broken_value_is_repaired_and_never_passed_over() {
    let broken = json!({"frontend_framework_mode": "svelte"});
    let change = |given: Value| {
        let mut sources = sources(json!({}), broken.clone());
        super::change(&mut sources, &map(given), false).map(|(changed, _)| changed)
    };
    let Err(Refused::Config(error)) = change(json!({"architecture_mode": "monolith"})) else {
        panic!("taken");
    };
    insta::assert_snapshot!(error, @"ORKET_FRONTEND_FRAMEWORK_MODE is `svelte` (user settings); it must be one of: force_vue, force_react, force_angular, architect_decides");
    let repaired = change(json!({"frontend_framework_mode": "vue"}));
    assert_eq!(repaired, Ok(vec![Field::FrontendFrameworkMode]));
    assert_eq!(
        Field::FrontendFrameworkMode.stored(&map(broken)),
        Some(json!("svelte"))
    );
}
