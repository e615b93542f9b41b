//! Passwords are in the files that containers are made from, and nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use orket_sandboxes::{SandboxError, Sandboxes as _};
use serde_json::Value;

use super::house::{House, find};

/// The secrets of a sandbox, as they are on disk.
fn secrets(house: &House, id: &str) -> Vec<String> {
    let text = fs::read(house.registry().join(id).join("secrets.json")).unwrap();
    let secrets: Value = serde_json::from_slice(&text).unwrap();
    let secrets = secrets.as_object().unwrap().values();
    secrets.map(|it| it.as_str().unwrap().to_owned()).collect()
}

fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[tokio::test]
async fn secrets_are_told_nowhere() {
    let house = House::new();
    let all = house.open();
    all.create(house.wanted("launch")).await.unwrap();
    let secrets = secrets(&house, "sandbox-launch");
    assert_eq!(secrets.len(), 2);
    assert!(secrets.iter().all(|it| it.len() == 43));
    // Docker says them wherever it can.
    let words = format!("password authentication failed: {}", secrets.join(" "));
    house.tell("logs", &words);
    house.tell("fail-ps", &words);
    all.look_once().await;
    let sandbox = find(&all, "sandbox-launch").await.unwrap();
    let logs = all.logs("sandbox-launch", Some("api")).await.unwrap();
    house.untell("fail-ps");
    house.tell("fail-down", &words);
    let error = all.stop("sandbox-launch").await.unwrap_err();
    assert_eq!(logs, "password authentication failed: *** ***");
    assert!(error.to_string().ends_with("failed: *** ***"), "{error}");
    let mut shown = vec![
        serde_json::to_string(&sandbox).unwrap(),
        format!("{sandbox:?} {logs} {error} {error:?}"),
        // Its arguments and its environment.
        house.state("calls"),
        house.state("environment"),
    ];
    let mut stored = Vec::new();
    files(&house.registry(), &mut stored);
    for path in stored {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        let name = path.file_name().unwrap().to_str().unwrap();
        if !["secrets.json", "docker-compose.sandbox.yml"].contains(&name) {
            shown.push(fs::read_to_string(&path).unwrap());
        }
    }
    for text in shown {
        for secret in &secrets {
            assert!(!text.contains(secret), "{text}");
        }
    }
    house.untell("fail-down");
    all.stop("sandbox-launch").await.unwrap();
    let mut left = Vec::new();
    files(&house.registry(), &mut left);
    assert_eq!(left.len(), 1, "the record alone is left: {left:?}");
}

#[tokio::test]
async fn docker_is_told_no_more_of_the_environment_than_it_needs() {
    let house = House::new();
    let all = house.open();
    all.create(house.wanted("launch")).await.unwrap();
    let environment = house.state("environment");
    assert!(environment.contains("PATH="));
    let cargo = environment.lines().filter(|it| it.starts_with("CARGO"));
    assert_eq!(cargo.count(), 0, "{environment}");
    let up = &house.calls("up")[0];
    let base = house.path().join("workspace/agent_output");
    let file = house
        .registry()
        .join("sandbox-launch/docker-compose.sandbox.yml");
    assert_eq!(
        up,
        &format!(
            "compose -p orket-sandbox-launch -f {} --project-directory {} --env-file /dev/null up -d --build --remove-orphans",
            file.display(),
            base.display()
        )
    );
}

#[tokio::test]
async fn the_log_is_that_of_a_service_of_the_sandbox() {
    let house = House::new();
    let all = house.open();
    all.create(house.wanted("launch")).await.unwrap();
    house.tell("logs", "a line\n");
    assert_eq!(all.logs("sandbox-launch", None).await.unwrap(), "a line\n");
    assert!(house.calls("logs")[0].ends_with("logs --no-color --tail 100"));
    all.logs("sandbox-launch", Some("db")).await.unwrap();
    assert!(house.calls("logs")[1].ends_with("logs --no-color --tail 100 db"));
    let error = all.logs("sandbox-launch", Some("mongo")).await.unwrap_err();
    assert!(matches!(error, SandboxError::UnknownService { .. }));
    let error = all.logs("sandbox-x", None).await.unwrap_err();
    assert!(matches!(error, SandboxError::Unknown(_)));
    // A long one is cut, and is bounded.
    house.tell("logs", &"0123456789\n".repeat(100_000));
    let long = all.logs("sandbox-launch", None).await.unwrap();
    assert!(long.len() <= 256 * 1024 && long.ends_with("0123456789\n"));
    all.stop("sandbox-launch").await.unwrap();
    assert!(all.logs("sandbox-launch", None).await.is_err());
}

#[tokio::test]
async fn no_passwords_stay_of_what_did_not_begin() {
    let house = House::new();
    let all = house.open();
    let folder = house.registry().join("sandbox-launch");
    // The record cannot take its place.
    fs::create_dir_all(folder.join("record.json.new")).unwrap();
    let error = all.create(house.wanted("launch")).await.unwrap_err();
    assert!(matches!(error, SandboxError::Records(_)), "{error}");
    let names = |folder: &Path| -> Vec<_> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|it| it.unwrap().file_name()).collect()
    };
    assert_eq!(names(&folder), ["record.json.new"]);
    // Nor of what a process began that died, whether or not there is a record.
    fs::remove_dir(folder.join("record.json.new")).unwrap();
    all.create(house.wanted("over")).await.unwrap();
    all.stop("sandbox-over").await.unwrap();
    let over = house.registry().join("sandbox-over");
    for name in [
        "secrets.json",
        "secrets.json.new",
        "docker-compose.sandbox.yml",
    ] {
        for folder in [&folder, &over] {
            fs::write(folder.join(name), "{}").unwrap();
        }
    }
    house.open();
    assert!(names(&folder).is_empty());
    assert_eq!(names(&over), ["record.json"]);
}
