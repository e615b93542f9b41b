//! What is merged is cloned at that commit, brought up by docker (a shell script on PATH here), and people
//! are told where.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::house::{House, merged, read};

const DOCKER: &str = include_str!("../../sandboxes/tests/docker/docker.sh");

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "ada")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "ada@x")))
        .output()
        .expect("these tests need the program git: apt-get install git");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {words}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A house with a docker, and with a pull request that was merged at this commit.
fn site(root: &Path) -> (House, String) {
    let mut house = House::new();
    let bin = house.folder.path().join("bin");
    std::fs::create_dir_all(bin.join("state/projects")).unwrap();
    std::fs::write(bin.join("docker"), DOCKER).unwrap();
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(bin.join("docker"), mode).unwrap();
    let path = std::env::var("PATH").unwrap();
    house.set("PATH", &format!("{}:{path}", bin.display()));
    house.gitea.serve_git(root).unwrap();
    let work = tempfile::tempdir().unwrap();
    git(work.path(), &["init", "-q", "-b", "main"]);
    for folder in ["backend", "frontend"] {
        std::fs::create_dir(work.path().join(folder)).unwrap();
        std::fs::write(
            work.path().join(folder).join("Dockerfile"),
            "FROM scratch\n",
        )
        .unwrap();
    }
    git(work.path(), &["add", "-A"]);
    git(work.path(), &["commit", "-q", "-m", "a page"]);
    let commit = git(work.path(), &["rev-parse", "HEAD"]);
    let bare = root.join("acme/site.git").display().to_string();
    git(work.path(), &["push", "-q", &bare, "main"]);
    house.gitea.change_pull("acme/site", 7, |pull| {
        pull.open = false;
        pull.merged = Some(orket_fake_gitea::Merged {
            commit: commit.clone(),
            ..Default::default()
        });
    });
    (house, commit)
}

fn is_brought_up(house: &House, commit: &str) {
    let (status, told) = house.deliver("merged", "pull_request", &merged(7)).unwrap();
    assert_eq!(
        (status, told["status"].as_str()),
        (200, Some("success")),
        "{told}"
    );
    let all = house.settled();
    let calls = all[0]["calls"].as_array().unwrap();
    let done: Vec<(&str, &str)> = calls
        .iter()
        .map(|it| (it["kind"].as_str().unwrap(), it["status"].as_str().unwrap()))
        .collect();
    let expected = [
        ("start_phase", "done"),
        ("deploy", "done"),
        ("comment", "done"),
    ];
    assert_eq!(done, expected, "{calls:#?}");
    let sandboxes = house.json(&["sandbox", "list"]);
    let sandbox = &sandboxes["sandboxes"][0];
    assert_eq!(
        (&sandbox["rock_id"], &sandbox["status"]),
        (&json!("acme__site-pr7"), &json!("running"))
    );
    let url = sandbox["frontend_url"].as_str().unwrap();
    let comments = house.gitea.with(|state| state.comments("acme/site", 7));
    assert_eq!(comments.len(), 1);
    assert!(comments[0].contains(url), "{comments:?}");
    let checkout = house
        .folder
        .path()
        .join(".orket/durable/checkouts/acme__site-pr7")
        .join(commit);
    assert_eq!(read(&checkout.join("backend/Dockerfile")), "FROM scratch\n");
    // Told again, nothing is done again.
    let (_, again) = house.deliver("merged", "pull_request", &merged(7)).unwrap();
    assert_eq!(again["duplicate"], true);
    let log = read(&house.folder.path().join("workspace/default/orket.log"));
    assert!(!log.contains(house.gitea.token()), "no secret in the log");
    assert_eq!(house.gitea.violations(), Vec::<String>::new());
}

#[test]
fn what_is_merged_is_brought_up_by_the_owner_itself() {
    let root = tempfile::tempdir().unwrap();
    let (mut house, commit) = site(root.path());
    house.set("ORKET_API_KEY", "a-key-for-tests-0123456789");
    house.start(&["serve", "--port", "0", "--with-webhook"]);
    is_brought_up(&house, &commit);
    house.stop();
}

#[test]
fn what_is_merged_is_brought_up_by_an_owner_that_a_receiver_asks() {
    let root = tempfile::tempdir().unwrap();
    let (mut house, commit) = site(root.path());
    let mut owner = house.command(&["serve", "--socket-only"]).spawn().unwrap();
    house.start(&["webhook"]);
    is_brought_up(&house, &commit);
    house.stop();
    owner.kill().unwrap();
    owner.wait().unwrap();
}
