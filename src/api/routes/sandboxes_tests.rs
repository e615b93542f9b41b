use std::collections::BTreeMap;

use actix_web::test::TestRequest;
use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::{Value, json};

use super::*;
use orket_sandboxes::{Address, Ports, SandboxStatus, TechStack};

/// One sandbox that runs.
struct One;

const KNOWN: &str = "sandbox-launch";

fn sandbox() -> Sandbox {
    Sandbox {
        id: KNOWN.to_owned(),
        rock_id: "launch".to_owned(),
        project_name: "Launch".to_owned(),
        tech_stack: TechStack::FastapiReactPostgres,
        status: SandboxStatus::Running,
        ports: Ports {
            api: 8001,
            frontend: 3001,
            database: 5433,
            admin_tool: Some(8081),
        },
        compose_project: "orket-sandbox-launch".to_owned(),
        workspace_path: "workspace/default".to_owned(),
        created_at: "2026-01-01T00:00:00Z".to_owned(),
        deployed_at: None,
        deleted_at: None,
        health_checks_passed: 1,
        health_checks_failed: 0,
        last_health_check: None,
        api_url: Address::new("http://localhost:8001"),
        frontend_url: Address::new("http://localhost:3001"),
        database_url: Address::new("postgresql://orket:s3cr3t@localhost:5433/app"),
        admin_url: Some(Address::new("http://localhost:8081")),
        container_ids: BTreeMap::from([("container-0".to_owned(), "abc".to_owned())]),
        last_error: None,
    }
}

impl Sandboxes for One {
    fn list(&self) -> BoxFuture<'static, Result<Vec<Sandbox>, SandboxError>> {
        async { Ok(vec![sandbox()]) }.boxed()
    }

    fn create(&self, new: NewSandbox) -> BoxFuture<'static, Result<Sandbox, SandboxError>> {
        let created = Sandbox {
            rock_id: new.rock_id,
            workspace_path: new.workspace_path,
            ..sandbox()
        };
        async { Ok(created) }.boxed()
    }

    fn stop(&self, id: &str) -> BoxFuture<'static, Result<(), SandboxError>> {
        let stopped = if id == KNOWN {
            Ok(())
        } else {
            Err(SandboxError::Unknown(id.to_owned()))
        };
        async { stopped }.boxed()
    }

    fn logs(
        &self,
        id: &str,
        service: Option<&str>,
    ) -> BoxFuture<'static, Result<String, SandboxError>> {
        let log = match service {
            Some("lost") => Err(SandboxError::UnknownService {
                id: id.to_owned(),
                service: "lost".to_owned(),
            }),
            service => Ok(format!("{id} {service:?}")),
        };
        async { log }.boxed()
    }
}

#[actix_web::test]
async fn a_sandbox_is_shown_whole_but_without_its_password() {
    let shown = serde_json::to_value(One.list().await.unwrap()).unwrap();
    assert_eq!(
        shown,
        json!([{
            "id": "sandbox-launch", "rock_id": "launch", "project_name": "Launch",
            "tech_stack": "fastapi-react-postgres", "status": "running",
            "ports": {"api": 8001, "frontend": 3001, "database": 5433, "admin_tool": 8081},
            "compose_project": "orket-sandbox-launch", "workspace_path": "workspace/default",
            "created_at": "2026-01-01T00:00:00Z", "deployed_at": null, "deleted_at": null,
            "health_checks_passed": 1, "health_checks_failed": 0, "last_health_check": null,
            "api_url": "http://localhost:8001", "frontend_url": "http://localhost:3001",
            "database_url": "postgresql://orket@localhost:5433/app", "admin_url": "http://localhost:8081",
            "container_ids": {"container-0": "abc"}, "last_error": null,
        }])
    );
}

#[actix_web::test]
async fn a_known_one_is_stopped_and_an_unknown_one_is_not_found() {
    let stopped = stopped(&One, KNOWN).await.unwrap();
    assert_eq!(
        serde_json::to_value(stopped.into_inner()).unwrap(),
        json!({"ok": true})
    );
    let unknown = super::stopped(&One, "sandbox-lost").await.unwrap_err();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn the_log_is_that_of_the_service_that_is_named() {
    let log = async |query: &str| -> Result<Value, StatusCode> {
        let request = TestRequest::with_uri(&format!("/logs{query}")).to_http_request();
        let found = logged(&One, KNOWN, Check::query(&request).unwrap()).await;
        found
            .map(|it| serde_json::to_value(it.into_inner()).unwrap())
            .map_err(|it| it.status())
    };
    assert_eq!(log("").await, Ok(json!({"logs": "sandbox-launch None"})));
    assert_eq!(
        log("?service=api").await,
        Ok(json!({"logs": "sandbox-launch Some(\"api\")"}))
    );
    assert_eq!(log("?service=lost").await, Err(StatusCode::NOT_FOUND));
    assert_eq!(
        log("?service=-f").await,
        Err(StatusCode::UNPROCESSABLE_ENTITY)
    );
}

#[test]
fn an_option_is_no_service() {
    assert!(is_name("api") && is_name("web-1.a_b"));
    for text in ["", "-f", "--tail=all", "a b", "a;b", "a/b", &"a".repeat(64)] {
        assert!(!is_name(text), "{text}");
    }
}
