//! A sandbox comes up, is looked at, and goes.

use std::time::Duration;

use orket_sandboxes::{Ports, Sandbox, SandboxError, SandboxStatus, Sandboxes as _, TechStack};

use super::house::{House, find};

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn port(api: u16, frontend: u16, database: u16, admin_tool: Option<u16>) -> Ports {
    Ports {
        api,
        frontend,
        database,
        admin_tool,
    }
}

/// Case 95 of the reference.
#[tokio::test]
async fn the_first_has_the_first_ports_and_the_second_the_next() {
    let house = House::new();
    let all = house.open();
    let first = all.create(house.wanted("Launch")).await.unwrap();
    assert_eq!(first.id, "sandbox-launch");
    assert_eq!(first.compose_project, "orket-sandbox-launch");
    assert_eq!(first.status, SandboxStatus::Running);
    assert_eq!(first.ports, port(8001, 3001, 5433, Some(8081)));
    assert_eq!(first.api_url.as_str(), "http://localhost:8001");
    assert_eq!(
        first.database_url.as_str(),
        "postgresql://orket@localhost:5433/app"
    );
    assert_eq!(first.created_at, "2026-01-01T00:00:00Z");
    assert_eq!(first.container_ids["container-0"], "id-api");
    assert_eq!(first.container_ids.len(), 4);
    let file = house
        .registry()
        .join("sandbox-launch/docker-compose.sandbox.yml");
    let text = std::fs::read_to_string(file).unwrap();
    for mapping in ["8001:8000", "3001:3000", "5433:5432", "8081:80"] {
        assert!(text.contains(&format!("\"127.0.0.1:{mapping}\"")), "{text}");
    }
    let mut other = house.wanted("mongo");
    other.tech_stack = TechStack::FastapiVueMongo;
    let second = all.create(other).await.unwrap();
    assert_eq!(second.ports, port(8002, 3002, 27_019, Some(8082)));
    assert_eq!(all.list().await.unwrap(), [first, second]);
    assert_eq!(
        house.projects(),
        ["orket-sandbox-launch", "orket-sandbox-mongo"]
    );
}

#[tokio::test]
async fn a_rock_has_one_and_whoever_asks_again_gets_it() {
    let house = House::new();
    let all = house.open();
    let (one, other) = tokio::join!(
        all.create(house.wanted("launch")),
        all.create(house.wanted("launch"))
    );
    let third = all.create(house.wanted("launch")).await.unwrap();
    for it in [one.unwrap(), other.unwrap(), third] {
        assert_eq!((it.ports.api, it.status), (8001, SandboxStatus::Running));
    }
    assert_eq!(house.calls("up").len(), 1);
    // It is seen to be there before it is said to be.
    std::fs::remove_dir_all(house.path().join("state/projects/orket-sandbox-launch")).unwrap();
    let anew = all.create(house.wanted("launch")).await.unwrap();
    assert_eq!(anew.status, SandboxStatus::Running);
    assert_eq!(house.calls("up").len(), 2);
}

#[tokio::test]
async fn rocks_whose_names_are_too_much_alike_are_told_apart() {
    let house = House::new();
    let all = house.open();
    let one = all.create(house.wanted("launch")).await.unwrap();
    let other = all.create(house.wanted("Launch!")).await.unwrap();
    assert_eq!(one.id, "sandbox-launch");
    assert!(other.id.starts_with("sandbox-launch-"), "{}", other.id);
    assert_eq!(house.projects().len(), 2);
    // Also after a restart.
    let again = house.open();
    let known = again.create(house.wanted("Launch!")).await.unwrap();
    assert_eq!((known.id, known.ports), (other.id, other.ports));
    assert_eq!(house.calls("up").len(), 2);
}

#[tokio::test]
async fn whoever_asks_may_go_away() {
    let house = House::new();
    let all = house.open();
    let mut asked = all.create(house.wanted("launch"));
    // Polled once, so that it begins.
    let first = futures_util::poll!(&mut asked);
    assert!(first.is_pending());
    drop(asked);
    house
        .until_is(&all, "sandbox-launch", SandboxStatus::Running)
        .await;
}

#[tokio::test]
async fn what_is_stopped_is_gone_and_its_ports_are_given_again() {
    let house = House::new();
    let all = house.open();
    all.create(house.wanted("a")).await.unwrap();
    all.create(house.wanted("b")).await.unwrap();
    all.stop("sandbox-a").await.unwrap();
    all.stop("sandbox-a").await.unwrap();
    assert_eq!(house.calls("down").len(), 1);
    assert!(house.calls("down")[0].ends_with("down -v --remove-orphans"));
    let gone = find(&all, "sandbox-a").await.unwrap();
    assert_eq!(gone.status, SandboxStatus::Deleted);
    assert_eq!(gone.deleted_at.as_deref(), Some("2026-01-01T00:00:00Z"));
    let c = all.create(house.wanted("c")).await.unwrap();
    assert_eq!(c.ports.api, 8001);
    let unknown = all.stop("sandbox-x").await.unwrap_err();
    assert_eq!(unknown, SandboxError::Unknown("sandbox-x".to_owned()));
    // A day later it is forgotten.
    house.clock.advance(DAY);
    all.look_once().await;
    assert_eq!(find(&all, "sandbox-a").await, None);
    assert!(!house.registry().join("sandbox-a").exists());
    assert!(all.create(house.wanted("a")).await.is_ok());
}

#[tokio::test]
async fn health_is_what_docker_says_in_either_of_its_forms() {
    let house = House::new();
    let all = house.open();
    all.create(house.wanted("launch")).await.unwrap();
    let counts = |it: &Sandbox| (it.health_checks_passed, it.health_checks_failed);
    for (form, passed, failed) in [("lines", 0, 0), ("array", 2, 1)] {
        if form == "array" {
            house.tell("ps-array", "");
        }
        all.look_once().await;
        let well = find(&all, "sandbox-launch").await.unwrap();
        assert_eq!(well.status, SandboxStatus::Running, "{form}");
        assert_eq!(counts(&well), (passed + 1, failed));
        assert_eq!(
            well.last_health_check.as_deref(),
            Some("2026-01-01T00:00:00Z")
        );
        house.tell("projects/orket-sandbox-launch/service-api", "exited");
        all.look_once().await;
        let ill = find(&all, "sandbox-launch").await.unwrap();
        assert_eq!(ill.status, SandboxStatus::Unhealthy);
        assert_eq!(ill.last_error.as_deref(), Some("not running: api"));
        assert_eq!(counts(&ill), (passed + 1, failed + 1));
        house.tell("projects/orket-sandbox-launch/service-api", "running");
        all.look_once().await;
        let again = find(&all, "sandbox-launch").await.unwrap();
        assert_eq!(
            (again.status, again.last_error),
            (SandboxStatus::Running, None)
        );
    }
}

#[tokio::test]
async fn one_whose_time_is_over_is_removed() {
    let house = House::new();
    let all = house.open();
    all.create(house.wanted("launch")).await.unwrap();
    house.clock.advance(3 * DAY - Duration::from_secs(1));
    all.look_once().await;
    let still = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(still.status, SandboxStatus::Running);
    house.clock.advance(Duration::from_secs(1));
    all.look_once().await;
    let over = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(over.status, SandboxStatus::Deleted);
    assert!(house.projects().is_empty());
}

#[tokio::test]
async fn one_without_an_end_stays() {
    let house = House::new();
    let mut options = house.options();
    options.ttl = None;
    let all = orket_sandboxes::DockerCompose::open(options).unwrap();
    all.create(house.wanted("launch")).await.unwrap();
    house.clock.advance(1_000 * DAY);
    all.look_once().await;
    let still = find(&all, "sandbox-launch").await.unwrap();
    assert_eq!(still.status, SandboxStatus::Running);
}
