//! What docker does not show, or shows of somebody else, is no reason to remove anything.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use orket_sandboxes::{DockerCompose, SandboxError, SandboxStatus, Sandboxes as _, TechStack};

use super::house::{House, find};

const GOING: &str = "down --remove-orphans";
const GOING_WITH_ALL: &str = "down -v --remove-orphans";

/// A sandbox whose containers are gone.
async fn with_lost_containers(house: &House) -> DockerCompose {
    let all = house.open();
    all.create(house.wanted("launch")).await.unwrap();
    let project = house.path().join("state/projects/orket-sandbox-launch");
    std::fs::remove_dir_all(project).unwrap();
    all.look_once().await;
    let gone = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(gone.status, SandboxStatus::Stopped);
    assert_eq!(gone.last_error.as_deref(), Some("its containers are gone"));
    let downs = house.calls("down");
    assert!(downs.len() == 1 && downs[0].ends_with(GOING), "{downs:?}");
    all
}

fn password(house: &House) -> String {
    let file = house.registry().join("sandbox-launch/secrets.json");
    std::fs::read_to_string(file).unwrap_or_default()
}

#[tokio::test]
async fn what_was_stored_outlives_containers_that_are_gone() {
    let house = House::new();
    let all = with_lost_containers(&house).await;
    let kept = password(&house);
    assert!(!kept.is_empty());
    // Also over a restart, where a project that is back is no orphan.
    let record = std::fs::read(house.registry().join("sandbox-launch/record.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let home = record["home"].as_str().unwrap();
    house.project("orket-sandbox-launch", home);
    drop(all);
    let all = house.open();
    assert!(all.reconcile().await.unwrap().orphans.is_empty());
    // It comes up again with what it stored, even when that takes more than one try.
    house.tell("fail-up", "no");
    assert!(all.create(house.wanted("launch")).await.is_err());
    house.untell("fail-up");
    let again = all.create(house.wanted("launch")).await.unwrap();
    assert_eq!(again.status, SandboxStatus::Running);
    assert_eq!(password(&house), kept);
    assert!(house.calls("down").iter().all(|it| it.ends_with(GOING)));
    all.stop("sandbox-launch").await.unwrap();
    assert!(
        house
            .calls("down")
            .last()
            .unwrap()
            .ends_with(GOING_WITH_ALL)
    );
    assert_eq!(password(&house), "");
}

#[tokio::test]
async fn what_was_stored_goes_when_its_time_is_over_or_nobody_can_use_it() {
    let house = House::new();
    let all = with_lost_containers(&house).await;
    let mut other = house.wanted("launch");
    other.tech_stack = TechStack::FastapiVueMongo;
    all.create(other).await.unwrap();
    assert!(house.calls("down")[1].ends_with(GOING_WITH_ALL));

    let house = House::new();
    let all = with_lost_containers(&house).await;
    house.clock.advance(Duration::from_secs(72 * 3_600));
    all.look_once().await;
    let gone = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(gone.status, SandboxStatus::Deleted);
    assert!(house.calls("down")[1].ends_with(GOING_WITH_ALL));
    assert_eq!(password(&house), "");
}

#[tokio::test]
async fn another_docker_than_that_which_brought_it_up_changes_nothing() {
    let house = House::new();
    let engine = Arc::new(Mutex::new("context default".to_owned()));
    let open = || {
        let mut options = house.options();
        let engine = Arc::clone(&engine);
        options.engine = Arc::new(move || engine.lock().unwrap().clone());
        DockerCompose::open(options).unwrap()
    };
    let running = open().create(house.wanted("launch")).await.unwrap();
    *engine.lock().unwrap() = "host tcp://far:2376".to_owned();
    let project = house.path().join("state/projects/orket-sandbox-launch");
    let aside = house.path().join("aside");
    std::fs::rename(&project, &aside).unwrap();
    let all = open();
    all.reconcile().await.unwrap();
    all.look_once().await;
    for error in [
        all.create(house.wanted("launch")).await.unwrap_err(),
        all.stop("sandbox-launch").await.unwrap_err(),
    ] {
        let words = error.to_string();
        assert!(
            words.contains("context default, and docker's host tcp://far"),
            "{words}"
        );
    }
    assert_eq!(find(&all, "sandbox-launch").await, Some(running));
    assert!(house.calls("down").is_empty());
    *engine.lock().unwrap() = "context default".to_owned();
    std::fs::rename(&aside, &project).unwrap();
    all.stop("sandbox-launch").await.unwrap();
    assert!(house.projects().is_empty());
}

#[tokio::test]
async fn a_copy_of_the_folder_leaves_what_the_original_runs() {
    for is_noted in [true, false] {
        let house = House::new();
        house.open().create(house.wanted("launch")).await.unwrap();
        let (from, to) = (house.registry(), house.path().join("copy"));
        let (from, to) = (from.join("sandbox-launch"), to.join("sandbox-launch"));
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(&from).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
        if !is_noted {
            // As an earlier version wrote it; docker's label tells.
            let path = to.join("record.json");
            let text = std::fs::read(&path).unwrap();
            let mut record: serde_json::Value = serde_json::from_slice(&text).unwrap();
            record.as_object_mut().unwrap().remove("home").unwrap();
            std::fs::write(&path, record.to_string()).unwrap();
        }
        let open = || {
            let mut options = house.options();
            options.folder = house.path().join("copy");
            DockerCompose::open(options).unwrap()
        };
        let copy = open();
        copy.reconcile().await.unwrap();
        let let_go = find(&copy, "sandbox-launch").await.unwrap();
        assert_eq!(let_go.status, SandboxStatus::Stopped, "{is_noted}");
        let words = let_go.last_error.unwrap();
        assert!(words.contains("belongs to another data folder"), "{words}");
        assert!(!to.join("secrets.json").exists());
        for error in [
            copy.stop("sandbox-launch").await.unwrap_err(),
            copy.create(house.wanted("launch")).await.unwrap_err(),
        ] {
            assert!(matches!(error, SandboxError::Failed { .. }), "{error}");
        }
        assert!(house.calls("down").is_empty());
        assert_eq!(house.projects(), ["orket-sandbox-launch"]);
        assert_eq!(
            house.state("projects/orket-sandbox-launch/service-api"),
            "running\n"
        );
    }
}
