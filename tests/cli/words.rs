//! What it says: help, usage errors, JSON, errors.

use serde_json::{Value, json};

use super::house::{BROKEN, House, QUICK};

#[test]
fn every_command_has_help() {
    let house = House::new();
    let mut text = String::new();
    for command in [
        "",
        "run",
        "board",
        "runs",
        "show",
        "halt",
        "resume",
        "replay",
        "export",
        "serve",
        "config",
        "skills",
        "skills list",
        "skills show",
        "skills run",
        "check",
        "check skills",
        "phases",
        "phases abort",
    ] {
        let mut args: Vec<&str> = command.split_whitespace().collect();
        args.push("--help");
        let done = house.run(&args);
        assert_eq!((done.code, done.err.as_str()), (0, ""));
        text.push_str(&format!("$ orket {}\n{}\n", args.join(" "), done.out));
    }
    insta::assert_snapshot!(text);
}

/// The subcommands that a help names, in its order.
fn subcommands(help: &str) -> Vec<&str> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| *word != "help")
        .collect()
}

#[test]
fn help_names_the_subcommands() {
    let house = House::new();
    for (command, expected) in [
        (&["webhook"][..], &["deliveries"][..]),
        (&["webhook", "deliveries"], &["list", "show", "redeliver"]),
        (&["phases"], &["list", "show", "start", "end", "abort"]),
        (&["sandbox"], &["list", "create", "logs", "stop"]),
    ] {
        let done = house.run(&[command, &["--help"]].concat());
        assert_eq!((done.code, done.err.as_str()), (0, ""), "{command:?}");
        assert_eq!(subcommands(&done.out), expected, "{done:?}");
    }
}

#[test]
fn deliveries_and_phases_of_an_empty_folder_are_none_and_looking_makes_nothing() {
    let house = House::new();
    for (command, expected) in [
        (
            &["webhook", "deliveries", "list", "--json"][..],
            json!({"deliveries": []}),
        ),
        (&["phases", "--json"], json!({"phases": []})),
    ] {
        let done = house.run(command);
        assert_eq!((done.code, done.json()), (0, expected), "{done:?}");
    }
    assert!(!house.durable().exists());
}

#[test]
fn what_makes_no_sense_is_told_with_exit_code_2() {
    let house = House::new();
    for args in [
        &["run"][..],
        &["--nonsense"],
        &["run", "--epic", "a", "--rock", "b"],
        &["--resume", "X-1"],
        &["--epic", "a", "runs"],
        &["--build-id", "b"],
        &["serve", "--socket-only", "--port", "1"],
        &["replay", "only-a-run"],
        &["run", "--epic", "a", "--embedded", "--detach"],
        &["runs", "--limit", "0"],
        &["runs", "--set", "ORKET_NO_SUCH=1"],
        &["runs", "--set", "ORKET_ARTIFACTS=nonee"],
        &["--epic", ""],
        &["--epic", "../../etc/passwd"],
        &["--epic", "golden_flow", "--build-id", "a/b"],
        &["--epic", "golden_flow", "--model", ""],
        &["--epic", "golden_flow", "--department", "../x"],
        &["--epic", "golden_flow", "--workspace", "  "],
    ] {
        let done = house.run(args);
        assert_eq!(done.code, 2, "{args:?}: {done:?}");
        assert_eq!(done.out, "", "{args:?}");
        assert!(done.err.starts_with("error"), "{args:?}: {}", done.err);
        let told = house.run(&[args, &["--json"]].concat());
        let error = &told.json()["error"];
        assert_eq!(told.code, 2, "{args:?}: {told:?}");
        assert!(
            ["E_USAGE", "E_CONFIG", "E_REQUEST"].contains(&error["code"].as_str().unwrap()),
            "{args:?}: {error}"
        );
        assert_ne!(error["detail"], "", "{args:?}");
    }
    assert!(!house.durable().exists(), "nothing was begun");
}

#[test]
fn an_unknown_value_is_an_error_that_lists_the_known_ones() {
    let house = House::new();
    std::fs::write(house.path().join(".env"), "ORKET_ARTIFACTS=everything\n").unwrap();
    let done = house.run(&["runs", "--json"]);
    assert_eq!(done.code, 1);
    assert!(
        done.err.contains("one of: full, checkpoint, failed, none"),
        "{done:?}"
    );
    assert_eq!(done.json()["error"]["code"], "E_CONFIG");
    // A flag goes before it.
    let done = house.run(&["config", "--json", "--set", "ORKET_ARTIFACTS=none"]);
    let settings = done.json()["settings"].clone();
    let shown = settings
        .as_array()
        .unwrap()
        .iter()
        .find(|shown| shown["name"] == "ORKET_ARTIFACTS")
        .unwrap()
        .clone();
    assert_eq!(
        (&shown["value"], &shown["from"]),
        (&json!("none"), &json!("flag"))
    );
}

/// The keys of an object, one after the other.
fn keys(value: &Value) -> String {
    let keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.join(" ")
}

#[test]
fn json_is_one_object_on_standard_output() {
    let house = House::new();
    house.epic("demo", 2, QUICK);
    let done = house.run(&["--epic", "demo", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let report = done.json();
    assert_eq!(
        keys(&report),
        "run_id build_id epic status cards elapsed_ms"
    );
    assert_eq!(report["build_id"], "build-demo");
    assert_eq!(report["status"], "done");
    let card = &report["cards"][0];
    assert_eq!(keys(card), "id summary seat status attempts tokens");
    assert_eq!(
        (
            &card["id"],
            &card["status"],
            &card["attempts"],
            &card["tokens"]
        ),
        (&json!("DEMO-1"), &json!("done"), &json!(2), &json!(15))
    );
    let run = report["run_id"].as_str().unwrap();
    let shown = house.run(&["show", "last", "--json"]).json();
    assert_eq!(shown["run_id"], run);
    assert_eq!(shown["attempts"].as_array().unwrap().len(), 4);
    let listed = house.run(&["runs", "--json"]).json();
    assert_eq!(listed["runs"][0]["status"], "done");
    let board = house.run(&["board", "--json"]).json();
    let epic = board["epics"]
        .as_array()
        .unwrap()
        .iter()
        .find(|epic| epic["name"] == "demo")
        .unwrap();
    assert_eq!(
        (&epic["status"], &epic["build_id"]),
        (&json!("done"), &json!("build-demo"))
    );
    assert_eq!(epic["cards"][1]["status"], "done");
    // A recorded turn is the same in the journal and in the files, byte for byte.
    let replayed = house
        .run(&["replay", &format!("{}:DEMO-1:1:coder", &run[..6]), "--json"])
        .json();
    let folder = std::path::Path::new(replayed["turn_dir"].as_str().unwrap());
    let response = std::fs::read_to_string(folder.join("model_response.txt")).unwrap();
    assert_eq!(replayed["model_response"], response);
    let checkpoint = std::fs::read(folder.join("checkpoint.json")).unwrap();
    assert_eq!(
        replayed["checkpoint"],
        serde_json::from_slice::<Value>(&checkpoint).unwrap()
    );
    std::fs::remove_dir_all(house.path().join("workspace/default/observability")).unwrap();
    assert_eq!(
        house.run(&["export", "last", "--json"]).json()["export"]["turns"],
        4
    );
    assert_eq!(
        std::fs::read(folder.join("checkpoint.json")).unwrap(),
        checkpoint
    );
    // A finished epic run again is a new build; a named build has nothing left to do.
    let again = house.run(&["run", "--epic", "demo", "--json"]).json();
    assert_eq!(again["build_id"], "build-demo-2");
    let named = house
        .run(&[
            "run",
            "--epic",
            "demo",
            "--build-id",
            "build-demo",
            "--json",
        ])
        .json();
    let attempts = named["cards"]
        .as_array()
        .unwrap()
        .iter()
        .map(|card| card["attempts"].clone());
    assert_eq!(attempts.collect::<Vec<_>>(), [json!(2), json!(2)]);
}

#[test]
fn a_failing_run_exits_with_1_and_says_why_for_each_card() {
    let house = House::new();
    house.epic("demo", 2, BROKEN);
    let done = house.run(&["--epic", "demo"]);
    assert_eq!(done.code, 1, "{done:?}");
    for part in [
        "DEMO-1 is blocked: E_CONTRACT",
        "DEMO-2 is blocked",
        "hint: orket show",
    ] {
        assert!(done.out.contains(part), "{part}: {}", done.out);
    }
    // What was wrong is mended: the same build goes on, the first try's attempts still counted.
    house.epic("demo", 2, QUICK);
    let done = house.run(&["--epic", "demo", "--build-id", "build-demo", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(
        done.json()["cards"][0]["attempts"],
        3,
        "one before, two now"
    );
}

#[test]
fn broken_assets_stop_a_run_before_anything_is_begun() {
    let house = House::new();
    house.epic("demo", 1, QUICK);
    house.write(
        "config/epics/demo.json",
        &json!({"epic": {"name": "demo", "team": "standard", "environment": "demo",
                "issues": [{"id": "A", "summary": "a", "seat": "pilot", "depends_on": ["B"]}]}}),
    );
    let done = house.run(&["--epic", "demo", "--json"]);
    assert_eq!(done.code, 1);
    let detail = done.json()["error"]["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("config/epics/demo.json"), "{detail}");
    assert!(
        detail.contains("issues[0].seat") && detail.contains("issues[0].depends_on"),
        "{detail}"
    );
    assert_eq!(house.run(&["runs", "--json"]).json()["runs"], json!([]));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let house = House::new();
    let mut command = house.command(&["--help"]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    house.epic("demo", 1, QUICK);
    let mut child = house
        .command(&["--epic", "demo"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(
        child.wait().unwrap().code(),
        Some(0),
        "the run goes on to its end"
    );
}

#[test]
fn what_the_board_lists_can_be_run() {
    let house = House::new();
    house.epic("demo", 1, QUICK);
    let folder = house.path().join("config/epics");
    std::fs::rename(folder.join("demo.json"), folder.join("my epic.json")).unwrap();
    house.write(
        "config/rocks/my rock.json",
        &json!({"rock": {"name": "Mine", "epics": [{"epic": "my epic", "department": "core"}]}}),
    );
    let listed = house.run(&["board"]);
    assert!(listed.out.contains("- [EPIC] my epic"), "{listed:?}");
    let epic = house.run(&["--epic", "my epic", "--json"]);
    assert_eq!(epic.code, 0, "{epic:?}");
    assert_eq!(epic.json()["build_id"], "build-my._epic");
    let again = house.run(&["--epic", "my epic", "--json"]).json();
    assert_eq!(again["build_id"], "build-my._epic-2");
    let rock = house.run(&["--card", "my rock", "--json"]);
    assert_eq!(rock.code, 0, "{rock:?}");
    assert_eq!(rock.json()["runs"][0]["build_id"], "rock-my._rock.my._epic");
    let again = house.run(&["--rock", "my rock", "--json"]).json();
    assert_eq!(again["runs"][0]["build_id"], "rock-my._rock-2.my._epic");
}

#[test]
fn an_epic_is_the_same_however_its_name_is_written() {
    let house = House::new();
    house.epic("demo", 1, QUICK);
    house.epic("last", 1, QUICK);
    let first = house.run(&["--epic", "DEMO", "--json"]).json();
    assert_eq!(first["build_id"], "build-demo");
    let second = house.run(&["--epic", "Demo", "--json"]).json();
    assert_eq!(second["build_id"], "build-demo-2");
    assert_eq!(
        second["cards"][0]["attempts"], 2,
        "it was worked on: {second}"
    );
    house.write(
        "config/rocks/pair.json",
        &json!({"rock": {"name": "Pair", "epics": [
            {"epic": "last", "department": "core", "depends_on": ["demo"]},
            {"epic": "DEMO", "department": "core"}]}}),
    );
    let rock = house.run(&["--rock", "Pair", "--json"]);
    assert_eq!(rock.code, 0, "{rock:?}");
    let builds = |rock: &super::house::Done| -> Vec<String> {
        let runs = rock.json()["runs"].as_array().unwrap().clone();
        runs.iter()
            .map(|run| run["build_id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(builds(&rock), ["rock-pair.demo", "rock-pair.last"]);
    let again = house.run(&["--rock", "pair", "--json"]);
    assert_eq!(builds(&again), ["rock-pair-2.demo", "rock-pair-2.last"]);
}

#[test]
fn an_unknown_department_is_refused() {
    let house = House::new();
    house.epic("demo", 1, QUICK);
    house.write("model/lab/epics/other.json", &json!({}));
    for args in [
        &["--epic", "demo", "--department", "nope", "--json"][..],
        &["--card", "DEMO-1", "--department", "nope", "--json"],
        &["board", "--department", "nope", "--json"],
    ] {
        let done = house.run(args);
        let error = &done.json()["error"];
        assert_eq!(
            (done.code, &error["code"], &error["hint"]),
            (1, &json!("E_NOT_FOUND"), &json!("there are: core, lab")),
            "{done:?}"
        );
    }
    let done = house.run(&["--epic", "demo", "--department", "lab"]);
    assert_eq!(done.code, 0, "{done:?}");
}
