//! What an operator does from an empty folder on, and what is recorded of it.

use serde_json::Value;

use crate::repository::{Repository, Said};

const RENAME: [&str; 4] = ["refactor", "rename User to Member", "--scope", "./src"];

#[test]
fn a_plan_is_shown_before_anything_is_written() {
    let repository = Repository::new();
    repository.write("lib/README.md", "");
    let files = repository.files();
    std::fs::remove_file(repository.root().join("lib/README.md")).unwrap();
    let mut arguments = RENAME.to_vec();
    arguments.push("--dry-run");
    let said = repository.orket(&arguments).ok();
    insta::assert_snapshot!(said.stdout.replace("not enforced here", "loopback only"));
    // A yes makes no difference to those who only look.
    let also_yes = [arguments.as_slice(), &["--yes"]].concat();
    assert_eq!(repository.orket(&also_yes).ok().stdout, said.stdout);
    assert!(said.stdout.lines().all(|line| line.chars().count() <= 80));
    let mut expected = files;
    expected.remove("lib/README.md");
    assert_eq!(repository.files(), expected);
    assert!(
        !repository.root().join(".orket").exists(),
        "a look writes nothing"
    );
}

#[test]
fn a_repeated_refactoring_is_no_failure() {
    let repository = Repository::new();
    let mut arguments = RENAME.to_vec();
    arguments.extend(["--yes", "--json"]);
    let json = repository.orket(&arguments).ok().json();
    assert_eq!(
        keys(&json),
        [
            "ok",
            "code",
            "message",
            "plan",
            "touch_count",
            "network",
            "parity"
        ]
    );
    assert_eq!(json["touch_count"], 2);
    assert_eq!(
        json["parity"],
        serde_json::json!({"status": "verified", "changed_file_count": 2, "artifact_path": null})
    );
    assert_eq!(
        repository.read("src/user.js"),
        "class Member {}\r\nmodule.exports = { Member };\r\n"
    );
    repository.commit();
    let files = repository.files();
    let json = repository.orket(&arguments).ok().json();
    assert_eq!(json["idempotent"], true);
    assert_eq!(repository.files(), files);
    // Without --yes too: there is nothing to agree to.
    repository.orket(&RENAME).ok();
}

#[test]
fn a_new_project_gets_a_route_and_a_second_time_nothing() {
    let repository = Repository::bare_folder();
    let json = repository
        .orket(&["init", "minimal-node", "demo", "--json"])
        .ok()
        .json();
    assert_eq!(
        keys(&json),
        [
            "ok",
            "code",
            "message",
            "network",
            "template",
            "project_name",
            "output_dir",
            "verify_enabled"
        ]
    );
    let demo = repository.root().join("demo");
    assert_eq!(json["output_dir"], demo.display().to_string());
    let again = repository.orket(&["init", "minimal-node", "other", "--no-verify"]);
    again.ok();
    let run = |arguments: &[&str]| {
        let mut command = repository.command(arguments);
        Said::of(command.current_dir(&demo).output().unwrap())
    };
    let git = |arguments: &[&str]| {
        let who = [
            "-C",
            "demo",
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@localhost",
        ];
        repository.git(&[&who, arguments].concat())
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "first"]);
    let add = [
        "api",
        "add",
        "users",
        "--schema",
        "id:int,name:string",
        "--scope",
        "./src",
    ];
    let dry = run(&[&add[..], &["--dry-run"]].concat()).ok();
    insta::assert_snapshot!(dry.stdout.replace("not enforced here", "loopback only"));
    let json = run(&[&add[..], &["--yes", "--json"]].concat()).ok().json();
    assert_eq!(json["code"], "OK");
    assert!(demo.join("src/controllers/users_controller.js").is_file());
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "second"]);
    let json = run(&[&add[..], &["--yes", "--json"]].concat()).ok().json();
    assert_eq!(
        keys(&json),
        ["ok", "code", "message", "plan", "idempotent", "network"]
    );
    assert_eq!(json["idempotent"], true);
    assert_eq!(git(&["status", "--porcelain"]), "");
}

#[test]
fn every_blueprint_passes_its_own_tests() {
    let repository = Repository::bare_folder();
    for (blueprint, needs) in [
        ("minimal-python", "python3"),
        ("minimal-rust", "cargo"),
        ("minimal-node", "node"),
    ] {
        let is_there = std::process::Command::new(needs).arg("--version").output();
        let name = &blueprint["minimal-".len()..];
        let mut arguments = vec!["init", blueprint, name, "--json"];
        if !is_there.is_ok_and(|it| it.status.success()) {
            arguments.push("--no-verify");
        }
        // Where an operator's own builds go, those of a copy may not.
        let elsewhere = repository.place().join("elsewhere");
        let mut command = repository.command(&arguments);
        command.env("CARGO_TARGET_DIR", &elsewhere);
        let json = Said::of(command.output().unwrap()).json();
        assert_eq!(json["code"], "OK", "{json:#}");
        assert!(!elsewhere.exists());
        let project = repository.root().join(name);
        assert!(project.join("orket.config.json").is_file());
        // What the tests made is no part of it.
        assert!(!project.join("target").exists() && !project.join("__pycache__").exists());
    }
}

#[test]
fn the_same_outcome_has_the_same_artifact_and_another_one_differs() {
    let repository = Repository::new();
    let orket = |arguments: &[&str]| {
        let mut command = repository.command(arguments);
        Said::of(command.env("ORKET_REPLAY_ARTIFACTS", "1").output().unwrap())
    };
    let dry = [&RENAME[..], &["--dry-run"]].concat();
    let names = || -> Vec<String> {
        let folder = repository.root().join(".orket/replay_artifacts/refactor");
        let entries = std::fs::read_dir(folder).unwrap().flatten();
        let names = entries.map(|it| {
            format!(
                ".orket/replay_artifacts/refactor/{}",
                it.file_name().display()
            )
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    orket(&dry).ok();
    let first = names();
    orket(&dry).ok();
    assert_eq!(names(), first);
    orket(&RENAME);
    let both = names();
    assert_eq!(both.len(), 2);
    let compare = |left: &str, right: &str| {
        repository.orket(&[
            "compare", "replay", "--left", left, "--right", right, "--json",
        ])
    };
    let json = compare(&both[0], &both[0]).ok().json();
    assert_eq!(
        keys(&json),
        [
            "status",
            "left",
            "right",
            "mismatch_count",
            "summary",
            "mismatches"
        ]
    );
    assert_eq!(json["mismatch_count"], 0);
    let said = compare(&both[0], &both[1]);
    assert_eq!(said.code, Some(2));
    let json = said.json();
    let summary: Vec<&str> = json["summary"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(
        summary,
        [
            "request.dry_run: value_mismatch",
            "result.code: value_mismatch",
            "result.message: value_mismatch",
            "result.ok: value_mismatch"
        ]
    );
    assert_eq!(compare("nowhere.json", &both[0]).code, Some(1));
    // The parity of a refactoring is an artifact of its own.
    let json = orket(&[&RENAME[..], &["--yes", "--json"]].concat())
        .ok()
        .json();
    let path = json["parity"]["artifact_path"].as_str().unwrap();
    let parity: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(
        keys(&parity),
        [
            "artifact_id",
            "changed_file_count",
            "contract_version",
            "files",
            "head_sha",
            "instruction",
            "scope",
            "status",
            "verify_commands",
            "verify_profile"
        ]
    );
    assert_eq!(parity["files"][0]["path"], "src/index.js");
    assert_eq!(parity["files"][0]["changed"], true);
}

#[test]
fn a_failure_is_told_before_the_next_change_like_it() {
    let repository = Repository::new();
    repository.verified_by(&["echo 'FAIL TEST: environment variable API_KEY is not set'; exit 1"]);
    let orket = |arguments: &[&str]| {
        let mut command = repository.command(arguments);
        Said::of(command.env("ORKET_FAILURE_LESSONS", "1").output().unwrap())
    };
    let said = orket(&[&RENAME[..], &["--yes"]].concat());
    assert_eq!(said.code, Some(1));
    assert!(
        said.stdout
            .contains("PARITY: status=reverted_after_verify_failure, changed_files=0\n"),
        "{said:?}"
    );
    let line = repository.read(".orket/memory/failure_lessons.jsonl");
    let lesson: Value = serde_json::from_str(line.trim()).unwrap();
    assert_eq!(
        lesson["classification"]["tags"],
        serde_json::json!(["missing_env_var"])
    );
    assert_eq!(lesson["plan"]["touch_count"], 2);
    assert_eq!(lesson["repo"]["dirty_after_revert"], false);
    let id = lesson["id"].as_str().unwrap();
    let said = orket(&[&RENAME[..], &["--dry-run"]].concat()).ok();
    let advisory = format!("FAILURE LESSON ADVISORIES:\n- [22] {id}: ");
    assert!(said.stdout.contains(&advisory), "{said:?}");
    assert!(
        said.stdout
            .contains("PREFLIGHT WARNINGS:\n- env_var_present:API_KEY\nOK: "),
        "{said:?}"
    );
    // Switched off, nothing is told and nothing recorded.
    let said = repository
        .orket(&[&RENAME[..], &["--yes", "--json"]].concat())
        .json();
    assert_eq!(
        keys(&said),
        [
            "ok",
            "code",
            "message",
            "hint",
            "plan",
            "touch_count",
            "network",
            "advisories",
            "preflight_warnings",
            "verify_command",
            "verify_exit_code",
            "verify_output_tail",
            "failure_lesson_id",
            "parity"
        ]
    );
    assert_eq!(said["advisories"], serde_json::json!([]));
    assert_eq!(said["failure_lesson_id"], Value::Null);
    assert_eq!(repository.read(".orket/memory/failure_lessons.jsonl"), line);
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}
