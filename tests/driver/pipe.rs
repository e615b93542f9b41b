//! Messages in a pipe.

use serde_json::{Value, json};

use crate::desk::{alone, desk, piped, script};
use crate::house::House;

fn lines(out: &str) -> Vec<Value> {
    out.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_pipe_gets_answers_and_nothing_else() {
    let house = House::new();
    let done = piped(
        alone(&house, &[]),
        "/list departments\n\nwhat is 2+3*4?\nquit\n1+1\n",
    );
    assert_eq!(
        (done.code, done.out.as_str(), done.err.as_str()),
        (0, "departments:\n- core\n14\n", "")
    );
    let done = piped(
        alone(&house, &["--json"]),
        "/list departments\nwhat is 2+3*4?\n",
    );
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    assert_eq!(
        lines(&done.out),
        [
            json!({"message": "/list departments", "response": "departments:\n- core", "kind": "answer"}),
            json!({"message": "what is 2+3*4?", "response": "14", "kind": "answer"}),
        ]
    );
    // Which way each message took.
    let log = std::fs::read_to_string(house.path().join("workspace/default/orket.log")).unwrap();
    let routes: Vec<Value> = lines(&log)
        .iter()
        .filter(|line| line["event"] == json!("operator_metric"))
        .map(|line| {
            json!([
                line["data"]["metric"],
                line["data"]["value"],
                line["data"]["tags"]
            ])
        })
        .collect();
    let metric = |route: &str| json!(["operator_message", 1, {"route": route}]);
    let twice = ["received", "cli", "received", "conversation"].map(metric);
    assert_eq!(routes, [&twice[..], &twice[..]].concat());
}

#[test]
fn who_says_nothing_is_told_what_could_be_said() {
    let house = House::new();
    let done = piped(alone(&house, &[]), "\n");
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    assert!(done.out.contains("Try: orket run --epic golden_flow"));
    // To leave is something, too.
    for arguments in [&[][..], &["--json"]] {
        let done = piped(alone(&house, arguments), "exit\n");
        assert_eq!(
            (done.code, done.out.as_str(), done.err.as_str()),
            (0, "", "")
        );
    }
    let done = piped(alone(&house, &["--json"]), "");
    assert_eq!(
        (done.code, done.json()["error"]["code"].clone()),
        (2, json!("E_USAGE"))
    );
    let done = piped(alone(&house, &["--model", "ollama:"]), "hi\n");
    assert_eq!(done.code, 2, "{done:?}");
}

#[test]
fn nothing_is_changed_unless_somebody_says_yes() {
    let house = House::new();
    let epic = house.path().join("model/core/epics/check_out.json");
    // Not by the next line either: nobody has seen the plan.
    let done = piped(
        alone(&house, &[]),
        "create epic \"Check Out\"\nyes\nconfirm\n",
    );
    assert_eq!(done.code, 1);
    assert!(
        done.out.starts_with("This is what I would do:\n  - "),
        "{done:?}"
    );
    assert!(
        done.err.starts_with(
            "error[E_NOT_CONFIRMED]: nothing was changed: nobody said yes\nhint: orket --yes"
        ),
        "{done:?}"
    );
    assert!(!house.path().join("model").exists());
    let done = piped(alone(&house, &["--json"]), "create epic \"Check Out\"\n");
    let plan = &lines(&done.out)[0];
    assert_eq!(
        (done.code, &plan["kind"], &plan["applied"]),
        (1, &json!("plan"), &json!(false))
    );
    assert!(!epic.exists());

    let done = piped(
        alone(&house, &["--yes"]),
        "create epic \"Check Out\"\nadd-card check_out coder high Pay\n",
    );
    assert_eq!((done.code, done.err.as_str()), (0, ""), "{done:?}");
    let written = std::fs::read(&epic).unwrap();
    // It is there: nothing is written over it.
    let done = piped(alone(&house, &["--yes"]), "create epic check-out\n");
    assert_eq!(done.code, 1);
    assert!(done.err.contains("check_out"), "{done:?}");
    assert_eq!(std::fs::read(&epic).unwrap(), written);
}

#[test]
fn names_and_departments_are_held_to_what_there_is() {
    let house = House::new();
    let done = piped(
        alone(&house, &["--yes"]),
        "create epic ../../../etc/x\n/create epic ...\n/create epic y nowhere\nlist epics\n",
    );
    assert_eq!(done.code, 1);
    assert!(house.path().join("model/core/epics/etc_x.json").exists());
    let entries = std::fs::read_dir(house.path().join("model")).unwrap();
    assert_eq!(entries.count(), 1);
    assert!(done.err.contains("gives no name"), "{done:?}");
    assert!(done.err.contains("no department `nowhere`"), "{done:?}");
    let done = piped(alone(&house, &["--department", "coer"]), "list epics\n");
    assert!(done.err.contains("did you mean `core`?"), "{done:?}");
    for (said, meant) in [
        ("bord", "`board`"),
        ("/lst epics", "`list`"),
        ("unarchiv", "`unarchive`"),
    ] {
        let done = piped(alone(&house, &[]), said);
        assert_eq!(done.code, 1);
        assert!(done.err.contains(meant), "{done:?}");
    }
    let long = piped(
        alone(&house, &[]),
        &format!("{}\n1+1\n", "x".repeat(40_000)),
    );
    assert_eq!((long.code, long.out.as_str()), (1, "2\n"), "{long:?}");
}

#[test]
fn without_a_model_the_command_that_starts_one_is_told_once_and_verbs_work() {
    let house = House::new();
    let done = piped(
        alone(&house, &[]),
        "what is the capital of France?\nand of Spain?\nlist departments\n",
    );
    assert_eq!(
        (done.code, done.out.as_str()),
        (1, "departments:\n- core\n")
    );
    assert_eq!(done.err.matches("`ollama serve`").count(), 1, "{done:?}");
    assert_eq!(done.err.matches("`ollama pull tiny`").count(), 1);
    assert!(
        done.err
            .ends_with("The model ollama:tiny still cannot answer. Commands work without it: `help` lists them.\n"),
        "{done:?}"
    );
    // Which model answers can be chosen here.
    script(
        &house,
        &[("capital of France", json!({"content": "Paris."}))],
    );
    let done = piped(
        alone(&house, &["--model", "scripted:desk"]),
        "what is the capital of France?\n",
    );
    assert_eq!((done.code, done.out.as_str()), (0, "Paris.\n"), "{done:?}");
}

#[test]
fn a_model_s_proposal_needs_the_operator_s_own_words() {
    let house = House::new();
    let proposal = json!({"action": "create_epic", "reasoning": "It is wanted.",
        "new_asset": {"name": "France"}});
    script(
        &house,
        &[("France", json!({"content": proposal.to_string()}))],
    );
    let epic = house.path().join("model/core/epics/france.json");
    for said in [
        "do not create an epic about France",
        "what happens when I create an epic about France?",
        "the mail says \"create an epic about France\"",
        "I would never want you to create an epic about France",
    ] {
        let done = piped(desk(&house, &["--yes"]), said);
        assert_eq!(done.code, 1, "{said}");
        assert!(done.err.contains("your words do not ask for"), "{done:?}");
        assert!(!epic.exists(), "{said}");
    }
    let log = std::fs::read_to_string(house.path().join("workspace/default/orket.log")).unwrap();
    assert_eq!(log.matches("operator_structural_action_blocked").count(), 4);
    let done = piped(desk(&house, &[]), "please create an epic about France\n");
    assert_eq!(done.code, 1);
    assert!(!epic.exists());
    let done = piped(
        desk(&house, &["--yes"]),
        "please create an epic about France\n",
    );
    assert_eq!((done.code, done.err.as_str()), (0, ""), "{done:?}");
    assert!(epic.exists());
}

#[test]
fn a_model_that_says_nothing_is_cut_off_by_the_clocks() {
    let house = House::new();
    script(
        &house,
        &[(
            "story",
            json!({"content": "", "fault": "stall_before_first"}),
        )],
    );
    let mut command = desk(&house, &[]);
    command.env("ORKET_CLOCK_TURN_SEC", "1");
    let done = piped(command, "tell me a story\n1+1\n");
    assert_eq!((done.code, done.out.as_str()), (1, "2\n"), "{done:?}");
    assert!(done.err.contains("did not answer within 1 s"), "{done:?}");
}
