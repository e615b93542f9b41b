//! Stages through the program: settings, refusals, crashes.

use std::path::Path;

use serde_json::{Value, json};

use crate::house::{error, files, journaled, lab_of, orket};

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
