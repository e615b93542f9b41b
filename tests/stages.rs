//! What is laid out before the first card of a run, through the library and through the program.

mod lab;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use lab::{Lab, agree, on_actix, run_to_end, statuses, write_and_hand_in};
use orket::storage::Reader;
use orket::system::System;
use orket_actors::runtime::{RunReport, Shutdown};
use serde_json::{Value, json};

/// A lab with one epic of these seats, each card in a scenario that serves coder and analyst.
fn lab_of(seats: &[&str], rules: Value) -> Lab {
    let lab = Lab::new();
    let issues: Vec<Value> = seats
        .iter()
        .enumerate()
        .map(|(place, seat)| {
            let id = format!("C-{}", place + 1);
            let writes = vec![format!("agent_output/{id}.txt")];
            let writes = if *seat == "code_reviewer" {
                vec![]
            } else {
                writes
            };
            json!({"id": id, "summary": "Part", "seat": seat, "max_retries": 0,
                   "params": {"required_write_paths": writes, "required_read_paths": [],
                              "review_required_read_paths": []}})
        })
        .collect();
    let hand_in = json!([{"tool": "update_issue_status", "args": {"status": "code_review"}}]);
    let replies = json!([
        {"when": {"role": "integrity_guard"}, "calls": agree()},
        {"when": {"role": "code_reviewer"}, "calls": hand_in},
        {"calls": write_and_hand_in("agent_output/{{issue_id}}.txt")},
    ]);
    lab.epic("demo", json!(issues), json!({ "replies": replies }));
    let organization = json!({"organization": {"name": "O", "process_rules": rules}});
    let folder = lab.path().join("config");
    std::fs::write(folder.join("organization.json"), organization.to_string()).expect("written");
    lab
}

fn run(lab: &Lab, run: &str) -> RunReport {
    on_actix(async {
        let system = System::start(lab.options()).await.expect("starts");
        let report = run_to_end(&system, lab.new_run("demo", run, run)).await;
        system.stop(Shutdown::Graceful).await.expect("stops");
        report
    })
}

/// `event` of every line of the log, with its data.
fn log(workspace: &Path) -> Vec<(String, Value)> {
    let text = std::fs::read_to_string(workspace.join("orket.log")).expect("a log");
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|line| {
            let event = line["event"].as_str().expect("an event").to_owned();
            (event, line["data"].clone())
        })
        .collect()
}

fn stage_events(workspace: &Path) -> Vec<String> {
    let stages = [
        "scaffolder_",
        "dependency_manager_",
        "deployment_planner_",
        "team_",
    ];
    log(workspace)
        .into_iter()
        .map(|(event, _)| event)
        .filter(|event| stages.iter().any(|stage| event.starts_with(stage)))
        .collect()
}

/// Every file below a folder, as paths relative to it.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(at).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let path = path.strip_prefix(folder).expect("below it");
                found.insert(path.display().to_string());
            }
        }
    }
    found
}

#[test]
fn each_stage_writes_what_it_plans_and_nothing_over_a_users_file() {
    let lab = lab_of(&["coder"], json!({"project_surface_profile": "api_vue"}));
    let output = lab.workspace().join("agent_output");
    std::fs::create_dir_all(output.join("deployment")).expect("a folder");
    std::fs::write(output.join("README.md"), "mine\n").expect("written");
    std::fs::write(output.join("deployment/Dockerfile"), "FROM mine\n").expect("written");
    let planned = lab.new_run("demo", "r", "r").plan.policy.project.stages;
    let report = run(&lab, "run-1");
    assert_eq!(statuses(&report), ["C-1: done"], "{report:#?}");
    for file in planned.iter().flat_map(|plan| &plan.files) {
        let text = std::fs::read_to_string(lab.workspace().join(&file.path)).expect(&file.path);
        let expected = match file.path.as_str() {
            "agent_output/README.md" => "mine\n",
            "agent_output/deployment/Dockerfile" => "FROM mine\n",
            _ => file.text.as_str(),
        };
        assert_eq!(text, expected, "{}", file.path);
    }
    for folder in planned.iter().flat_map(|plan| &plan.folders) {
        assert!(lab.workspace().join(folder).is_dir(), "{folder}");
    }
    let script = output.join("deployment/run_local.sh");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(script).expect("there").permissions(),
    );
    assert_eq!(mode & 0o100, 0o100);
    assert!(!files(&output).iter().any(|it| it.contains("unfinished")));
    let events = log(&lab.workspace());
    let place = |name: &str| events.iter().position(|(event, _)| event == name);
    let first_card = place("orchestrator_dispatch").expect("a card");
    for stage in ["scaffolder", "dependency_manager", "deployment_planner"] {
        let ended = place(&format!("{stage}_completed")).expect("completed");
        assert!(place(&format!("{stage}_started")).expect("started") < ended);
        assert!(ended < first_card, "{stage}");
    }
    let scaffolder = &events[place("scaffolder_completed").expect("there")].1;
    assert_eq!(scaffolder["kept"], json!(["agent_output/README.md"]));
    // A later run finds everything there.
    let report = run(&lab, "run-2");
    assert_eq!(report.status, "done");
    let events = log(&lab.workspace());
    let last = events
        .iter()
        .rev()
        .find(|(event, _)| event == "scaffolder_completed");
    let data = &last.expect("there").1;
    assert_eq!(
        (&data["created"], &data["folders"]),
        (&json!([]), &json!([]))
    );
}

#[test]
fn nothing_is_laid_out_where_nothing_is_asked_for() {
    let lab = lab_of(&["coder"], json!({}));
    let report = run(&lab, "run-1");
    assert_eq!(report.status, "done");
    let written = files(&lab.workspace().join("agent_output"));
    assert!(written.contains("C-1.txt"), "{written:?}");
    assert!(!written.contains("README.md"), "{written:?}");
    assert_eq!(stage_events(&lab.workspace()), Vec::<String>::new());
}

#[test]
fn a_stage_that_is_switched_off_says_so_and_does_nothing() {
    let lab = lab_of(
        &["coder"],
        json!({"project_surface_profile": "cli", "disable_dependency_manager": true}),
    );
    assert_eq!(run(&lab, "run-1").status, "done");
    assert_eq!(
        stage_events(&lab.workspace()),
        [
            "scaffolder_started",
            "scaffolder_completed",
            "dependency_manager_skipped_policy",
            "deployment_planner_started",
            "deployment_planner_completed"
        ]
    );
    assert!(!lab.workspace().join("agent_output/dependencies").exists());
}

#[test]
fn a_small_project_is_built_by_one_seat() {
    let seats = |lab: &Lab| {
        let report = run(lab, "run-1");
        assert_eq!(report.status, "done", "{report:#?}");
        let acted: Vec<String> = log(&lab.workspace())
            .into_iter()
            .filter(|(event, _)| event == "orchestrator_dispatch")
            .map(|(_, data)| data["seat"].as_str().expect("a seat").to_owned())
            .collect();
        acted.into_iter().collect::<BTreeSet<_>>()
    };
    let named = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
    let epic = ["requirements_analyst", "coder", "code_reviewer"];
    let plain = lab_of(&epic, json!({}));
    let all: BTreeSet<String> = named(&[
        "requirements_analyst",
        "coder",
        "code_reviewer",
        "integrity_guard",
    ]);
    assert_eq!(seats(&plain), all);
    let small = lab_of(&epic, json!({"small_project_builder_variant": "auto"}));
    let few: BTreeSet<String> = named(&["coder", "code_reviewer", "integrity_guard"]);
    assert_eq!(seats(&small), few);
    let events = log(&small.workspace());
    let (_, told) = events
        .iter()
        .find(|(event, _)| event == "team_selection_decision")
        .expect("told");
    assert_eq!(
        (
            &told["builder_seat"],
            &told["reviewer_seat"],
            &told["reseated"]
        ),
        (&json!("coder"), &json!("code_reviewer"), &json!(["C-1"]))
    );
}

#[test]
fn a_failed_stage_stops_the_run_and_resume_goes_on_once_it_is_mended() {
    let lab = lab_of(
        &["coder", "coder"],
        json!({"project_surface_profile": "cli"}),
    );
    let output = lab.workspace().join("agent_output");
    std::fs::create_dir_all(output.join("dependencies")).expect("a folder");
    let manifest = output.join("dependencies/requirements.txt");
    std::fs::write(&manifest, "requests>=2\n").expect("written");
    on_actix(async {
        let system = System::start(lab.options()).await.expect("starts");
        let new = lab.new_run("demo", "run-1", "run-1");
        let run = new.plan.run_id.clone();
        let report = run_to_end(&system, new).await;
        assert_eq!(report.status, "failed");
        for card in &report.cards {
            assert_eq!((card.status.as_str(), card.attempts), ("blocked", 0));
            assert_eq!(card.code.as_deref(), Some("E_STAGE_DEPENDENCIES"));
            assert!(card.note.contains("requests>=2"), "{}", card.note);
            assert!(card.note.contains("orket resume run-1"), "{}", card.note);
        }
        std::fs::write(&manifest, "requests==2.32.3\n").expect("written");
        system.runtime.resume(run.clone()).await.expect("goes on");
        let report = system.runtime.wait(run).await.expect("a report");
        assert_eq!(report.status, "done", "{report:#?}");
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
    // The scaffolder was done before, and is not asked again.
    assert_eq!(
        stage_events(&lab.workspace()),
        [
            "scaffolder_started",
            "scaffolder_completed",
            "dependency_manager_started",
            "dependency_manager_failed",
            "dependency_manager_started",
            "dependency_manager_completed",
            "deployment_planner_started",
            "deployment_planner_completed"
        ]
    );
}

#[test]
fn what_is_in_the_way_or_leads_out_is_named() {
    for (name, code, words) in [
        ("program", "E_STAGE_SCAFFOLDER", "old.EXE"),
        (
            "folder",
            "E_STAGE_SCAFFOLDER",
            "a folder where a file must be",
        ),
        (
            "file",
            "E_STAGE_SCAFFOLDER",
            "a file where a folder must be",
        ),
        ("link", "E_STAGE_DEPLOYMENT", "leads out of the workspace"),
    ] {
        let lab = lab_of(&["coder"], json!({"project_surface_profile": "cli"}));
        let output = lab.workspace().join("agent_output");
        let outside = lab.path().join("outside");
        std::fs::create_dir_all(&output).expect("a folder");
        std::fs::create_dir_all(&outside).expect("a folder");
        match name {
            "program" => std::fs::write(output.join("old.EXE"), "MZ").expect("written"),
            "folder" => std::fs::create_dir_all(output.join("README.md")).expect("a folder"),
            "file" => std::fs::write(output.join("docs"), "").expect("written"),
            _ => std::os::unix::fs::symlink(&outside, output.join("deployment")).expect("a link"),
        }
        let report = run(&lab, "run-1");
        let card = &report.cards[0];
        assert_eq!(
            (report.status.as_str(), card.code.as_deref()),
            ("failed", Some(code)),
            "{name}"
        );
        assert!(card.note.contains(words), "{}", card.note);
        assert_eq!(files(&outside), BTreeSet::new());
    }
}

/// The program on the demo epic of a lab.
fn orket(lab: &Lab, environment: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orket"));
    command
        .args(args)
        .current_dir(lab.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").expect("a path"))
        .envs(environment.iter().copied());
    command.output().expect("it runs")
}

fn error(output: &Output) -> Value {
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    report["error"].clone()
}

#[test]
fn an_unknown_value_is_an_error_that_lists_the_known_ones() {
    for (name, known) in [
        (
            "ORKET_ARCHITECTURE_MODE",
            "force_monolith, force_microservices, architect_decides",
        ),
        (
            "ORKET_FRONTEND_FRAMEWORK_MODE",
            "force_vue, force_react, force_angular, architect_decides",
        ),
        (
            "ORKET_PROJECT_SURFACE_PROFILE",
            "unspecified, backend_only, cli, api_vue, tui",
        ),
        (
            "ORKET_SMALL_PROJECT_BUILDER_VARIANT",
            "auto, coder, architect",
        ),
        (
            "ORKET_IDESIGN_MODE",
            "force_idesign, force_none, architect_decides",
        ),
        ("ORKET_DISABLE_SCAFFOLDER", "true, false"),
    ] {
        let lab = lab_of(&["coder"], json!({}));
        let output = orket(&lab, &[(name, "typo")], &["--epic", "demo", "--json"]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        let error = error(&output);
        assert_eq!(error["code"], "E_CONFIG");
        let detail = error["detail"].as_str().expect("words");
        assert!(detail.contains(name) && detail.contains(known), "{detail}");
        assert!(!lab.workspace().join("agent_output").exists());
    }
    // The same from the organization's file.
    let lab = lab_of(&["coder"], json!({"idesign_mode": "typo"}));
    let detail = error(&orket(&lab, &[], &["--epic", "demo", "--json"]))["detail"].clone();
    let detail = detail.as_str().expect("words");
    assert!(
        detail.contains("(organization)") && detail.contains("force_none"),
        "{detail}"
    );
}

#[test]
fn a_value_is_shown_in_its_plain_form_and_the_nearest_word_wins() {
    let lab = lab_of(&["coder"], json!({"project_surface_profile": "backend"}));
    let surface = |environment: &[(&str, &str)], args: &[&str]| {
        let output = orket(&lab, environment, args);
        let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let settings = shown["settings"].as_array().expect("a list").clone();
        let found = settings
            .into_iter()
            .find(|it| it["name"] == "ORKET_PROJECT_SURFACE_PROFILE")
            .expect("shown");
        (found["value"].clone(), found["from"].clone())
    };
    let config = ["config", "--json"];
    assert_eq!(
        surface(&[], &config),
        (json!("backend_only"), json!("organization"))
    );
    let environment = [("ORKET_PROJECT_SURFACE_PROFILE", "API+Vue")];
    assert_eq!(
        surface(&environment, &config),
        (json!("api_vue"), json!("environment"))
    );
    let flag = [
        "--set",
        "ORKET_PROJECT_SURFACE_PROFILE=tui",
        "config",
        "--json",
    ];
    assert_eq!(surface(&environment, &flag), (json!("tui"), json!("flag")));
}

#[test]
fn an_epic_that_breaks_the_structure_is_refused_before_it_is_a_run() {
    let lab = lab_of(&["coder"], json!({}));
    let force = [("ORKET_IDESIGN_MODE", "force_i_design")];
    let output = orket(&lab, &force, &["--epic", "demo", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(error(&output)["code"], "E_STAGE_STRUCTURE");
    let runs = orket(&lab, &[], &["runs", "--json"]);
    assert!(!String::from_utf8_lossy(&runs.stdout).contains("demo"));
}

#[test]
fn an_unlock_report_unlocks_services() {
    let lab = lab_of(&["coder"], json!({"architecture_mode": "microservices"}));
    let report = lab.path().join("benchmarks/results");
    std::fs::create_dir_all(&report).expect("a folder");
    let report = report.join("microservices_unlock_check.json");
    let services = lab.workspace().join("agent_output/services/api");
    for (text, unlocked) in [
        ("{\"unlocked\": false}", false),
        ("{\"unlocked\": true}", true),
    ] {
        std::fs::write(&report, text).expect("written");
        let output = orket(&lab, &[], &["--epic", "demo", "--json"]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(services.is_dir(), unlocked, "{text}");
    }
}

/// Kills the program at each of these instants, then lets it go on.
#[test]
fn a_crash_between_or_within_stages_leaves_no_half_file_and_is_made_good() {
    let surface = ("ORKET_PROJECT_SURFACE_PROFILE", "api_vue");
    let whole = lab_of(&["coder"], json!({}));
    let output = orket(&whole, &[surface], &["--epic", "demo", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let expected = files(&whole.workspace().join("agent_output"));
    // Eight files of the scaffolder, four of the dependency manager, three of the planner.
    for point in [
        "stage.before_file#1",
        "stage.before_link#2",
        "stage.after_link#3",
        "stage.after_link#8",
        "stage.before_file#9",
        "stage.after_link#12",
        "stage.before_link#14",
        "writer.before_flush#1",
        "writer.after_flush#2",
    ] {
        let lab = lab_of(&["coder"], json!({}));
        let fault = format!("kill@{point}");
        let killed = orket(
            &lab,
            &[surface, ("ORKET_FAULT", &fault)],
            &["--epic", "demo"],
        );
        assert_eq!(killed.status.code(), None, "{point}: {killed:?}");
        let output_folder = lab.workspace().join("agent_output");
        for file in files(&output_folder) {
            if file.contains(".orket-unfinished-") || file.starts_with("observability/") {
                continue;
            }
            let read = |root: &Path| std::fs::read(root.join("agent_output").join(&file));
            let (half, full) = (read(&lab.workspace()), read(&whole.workspace()));
            assert_eq!(
                half.expect("there"),
                full.expect("there"),
                "{point}: {file}"
            );
        }
        let output = orket(&lab, &[surface], &["--epic", "demo", "--json"]);
        assert!(output.status.success(), "{point}: {output:?}");
        assert_eq!(files(&output_folder), expected, "{point}");
        // What was durable before the crash was not done again.
        let done = ["scaffolder", "dependency_manager", "deployment_planner"]
            .map(|stage| format!("{stage}_completed"));
        assert_eq!(journaled(&lab), done, "{point}");
    }
}

#[test]
fn a_panic_within_a_stage_fails_the_run_and_resume_makes_it_good() {
    let lab = lab_of(&["coder"], json!({"project_surface_profile": "cli"}));
    let fault = [("ORKET_FAULT", "panic@stage.before_link#2")];
    let output = orket(&lab, &fault, &["--epic", "demo", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["cards"][0]["code"], "E_STAGE_SCAFFOLDER");
    let run = report["run_id"].as_str().expect("an id");
    let output = orket(&lab, &[], &["resume", run, "--json"]);
    assert!(output.status.success(), "{output:?}");
    let written = files(&lab.workspace().join("agent_output"));
    assert!(!written.iter().any(|it| it.contains("unfinished")));
    assert!(written.contains("deployment/run_local.sh"), "{written:?}");
}

/// The kinds of the entries about no card in the journal of the only run, in their order.
fn journaled(lab: &Lab) -> Vec<String> {
    let reader = Reader::open(&lab.path().join(".orket/durable/db"));
    let reader = reader.expect("readable").expect("there");
    let runs = reader.runs(9).expect("readable");
    assert_eq!(runs.len(), 1);
    let events = reader.events(&runs[0].run_id, 0, 1_000).expect("readable");
    let stages = events
        .into_iter()
        .filter(|event| event.card.is_none() && event.kind.ends_with("_completed"));
    stages.map(|event| event.kind).collect()
}
