//! A process dies, and the next one finds what it left.

use std::path::Path;
use std::process::{Command, Stdio};

use orket_sandboxes::{DockerCompose, Reconciled, SandboxError, SandboxStatus, Sandboxes as _};

use super::house::{House, find, lives};

/// Says to [`the_process_that_dies`] that it is that one.
const CHILD: &str = "ORKET_TEST_SANDBOX_FOLDER";

#[tokio::test]
async fn what_runs_goes_on_and_is_known_after_a_restart() {
    let house = House::new();
    let running = house.open().create(house.wanted("launch")).await.unwrap();
    let all = house.open();
    assert!(all.has_live());
    assert_eq!(all.reconcile().await.unwrap(), Reconciled::default());
    let known = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(known.status, SandboxStatus::Running);
    assert_eq!(known.ports, running.ports);
    assert_eq!(known.health_checks_passed, 1);
    let other = all.create(house.wanted("other")).await.unwrap();
    assert_eq!(other.ports.api, 8002);
    assert_eq!(
        orket_sandboxes::recorded(&house.registry()).unwrap().len(),
        2
    );
}

#[tokio::test]
async fn what_is_gone_is_stopped_and_holds_no_ports() {
    let house = House::new();
    house.open().create(house.wanted("launch")).await.unwrap();
    let project = house.path().join("state/projects/orket-sandbox-launch");
    std::fs::remove_dir_all(project).unwrap();
    let all = house.open();
    let found = all.reconcile().await.unwrap();
    assert_eq!(found.gone, ["sandbox-launch"]);
    let gone = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(gone.status, SandboxStatus::Stopped);
    assert_eq!(gone.last_error.as_deref(), Some("its containers are gone"));
    let other = all.create(house.wanted("other")).await.unwrap();
    assert_eq!(other.ports.api, 8001);
}

#[tokio::test]
async fn orphans_of_this_folder_are_taken_down_and_others_are_not() {
    let house = House::new();
    house.open().create(house.wanted("launch")).await.unwrap();
    house.project("orket-sandbox-of-another", "another");
    house.project("somebody-elses", "another");
    // The registry is lost and the file too; docker's label is not.
    std::fs::remove_dir_all(house.registry()).unwrap();
    house.tell("projects/orket-sandbox-launch/file", "/lost/compose.yml");
    let all = house.open();
    let found = all.reconcile().await.unwrap();
    assert_eq!(found.orphans, ["orket-sandbox-launch"]);
    assert_eq!(
        house.projects(),
        ["orket-sandbox-of-another", "somebody-elses"]
    );
}

#[tokio::test]
async fn a_folder_behind_a_link_is_known_again() {
    let house = House::new();
    std::fs::create_dir(house.path().join("durable")).unwrap();
    std::os::unix::fs::symlink("durable", house.path().join("link")).unwrap();
    let open = || {
        let mut options = house.options();
        options.folder = house.path().join("link/sandboxes");
        DockerCompose::open(options).unwrap()
    };
    open().create(house.wanted("launch")).await.unwrap();
    std::fs::remove_dir_all(house.registry().join("sandbox-launch")).unwrap();
    let found = open().reconcile().await.unwrap();
    assert_eq!(found.orphans, ["orket-sandbox-launch"]);
}

#[tokio::test]
async fn one_that_was_half_down_when_its_process_was_killed_is_taken_down() {
    let house = House::new();
    house.tell("hang-down", "");
    let sleeper = killed_in_the_middle(&house).await;
    let before = orket_sandboxes::recorded(&house.registry()).unwrap();
    assert_eq!(before[0].status, SandboxStatus::Stopping);
    house.untell("hang-down");
    let all = house.open();
    let found = all.reconcile().await.unwrap();
    assert_eq!(found.taken_down, ["sandbox-launch"]);
    assert!(!lives(sleeper));
    let gone = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(gone.status, SandboxStatus::Deleted);
    assert!(house.projects().is_empty());
}

/// Brings a sandbox up and takes it down in a process of its own, which is killed where docker hangs.
async fn killed_in_the_middle(house: &House) -> i32 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["recovery::the_process_that_dies", "--exact"])
        .env(CHILD, house.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let sleeper = house.until_it_hangs().await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(lives(sleeper), "what it began goes on without it");
    sleeper
}

/// Does nothing unless it is started by a test above.
#[tokio::test]
async fn the_process_that_dies() {
    let Some(root) = std::env::var_os(CHILD) else {
        return;
    };
    let house = House::at(Path::new(&root));
    let all = house.open();
    all.create(house.wanted("launch")).await.unwrap();
    let stopped = all.stop("sandbox-launch").await;
    unreachable!("it is killed before: {stopped:?}");
}

#[tokio::test]
async fn one_that_was_half_up_when_its_process_was_killed_is_taken_down() {
    let house = House::new();
    house.tell("hang-up", "");
    let sleeper = killed_in_the_middle(&house).await;
    let before = orket_sandboxes::recorded(&house.registry()).unwrap();
    assert_eq!(before[0].status, SandboxStatus::Creating);
    let all = house.open();
    let found = all.reconcile().await.unwrap();
    assert!(found.strays > 0);
    assert_eq!(found.taken_down, ["sandbox-launch"]);
    assert!(!lives(sleeper), "nothing of the dead process goes on");
    assert!(house.projects().is_empty());
    let half = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(half.status, SandboxStatus::Stopped);
    house.untell("hang-up");
    let again = all.create(house.wanted("launch")).await.unwrap();
    assert_eq!(again.ports.api, 8001);
}

#[tokio::test]
async fn one_that_came_up_after_its_process_was_killed_is_adopted() {
    let house = House::new();
    house.tell("hang-up", "");
    killed_in_the_middle(&house).await;
    for service in ["api", "frontend", "db", "pgadmin"] {
        let name = format!("projects/orket-sandbox-launch/service-{service}");
        house.tell(&name, "running");
    }
    let all = house.open();
    let found = all.reconcile().await.unwrap();
    assert_eq!(found.adopted, ["sandbox-launch"]);
    let adopted = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(adopted.status, SandboxStatus::Running);
    assert_eq!(adopted.container_ids.len(), 4);
}

#[tokio::test]
async fn whoever_creates_after_a_kill_need_not_know_of_it() {
    let house = House::new();
    house.tell("hang-up", "");
    let sleeper = killed_in_the_middle(&house).await;
    house.untell("hang-up");
    let all = house.open();
    let created = all.create(house.wanted("launch")).await.unwrap();
    assert_eq!(created.status, SandboxStatus::Running);
    assert!(!lives(sleeper));
    assert_eq!(house.projects(), ["orket-sandbox-launch"]);
}

#[tokio::test]
async fn one_record_that_cannot_be_read_stops_nobody_else() {
    let house = House::new();
    let before = house.open();
    before.create(house.wanted("broken")).await.unwrap();
    before.create(house.wanted("launch")).await.unwrap();
    let path = house.registry().join("sandbox-broken/record.json");
    std::fs::write(&path, "{").unwrap();
    let mut options = house.options();
    options.most = 3;
    let all = DockerCompose::open(options).unwrap();
    all.reconcile().await.unwrap();
    let launch = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(launch.status, SandboxStatus::Running);
    // Its project, its ports and its place stay taken.
    let third = all.create(house.wanted("third")).await.unwrap();
    assert_eq!(third.ports.api, 8003);
    let refused = all.create(house.wanted("fourth")).await.unwrap_err();
    assert_eq!(refused, SandboxError::TooMany(3));
    for error in [
        all.create(house.wanted("Broken")).await.unwrap_err(),
        all.stop("sandbox-broken").await.unwrap_err(),
        all.logs("sandbox-broken", None).await.unwrap_err(),
    ] {
        assert!(matches!(error, SandboxError::Damaged { .. }), "{error}");
        assert!(error.hint().unwrap().contains("the Orket that wrote it"));
    }
    assert!(house.calls("down").is_empty());
    assert_eq!(house.projects().len(), 3);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{");
}
