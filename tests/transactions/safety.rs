//! Nothing is half done, and nothing else is touched.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::repository::{Repository, Said, WAITS};

const YES: [&str; 5] = [
    "refactor",
    "rename User to Member",
    "--scope",
    "src",
    "--yes",
];

/// Kills it at each of its writes, until there are none left.
#[test]
fn a_command_that_is_killed_at_any_write_is_put_right_by_the_next_one() {
    let repository = Repository::new();
    repository.write("ignored.log", "mine");
    let before = repository.files();
    let mut outcomes = Vec::new();
    for write in 1.. {
        let fault = format!("kill@transaction.write#{write}");
        let output = repository.command(&YES).env("ORKET_FAULT", fault).output();
        let killed = output.unwrap();
        if killed.status.code().is_some() {
            assert!(killed.status.success(), "{killed:?}");
            break;
        }
        // What the next one is does not matter: this one changes nothing itself.
        let next = repository.orket(&["refactor", "rename A to A", "--scope", "src", "--json"]);
        let json = next.json();
        let is_before = repository.files() == before;
        let is_planned = repository
            .read("src/user.js")
            .contains("class Member {}\r\n")
            && repository.read("src/index.js").contains("new Member()");
        assert!(
            is_before || is_planned,
            "write {write}: {:#?}",
            repository.files()
        );
        let action = &json["recovered"][0]["action"];
        outcomes.push(action.as_str().unwrap_or("nothing").to_owned());
        if is_planned {
            assert_eq!(json["code"], "E_WORKTREE_DIRTY", "{json:#}");
            repository.git(&["checkout", "-q", "--", "src"]);
        }
        assert_eq!(repository.files(), before);
        let left = std::fs::read_dir(repository.root().join(".orket/transactions"));
        assert_eq!(left.unwrap().count(), 2, "the lock and .gitignore");
    }
    for outcome in ["discarded", "rolled_back", "completed"] {
        assert!(outcomes.iter().any(|it| it == outcome), "{outcomes:?}");
    }
    assert_eq!(repository.read("ignored.log"), "mine");
}

#[test]
fn a_command_that_is_killed_in_its_verification_leaves_no_process_and_no_copy() {
    let repository = Repository::new();
    repository.verified_by(&[WAITS]);
    let files = repository.files();
    let mut waiting = repository.start_waiting(&YES);
    waiting.signal("KILL");
    waiting.end();
    assert!(waiting.scratch.exists());
    let said = repository.orket(&[
        "refactor",
        "rename User to Member",
        "--scope",
        "src",
        "--dry-run",
    ]);
    let said = said.ok();
    assert!(
        said.stderr.contains("recovered: `orket refactor"),
        "{said:?}"
    );
    assert!(!waiting.scratch.exists());
    assert_eq!(repository.files(), files);
}

#[test]
fn verification_works_in_a_copy_and_harms_nothing_else() {
    let repository = Repository::new();
    repository.write(".env", "KEY=1\n");
    repository.write("a.log", "log");
    repository.write("node_modules/dep/index.js", "module.exports = 1;\n");
    repository.write("lib/kept.txt", "x");
    repository.write("src/tool.js", "class User {}\n");
    let tool = repository.root().join("src/tool.js");
    std::fs::set_permissions(&tool, PermissionsExt::from_mode(0o555)).unwrap();
    repository.verified_by(&[
        // All of it is there, with the change made.
        "test -f .env && test -f a.log && test -f node_modules/dep/index.js && test -x src/tool.js",
        "grep -q 'class Member' src/user.js && grep -q 'class Member' src/tool.js",
        // Dependencies are to be read only.
        "if echo x > node_modules/dep/new 2>/dev/null; then exit 9; fi",
        // The rest is its own to break; the real one is out of reach.
        "rm -rf .env a.log lib src; test ! -e ../../../.git",
    ]);
    let root = repository.root().display().to_string();
    let before = repository.files();
    let head = repository.git(&["rev-parse", "HEAD"]);
    repository.orket(&YES).ok();
    let mut expected = before;
    for path in ["src/user.js", "src/index.js", "src/tool.js"] {
        let text = expected.get_mut(path).unwrap();
        // The comment in index.js stays.
        *text = text
            .replace("User", "Member")
            .replace("// A Member", "// A User");
    }
    assert_eq!(repository.files(), expected, "{root}");
    let mode = std::fs::metadata(&tool).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o555);
    assert_eq!(repository.git(&["rev-parse", "HEAD"]), head);
    let status = repository.git(&["status", "--porcelain", "--untracked-files=no"]);
    assert_eq!(status, " M src/index.js\n M src/tool.js\n M src/user.js\n");
}

#[test]
fn verification_that_takes_too_long_is_killed_as_a_whole() {
    let repository = Repository::new();
    repository.verified_by(&["echo begun; sleep 600 & sleep 600"]);
    let files = repository.files();
    let mut arguments = YES.to_vec();
    arguments.extend(["--verify-timeout", "0.2", "--json"]);
    let json = repository.orket(&arguments).json();
    assert_eq!(json["code"], "E_VERIFY_FAILED_REVERTED");
    assert_eq!(json["verify_exit_code"], 124);
    assert_eq!(json["verify_output_tail"], "begun");
    assert_eq!(json["parity"]["revert_verified"], true);
    assert_eq!(repository.files(), files);
}

#[test]
fn whoever_stands_in_a_folder_names_scopes_from_there() {
    let repository = Repository::new();
    let mut command =
        repository.command(&["refactor", "rename User to Member", "--scope", ".", "--yes"]);
    command.current_dir(repository.root().join("src"));
    Said::of(command.output().unwrap()).ok();
    assert!(
        repository
            .read("src/user.js")
            .starts_with("class Member {}\r\n")
    );
    assert!(!repository.root().join("src/.orket").exists());
}

/// A journal in a repository that was cloned could otherwise have settings of git exchanged.
#[test]
fn a_journal_that_came_with_the_repository_is_not_followed() {
    let repository = Repository::new();
    let config = repository.read(".git/config");
    let state = |text: &str| {
        let sha256 = orket_transactions::tree::sha256(text.as_bytes());
        serde_json::json!({"sha256": sha256, "mode": 0o644})
    };
    let evil = "[core]\n\tfsmonitor = evil\n";
    let intent = serde_json::json!({
        "version": 1, "command": "orket refactor", "folders": [],
        "files": [{"path": ".git/config", "slot": "0", "before": state(evil), "after": state(&config)}],
    });
    repository.write(
        ".orket/transactions/0123456789abcdef/intent.json",
        &intent.to_string(),
    );
    repository.write(".orket/transactions/0123456789abcdef/0", evil);
    let refused = |why: &str| {
        let json = repository.orket(&[&YES[..], &["--json"]].concat()).json();
        assert_eq!(json["code"], "E_INTERNAL", "{json:#}");
        assert!(json["message"].as_str().unwrap().contains(why), "{json:#}");
        assert_eq!(repository.read(".git/config"), config);
    };
    // Not even when nobody knows where it came from.
    refused("where nothing is ever written");
    repository.git(&["add", "-f", ".orket"]);
    repository.git(&["commit", "-q", "-m", "a gift"]);
    refused("is tracked by git");
}

/// The program is killed after its first exchange, and somebody goes on working in what it left.
#[test]
fn what_somebody_wrote_after_a_kill_is_kept() {
    let repository = Repository::new();
    let mut write = 1;
    let half = loop {
        let fault = format!("kill@transaction.write#{write}");
        let _ = repository.command(&YES).env("ORKET_FAULT", fault).output();
        let changed = repository.git(&["diff", "--name-only"]);
        if changed.lines().count() == 1 {
            break changed.trim().to_owned();
        }
        assert_eq!(changed, "", "write {write}");
        repository.orket(&["refactor", "rename A to A", "--scope", "src"]);
        write += 1;
    };
    repository.write(&half, "// mine now\n");
    let json = repository
        .orket(&["refactor", "rename A to A", "--scope", "src", "--json"])
        .json();
    assert_eq!(json["recovered"][0]["action"], "kept_in_part");
    assert_eq!(json["recovered"][0]["left"][0], half.as_str());
    assert_eq!(json["code"], "E_WORKTREE_DIRTY");
    assert_eq!(repository.read(&half), "// mine now\n");
    let id = json["recovered"][0]["id"].as_str().unwrap();
    let kept = format!(".orket/transactions/{id}.kept");
    assert!(repository.root().join(&kept).is_dir());
    // Once that is settled, everything goes on.
    repository.git(&["checkout", "-q", "--", "src"]);
    repository.orket(&YES).ok();
}
