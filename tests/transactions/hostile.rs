//! Repositories that are made to lead astray, and those that only look unusual.

use std::os::unix::fs::symlink;

use crate::repository::{Repository, WAITS};

const YES: [&str; 5] = [
    "refactor",
    "rename User to Member",
    "--scope",
    "src",
    "--yes",
];
const LOOK: [&str; 5] = [
    "refactor",
    "rename User to Member",
    "--scope",
    "src",
    "--dry-run",
];

/// What is recorded would otherwise be written wherever a repository says.
#[test]
fn links_among_what_is_recorded_are_not_followed() {
    let repository = Repository::new();
    repository.verified_by(&["echo no; exit 1"]);
    let outside = repository.place().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("theirs"), "theirs").unwrap();
    repository.write(".orket/memory/own", "");
    let orket = repository.root().join(".orket");
    symlink(
        outside.join("theirs"),
        orket.join("memory/failure_lessons.jsonl"),
    )
    .unwrap();
    symlink(&outside, orket.join("replay_artifacts")).unwrap();
    let output = repository
        .command(&[&YES[..], &["--json"]].concat())
        .env("ORKET_FAILURE_LESSONS", "1")
        .env("ORKET_REPLAY_ARTIFACTS", "1")
        .output();
    let json = crate::repository::Said::of(output.unwrap()).json();
    assert_eq!(json["code"], "E_VERIFY_FAILED_REVERTED", "{json:#}");
    assert!(json["failure_lesson_id"].is_null(), "{json:#}");
    let message = json["message"].as_str().unwrap();
    assert!(message.contains("its lesson could not be recorded"));
    assert!(message.contains("its replay artifact could not be written"));
    assert_eq!(std::fs::read(outside.join("theirs")).unwrap(), b"theirs");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
}

/// Somebody says yes to what is shown.
#[test]
fn no_name_and_no_command_forges_a_line_of_the_plan() {
    let repository = Repository::new();
    repository.write("src/a\u{1b}[2K\nNOTES:.js", "class User {}\n");
    repository.verified_by(&["true #\u{1b}[1A\nOK: harmless"]);
    let said = repository.orket(&LOOK).ok();
    assert!(!said.stdout.contains('\u{1b}'), "{}", said.stdout);
    assert!(
        said.stdout.contains("  [M] src/a\\u{1b}[2K\\nNOTES:.js\n"),
        "{}",
        said.stdout
    );
    assert!(
        said.stdout
            .contains("      * true #\\u{1b}[1A\\nOK: harmless\n"),
        "{}",
        said.stdout
    );
    // Programs get the name as it is.
    repository.write("src/\u{1b}.txt", "");
    let said = repository.orket(&LOOK);
    assert!(said.stdout.contains("not clean: src/\\u{1b}.txt\n"));
}

/// Workspaces of npm are links from `node_modules` to packages of the same repository.
#[test]
fn a_package_of_the_repository_is_found_in_the_copy_through_its_link() {
    let repository = Repository::new();
    repository.write("node_modules/dep/index.js", "module.exports = 1;\n");
    repository.write("node_modules/@us/dep/index.js", "module.exports = 2;\n");
    let modules = repository.root().join("node_modules");
    symlink("../src", modules.join("ours")).unwrap();
    symlink("../../src", modules.join("@us/ours")).unwrap();
    symlink("dep", modules.join("alias")).unwrap();
    repository.verified_by(&[
        "grep -q 'class Member' node_modules/ours/user.js",
        "grep -q 'class Member' node_modules/@us/ours/user.js",
        "grep -q 1 node_modules/dep/index.js node_modules/alias/index.js",
        "grep -q 2 node_modules/@us/dep/index.js",
    ]);
    repository.orket(&YES).ok();
}

#[test]
fn temporary_files_may_have_their_place_in_the_repository() {
    let repository = Repository::new();
    repository.write(".gitignore", "*.log\ntmp/\n");
    repository.write("tmp/kept", "x");
    repository.verified_by(&["test -f tmp/kept && ! ls tmp | grep -q orket-transaction"]);
    let output = repository
        .command(&YES)
        .env("TMPDIR", repository.root().join("tmp"))
        .output();
    crate::repository::Said::of(output.unwrap()).ok();
    let left = std::fs::read_dir(repository.root().join("tmp")).unwrap();
    assert_eq!(left.count(), 1);
}

/// What was verified would otherwise not be what is there.
#[test]
fn nothing_is_written_once_another_commit_is_checked_out() {
    let repository = Repository::new();
    repository.verified_by(&[WAITS]);
    let waiting = repository.start_waiting(&[&YES[..], &["--json"]].concat());
    repository.write("lib/other.js", "module.exports = 2;\n");
    repository.commit();
    let files = repository.files();
    let said = waiting.go_on();
    assert_eq!(said.code, Some(1));
    assert_eq!(said.json()["code"], "E_WORKTREE_CHANGED");
    assert_eq!(repository.files(), files);
}
