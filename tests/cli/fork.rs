//! The same question put to another model, and a run begun again from the middle of another.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::house::{House, QUICK, SLOW};

/// Every file of a house, journal and all, but for what SQLite keeps for its readers: the index of
/// its write-ahead log, and that log while nothing is in it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_dir() {
                left.push(path);
            } else if path.is_file() && !name.ends_with("-shm") {
                let bytes = std::fs::read(&path).unwrap();
                if !(name.ends_with("-wal") && bytes.is_empty()) {
                    found.insert(name, bytes);
                }
            }
        }
    }
    found
}

fn scenario(house: &House, name: &str, replies: &Value) {
    house.write(
        &format!("config/scenarios/{name}.json"),
        &json!({"name": name, "replies": replies}),
    );
}

fn codes(violations: &Value) -> Vec<&str> {
    let all = violations.as_array().unwrap().iter();
    all.map(|it| it["reason"].as_str().unwrap()).collect()
}

/// A house in which the epic `small` of two cards is done.
fn done() -> (House, String) {
    let house = House::new();
    house.epic("small", 2, QUICK);
    let ran = house.run(&["--epic", "small", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let run = ran.json()["run_id"].as_str().unwrap().to_owned();
    (house, run)
}

#[test]
fn another_model_is_asked_what_is_recorded_and_nothing_changes() {
    let (house, run) = done();
    let path = "agent_output/SMALL-1.txt";
    let work = json!([{"tool": "write_file", "args": {"path": path, "content": "better"}},
                      {"tool": "update_issue_status", "args": {"status": "code_review"}}]);
    scenario(
        &house,
        "good",
        &json!([{"when": {"role": "coder", "issue": "SMALL-1", "turn": 1, "attempt": 1},
                 "usage": {"prompt_tokens": 7, "output_tokens": 3}, "calls": work}]),
    );
    scenario(
        &house,
        "bad",
        &json!([{"when": {"role": "coder"}, "calls": [
            {"tool": "write_file", "args": {"path": "../out.txt", "content": "x"}}]}]),
    );
    scenario(
        &house,
        "broken",
        &json!([{"when": {"role": "coder"}, "fault": "http_500"}]),
    );
    let before = files(house.path());
    let place = format!("{run}:SMALL-1:1");
    let ask = |model: &str, json: &[&str]| {
        let args = [&["replay", &place, "--against", model], json].concat();
        house.run(&args)
    };

    let good = ask("scripted:good", &["--json"]);
    assert_eq!(good.code, 0, "{good:?}");
    let good = good.json();
    assert_eq!(good["ok"], true);
    let round = &good["rounds"][0];
    assert_eq!(good["rounds"].as_array().unwrap().len(), 1);
    assert_eq!(round["recorded"]["model"], "scripted:small");
    assert_eq!(round["recorded"]["verdict"], "meets");
    assert_eq!(round["other"]["model"], "scripted:good");
    assert_eq!(round["other"]["verdict"], "meets");
    assert_eq!(round["other"]["calls"], work);
    assert_eq!(round["other"]["broken"], json!([]));
    assert_eq!(round["other"]["usage"]["output_tokens"], 3);
    let met = round["other"]["met"].as_array().unwrap();
    assert!(
        met.contains(&json!("write_path_contract_not_met")),
        "{met:?}"
    );

    let bad = ask("scripted:bad", &["--json"]);
    assert_eq!(bad.code, 1, "{bad:?}");
    let bad = bad.json();
    let other = &bad["rounds"][0]["other"];
    assert_eq!(bad["ok"], false);
    assert_eq!(other["verdict"], "breaks");
    let broken = codes(&other["broken"]);
    for code in [
        "progress_contract_not_met",
        "write_path_contract_not_met",
        "security_scope_contract_not_met",
    ] {
        assert!(broken.contains(&code), "{broken:?}");
    }
    assert_eq!(other["refused"].as_array().unwrap().len(), 1, "{other:#}");
    let shown = ask("scripted:bad", &[]);
    assert_eq!(shown.code, 1);
    assert!(shown.out.contains("BREAKS THE CONTRACT"), "{}", shown.out);

    let failed = ask("scripted:broken", &["--json"]);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert_eq!(failed.json()["error"]["code"], "E_MODEL_SERVER");
    assert!(
        failed.err.contains("error[E_MODEL_SERVER]"),
        "{}",
        failed.err
    );
    let unknown = ask("scripted:nowhere", &["--json"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert_eq!(unknown.json()["error"]["code"], "E_MODEL_REFUSED");

    let after = files(house.path());
    let changed: Vec<&String> = before
        .keys()
        .chain(after.keys())
        .filter(|name| before.get(*name) != after.get(*name))
        .collect();
    let sizes = |files: &BTreeMap<String, Vec<u8>>| -> Vec<Option<usize>> {
        let of = |name: &&String| files.get(*name).map(Vec::len);
        changed.iter().map(of).collect()
    };
    assert!(
        changed.is_empty(),
        "{changed:?}: {:?} bytes became {:?}",
        sizes(&before),
        sizes(&after)
    );
}

/// A model that works on every card but the first of `epic`, and knows nothing of that one.
fn other_model(house: &House, epic: &str) {
    let of = |card: usize, role: &str| json!({"issue": format!("{epic}-{card}"), "role": role});
    let work = json!([{"tool": "write_file", "args": {"path": "agent_output/{{issue_id}}.txt", "content": "by the other"}},
                      {"tool": "update_issue_status", "args": {"status": "code_review"}}]);
    let review = json!([{"tool": "update_issue_status", "args": {"status": "done"}}]);
    let replies: Vec<Value> = [2, 3]
        .into_iter()
        .flat_map(|card| {
            [
                json!({"when": of(card, "coder"), "calls": work}),
                json!({"when": of(card, "integrity_guard"), "calls": review}),
            ]
        })
        .collect();
    scenario(house, "other", &json!(replies));
}

fn chain() -> (House, String) {
    let house = House::new();
    house.epic("chain", 3, QUICK);
    other_model(&house, "CHAIN");
    let ran = house.run(&["--epic", "chain", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let run = ran.json()["run_id"].as_str().unwrap().to_owned();
    (house, run)
}

fn show(house: &House, run: &str) -> Value {
    let shown = house.run(&["show", run, "--json"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    shown.json()
}

fn verified(house: &House, run: &str) {
    let verified = house.run(&["verify", run, "--json"]);
    assert_eq!(verified.code, 0, "{}", verified.out);
    assert_eq!(verified.json()["evidence"]["problems"], json!([]));
}

fn text(house: &House, name: &str) -> String {
    std::fs::read_to_string(house.path().join(name)).unwrap()
}

/// The cards at which a run made attempts.
fn worked_on(shown: &Value) -> Vec<&str> {
    let attempts = shown["attempts"].as_array().unwrap().iter();
    let mut cards: Vec<&str> = attempts
        .map(|it| it["issue_id"].as_str().unwrap())
        .collect();
    cards.dedup();
    cards
}

#[test]
fn a_fork_keeps_what_was_settled_and_asks_the_other_model_for_the_rest() {
    let (house, run) = chain();
    let original = show(&house, &run);
    let forked = house.run(&[
        "fork",
        &format!("{run}:CHAIN-2:1"),
        "--model",
        "scripted:other",
        "--json",
    ]);
    assert_eq!(forked.code, 0, "{forked:?}");
    let report = forked.json();
    assert_eq!(report["status"], "done");
    assert_eq!(report["build_id"], "build-chain-fork-1");
    let fork = report["run_id"].as_str().unwrap();
    assert_ne!(fork, run);

    let shown = show(&house, fork);
    assert_eq!(worked_on(&shown), ["CHAIN-2", "CHAIN-3"]);
    assert_eq!(shown["cards"][0], original["cards"][0], "{shown:#}");
    assert_eq!(
        shown["forked_from"],
        json!({"run_id": run, "issue_id": "CHAIN-2", "turn": 1})
    );
    let words = house.run(&["show", fork]);
    assert!(
        words
            .out
            .contains(&format!("forked from {run}:CHAIN-2:1\n")),
        "{}",
        words.out
    );
    let of = |card: &str| format!("workspace/default-fork-1/agent_output/{card}.txt");
    assert_eq!(text(&house, &of("CHAIN-1")), format!("by {run}"));
    assert_eq!(text(&house, &of("CHAIN-2")), "by the other");
    assert_eq!(text(&house, &of("CHAIN-3")), "by the other");

    assert_eq!(show(&house, &run), original);
    let kept = "workspace/default/agent_output/CHAIN-2.txt";
    assert_eq!(text(&house, kept), format!("by {run}"));
    verified(&house, &run);
    verified(&house, fork);

    // The epic's name means the main line, and a second fork gets a build and a folder of its own.
    let again = house.run(&["--epic", "chain", "--json"]);
    assert_eq!(again.json()["build_id"], "build-chain-2", "{again:?}");
    let second = house.run(&["fork", &format!("{run}:CHAIN-3:1"), "--json"]);
    assert_eq!(
        second.json()["build_id"],
        "build-chain-fork-2",
        "{second:?}"
    );
    assert_eq!(worked_on(&show(&house, "last")), ["CHAIN-3"]);
}

#[test]
fn a_fork_in_the_middle_of_a_card_gives_its_turn_what_it_was_given() {
    let (house, run) = chain();
    house.write(
        "workspace/default/verification/deep/check.json",
        &json!([1]),
    );
    house.write("workspace/default/agent_output/stray.json", &json!([2]));
    let forked = house.run(&["fork", &format!("{run}:CHAIN-2:2"), "--json"]);
    assert_eq!(forked.code, 0, "{forked:?}");
    let fork = forked.json()["run_id"].as_str().unwrap().to_owned();
    let attempts = show(&house, &fork)["attempts"].clone();
    assert_eq!(attempts[0]["issue_id"], "CHAIN-2");
    assert_eq!(attempts[0]["turn"], 2);
    assert_eq!(attempts[0]["attempt"], 1);
    let same = house.run(&[
        "diff",
        &format!("{run}:CHAIN-2:2"),
        &format!("{fork}:CHAIN-2:2"),
    ]);
    assert_eq!(same.code, 0, "{}", same.out);
    let folder = house.path().join("workspace/default-fork-1");
    let name = "workspace/default-fork-1/agent_output/CHAIN-2.txt";
    assert_eq!(text(&house, name), format!("by {run}"));
    assert!(folder.join("verification/deep/check.json").exists());
    assert!(
        !folder.join("agent_output/stray.json").exists(),
        "no turn wrote it"
    );
    verified(&house, &fork);
}

#[test]
fn a_killed_fork_goes_on_with_what_is_left() {
    let (house, run) = chain();
    for point in ["turn.after_step", "run.after_insert"] {
        let mut command = house.command(&[
            "fork",
            &format!("{run}:CHAIN-2:1"),
            "--model",
            "scripted:other",
        ]);
        command.env("ORKET_FAULT", format!("kill@{point}#1"));
        let killed = command.output().unwrap();
        assert_eq!(killed.status.code(), None, "{killed:?}");
        let resumed = house.run(&["resume", "last", "--json"]);
        assert_eq!(resumed.code, 0, "{resumed:?}");
        let report = resumed.json();
        assert_eq!(report["status"], "done");
        let fork = report["run_id"].as_str().unwrap();
        assert_ne!(fork, run);
        assert_eq!(worked_on(&show(&house, fork)), ["CHAIN-2", "CHAIN-3"]);
        verified(&house, fork);
    }
    verified(&house, &run);
}

/// A folder with the epic `grow`, whose first card creates a third one.
fn growing() -> House {
    let house = House::new();
    house.epic("grow", 2, QUICK);
    house.write(
        "config/roles/coder.json",
        &json!({"role": {"name": "coder", "type": "utility", "description": "You do it.",
            "tools": ["write_file", "create_issue", "update_issue_status"]}}),
    );
    let text = std::fs::read_to_string(house.path().join("config/scenarios/grow.json")).unwrap();
    let mut scenario: Value = serde_json::from_str(&text).unwrap();
    // What the seat's own contract asks of a created card.
    scenario["replies"][0]["calls"]
        .as_array_mut()
        .unwrap()
        .insert(
            0,
            json!({"tool": "write_file", "args": {"path": "agent_output/main.py", "content": "1"}}),
        );
    let mut creating = scenario["replies"][0].clone();
    creating["when"]["issue"] = json!("GROW-1");
    creating["calls"].as_array_mut().unwrap().insert(
        1,
        json!({"tool": "create_issue", "args": {"seat": "coder", "summary": "one more"}}),
    );
    scenario["replies"]
        .as_array_mut()
        .unwrap()
        .insert(0, creating);
    house.write("config/scenarios/grow.json", &scenario);
    house
}

#[test]
fn two_runs_of_the_same_work_differ_in_nothing_though_created_cards_have_other_ids() {
    let house = growing();
    let name = "config/scenarios/grow.json";
    // The same in every run, so that nothing but ids can differ.
    let same = text(&house, name).replace("by {{run_id}}", "always the same");
    house.write(name, &serde_json::from_str(&same).unwrap());
    let run = || {
        let ran = house.run(&["--epic", "grow", "--json"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let report = ran.json();
        let id = |it: &Value| it.as_str().unwrap().to_owned();
        (id(&report["run_id"]), id(&report["cards"][2]["id"]))
    };
    let ((first, original), (second, anew)) = (run(), run());
    assert_ne!(original, anew, "its id is made of its run");
    let same = house.run(&["diff", &first, &second]);
    assert_eq!((same.code, same.out.as_str()), (0, "no difference\n"));
    let of_first = |run: &str| format!("{run}:GROW-1:1");
    let same = house.run(&["diff", &of_first(&first), &of_first(&second)]);
    assert_eq!((same.code, same.out.as_str()), (0, "no difference\n"));
}

#[test]
fn cards_that_kept_turns_created_are_kept_and_others_come_again() {
    let house = growing();
    let ran = house.run(&["--epic", "grow", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let ids = |report: &Value| -> Vec<String> {
        let cards = report["cards"].as_array().unwrap().iter();
        cards
            .map(|it| it["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let report = ran.json();
    let run = report["run_id"].as_str().unwrap();
    let original = ids(&report);
    assert_eq!(original.len(), 3);

    let later = house.run(&["fork", &format!("{run}:GROW-2:1"), "--json"]);
    assert_eq!(later.code, 0, "{later:?}");
    assert_eq!(ids(&later.json()), original);
    let earlier = house.run(&["fork", &format!("{run}:GROW-1:1"), "--json"]);
    assert_eq!(earlier.code, 0, "{earlier:?}");
    let anew = ids(&earlier.json());
    assert_eq!(anew.len(), 3);
    assert_ne!(anew[2], original[2], "its id is made of its run");
}

#[test]
fn a_turn_that_cannot_be_begun_from_is_told_with_what_helps() {
    let (house, run) = chain();
    let told = |place: &str, code: &str, hint: &str| {
        let refused = house.run(&["fork", place, "--json"]);
        assert_eq!(refused.code, 1, "{refused:?}");
        let error = refused.json()["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        let said = error["hint"].as_str().unwrap();
        assert!(said.contains(hint), "{said}");
    };
    told("nowhere:CHAIN-1:1", "E_RUN_UNKNOWN", "orket runs");
    told(
        &format!("{run}:CHAIN-9:1"),
        "E_FORK_NOT_FOUND",
        "orket show",
    );
    told(
        &format!("{run}:CHAIN-1:1:reviewer"),
        "E_FORK_NOT_FOUND",
        "orket show",
    );
    let next = format!("orket fork {run}:CHAIN-1:2");
    told(&format!("{run}:CHAIN-1:9"), "E_FORK_NOT_BEGUN", &next);
    let usage = house.run(&["fork", &run]);
    assert_eq!(usage.code, 2, "{usage:?}");

    let mut command = house.command(&["--epic", "chain"]);
    command.env("ORKET_FAULT", "kill@turn.before_ask#1");
    assert_eq!(command.output().unwrap().status.code(), None);
    told("last:CHAIN-1:1", "E_FORK_OPEN", "orket show");
    let runs = house.run(&["runs", "--json"]);
    assert_eq!(runs.json()["runs"].as_array().unwrap().len(), 2, "{runs:?}");
    assert!(!house.path().join("workspace/default-fork-1").exists());
}

#[test]
fn a_card_that_was_under_way_begins_from_nothing() {
    let house = House::new();
    house.epic("wide", 3, QUICK);
    let edit = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_str(&text(&house, name)).unwrap();
        change(&mut value);
        house.write(name, &value);
    };
    // WIDE-2 stands beside the others and takes its time; WIDE-3 comes after WIDE-1.
    edit("config/epics/wide.json", &|epic| {
        epic["epic"]["issues"][1]["depends_on"] = json!([]);
        epic["epic"]["issues"][2]["depends_on"] = json!(["WIDE-1"]);
    });
    edit("config/scenarios/wide.json", &|scenario| {
        let mut slow = scenario["replies"][0].clone();
        slow["when"]["issue"] = json!("WIDE-2");
        slow["first_chunk_delay_ms"] = json!(2_000);
        scenario["replies"].as_array_mut().unwrap().insert(0, slow);
    });
    let ran = house.run(&["--epic", "wide", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let run = ran.json()["run_id"].as_str().unwrap().to_owned();
    let forked = house.run(&["fork", &format!("{run}:WIDE-3:1"), "--json"]);
    assert_eq!(forked.code, 0, "{forked:?}");
    let fork = forked.json()["run_id"].as_str().unwrap().to_owned();
    let shown = show(&house, &fork);
    let mut cards = worked_on(&shown);
    cards.sort_unstable();
    cards.dedup();
    assert_eq!(cards, ["WIDE-2", "WIDE-3"]);
    let of = |card: &str| format!("workspace/default-fork-1/agent_output/{card}.txt");
    assert_eq!(text(&house, &of("WIDE-1")), format!("by {run}"));
    assert_eq!(text(&house, &of("WIDE-2")), format!("by {fork}"));
    verified(&house, &fork);
}

#[test]
fn both_work_beside_a_living_owner() {
    let (house, run) = chain();
    house.epic("slow", 2, SLOW);
    let mut owner = house.start(&["--epic", "slow"]);
    owner.until("SLOW-1  coder: turn 1");
    let place = format!("{run}:CHAIN-2:1");
    let asked = house.run(&["replay", &place, "--against", "scripted:other"]);
    assert_eq!(asked.code, 0, "{asked:?}");
    let forked = house.run(&["fork", &place, "--detach"]);
    assert_eq!(forked.code, 0, "{forked:?}");
    assert_eq!(owner.end().0, 0);
    let shown = show(&house, forked.out.trim());
    assert_eq!(shown["status"], "done", "{shown:#}");
    assert_eq!(shown["forked_from"]["issue_id"], "CHAIN-2");
    assert_eq!(worked_on(&shown), ["CHAIN-2", "CHAIN-3"]);
}

#[test]
fn a_model_that_says_nothing_is_given_up_and_can_be_left() {
    let house = House::new();
    house.epic("small", 1, QUICK);
    let mut command = house.command(&["--epic", "small"]);
    command.env("ORKET_CLOCK_FIRST_TOKEN_SEC", "1");
    assert!(command.output().unwrap().status.success());
    scenario(
        &house,
        "sleepy",
        &json!([{"first_chunk_delay_ms": 600_000, "content": "good morning"}]),
    );
    let args = ["replay", "last:SMALL-1:1", "--against", "scripted:sleepy"];
    let given_up = house.run(&args);
    assert_eq!(given_up.code, 1, "{given_up:?}");
    let said = &given_up.err;
    assert!(said.contains("error[E_TURN_STALLED]"), "{said}");
    assert!(said.contains("first_token"), "{said}");

    house.epic("patient", 1, QUICK);
    assert_eq!(house.run(&["--epic", "patient"]).code, 0);
    let args = ["replay", "last:PATIENT-1:1", "--against", "scripted:sleepy"];
    let mut asking = house.start(&args);
    asking.until("asking scripted:sleepy");
    asking.signal("INT");
    let (code, lines) = asking.end();
    assert_eq!(code, 130, "{lines:?}");
}

#[test]
fn a_card_that_was_sent_back_is_begun_again_with_what_it_was_told() {
    let house = House::new();
    house.epic("back", 1, QUICK);
    let name = "config/epics/back.json";
    let mut value: Value = serde_json::from_str(&text(&house, name)).unwrap();
    value["epic"]["issues"][0]["max_retries"] = json!(1);
    house.write(name, &value);
    let name = "config/scenarios/back.json";
    let mut value: Value = serde_json::from_str(&text(&house, name)).unwrap();
    let replies = value["replies"].as_array_mut().unwrap();
    // The same in every run, so that nothing but what was asked can differ.
    replies[0]["calls"][0]["args"]["content"] = json!("by {{role}}");
    let comment =
        json!({"tool": "add_issue_comment", "args": {"comment": "by {{role}} in {{turn}}"}});
    replies[0]["calls"].as_array_mut().unwrap().push(comment);
    let payload = json!({"status": "guard_requested_changes", "rationale": "too short",
        "violations": ["short"], "remediation_actions": ["write more"]});
    replies.splice(
        0..0,
        [
            // Corrected in the second round of the first turn.
            json!({"when": {"role": "coder", "turn": 1}, "times": 1, "content": "I would rather not."}),
            json!({"when": {"role": "integrity_guard", "turn": 2},
                   "calls": [{"tool": "update_issue_status", "args": payload}]}),
        ],
    );
    house.write(name, &value);
    let ran = house.run(&["--epic", "back", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json()["cards"][0]["attempts"], 4);
    let run = ran.json()["run_id"].as_str().unwrap().to_owned();

    let place = format!("{run}:BACK-1:3");
    let forked = house.run(&["fork", &place, "--json"]);
    assert_eq!(forked.code, 0, "{forked:?}");
    let fork = forked.json()["run_id"].as_str().unwrap().to_owned();
    // What it was given, asked and answered is the same; that the folder which it wrote into is
    // another does not count.
    let same = house.run(&["diff", &place, &format!("{fork}:BACK-1:3")]);
    assert_eq!((same.code, same.out.as_str()), (0, "no difference\n"));
    let same = house.run(&["diff", &run, &fork]);
    assert_eq!((same.code, same.out.as_str()), (0, "no difference\n"));
    let trace = |folder: &str, run: &str| {
        format!("workspace/{folder}/observability/{run}/BACK-1/003_coder/memory_trace.json")
    };
    let (left, right) = (trace("default", &run), trace("default-fork-1", &fork));
    let alike = house.run(&["compare", "memory", "--left", &left, "--right", &right]);
    assert_eq!((alike.code, alike.out.as_str()), (0, "PASS\n"));
    assert_eq!(show(&house, &fork)["cards"][0]["attempts"], 4);
    verified(&house, &fork);

    let first = format!("{run}:BACK-1:1");
    let asked = house.run(&["replay", &first, "--against", "scripted:back", "--json"]);
    let rounds = asked.json()["rounds"].clone();
    let verdicts = |side: &str| -> Vec<Value> {
        let rounds = rounds.as_array().unwrap().iter();
        rounds.map(|round| round[side]["verdict"].clone()).collect()
    };
    assert_eq!(verdicts("recorded"), ["breaks", "meets"]);
    assert_eq!(verdicts("other"), ["breaks", "meets"]);
    assert_eq!(asked.code, 1, "one of its replies breaks the contract");
    let messages = |round: usize| rounds[round]["messages"].as_u64().unwrap();
    assert!(messages(0) < messages(1));
}
