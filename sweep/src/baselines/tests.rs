//! Baselines in real files.

use std::fs;

use super::health;
use super::resolve::{Status, Wanted, resolve};
use super::task::TaskFile;
use super::*;

fn record(reference: &str, machine: &str, revision: &str) -> Record {
    Record {
        baseline_metadata: Metadata {
            test_run_id: reference.to_owned(),
            hardware_fingerprint: machine.to_owned(),
            task_revision: revision.to_owned(),
            ..Metadata::default()
        },
        gold_telemetry: GoldTelemetry {
            adherence_score: Some(1.0),
            ..GoldTelemetry::default()
        },
        pinned: false,
    }
}

fn store(records: &[(&str, &str, &str)]) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().join("baselines"));
    for (reference, machine, revision) in records {
        store
            .add("001", record(reference, machine, revision))
            .unwrap();
    }
    (folder, store)
}

#[test]
fn the_newest_that_fits_is_taken_and_a_name_at_its_word() {
    let (_folder, store) = store(&[
        ("a", "m1", "r1"),
        ("b", "m1", "r1"),
        ("c", "m1", "r2"),
        ("d", "m2", "r2"),
    ]);
    let baselines = store.show("001").unwrap();
    let resolved = |machine, revision, name| {
        let wanted = Wanted {
            hardware_fingerprint: machine,
            task_revision: revision,
            baseline_ref: name,
        };
        let (status, record) = resolve(&baselines, &wanted);
        (status, record.map(Record::reference))
    };
    assert_eq!(resolved("m1", "r1", None), (Status::Ok, Some("b")));
    assert_eq!(resolved("m1", "r1", Some("a")), (Status::Ok, Some("a")));
    assert_eq!(resolved("m1", "r1", Some("c")), (Status::RevMismatch, None));
    assert_eq!(resolved("m1", "r1", Some("d")), (Status::HwMismatch, None));
    assert_eq!(resolved("m1", "r1", Some("z")), (Status::RefNotFound, None));
    assert_eq!(resolved("m3", "r1", None), (Status::HwMismatch, None));
    assert_eq!(resolved("m2", "r1", None), (Status::RevMismatch, None));
    let none = store.show("002").unwrap();
    let wanted = Wanted {
        hardware_fingerprint: "m1",
        task_revision: "r1",
        baseline_ref: None,
    };
    assert_eq!(resolve(&none, &wanted).0, Status::NoBaseline);
}

#[test]
fn pruning_keeps_what_is_pinned_and_the_newest() {
    let (_folder, store) = store(&[
        ("a", "m", "r"),
        ("b", "m", "r"),
        ("c", "m", "r"),
        ("d", "m", "r"),
        ("e", "m", "r"),
    ]);
    assert!(store.set_pinned("001", "b", true).unwrap());
    assert!(!store.set_pinned("001", "b", true).unwrap());
    let would = store.prune("001", 2, true).unwrap();
    assert_eq!(
        (would.removed.as_slice(), would.kept),
        (["a".to_owned(), "c".to_owned()].as_slice(), 3)
    );
    assert_eq!(store.show("001").unwrap().history.len(), 5);
    assert_eq!(
        store.prune("001", 0, false).unwrap().removed,
        Vec::<String>::new()
    );
    assert_eq!(store.prune("001", 2, false).unwrap(), would);
    let left: Vec<_> = store
        .show("001")
        .unwrap()
        .history
        .iter()
        .map(|it| it.reference().to_owned())
        .collect();
    assert_eq!(left, ["b", "d", "e"]);
    assert!(store.set_pinned("001", "a", true).is_err());
    assert_eq!(
        store.list().unwrap(),
        [store::Listed {
            test_id: "001".to_owned(),
            records: 3,
            pinned: 1,
            newest: Some("e".to_owned())
        }]
    );
}

#[test]
fn health_counts_tests_that_nothing_fits() {
    let (_folder, store) = store(&[("a", "m1", "r1"), ("b", "m1", "r2")]);
    store.add("002", record("a", "m2", "r2")).unwrap();
    let all = store.all().unwrap();
    let counts = |machine, revision| {
        let health = health::of(&all, machine, revision);
        (
            health.hardware_mismatches,
            health.revision_mismatches,
            health.is_good(),
        )
    };
    assert_eq!(counts(None, None), (0, 0, true));
    assert_eq!(counts(Some("m1"), None), (1, 0, false));
    assert_eq!(counts(None, Some("r1")), (0, 1, false));
    assert_eq!(counts(Some("m2"), Some("r3")), (1, 1, false));
    let health = health::of(&all, None, None);
    assert_eq!((health.tests, health.records, health.stale), (2, 3, 1));
    assert!(!health::of(&[], None, None).is_good());
}

#[test]
fn names_are_unique_and_damage_is_left_alone() {
    let (folder, store) = store(&[("a", "m", "r")]);
    assert!(matches!(
        store.add("001", record("a", "m", "r")),
        Err(BaselineError::Name(_))
    ));
    assert!(matches!(
        store.add("001", record(" ", "m", "r")),
        Err(BaselineError::Name(_))
    ));
    let file = folder.path().join("baselines/001.json");
    fs::write(&file, "{").unwrap();
    assert!(matches!(
        store.add("001", record("b", "m", "r")),
        Err(BaselineError::Invalid(..))
    ));
    assert!(matches!(store.list(), Err(BaselineError::Invalid(..))));
    assert_eq!(fs::read_to_string(&file).unwrap(), "{");
    // A test of any name has a file of its own in the folder.
    store.add("../../etc/x", record("a", "m", "r")).unwrap();
    assert_eq!(store.show("../../etc/x").unwrap().history.len(), 1);
    assert!(!folder.path().join("etc").exists());
}

#[test]
fn a_task_names_its_baseline_and_keeps_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("task.json");
    fs::write(
        &file,
        r#"{"tier": 2, "id": "001", "acceptance_contract": {"mode": "function"}}"#,
    )
    .unwrap();
    let task = TaskFile::read(&file).unwrap();
    assert_eq!(task.id(), Some("001"));
    task.pin("run-7").unwrap();
    insta::assert_snapshot!(fs::read_to_string(&file).unwrap(), @r#"
    {
      "tier": 2,
      "id": "001",
      "acceptance_contract": {
        "mode": "function",
        "baseline_ref": "run-7"
      }
    }
    "#);
    fs::write(&file, "[]").unwrap();
    assert!(TaskFile::read(&file).is_err());
}
