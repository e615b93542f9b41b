//! Runs whose files go into a repository of Gitea when they end.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use orket_fake_gitea::{FakeGitea, Fault, Route};
use serde_json::Value;

use super::house::{Done, House, QUICK, Running};

/// A Gitea that serves git, and where its repositories are.
fn gitea() -> (FakeGitea, tempfile::TempDir) {
    let (gitea, root) = (FakeGitea::start(), tempfile::tempdir().unwrap());
    gitea.serve_git(root.path()).unwrap();
    gitea.with(|state| state.organizations.insert("acme".to_owned()));
    (gitea, root)
}

fn command(house: &House, gitea: &FakeGitea, args: &[&str]) -> Command {
    let mut command = house.command(args);
    command
        .env("GITEA_URL", gitea.url())
        .env("GITEA_TOKEN", gitea.token())
        .env("ORKET_GITEA_ARTIFACT_EXPORT", "1")
        .env("ORKET_GITEA_ARTIFACT_OWNER", "acme");
    command
}

fn run(house: &House, gitea: &FakeGitea, args: &[&str]) -> Done {
    let (code, lines) = Running::of(command(house, gitea, args)).end();
    let out = lines.join("\n");
    Done {
        code,
        err: out.clone(),
        out,
    }
}

/// What the repository holds, without the run's folder.
fn exported(root: &Path, run_id: &str) -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-tree", "-r", "--name-only", "main"])
        .current_dir(root.join("acme/orket-run-artifacts.git"))
        .output()
        .expect("these tests need the program git: apt-get install git");
    let names = String::from_utf8(output.stdout).unwrap();
    names
        .lines()
        .filter_map(|name| name.split_once(&format!("/{run_id}/")))
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// Lines of the workspace's log with this event.
fn logged(house: &House, event: &str) -> Vec<Value> {
    let log = std::fs::read_to_string(house.path().join("workspace/default/orket.log")).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|line: &Value| line["event"] == event)
        .collect()
}

fn run_id(house: &House) -> String {
    let runs = house.run(&["runs", "--json"]).json();
    runs["runs"][0]["run_id"].as_str().unwrap().to_owned()
}

/// No file below the folder, and nothing that was said, holds the token.
fn assert_no_secret(house: &House, gitea: &FakeGitea, said: &str) {
    assert!(!said.contains(gitea.token()));
    let mut folders = vec![house.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let bytes = std::fs::read(entry.path()).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                assert!(!text.contains(gitea.token()), "{:?}", entry.path());
            }
        }
    }
}

#[test]
fn the_files_of_a_run_are_in_the_repository_when_its_command_ends() {
    let house = House::new();
    let (gitea, root) = gitea();
    house.epic("small", 1, QUICK);
    let done = run(&house, &gitea, &["--epic", "small"]);
    assert_eq!(done.code, 0, "{}", done.out);
    let id = run_id(&house);
    let names = exported(root.path(), &id);
    for name in ["manifest.json", "orket.log", "agent_output/SMALL-1.txt"] {
        assert!(names.contains(&name.to_owned()), "{name} in {names:#?}");
    }
    assert!(names.contains(&"observability/SMALL-1/001_coder/checkpoint.json".to_owned()));
    let told = logged(&house, "run_artifacts_exported");
    assert_eq!(told.len(), 1);
    let data = &told[0]["data"];
    assert_eq!(
        (&data["run_id"], &data["repo"]),
        (&id.into(), &"orket-run-artifacts".into())
    );
    assert_no_secret(&house, &gitea, &done.out);
    assert_eq!(gitea.violations(), Vec::<String>::new());
}

#[test]
fn a_gitea_that_is_down_fails_no_run_and_the_operator_exports_it_later() {
    let house = House::new();
    let (gitea, root) = gitea();
    house.epic("small", 1, QUICK);
    gitea.stop_listening();
    let done = run(&house, &gitea, &["--epic", "small"]);
    assert_eq!(done.code, 0, "{}", done.out);
    assert!(done.out.contains("orket export --gitea"), "{}", done.out);
    let told = logged(&house, "run_artifact_export_failed");
    assert_eq!(told.len(), 1);
    let error = told[0]["data"]["error"].as_str().unwrap();
    assert!(error.contains("Gitea cannot be reached"), "{error}");

    gitea.heal().unwrap();
    gitea.fail_next(Route::Repository, Fault::Status(503));
    let refused = run(&house, &gitea, &["export", "last", "--gitea"]);
    assert_eq!(refused.code, 1);
    assert!(refused.out.contains("E_GITEA"), "{}", refused.out);
    let again = run(&house, &gitea, &["export", "last", "--gitea"]);
    assert_eq!(again.code, 0, "{}", again.out);
    assert!(again.out.contains("/acme/orket-run-artifacts/src/commit/"));
    assert!(exported(root.path(), &run_id(&house)).contains(&"manifest.json".to_owned()));
    assert_no_secret(&house, &gitea, &again.out);
}

#[test]
fn an_owner_exports_each_run_that_ends_and_shows_where_it_is() {
    let house = House::new();
    let (gitea, _root) = gitea();
    house.epic("small", 1, QUICK);
    let mut owner = Running::of(command(&house, &gitea, &["serve", "--socket-only"]));
    owner.until("listening");
    let done = run(&house, &gitea, &["--epic", "small"]);
    assert_eq!(done.code, 0, "{}", done.out);
    let pushed = |state: &orket_fake_gitea::State| {
        let mut requests = state.requests.iter();
        requests.any(|asked| asked.path.ends_with("/git-receive-pack") && asked.status == Some(200))
    };
    gitea
        .wait_for_blocking(pushed, super::house::DEADLINE)
        .unwrap();
    // The owner keeps it, and says so, before it stops.
    assert_eq!(house.run(&["serve", "--stop"]).code, 0);
    owner.end();
    let id = run_id(&house);
    assert_eq!(logged(&house, "run_artifacts_exported").len(), 1);

    let mut owner = Running::of(house.command(&["serve", "--socket-only"]));
    owner.until("listening");
    let seen = get(&house, &format!("/v1/runs/{id}"));
    let export = &seen["artifacts"]["gitea_export"];
    assert_eq!(
        (&export["provider"], &export["owner"]),
        (&"gitea".into(), &"acme".into())
    );
    let url = export["url"].as_str().unwrap();
    assert!(url.starts_with(&format!(
        "{}/acme/orket-run-artifacts/src/commit/",
        gitea.url()
    )));
}

#[test]
fn what_an_owner_did_not_export_the_next_one_does() {
    let house = House::new();
    let (gitea, root) = gitea();
    house.epic("small", 1, QUICK);
    // The export is under way when its owner dies.
    gitea.fail_next(Route::GitPush, Fault::Hold);
    let mut owner = Running::of(command(&house, &gitea, &["serve", "--socket-only"]));
    owner.until("listening");
    let done = run(&house, &gitea, &["--epic", "small"]);
    assert_eq!(done.code, 0, "{}", done.out);
    let pushes = |state: &orket_fake_gitea::State, status: Option<u16>| {
        let mut requests = state.requests.iter();
        requests.any(|asked| asked.path.ends_with("/git-receive-pack") && asked.status == status)
    };
    gitea
        .wait_for_blocking(|state| pushes(state, None), super::house::DEADLINE)
        .unwrap();
    owner.signal("KILL");
    owner.end();
    assert_eq!(exported(root.path(), &run_id(&house)), Vec::<String>::new());
    gitea.heal().unwrap();

    let mut owner = Running::of(command(&house, &gitea, &["serve", "--socket-only"]));
    owner.until("listening");
    gitea
        .wait_for_blocking(|state| pushes(state, Some(200)), super::house::DEADLINE)
        .unwrap();
    assert_eq!(house.run(&["serve", "--stop"]).code, 0);
    owner.end();
    assert!(exported(root.path(), &run_id(&house)).contains(&"manifest.json".to_owned()));
    assert_eq!(logged(&house, "run_artifacts_exported").len(), 1);

    // Once is enough.
    let pushed = gitea.requests().len();
    let mut owner = Running::of(command(&house, &gitea, &["serve", "--socket-only"]));
    owner.until("listening");
    assert_eq!(house.run(&["serve", "--stop"]).code, 0);
    owner.end();
    assert_eq!(gitea.requests().len(), pushed);
}

#[test]
fn a_second_signal_is_for_an_export_that_hangs_too() {
    let house = House::new();
    let (gitea, _root) = gitea();
    house.epic("small", 1, QUICK);
    gitea.fail_always(Route::GitPush, Fault::Hold);
    let mut owner = Running::of(command(&house, &gitea, &["serve", "--socket-only"]));
    owner.until("listening");
    let done = run(&house, &gitea, &["--epic", "small"]);
    assert_eq!(done.code, 0, "{}", done.out);
    let held = |state: &orket_fake_gitea::State| {
        let mut requests = state.requests.iter();
        requests.any(|asked| asked.path.ends_with("/git-receive-pack"))
    };
    gitea
        .wait_for_blocking(held, super::house::DEADLINE)
        .unwrap();
    owner.signal("TERM");
    owner.until("in good order");
    owner.signal("TERM");
    // Far sooner than an export may take.
    let (_, lines) = owner.end();
    let said = lines.join("\n");
    assert!(said.contains("the next start does it"), "{said}");
    assert!(logged(&house, "run_artifacts_exported").is_empty());
}

/// Asks the owner over its socket.
fn get(house: &House, path: &str) -> Value {
    let mut socket = UnixStream::connect(house.durable().join("run/orket.sock")).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: orket\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let at = answer.find('{').unwrap_or_else(|| panic!("{answer}"));
    let end = answer.rfind('}').unwrap();
    serde_json::from_str(&answer[at..=end]).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[test]
fn what_is_missing_is_named_before_anything_runs() {
    let house = House::new();
    house.epic("small", 1, QUICK);
    let mut command = house.command(&["--epic", "small"]);
    command.env("ORKET_GITEA_ARTIFACT_EXPORT", "on");
    let (code, lines) = Running::of(command).end();
    assert_ne!(code, 0);
    assert!(lines.join("\n").contains("set GITEA_URL"), "{lines:#?}");
    assert_eq!(
        house.run(&["runs", "--json"]).json()["runs"],
        serde_json::json!([])
    );
}
