//! How prompts move on: every code, and what is written.

use std::collections::BTreeSet;
use std::fs;

use orket_prompts::PromptError;
use serde_json::{Value, json};

use crate::house::{House, keys};

/// The code that a command is refused with, for people and as JSON.
fn refused(house: &House, args: &[&str], exit: i32) -> String {
    let report = house.json(args, exit);
    let code = report["error"]["code"].as_str().unwrap().to_owned();
    let done = house.run(args);
    assert_eq!((done.code, done.out.as_str()), (exit, ""), "{done:?}");
    assert!(
        done.err.starts_with(&format!("error[{code}]: ")),
        "{done:?}"
    );
    assert!(done.err.contains("hint: "), "{done:?}");
    code
}

#[test]
fn a_new_version_goes_from_draft_to_stable() {
    let house = House::new();
    let shipped = house.json(&["prompts", "show", "--id", "role.coder"], 0)["payload"].clone();
    let new = [
        "prompts",
        "new",
        "--id",
        "role.coder",
        "--version",
        "1.1.0",
        "--as-of",
        "2026-03-01",
    ];
    let dry = house.run(&new);
    assert_eq!(
        (dry.code, dry.err.as_str()),
        (0, "nothing was changed; --apply writes it\n")
    );
    assert!(!house.path().join("model").exists());
    let dry = dry.json();
    assert_eq!(
        keys(&dry),
        [
            "path",
            "mode",
            "apply_changes",
            "before",
            "after",
            "metadata"
        ]
    );
    let done = house.run(&[&new[..], &["--apply", "--notes", "Shorter."]].concat());
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(
        done.err,
        "wrote model/core/roles/coder.json, which from now on is before what came with the program\n"
    );
    let written = done.json();
    assert_eq!(
        written["before"],
        json!({"version": "1.0.0", "status": "stable"})
    );
    assert_eq!(
        written["after"],
        json!({"version": "1.1.0", "status": "draft"})
    );
    // Nothing else was changed, and nothing has moved.
    let file: Value = serde_json::from_str(&house.read("model/core/roles/coder.json")).unwrap();
    let (mut before, mut after) = (shipped["role"].clone(), file["role"].clone());
    assert_eq!(keys(&before), keys(&after));
    for role in [&mut before, &mut after] {
        role.as_object_mut()
            .unwrap()
            .remove("prompt_metadata")
            .unwrap();
    }
    assert_eq!(before, after);
    // A draft speaks nowhere, a canary where canaries may.
    let resolve = ["prompts", "resolve", "--role", "coder"];
    assert_eq!(refused(&house, &resolve, 1), "E_PROMPT_SELECTION");
    let loose = house.run(&[&resolve[..], &["--strict=false"]].concat());
    assert_eq!(loose.code, 0);
    assert!(loose.err.starts_with("warning: "), "{loose:?}");
    let promote = |status: &'static str| {
        [
            "prompts",
            "promote",
            "--id",
            "role.coder",
            "--as-of",
            "2026-03-02",
            "--apply",
            "--status",
            status,
        ]
    };
    assert_eq!(
        refused(&house, &promote("stable"), 1),
        "E_PROMPT_TRANSITION"
    );
    house.json(&promote("canary"), 0);
    assert_eq!(refused(&house, &resolve, 1), "E_PROMPT_SELECTION");
    house.json(
        &[&resolve[..], &["--selection-policy", "canary"]].concat(),
        0,
    );
    let report = house.write(
        "report.json",
        r#"{"pass": false, "blockers": [{"code": "LOW"}]}"#,
    );
    let report = ["--promotion-report", report.to_str().unwrap()];
    let guarded = [&promote("stable")[..], &report].concat();
    assert_eq!(refused(&house, &guarded, 1), "E_PROMPT_BLOCKED");
    house.write("report.json", r#"{"pass": true}"#);
    house.json(&guarded, 0);
    let shown = house.json(&resolve, 0);
    assert_eq!(shown["metadata"]["prompt_version"], json!("1.1.0/1.0.0"));
    let file: Value = serde_json::from_str(&house.read("model/core/roles/coder.json")).unwrap();
    insta::assert_json_snapshot!(file["role"]["prompt_metadata"]);
    assert_eq!(house.run(&["prompts", "validate"]).code, 0);
    house.json(
        &["prompts", "deprecate", "--id", "role.coder", "--apply"],
        0,
    );
    assert_eq!(
        refused(&house, &promote("stable"), 1),
        "E_PROMPT_TRANSITION"
    );
}

#[test]
fn every_code_of_prompts_is_told() {
    let house = House::new();
    let mut codes = BTreeSet::new();
    let mut is = |args: &[&str], exit: i32| {
        codes.insert(refused(&house, args, exit));
    };
    for id in ["coder", "skill.x", "role.../../x"] {
        is(&["prompts", "show", "--id", id], 2);
    }
    is(&["prompts", "show", "--id", "role.nobody"], 1);
    is(&["prompts", "resolve", "--role", "nobody"], 1);
    is(&["prompts", "deprecate", "--id", "role.nobody"], 1);
    is(
        &[
            "prompts",
            "promote",
            "--id",
            "role.coder",
            "--status",
            "draft",
        ],
        1,
    );
    for version in ["1.0.0", "0.9", "next"] {
        is(
            &["prompts", "new", "--id", "role.coder", "--version", version],
            1,
        );
    }
    let promote = [
        "prompts",
        "promote",
        "--id",
        "role.tester",
        "--status",
        "canary",
    ];
    let made = house.run(&[
        "prompts",
        "new",
        "--id",
        "role.tester",
        "--version",
        "0.1",
        "--apply",
    ]);
    assert_eq!(made.code, 0, "{made:?}");
    is(
        &[&promote[..], &["--promotion-report", "nowhere.json"]].concat(),
        1,
    );
    house.write("no_report.json", "{}");
    is(
        &[&promote[..], &["--promotion-report", "no_report.json"]].concat(),
        1,
    );
    house.write("no.json", r#"{"pass": false}"#);
    is(
        &[&promote[..], &["--promotion-report", "no.json"]].concat(),
        1,
    );
    is(&["prompts", "resolve", "--role", "tester"], 1);
    let broken = house.write("model/core/roles/broken.json", "{");
    is(&["prompts", "show", "--id", "role.broken"], 1);
    // A link in the place of the file is not written through.
    let target = house.write("elsewhere.json", "{}");
    fs::remove_file(&broken).unwrap();
    std::os::unix::fs::symlink(target, &broken).unwrap();
    is(
        &[
            "prompts",
            "new",
            "--id",
            "role.broken",
            "--version",
            "1",
            "--apply",
        ],
        1,
    );
    assert_eq!(house.read("elsewhere.json"), "{}");
    let mut all: BTreeSet<String> = PromptError::CODES.map(str::to_owned).into();
    all.insert("E_PROMPT_SELECTION".to_owned());
    assert_eq!(codes, all);
    for usage in [
        &[
            "prompts",
            "promote",
            "--id",
            "role.coder",
            "--status",
            "retired",
        ][..],
        &["prompts", "enforce-sla", "--as-of", "soon"],
        &["prompts", "list", "--root", "nowhere"],
    ] {
        assert_eq!(house.run(usage).code, 2, "{usage:?}");
    }
}

#[test]
fn what_breaks_the_rules_is_told_and_fails() {
    let house = House::new();
    house.write(
        "model/core/roles/mine.json",
        r#"{"role": {"name": "mine", "description": "Dear {{who}}"}}"#,
    );
    house.write(
        "config/roles/coder.json",
        r#"{"role": {"name": "writer", "tools": [], "prompt_metadata": {"id": "role.coder"}}}"#,
    );
    house.write("model/core/dialects/odd.json", "[]");
    let place = house.path().to_str().unwrap().to_owned();
    let done = house.run(&["prompts", "validate"]);
    assert_eq!(done.code, 1, "{done:?}");
    insta::assert_snapshot!(done.out.replace(&place, "/house"));
    let report = house.json(&["prompts", "validate"], 1);
    assert_eq!(
        keys(&report),
        ["ok", "error_count", "warning_count", "errors", "warnings"]
    );
    let lines = done
        .out
        .lines()
        .skip(1)
        .filter(|it| !it.starts_with("warning"));
    let count = lines.count();
    assert_eq!(report["error_count"], json!(count));

    // A file that has no text hides no other.
    std::fs::write(house.path().join("config/roles/bytes.json"), [0xff]).unwrap();
    let report = house.json(&["prompts", "validate"], 1);
    assert_eq!(report["error_count"], json!(count + 1));
    let of_bytes = |it: &&serde_json::Value| it["path"].as_str().unwrap().ends_with("bytes.json");
    let errors = report["errors"].as_array().unwrap();
    assert_eq!(errors.iter().find(of_bytes).unwrap()["code"], "PL001");
    house.json(&["prompts", "list"], 0);
}

#[test]
fn candidates_of_long_ago_are_renewed_or_come_to_an_end() {
    let house = House::new();
    for (role, day) in [
        ("old", "2026-01-01"),
        ("older", "2025-12-01"),
        ("fresh", "2026-02-25"),
    ] {
        let id = format!("role.{role}");
        let made = house.run(&[
            "prompts",
            "new",
            "--id",
            &id,
            "--version",
            "0.1.0",
            "--status",
            "candidate",
            "--as-of",
            day,
            "--apply",
        ]);
        assert_eq!(made.code, 0, "{made:?}");
    }
    let sla = [
        "prompts",
        "enforce-sla",
        "--as-of",
        "2026-03-01",
        "--renew",
        "role.old",
    ];
    let before = house.read("model/core/roles/older.json");
    let mut stale = house.json(&sla, 1);
    for action in stale["actions"].as_array_mut().unwrap() {
        let path = action["path"].as_str().unwrap();
        action["path"] = json!(path.rsplit('/').next().unwrap());
    }
    assert_eq!(
        stale,
        json!({
            "ok": false, "as_of": "2026-03-01", "max_candidate_age_days": 14, "stale_count": 2,
            "renew_count": 1, "deprecate_count": 1, "actions": [
                {"id": "role.old", "path": "old.json", "action": "renew", "age_days": 59,
                 "updated_at": "2026-01-01"},
                {"id": "role.older", "path": "older.json", "action": "deprecate", "age_days": 90,
                 "updated_at": "2025-12-01"}
            ]
        })
    );
    assert_eq!(
        house.read("model/core/roles/older.json"),
        before,
        "dry by default"
    );
    let applied = house.json(&[&sla[..], &["--apply"]].concat(), 0);
    assert_eq!(applied["ok"], json!(true));
    let again = house.json(&sla, 0);
    assert_eq!(again["stale_count"], json!(0));
    let stand = |role: &str| {
        let shown = house.json(&["prompts", "show", "--id", &format!("role.{role}")], 0);
        let metadata = &shown["payload"]["role"]["prompt_metadata"];
        (metadata["status"].clone(), metadata["updated_at"].clone())
    };
    assert_eq!(stand("old"), (json!("candidate"), json!("2026-03-01")));
    assert_eq!(stand("older"), (json!("deprecated"), json!("2026-03-01")));
    assert_eq!(stand("fresh"), (json!("candidate"), json!("2026-02-25")));
    let unknown = house.json(&["prompts", "enforce-sla", "--renew", "role.nobody"], 1);
    assert_eq!(unknown["error"]["code"], json!("E_PROMPT_NOT_FOUND"));
}
