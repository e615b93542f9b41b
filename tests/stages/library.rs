//! Stages of runs inside one process.

use std::collections::BTreeSet;

use orket::system::System;
use orket_actors::runtime::Shutdown;
use serde_json::json;

use crate::house::{files, lab_of, log, run, stage_events};
use crate::lab::{Lab, on_actix, run_to_end, statuses};

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
