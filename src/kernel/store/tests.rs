//! Runs in roots on a real disk.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::*;
use crate::kernel::capability::Policy;
use crate::kernel::lifecycle::{Lifecycle, Request, run};
use crate::kernel::words::Outcome;

fn request(run: Option<&str>, turns: &[Value]) -> Request {
    Request {
        root: RootName::new("root").unwrap(),
        run: run.map(|name| RunName::new(name).unwrap()),
        visibility_mode: "local_only".into(),
        turns: turns
            .iter()
            .map(|turn| turn.as_object().unwrap().clone())
            .collect(),
        finish_outcome: Outcome::Pass,
    }
}

fn done(workspace: &Path, name: Option<&str>, turns: &[Value]) -> Lifecycle {
    run(workspace, &request(name, turns), &Policy::default(), false).unwrap()
}

fn body(turn: &str, stem: &str, to: &[&str], intent: &str) -> Value {
    let links: Map<String, Value> = to
        .iter()
        .map(|id| ((*id).to_owned(), json!({"type": "skill", "id": id})))
        .collect();
    json!({"turn_id": turn, "commit_intent": intent, "turn_input": {"stage_triplet": {
        "stem": stem, "body": {"dto_type": "skill", "id": stem}, "links": links}}})
}

fn promoted(turn: &str, stem: &str, to: &[&str]) -> Value {
    body(turn, stem, to, "stage_and_request_promotion")
}

fn codes(lifecycle: &Lifecycle) -> Vec<Option<Code>> {
    lifecycle
        .turns
        .iter()
        .map(|turn| turn.issues.first().map(|issue| issue.code))
        .collect()
}

fn index(workspace: &Path) -> std::path::PathBuf {
    workspace.join(".orket/kernel/root/index")
}

/// All files below a folder with what is in them.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let dir = Dir::open_ambient_dir(folder, ambient_authority()).unwrap();
    let tree = super::files::tree(&dir, ".").unwrap();
    let content = |path: String| (path.clone(), std::fs::read(folder.join(path)).unwrap());
    tree.files.into_iter().map(content).collect()
}

#[test]
fn what_is_promoted_lies_where_the_contract_says() {
    let place = tempfile::tempdir().unwrap();
    let workspace = place.path().join("workspace");
    let lifecycle = done(
        &workspace,
        None,
        &[promoted("turn-0001", "a/b.v1", &["a/b.v1"])],
    );
    assert_eq!(codes(&lifecycle), [None]);
    let committed = index(&workspace).join("committed");
    let read = |path: &str| -> Value {
        serde_json::from_slice(&std::fs::read(committed.join(path)).unwrap()).unwrap()
    };
    let triplet = read("triplets/a/b.v1.json");
    assert_eq!(triplet["updated_at_turn"], json!("turn-0001"));
    let digest = triplet["body_digest"].as_str().unwrap();
    assert_eq!(
        read(&format!("objects/{}/{digest}", &digest[..2]))["id"],
        json!("a/b.v1")
    );
    let references = read("refs/by_id/skill/a%2Fb.v1.json");
    assert_eq!(
        references["sources"][0]["location"],
        json!("/links/a~1b.v1")
    );
    assert_eq!(
        read("index/run_ledger.json")["last_promoted_turn_id"],
        json!("turn-0001")
    );
    assert!(
        !index(&workspace)
            .join("staging")
            .join(lifecycle.finish.run_id)
            .join("turn-0001")
            .exists()
    );
}

#[test]
fn nothing_to_promote_leaves_the_index_and_counts_the_turn() {
    let place = tempfile::tempdir().unwrap();
    let nothing = json!({"turn_id": "turn-0002", "commit_intent": "stage_and_request_promotion"});
    done(place.path(), Some("r"), &[promoted("turn-0001", "a", &[])]);
    let committed = index(place.path()).join("committed");
    let before = files(&committed);
    let lifecycle = done(
        place.path(),
        Some("r"),
        &[nothing, promoted("turn-0003", "b", &[])],
    );
    assert_eq!(codes(&lifecycle), [None, None]);
    assert!(lifecycle.turns[0].events[0].contains("[CODE:I_NOOP_PROMOTION]"));
    let after = files(&committed);
    for file in before
        .iter()
        .filter(|(path, _)| !path.ends_with("run_ledger.json"))
    {
        assert!(after.contains(file), "{}", file.0);
    }
}

#[test]
fn a_turn_can_be_staged_in_one_request_and_promoted_in_another() {
    let place = tempfile::tempdir().unwrap();
    let first = done(
        place.path(),
        None,
        &[body("turn-0001", "a", &[], "stage_only")],
    );
    let run = first.finish.run_id.clone();
    let promote = json!({"turn_id": "turn-0001", "commit_intent": "stage_and_request_promotion"});
    let second = done(place.path(), Some(&run), std::slice::from_ref(&promote));
    assert!(
        second.turns[0]
            .events
            .iter()
            .any(|event| event.contains("I_PROMOTION_PASS"))
    );
    assert!(
        index(place.path())
            .join("committed/triplets/a.json")
            .exists()
    );
    // Asked again, as after an answer that was lost.
    let third = done(place.path(), Some(&run), &[promote]);
    assert_eq!(codes(&third), [Some(Code::EPromotionAlreadyApplied)]);
}

#[test]
fn a_damaged_ledger_is_told_and_stays() {
    let place = tempfile::tempdir().unwrap();
    done(place.path(), Some("r"), &[promoted("turn-0001", "a", &[])]);
    let ledger = index(place.path()).join("committed/index/run_ledger.json");
    std::fs::write(&ledger, "{\"lsi_version\":\"lsi/v1\",").unwrap();
    let lifecycle = done(place.path(), None, &[promoted("turn-0001", "b", &[])]);
    assert_eq!(codes(&lifecycle), [Some(Code::EPromotionFailed)]);
    assert_eq!(
        std::fs::read_to_string(&ledger).unwrap(),
        "{\"lsi_version\":\"lsi/v1\","
    );
    std::fs::remove_file(&ledger).unwrap();
    let lifecycle = done(place.path(), None, &[promoted("turn-0001", "b", &[])]);
    assert_eq!(codes(&lifecycle), [Some(Code::EPromotionFailed)]);
    assert!(!ledger.exists());
}

#[test]
fn what_was_staged_and_then_changed_is_not_promoted() {
    let place = tempfile::tempdir().unwrap();
    done(
        place.path(),
        Some("r"),
        &[body("turn-0001", "a", &[], "stage_only")],
    );
    let objects = index(place.path()).join("staging/r/turn-0001/objects");
    let staged = files(&objects);
    for (path, _) in &staged {
        std::fs::write(objects.join(path), "{\"other\":1}").unwrap();
    }
    let promote = json!({"turn_id": "turn-0001", "commit_intent": "stage_and_request_promotion"});
    let lifecycle = done(place.path(), Some("r"), &[promote]);
    assert_eq!(codes(&lifecycle), [Some(Code::EPromotionFailed)]);
    assert!(!index(place.path()).join("committed").exists());
}

#[test]
fn what_is_no_file_is_not_committed_again() {
    let place = tempfile::tempdir().unwrap();
    done(place.path(), Some("r"), &[promoted("turn-0001", "a", &[])]);
    let committed = index(place.path()).join("committed");
    let before = files(&committed);
    let odd = committed.join("triplets/odd");
    std::os::unix::fs::symlink("/etc/passwd", &odd).unwrap();
    let lifecycle = done(place.path(), Some("r"), &[promoted("turn-0002", "b", &[])]);
    assert_eq!(codes(&lifecycle), [Some(Code::EPromotionFailed)]);
    std::fs::remove_file(&odd).unwrap();
    assert_eq!(files(&committed), before);
    assert_eq!(
        codes(&done(
            place.path(),
            Some("r"),
            &[promoted("turn-0002", "b", &[])]
        )),
        [None]
    );
    assert!(!index(place.path()).join("promotion.__new").exists());
}

#[test]
fn a_root_that_is_a_link_is_no_root() {
    let place = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(place.path().join(".orket/kernel")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), place.path().join(".orket/kernel/root")).unwrap();
    let refused = run(place.path(), &request(None, &[]), &Policy::default(), true);
    assert!(matches!(refused, Err(OpenError::NoFolder)), "{refused:?}");
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn runs_in_one_root_wait_for_each_other_and_keep_their_own_count() {
    let place = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for name in ["one", "two", "three", "four"] {
            let workspace = place.path();
            scope.spawn(move || {
                for turn in 1..=4 {
                    let turn_id = format!("turn-{turn:04}");
                    let stem = format!("{name}/{turn}");
                    let lifecycle = done(workspace, Some(name), &[promoted(&turn_id, &stem, &[])]);
                    assert_eq!(codes(&lifecycle), [None], "{name} {turn_id}");
                }
            });
        }
    });
    let triplets = files(&index(place.path()).join("committed/triplets"));
    assert_eq!(triplets.len(), 16);
}
