//! Calls that wait for a person: none is lost, none is spent twice, whatever happens in between.

use serde_json::{Value, json};

use super::house::{Done, House, QUICK};

const ASKS: (&str, &str) = ("ORKET_APPROVAL_REQUIRED_TOOLS", "write_file");

fn run_with(house: &House, args: &[&str], env: &[(&str, &str)]) -> Done {
    let mut command = house.command(args);
    command.envs(env.iter().copied());
    let output = command.output().unwrap();
    Done {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn asked(house: &House) -> Vec<Value> {
    let listed = house.run(&["gates", "list", "--all", "--json"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    listed.json()["gates"].as_array().unwrap().clone()
}

fn statuses(house: &House) -> Vec<String> {
    let word = |gate: &Value| gate["status"].as_str().unwrap().to_owned();
    asked(house).iter().map(word).collect()
}

fn card_status(report: &Value, nth: usize) -> &str {
    report["cards"][nth]["status"].as_str().unwrap()
}

fn file(house: &House, id: &str) -> Option<String> {
    let path = house
        .path()
        .join(format!("workspace/default/agent_output/{id}.txt"));
    std::fs::read_to_string(path).ok()
}

fn holds(house: &House) {
    let verified = house.run(&["verify", "last", "--json"]);
    assert_eq!(verified.code, 0, "{}", verified.out);
}

#[test]
fn a_call_waits_for_a_person_and_nothing_of_its_answer_happens_before() {
    let house = House::new();
    house.epic("ask", 2, QUICK);
    let waits = run_with(&house, &["--epic", "ask", "--json"], &[ASKS]);
    assert_eq!(waits.code, 1, "{waits:?}");
    let report = waits.json();
    assert_eq!(report["status"], "incomplete");
    assert_eq!(card_status(&report, 0), "waiting_for_developer");
    assert_eq!(report["cards"][0]["code"], "E_APPROVAL_REQUIRED");
    // Whoever depends on it waits too, and is not blocked.
    assert_eq!(card_status(&report, 1), "ready");
    assert_eq!(file(&house, "ASK-1"), None);
    let gates = asked(&house);
    assert_eq!(gates.len(), 1);
    assert_eq!(gates[0]["request_type"], "tool_approval");
    assert_eq!(
        gates[0]["payload"]["args"]["path"],
        "agent_output/ASK-1.txt"
    );
    let shown = house.run(&["gates", "show", "1"]);
    assert!(shown.out.contains("agent_output/ASK-1.txt"), "{shown:?}");

    // Going on without a decision changes nothing and asks nothing anew.
    let again = house.run(&["resume", "last", "--json"]);
    assert_eq!(again.code, 1, "{again:?}");
    assert_eq!(statuses(&house), ["pending"]);

    let approved = house.run(&["gates", "approve", "1", "--by", "Ada", "--json"]);
    assert_eq!(approved.code, 0, "{approved:?}");
    assert_eq!(approved.json()["goes_on"], false);
    let twice = house.run(&["gates", "approve", "1"]);
    assert_eq!(twice.code, 1);
    assert!(twice.err.contains("E_GATE_DECIDED"), "{twice:?}");

    let second = house.run(&["resume", "last", "--json"]);
    let report = second.json();
    assert_eq!(card_status(&report, 0), "done", "{second:?}");
    assert_eq!(card_status(&report, 1), "waiting_for_developer");
    assert!(file(&house, "ASK-1").is_some());
    let gates = asked(&house);
    assert!(gates[0]["spent_ms"].is_i64(), "{gates:?}");
    assert_eq!(gates[0]["decided_by"], "Ada");
    assert_eq!(house.run(&["gates", "approve", "2"]).code, 0);
    let last = house.run(&["resume", "last", "--json"]);
    assert_eq!(last.code, 0, "{last:?}");
    holds(&house);
}

#[test]
fn killed_at_any_point_no_approval_is_lost_or_spent_twice() {
    for (first, second) in [
        // As the question is written; as the approval is spent; before and after the call it is for.
        ("kill@turn.before_finish#1", "kill@turn.before_claim#1"),
        ("kill@turn.after_finish#1", "kill@turn.after_claim#1"),
        ("kill@writer.in_transaction#3", "kill@tool.before_effect#1"),
        ("kill@turn.after_reply#1", "kill@tool.after_effect#1"),
        ("kill@card_actor.begin#1", "kill@writer.after_commit#3"),
    ] {
        let house = House::new();
        house.epic("ask", 1, QUICK);
        let epic = ["--epic", "ask", "--json"];
        run_with(&house, &epic, &[ASKS, ("ORKET_FAULT", first)]);
        let waits = run_with(&house, &epic, &[ASKS]);
        assert_eq!(waits.code, 1, "{first}: {waits:?}");
        assert_eq!(statuses(&house), ["pending"], "{first}");
        assert_eq!(house.run(&["gates", "approve", "1"]).code, 0);
        let resume = ["resume", "last", "--json"];
        let killed = run_with(&house, &resume, &[("ORKET_FAULT", second)]);
        assert_eq!(killed.code, -1, "{second} did not come: {killed:?}");
        let report = house.run(&resume);
        let report = if report.code == 0 {
            report
        } else {
            // The kill left it running: the same command again finds its end.
            run_with(&house, &epic, &[ASKS])
        };
        assert_eq!(
            card_status(&report.json(), 0),
            "done",
            "{second}: {report:?}"
        );
        let gates = asked(&house);
        assert_eq!(gates.len(), 1, "{second}: asked again: {gates:?}");
        assert!(gates[0]["spent_ms"].is_i64(), "{second}");
        holds(&house);
    }
}

#[test]
fn a_refusal_is_told_and_a_changed_call_needs_its_own_approval() {
    let house = House::new();
    house.epic("ask", 1, QUICK);
    let path = "config/scenarios/ask.json";
    let mut scenario: Value =
        serde_json::from_slice(&std::fs::read(house.path().join(path)).unwrap()).unwrap();
    let mut better = scenario["replies"][0].clone();
    better["when"]["prompt_contains"] = json!("the words are too plain");
    better["calls"][0]["args"]["content"] = json!("in better words");
    scenario["replies"]
        .as_array_mut()
        .unwrap()
        .insert(0, better);
    house.write(path, &scenario);
    let epic_file = "config/epics/ask.json";
    let mut asset: Value =
        serde_json::from_slice(&std::fs::read(house.path().join(epic_file)).unwrap()).unwrap();
    asset["epic"]["issues"][0]["max_retries"] = json!(1);
    house.write(epic_file, &asset);
    let epic = ["--epic", "ask", "--json"];
    run_with(&house, &epic, &[ASKS]);
    let no = [
        "gates",
        "reject",
        "1",
        "--reason",
        "the words are too plain",
    ];
    assert_eq!(house.run(&no).code, 0);
    let again = house.run(&["resume", "last", "--json"]);
    assert_eq!(
        card_status(&again.json(), 0),
        "waiting_for_developer",
        "{again:?}"
    );
    let gates = asked(&house);
    assert_eq!(gates.len(), 2);
    assert_eq!(gates[1]["payload"]["args"]["content"], "in better words");
    assert_ne!(gates[0]["digest"], gates[1]["digest"]);
    assert_eq!(house.run(&["gates", "approve", "2"]).code, 0);
    let done = house.run(&["resume", "last", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(file(&house, "ASK-1").as_deref(), Some("in better words"));
    holds(&house);
}

#[test]
fn a_question_that_nobody_answers_runs_out() {
    let house = House::new();
    // No retry: the first refusal blocks the card.
    house.epic("ask", 1, QUICK);
    let soon = ("ORKET_APPROVAL_EXPIRY_SEC", "0.001");
    let mut over = run_with(&house, &["--epic", "ask", "--json"], &[ASKS, soon]);
    assert_eq!(over.code, 1, "{over:?}");
    if over.json()["status"] == "incomplete" {
        // The run was over within that millisecond.
        over = house.run(&["resume", "last", "--json"]);
    }
    assert_eq!(card_status(&over.json(), 0), "blocked");
    assert_eq!(over.json()["cards"][0]["code"], "E_APPROVAL_REFUSED");
    assert_eq!(statuses(&house), ["expired"]);
    let log = std::fs::read_to_string(house.path().join("workspace/default/orket.log"));
    assert!(log.unwrap().contains("gate_expired"));
    let late = house.run(&["gates", "approve", "1"]);
    assert!(late.err.contains("E_GATE_DECIDED"), "{late:?}");
    holds(&house);
}

#[test]
fn a_living_owner_goes_on_by_itself() {
    let house = House::new();
    house.epic("ask", 1, QUICK);
    let mut owner = house.command(&["serve", "--socket-only"]);
    owner.envs([ASKS]);
    let mut owner = super::house::Running::of(owner);
    owner.until("listening on");
    let waits = house.run(&["--epic", "ask", "--json"]);
    assert_eq!(waits.json()["status"], "incomplete", "{waits:?}");
    let approved = house.run(&["gates", "approve", "1", "--json"]);
    assert_eq!(approved.json()["goes_on"], true, "{approved:?}");
    // The run is under way or over: watching it ends with its end.
    let run = waits.json()["run_id"].as_str().unwrap().to_owned();
    let deadline = std::time::Instant::now() + super::house::DEADLINE;
    loop {
        let shown = house.run(&["show", &run, "--json"]);
        if shown.json()["status"] == "done" {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{shown:?}");
    }
    assert!(file(&house, "ASK-1").is_some());
    owner.signal("TERM");
    owner.end();
    holds(&house);
}

/// Several people decide at once: one of them does, the others are told.
#[test]
fn of_many_who_decide_at_once_one_decides() {
    for owned in [false, true] {
        let house = House::new();
        house.epic("ask", 1, QUICK);
        let waits = run_with(&house, &["--epic", "ask", "--json"], &[ASKS]);
        assert_eq!(waits.code, 1, "{waits:?}");
        let owner = owned.then(|| {
            let mut owner = house.start(&["serve", "--socket-only"]);
            owner.until("listening on");
            owner
        });
        let verbs = [
            "approve", "reject", "expire", "approve", "reject", "approve",
        ];
        let deciders: Vec<_> = verbs
            .iter()
            .map(|verb| {
                let mut command = house.command(&["gates", verb, "1"]);
                let piped = std::process::Stdio::piped;
                (
                    *verb,
                    command.stdout(piped()).stderr(piped()).spawn().unwrap(),
                )
            })
            .collect();
        let mut decided = Vec::new();
        for (verb, child) in deciders {
            let output = child.wait_with_output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            match output.status.code() {
                Some(0) => decided.push(verb),
                Some(1) => assert!(told.contains("E_GATE_DECIDED"), "owned {owned}: {told}"),
                other => panic!("owned {owned}: {other:?} {told}"),
            }
        }
        assert_eq!(decided.len(), 1, "owned {owned}: {decided:?}");
        let expected = match decided[0] {
            "approve" => "approved",
            "reject" => "rejected",
            _ => "expired",
        };
        assert_eq!(statuses(&house)[0], expected, "owned {owned}");
        drop(owner);
    }
}
