//! Smoke tests, the security canary, boundaries, completions and manual pages.

use super::house::House;

#[test]
fn the_smoke_of_the_commands_has_its_six_steps() {
    let house = House::new();
    let ended = house.orket(&["smoke", "cli", "--out", "smoke.json", "--json"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.json()["event_count"], 6);
    let report = house.read_json("smoke.json");
    assert_eq!(report["status"], "PASS");
    let steps: Vec<_> = report["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (
                it["step"].as_str().unwrap(),
                it["returncode"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        steps,
        [
            ("init", 0),
            ("api_dry_run", 0),
            ("api_apply", 0),
            ("api_noop", 0),
            ("refactor_dry_run", 0),
            ("refactor_apply", 0)
        ]
    );
    let left: Vec<_> = std::fs::read_dir(house.project()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_smoke_that_fails_leaves_its_report_too() {
    let house = House::new();
    // The first command that needs git gets nowhere.
    house.program("git", "case \"$*\" in *rev-parse*) exit 128;; esac; exec /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin git \"$@\"");
    let ended = house.orket(&["smoke", "cli", "--out", "smoke.json", "--json"]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    let report = house.read_json("smoke.json");
    assert_eq!(report["status"], "FAIL");
    assert_eq!(report["ok"], false);
    let last = report["events"].as_array().unwrap().last().unwrap();
    assert!(last["problem"].is_string(), "{last:#}");
}

#[test]
fn a_smoke_that_cannot_even_begin_leaves_its_report_too() {
    let house = House::new();
    house.program("git", "exit 127");
    let ended = house.orket(&["smoke", "cli", "--out", "smoke.json", "--json"]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.json()["error"]["code"], "E_GIT_REQUIRED");
    let report = house.read_json("smoke.json");
    assert_eq!(
        (&report["status"], &report["error"]["code"]),
        (
            &serde_json::json!("FAIL"),
            &serde_json::json!("E_GIT_REQUIRED")
        )
    );
}

#[test]
fn a_smoke_in_a_git_hook_leaves_the_repository_alone() {
    let mut house = House::new();
    let git = |house: &House, arguments: &[&str]| {
        let output = std::process::Command::new("git")
            .args(arguments)
            .current_dir(house.project())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    git(&house, &["init", "-q"]);
    house.put("mine.txt", "mine\n");
    let folder = house.project().join(".git").display().to_string();
    house
        .set("GIT_DIR", folder.as_str())
        .set("GIT_INDEX_FILE", format!("{folder}/index"));
    let ended = house.orket(&["smoke", "cli"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(git(&house, &["rev-list", "--all", "--count"]), "0\n");
    assert_eq!(git(&house, &["status", "--porcelain"]), "?? mine.txt\n");
}

#[test]
fn a_report_goes_into_what_is_no_file_and_through_links() {
    let house = House::new();
    house.put(
        "workspace/default/orket.log",
        "{\"event\":\"turn_start\"}\n",
    );
    let pipe = house.project().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let reader = {
        let pipe = pipe.clone();
        std::thread::spawn(move || std::fs::read_to_string(pipe).unwrap())
    };
    let ended = house.orket(&["report", "failure-modes", "--out", "pipe", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report: serde_json::Value = serde_json::from_str(&reader.join().unwrap()).unwrap();
    assert_eq!(report, ended.json());
    use std::os::unix::fs::FileTypeExt as _;
    assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());

    house.put("real.json", "old");
    std::os::unix::fs::symlink("real.json", house.project().join("link.json")).unwrap();
    let ended = house.orket(&["report", "failure-modes", "--out", "link.json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(house.read_json("real.json"), report);
    assert!(house.project().join("link.json").is_symlink());
}

#[test]
fn a_release_is_smoked_step_by_step() {
    let house = House::new();
    house.program("docker", "exit 1");
    let arguments = [
        "smoke",
        "release",
        "--skip-security-canary",
        "--out",
        "release.json",
        "--json",
    ];
    let ended = house.orket(&arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report = ended.json();
    assert_eq!(report, house.read_json("release.json"));
    let steps: Vec<_> = report["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["step"].as_str().unwrap(), it["status"].as_str().unwrap()))
        .collect();
    assert_eq!(
        steps,
        [
            ("golden_epic", "PASS"),
            ("cli", "PASS"),
            ("security_canary", "SKIPPED"),
            ("migrations", "PASS"),
            ("tests", "SKIPPED"),
            ("docker", "SKIPPED"),
        ]
    );
    house.put("runtime.db", "somebody's");
    let taken = [
        "smoke",
        "release",
        "--skip-security-canary",
        "--runtime-db",
        "runtime.db",
        "--require-docker",
        "--json",
    ];
    let ended = house.orket(&taken);
    assert_eq!(ended.code, Some(1));
    let report = ended.json();
    assert_eq!(report["steps"][3]["status"], "FAIL");
    assert_eq!(report["steps"][5]["status"], "FAIL");
    assert_eq!(
        std::fs::read_to_string(house.project().join("runtime.db")).unwrap(),
        "somebody's"
    );
}

#[test]
fn strangers_are_kept_out() {
    let house = House::new();
    let ended = house.orket(&["check", "security", "--out", "security.json", "--json"]);
    let report = ended.json();
    assert_eq!(ended.code, Some(0), "{report:#}{}", ended.stderr);
    assert_eq!(report, house.read_json("security.json"));
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.len() > 20, "{}", checks.len());
    assert!(checks.iter().all(|it| it["status"] == "PASS"), "{report:#}");
    let left: Vec<_> = std::fs::read_dir(house.project()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_folder_that_is_no_source_tree_has_no_boundaries() {
    let house = House::new();
    let ended = house.orket(&["check", "boundaries", "--json"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.json()["error"]["code"], "E_SOURCES");
}

#[test]
fn every_command_has_its_page_and_its_completion() {
    let house = House::new();
    let ended = house.orket(&["man", "--out", "man1", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let pages: Vec<String> = serde_json::from_value(ended.json()["pages"].clone()).unwrap();
    for page in [
        "orket.1",
        "orket-run.1",
        "orket-sweep-kpi.1",
        "orket-webhook-deliveries-list.1",
    ] {
        assert!(pages.iter().any(|it| it == page), "{page}: {pages:?}");
        let text = std::fs::read_to_string(house.project().join("man1").join(page)).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{text}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = house.orket(&["completions", shell]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.contains("unarchive"), "{shell}");
        let whole = house.orket(&["completions", shell, "--json"]).json();
        assert_eq!(whole["script"], ended.stdout.as_str());
    }
    assert_eq!(house.orket(&["completions", "cmd"]).code, Some(2));
}
