//! What a run may spend, as operators meet it.

use serde_json::{Value, json};

use super::house::{House, QUICK};

fn with_budget(house: &House, name: &str, budget: &Value) {
    let path = format!("config/epics/{name}.json");
    let text = std::fs::read_to_string(house.path().join(&path)).unwrap();
    let mut epic: Value = serde_json::from_str(&text).unwrap();
    epic["epic"]["budget"] = budget.clone();
    house.write(&path, &epic);
}

/// Puts params into the environment of an epic.
fn with_params(house: &House, name: &str, params: &Value) {
    let path = format!("config/environments/{name}.json");
    let text = std::fs::read_to_string(house.path().join(&path)).unwrap();
    let mut environment: Value = serde_json::from_str(&text).unwrap();
    match environment.get_mut("environment") {
        Some(inner) => inner["params"] = params.clone(),
        None => environment["params"] = params.clone(),
    }
    house.write(&path, &environment);
}

fn line<'a>(budget: &'a Value, scope: &str, unit: &str) -> &'a Value {
    let lines = budget["lines"].as_array().unwrap();
    let found = lines
        .iter()
        .find(|it| it["scope"] == scope && it["unit"] == unit);
    found.unwrap_or_else(|| panic!("no line of {scope} {unit}: {budget}"))
}

#[test]
fn a_run_stops_where_its_budget_ends_and_goes_on_when_it_may_spend_more() {
    let house = House::new();
    house.epic("thrift", 2, QUICK);
    with_budget(&house, "thrift", &json!({"turns": 3}));
    let first = house.run(&["--epic", "thrift", "--json"]);
    assert_eq!(first.code, 1, "{first:?}");
    let report = first.json();
    assert_eq!(report["status"], "incomplete");
    assert_eq!(report["cards"][0]["status"], "done");
    assert_eq!(report["cards"][1]["code"], "E_BUDGET");
    let shown = house.run(&["budget", "last", "--json"]).json();
    let turns = line(&shown, "epic", "turns");
    assert_eq!((&turns["allowed"], &turns["spent"]), (&json!(3), &json!(3)));
    assert_eq!(turns["left"], 0);
    let tokens = line(&shown, "card", "tokens");
    assert_eq!(tokens["allowed"], Value::Null);
    let text = house.run(&["budget", "last"]);
    assert!(text.out.contains("SET ASIDE"), "{text:?}");

    // Going on without more changes nothing and asks nothing anew.
    let again = house.run(&["resume", "last", "--json"]);
    assert_eq!(again.code, 1, "{again:?}");
    let gates = house.run(&["gates", "list", "--json"]).json();
    assert_eq!(gates["gates"].as_array().unwrap().len(), 1, "{gates}");
    assert_eq!(gates["gates"][0]["request_type"], "budget");
    assert_eq!(gates["gates"][0]["payload"]["allowed"], 3);

    let added = house.run(&["budget", "last", "--add", "turns=2", "--json"]);
    assert_eq!(added.code, 0, "{added:?}");
    assert_eq!(line(&added.json(), "epic", "turns")["granted"], 2);
    let done = house.run(&["resume", "last", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let verified = house.run(&["verify", "last", "--json"]);
    assert_eq!(verified.code, 0, "{}", verified.out);
}

#[test]
fn approving_the_question_of_a_budget_lets_exactly_the_next_question_be_asked() {
    let house = House::new();
    house.epic("ask", 1, QUICK);
    with_budget(&house, "ask", &json!({"turns": 1}));
    assert_eq!(house.run(&["--epic", "ask"]).code, 1);
    assert_eq!(house.run(&["gates", "approve", "1"]).code, 0);
    let done = house.run(&["resume", "last", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let shown = house.run(&["budget", "last", "--json"]).json();
    let turns = line(&shown, "epic", "turns");
    assert_eq!((&turns["granted"], &turns["spent"]), (&json!(1), &json!(2)));
}

#[test]
fn a_refused_question_about_a_budget_is_no_dead_end() {
    let house = House::new();
    house.epic("ask", 1, QUICK);
    with_budget(&house, "ask", &json!({"turns": 1}));
    let first = house.run(&["--epic", "ask", "--json"]);
    let note = first.json()["cards"][0]["note"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        note.contains("`orket budget ") && note.contains("--add"),
        "{note}"
    );
    assert_eq!(house.run(&["gates", "reject", "1"]).code, 0);
    // Whoever goes on all the same is asked anew, and the answer counts.
    let again = house.run(&["resume", "last", "--json"]);
    assert_eq!(again.json()["cards"][0]["code"], "E_BUDGET", "{again:?}");
    let pending = house.run(&["gates", "list", "--json"]).json();
    assert_eq!(pending["gates"][0]["id"], 2, "{pending}");
    let added = house.run(&["budget", "last", "--add", "turns=5", "--json"]);
    assert_eq!(added.code, 0, "{added:?}");
    let done = house.run(&["resume", "last", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
}

#[test]
fn money_is_counted_by_the_price_table_and_limits_nobody_can_hold_are_refused() {
    let house = House::new();
    house.epic("cash", 1, QUICK);
    with_budget(&house, "cash", &json!({"usd": 5}));
    let prices = |input: u64| {
        house.write(
            "config/prices/default.json",
            &json!({"prices": {"name": "default", "models": {"scripted:cash": {"input": input, "output": input}}}}),
        );
    };
    house.write(
        "config/prices/default.json",
        &json!({"prices": {"name": "default", "models": {"openai:*": {"input": 1, "output": 1}}}}),
    );
    let unknown = house.run(&["--epic", "cash"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("scripted:cash"), "{unknown:?}");
    assert!(unknown.err.contains("prices/default.json"), "{unknown:?}");
    // 15 tokens at 100 dollars a million.
    prices(100);
    let done = house.run(&["--epic", "cash", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let shown = house.run(&["budget", "last", "--json"]).json();
    let spent = line(&shown, "epic", "usd")["spent"].as_u64().unwrap();
    assert!((1_500..5_000_000).contains(&spent), "{shown}");
    // Now a single reply could cost more than there is.
    prices(1_000_000);
    with_budget(&house, "cash", &json!({"usd": "0.5"}));
    let poor = house.run(&["--epic", "cash", "--json"]);
    assert_eq!(poor.json()["cards"][0]["code"], "E_BUDGET", "{poor:?}");

    for (budget, word) in [
        (json!({"token": 1}), "budget.token"),
        (json!({"tokens": "many"}), "budget.tokens"),
        (json!([1]), "budget"),
    ] {
        with_budget(&house, "cash", &budget);
        let refused = house.run(&["--epic", "cash"]);
        assert_eq!(refused.code, 1);
        assert!(refused.err.contains(word), "{budget}: {refused:?}");
    }
    for add in ["turns", "turns=x", "hours=1"] {
        let refused = house.run(&["budget", "last", "--add", add]);
        assert_eq!(refused.code, 2, "{refused:?}");
    }
    let refused = house.run(&["budget", "last", "--add", "turns=1"]);
    assert_eq!(refused.code, 2, "no limit of turns: {refused:?}");
}

#[test]
fn amounts_that_no_journal_could_add_up_are_refused_where_they_are_written() {
    let house = House::new();
    house.epic("huge", 2, QUICK);
    with_budget(&house, "huge", &json!({"turns": i64::MAX}));
    let refused = house.run(&["--epic", "huge"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused.err.contains("more than a budget can hold"),
        "{refused:?}"
    );

    with_budget(&house, "huge", &json!({"turns": 1, "tokens": 100_000}));
    with_params(&house, "huge", &json!({"max_tokens": i64::MAX}));
    let refused = house.run(&["--epic", "huge"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("params.max_tokens"), "{refused:?}");

    with_params(&house, "huge", &json!({"max_tokens": 100}));
    assert_eq!(house.run(&["--epic", "huge"]).code, 1);
    for add in ["turns=9223372036854775807", "turns=99999999999999999999"] {
        let refused = house.run(&["budget", "last", "--add", add]);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(
            refused.err.contains("more than a budget can hold"),
            "{refused:?}"
        );
    }
    for _ in 0..2 {
        let added = house.run(&["budget", "last", "--add", "turns=1000000000000000"]);
        assert_eq!(added.code, 0, "{added:?}");
    }
    let done = house.run(&["resume", "last", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    // What was asked for is in the record.
    let verified = house.run(&["verify", "last", "--json"]);
    assert_eq!(verified.code, 0, "{}", verified.out);
    let replayed = house.run(&["replay", "last", "--verify"]);
    assert_eq!(replayed.code, 0, "{replayed:?}");
}

#[test]
fn a_review_that_waits_for_a_budget_is_seen_to_wait_and_its_record_holds() {
    let house = House::new();
    house.epic("seen", 1, QUICK);
    with_budget(&house, "seen", &json!({"turns": 1}));
    assert_eq!(house.run(&["--epic", "seen"]).code, 1);
    for command in [&["show", "last"][..], &["board"]] {
        let shown = house.run(command);
        assert!(shown.out.contains("waiting_for_developer"), "{shown:?}");
    }
    assert_eq!(house.run(&["gates", "approve", "1"]).code, 0);
    assert_eq!(house.run(&["resume", "last"]).code, 0);
    let verified = house.run(&["verify", "last", "--json"]);
    assert_eq!(verified.code, 0, "{}", verified.out);
}
