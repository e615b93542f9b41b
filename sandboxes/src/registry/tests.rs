use super::*;
use crate::sandbox::{NewSandbox, TechStack};

fn record() -> Record {
    let new = NewSandbox {
        rock_id: "Launch".to_owned(),
        project_name: "Launch".to_owned(),
        tech_stack: TechStack::FastapiVueMongo,
        workspace_path: "/w".to_owned(),
    };
    Record::new(
        "sandbox-launch",
        &new,
        "/w/agent_output".into(),
        3,
        1_767_225_600_500,
    )
}

#[test]
fn what_is_stored_is_read_back_and_is_for_its_user_only() {
    let place = tempfile::tempdir().unwrap();
    let registry = Registry::new(place.path().join("sandboxes"));
    assert!(registry.read().unwrap().whole.is_empty());
    let secrets = Secrets::new().unwrap();
    registry
        .write_plan("sandbox-launch", &secrets, "services:\n")
        .unwrap();
    assert!(
        registry.read().unwrap().whole.is_empty(),
        "no record, no sandbox"
    );
    registry.write(&record()).unwrap();
    let read = registry.read().unwrap().whole;
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].record, record());
    assert_eq!(read[0].secrets.as_ref(), Some(&secrets));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = place.path().join("sandboxes/sandbox-launch");
    assert_eq!(mode(&folder), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, [COMPOSE, RECORD, SECRETS]);
    registry.remove_plan("sandbox-launch").unwrap();
    registry.remove_plan("sandbox-launch").unwrap();
    assert!(registry.read().unwrap().whole[0].secrets.is_none());
    registry.remove("sandbox-launch").unwrap();
    assert!(registry.read().unwrap().whole.is_empty());
}

#[test]
fn a_record_of_a_newer_version_or_a_broken_one_is_told_without_what_is_in_it() {
    let place = tempfile::tempdir().unwrap();
    let registry = Registry::new(place.path().to_owned());
    let damaged = || {
        let mut found = registry.read().unwrap();
        assert!(found.whole.is_empty() && found.bare.is_empty());
        found.damaged.pop().unwrap()
    };
    registry.write(&record()).unwrap();
    let path = place.path().join("sandbox-launch").join(RECORD);
    let newer =
        r#"{"schema": 2, "rock_id": "Launch", "offset": 3, "status": {"of": "another shape"}}"#;
    fs::write(&path, newer).unwrap();
    let newer = damaged();
    assert!(
        newer.reason.ends_with("version 2 of a newer Orket"),
        "{}",
        newer.reason
    );
    assert_eq!(
        (newer.rock_id.as_deref(), newer.offset),
        (Some("Launch"), Some(3))
    );
    let told = super::damaged(place.path()).unwrap();
    assert!(
        told[0]
            .to_string()
            .starts_with("sandbox `sandbox-launch` is left alone")
    );
    registry.write(&record()).unwrap();
    let file = place.path().join("sandbox-launch").join(SECRETS);
    fs::write(&file, r#"{"database": "s3cr3t-s3cr3t", "admin": 5}"#).unwrap();
    let error = damaged().reason;
    assert!(error.contains("secrets.json is broken at 1:"), "{error}");
    assert!(!error.contains("s3cr3t"), "{error}");
    // Of a broken one the file for docker still tells the ports.
    fs::write(&path, r#"{"schema": 1, "#).unwrap();
    assert_eq!(damaged().offset, None);
    let plan = "- \"127.0.0.1:3005:3000\"\n- \"127.0.0.1:8005:8000\"\n";
    fs::write(path.with_file_name(COMPOSE), plan).unwrap();
    let broken = damaged();
    assert_eq!(
        (broken.rock_id, broken.offset, broken.may_live),
        (None, Some(5), true)
    );
}

/// The first version, as it is on disk: later ones must read it.
#[test]
fn the_first_version_of_a_record_is_read() {
    let text = serde_json::json!({
        "schema": 1, "id": "sandbox-launch", "rock_id": "Launch", "project_name": "Launch",
        "tech_stack": "fastapi-vue-mongo", "status": "creating", "offset": 3,
        "workspace_path": "/w", "base": "/w/agent_output", "created_ms": 1_767_225_600_500_i64,
        "deployed_ms": null, "deleted_ms": null, "checked_ms": null, "checks_passed": 0,
        "checks_failed": 0, "container_ids": {}, "last_error": null, "goal": null
    });
    assert_eq!(
        serde_json::from_value::<Record>(text.clone()).unwrap(),
        record()
    );
    assert_eq!(serde_json::to_value(record()).unwrap(), text);
    let shown = record().shown();
    assert_eq!(shown.created_at, "2026-01-01T00:00:00Z");
    assert_eq!(shown.database_url.as_str(), "mongodb://localhost:27020/app");
    assert_eq!(shown.compose_project, "orket-sandbox-launch");
}
