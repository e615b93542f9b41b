//! What a plan says that a run may spend, and how it makes sure of it.

use super::*;
use crate::policy::{Limits, Unit};

const DESK: &str = "config/environments/desk.json";

fn turns(turns: u64) -> Limits {
    Limits {
        turns: Some(turns),
        ..Limits::default()
    }
}

fn with_setting(key: &str, value: &str) -> PlanSettings {
    let mut settings = PlanSettings::default();
    settings.modes.insert(key.to_owned(), value.to_owned());
    settings
}

fn desk(source: &MemorySource, params: &Value) -> MemorySource {
    let desk = json!({"model": "m:7b", "params": params});
    MemorySource(source.0.clone()).with(DESK, desk.to_string())
}

#[test]
fn the_tightest_limit_counts_wherever_it_is_written() {
    let epic = edited(EPIC, |epic| epic["budget"] = json!({"turns": 1}));
    let loose = with_setting("budget_turns", "50");
    let plan = build_from(&epic, &loose).plan;
    assert_eq!(plan.policy.budget.epic, turns(1));

    let rules = |turns: u64| json!({"name": "o", "process_rules": {"budget_turns": turns}});
    let organization = |turns| {
        let text = rules(turns).to_string();
        MemorySource(epic.0.clone()).with("config/organization.json", text)
    };
    for (rule, counts) in [(50, 1), (0, 0)] {
        let plan = build_from(&organization(rule), &PlanSettings::default()).plan;
        assert_eq!(plan.policy.budget.epic, turns(counts), "{rule}");
    }
    // The environment's word stands before the organization's, as everywhere.
    let plan = build_from(&organization(0), &loose).plan;
    assert_eq!(plan.policy.budget.epic, turns(1));
}

#[test]
fn a_card_s_own_budget_is_read_in_both_places() {
    let source = edited(EPIC, |epic| {
        epic["issues"][0]["budget"] = json!({"turns": 4, "tokens": 10});
        epic["issues"][0]["params"] = json!({"budget": {"turns": 3}});
        epic["issues"][1]["params"] = json!({"budget": {"turns": 9}});
    });
    let plan = build_from(&source, &with_setting("card_budget_turns", "5")).plan;
    let of = |id: &str| {
        let card = CardId::new(id).expect("an id");
        plan.policy.budget.of_card(&card)
    };
    let tight = Limits {
        tokens: Some(10),
        ..turns(3)
    };
    assert_eq!(of("DEMO-01"), tight);
    assert_eq!(of("DEMO-02"), turns(5));

    let wrong = edited(EPIC, |epic| {
        epic["issues"][0]["budget"] = json!({"turn": 4});
    });
    let request = request();
    let settings = PlanSettings::default();
    let errors = build(&Library::new(&wrong), &request, &settings, &catalogue()).unwrap_err();
    assert!(errors.to_string().contains("budget.turn"), "{errors}");
}

#[test]
fn a_misspelt_limit_is_said() {
    let rules = json!({"name": "o", "process_rules": {"budget_turn": 3, "budget": {}, "card_budget_turns": 7}});
    let source = house().with("config/organization.json", rules.to_string());
    let built = build_from(&source, &PlanSettings::default());
    assert_eq!(built.plan.policy.budget.card, turns(7));
    let told = built.warnings.join("\n");
    for key in ["process_rules.budget_turn", "process_rules.budget:"] {
        assert!(told.contains(key), "{told}");
    }
    assert!(told.contains("card_budget_wall_sec"), "{told}");
    assert_eq!(built.warnings.len(), 2, "{told}");
}

#[test]
fn where_tokens_are_limited_every_reply_is_bounded_and_what_bounds_none_is_said() {
    let epic = edited(EPIC, |epic| epic["budget"] = json!({"tokens": 100_000}));
    let asked = |params: &Value| {
        let built = build_from(&desk(&epic, params), &PlanSettings::default());
        let seat = &built.plan.seats["coder"];
        let options = built.plan.policy.budget.options(&seat.model, &seat.options);
        (options.params["num_predict"].clone(), built.warnings)
    };
    assert_eq!(asked(&json!({})), (json!(4_096), Vec::new()));
    assert_eq!(
        asked(&json!({"num_predict": 9_000})),
        (json!(9_000), Vec::new())
    );
    let (bound, warnings) = asked(&json!({"num_predict": -1}));
    assert_eq!(bound, 4_096);
    assert!(warnings[0].contains("-1 bounds no reply"), "{warnings:?}");
    let (bound, warnings) = asked(&json!({"max_tokens": 1}));
    assert_eq!(bound, 4_096);
    assert!(warnings[0].contains("it is `num_predict`"), "{warnings:?}");
    let request = request();
    let settings = PlanSettings::default();
    let huge = desk(&epic, &json!({"num_predict": i64::MAX}));
    let errors = build(&Library::new(&huge), &request, &settings, &catalogue()).unwrap_err();
    let told = errors.to_string();
    assert!(told.contains("params.num_predict"), "{told}");
    assert!(told.contains("more than a budget can hold"), "{told}");

    // Without such a limit nothing is put into anybody's mouth.
    let free = build_from(
        &desk(&house(), &json!({"num_predict": -1})),
        &PlanSettings::default(),
    );
    let seat = &free.plan.seats["coder"];
    let options = free.plan.policy.budget.options(&seat.model, &seat.options);
    assert_eq!(options.params["num_predict"], -1);
    assert_eq!(free.warnings, Vec::<String>::new());
    assert!(!free.plan.policy.budget.limits(Unit::Tokens));
}
