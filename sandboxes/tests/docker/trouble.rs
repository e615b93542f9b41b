//! What goes wrong is told, and leaves nothing behind.

use std::time::Duration;

use orket_sandboxes::{DockerCompose, SandboxError, SandboxStatus, Sandboxes as _};

use super::house::{House, find, lives};

#[tokio::test]
async fn one_that_does_not_come_up_is_down_and_can_be_tried_again() {
    let house = House::new();
    let all = house.open();
    house.tell("fail-up", "failed to solve: no Dockerfile");
    let error = all.create(house.wanted("launch")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "sandbox `sandbox-launch`: failed to solve: no Dockerfile"
    );
    let failed = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(failed.status, SandboxStatus::Stopped);
    assert_eq!(failed.last_error, Some(error.to_string()));
    assert_eq!(house.calls("down").len(), 1);
    house.untell("fail-up");
    // Its ports are free for others, and for itself.
    let other = all.create(house.wanted("other")).await.unwrap();
    assert_eq!(other.ports.api, 8001);
    let again = all.create(house.wanted("launch")).await.unwrap();
    assert_eq!((again.ports.api, again.last_error), (8002, None));
}

#[tokio::test]
async fn one_that_does_not_go_down_holds_its_ports_until_it_does() {
    let house = House::new();
    let all = house.open();
    all.create(house.wanted("launch")).await.unwrap();
    house.tell("fail-down", "network is in use");
    assert!(all.stop("sandbox-launch").await.is_err());
    let stuck = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(stuck.status, SandboxStatus::Stopping);
    assert!(stuck.last_error.unwrap().contains("network is in use"));
    let other = all.create(house.wanted("other")).await.unwrap();
    assert_eq!(other.ports.api, 8002);
    house.untell("fail-down");
    all.look_once().await;
    let gone = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(gone.status, SandboxStatus::Deleted);
}

#[tokio::test]
async fn bringing_one_up_has_a_time_limit_and_is_killed_as_a_whole() {
    let house = House::new();
    let all = house.open();
    house.tell("hang-up", "");
    let asked = tokio::spawn(all.create(house.wanted("launch")));
    let sleeper = house.until_it_hangs().await;
    house.clock.advance(Duration::from_secs(900));
    let error = asked.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("it took longer than 900 s"), "{error}");
    house.until("its end", || !lives(sleeper)).await;
    let failed = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(failed.status, SandboxStatus::Stopped);
    assert!(house.projects().is_empty());
}

#[tokio::test]
async fn stopping_one_that_is_being_brought_up_does_not_wait_for_it() {
    let house = House::new();
    let all = house.open();
    house.tell("hang-up", "");
    let asked = tokio::spawn(all.create(house.wanted("launch")));
    let sleeper = house.until_it_hangs().await;
    all.stop("sandbox-launch").await.unwrap();
    assert!(asked.await.unwrap().is_err());
    house.until("its end", || !lives(sleeper)).await;
    let gone = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(gone.status, SandboxStatus::Deleted);
    assert!(house.projects().is_empty());
}

#[tokio::test]
async fn no_more_are_there_than_may_be() {
    let house = House::new();
    let mut options = house.options();
    options.most = 2;
    let all = DockerCompose::open(options).unwrap();
    let (a, b, c) = tokio::join!(
        all.create(house.wanted("a")),
        all.create(house.wanted("b")),
        all.create(house.wanted("c"))
    );
    let refused: Vec<_> = [a, b, c].into_iter().filter_map(Result::err).collect();
    assert_eq!(refused, [SandboxError::TooMany(2)]);
    assert_eq!(house.projects().len(), 2);
    assert!(refused[0].hint().unwrap().contains("ORKET_SANDBOX_MAX"));
}

#[tokio::test]
async fn what_is_switched_off_is_not_created_and_what_is_there_can_be_stopped() {
    let house = House::new();
    let before = house.open();
    before.create(house.wanted("launch")).await.unwrap();
    let mut options = house.options();
    options.disabled = true;
    let all = DockerCompose::open(options).unwrap();
    let error = all.create(house.wanted("other")).await.unwrap_err();
    assert_eq!(error, SandboxError::Disabled);
    all.stop("sandbox-launch").await.unwrap();
}

#[tokio::test]
async fn without_docker_each_command_says_what_to_install() {
    let house = House::new();
    house.open().create(house.wanted("launch")).await.unwrap();
    let mut options = house.options();
    options.programs = vec![
        vec![house.path().join("no-such").into(), "compose".into()],
        vec![house.path().join("docker").into(), "compose".into()],
    ];
    house.tell("version", "1.29.2");
    let all = DockerCompose::open(options).unwrap();
    let told = [
        all.create(house.wanted("other")).await.unwrap_err(),
        all.stop("sandbox-launch").await.unwrap_err(),
        all.logs("sandbox-launch", None).await.unwrap_err(),
    ];
    for error in told {
        let words = error.to_string();
        assert!(matches!(error, SandboxError::Unavailable(_)), "{words}");
        assert!(words.contains("there is no `"), "{words}");
        assert!(
            words.contains("version 1.29.2, which is too old"),
            "{words}"
        );
        assert!(error.hint().unwrap().contains("install docker"));
    }
    assert_eq!(
        all.list().await.unwrap().len(),
        1,
        "what is recorded is told"
    );
    // A daemon that does not answer is as good as none.
    house.untell("version");
    house.tell(
        "fail-logs",
        "Cannot connect to the Docker daemon at unix:///x",
    );
    let error = house.open().logs("sandbox-launch", None).await.unwrap_err();
    assert!(matches!(error, SandboxError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_is_taken() {
    let house = House::new();
    let all = house.open();
    let mut relative = house.wanted("a");
    relative.workspace_path = "workspace".to_owned();
    let mut nameless = house.wanted("a");
    nameless.project_name = " ".to_owned();
    let mut empty = house.wanted("a");
    empty.workspace_path = house.path().join("durable").to_str().unwrap().to_owned();
    for wrong in [relative, nameless, empty] {
        let error = all.create(wrong).await.unwrap_err();
        assert!(matches!(error, SandboxError::Invalid(_)), "{error}");
    }
    assert!(all.list().await.unwrap().is_empty());
    assert!(house.calls("up").is_empty());
}

#[tokio::test]
async fn a_project_of_another_orket_is_left_alone() {
    let house = House::new();
    let all = house.open();
    house.project("orket-sandbox-launch", "another");
    let error = all.create(house.wanted("launch")).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("does not belong to this data folder"),
        "{error}"
    );
    assert_eq!(house.projects(), ["orket-sandbox-launch"]);
    assert!(house.calls("down").is_empty());
    assert!(all.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn one_that_is_up_is_said_to_run_when_somebody_has_looked() {
    let house = House::new();
    let all = house.open();
    house.tell("ill-up", "");
    let ill = all.create(house.wanted("ill")).await.unwrap();
    assert_eq!(ill.status, SandboxStatus::Unhealthy);
    assert_eq!(ill.last_error.as_deref(), Some("not running: api"));
    house.tell("nothing-up", "");
    let error = all.create(house.wanted("none")).await.unwrap_err();
    assert!(error.to_string().contains("has no containers"), "{error}");
    let none = find(&all, "sandbox-none").await.unwrap();
    assert_eq!(none.status, SandboxStatus::Stopped);
    assert_eq!(house.projects(), ["orket-sandbox-ill"]);
}

#[tokio::test]
async fn ports_that_docker_gave_away_are_left_out() {
    let house = House::new();
    let all = house.open();
    house.tell("allocated", "8001 3002");
    let launch = all.create(house.wanted("launch")).await.unwrap();
    assert_eq!(launch.status, SandboxStatus::Running);
    assert_eq!((launch.ports.api, launch.last_error), (8003, None));
    assert_eq!(house.calls("up").len(), 3);
    // Not for ever.
    let ports: Vec<String> = (8_001..8_080).map(|port| port.to_string()).collect();
    house.tell("allocated", &ports.join(" "));
    let error = all.create(house.wanted("other")).await.unwrap_err();
    assert!(error.to_string().contains("already allocated"), "{error}");
    assert_eq!(house.calls("up").len(), 3 + 5);
    let other = find(&all, "sandbox-other").await.unwrap();
    assert_eq!(other.status, SandboxStatus::Stopped);
}

#[tokio::test]
async fn a_command_is_judged_by_its_end_and_what_it_leaves_is_killed() {
    let house = House::new();
    let all = house.open();
    house.tell("linger-up", "");
    let asked = tokio::spawn(all.create(house.wanted("launch")));
    let sleeper = house.until_it_hangs().await;
    // In small steps: its successor has a time limit too.
    let step = Duration::from_millis(100);
    let is_over = || {
        house.clock.advance(step);
        !lives(sleeper)
    };
    house.until("its end", is_over).await;
    let launch = asked.await.unwrap().unwrap();
    assert_eq!(launch.status, SandboxStatus::Running);
}

#[tokio::test]
async fn what_docker_says_cannot_move_a_terminal() {
    let house = House::new();
    let all = house.open();
    house.tell("fail-up", "\u{1b}[2Jno such image\u{7}");
    let error = all.create(house.wanted("launch")).await.unwrap_err();
    let words = error.to_string();
    assert!(words.ends_with(r"\u{1b}[2Jno such image\u{7}"), "{words}");
    let failed = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(failed.last_error, Some(words));
}
