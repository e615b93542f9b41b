//! Each state that a crash or a failure leaves.

use std::collections::BTreeMap;

use cap_std::ambient_authority;
use orket_core::canonical::sha256_hex;
use serde_json::{Value, json};

use super::*;
use crate::kernel::index::Index;
use crate::kernel::name::{RunName, Stem, TurnNumber};
use crate::kernel::promotion::{Staged, plan};
use crate::kernel::record::{Source, Target, Triplet};
use crate::kernel::store::read::load;

const STAGED: &str = "staging/r/turn-0002";

fn turn(number: u16) -> TurnNumber {
    TurnNumber::of(&format!("turn-{number:04}")).unwrap()
}

fn ledger_after(number: u16) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.advance(&RunName::new("r").unwrap(), turn(number));
    ledger
}

/// A staged body that says `word`.
fn body(dir: &Dir, stem: &str, word: &str) -> Triplet {
    let put = |text: String| {
        let digest = sha256_hex(text.as_bytes());
        files::write(dir, &object(STAGED, &digest), text.as_bytes()).unwrap();
        digest
    };
    Triplet {
        lsi_version: "lsi/v1".into(),
        stem: Stem::new(stem).unwrap(),
        dto_type: Some("skill".into()),
        dto_id: Some(stem.into()),
        body_digest: put(json!({"word": word}).to_string()),
        links_digest: put("{}".into()),
        manifest_digest: put("{}".into()),
        updated_at_turn: "turn-0002".into(),
    }
}

fn grave(stem: &str) -> (Stem, Value) {
    let value = json!({"kind": "tombstone", "stem": stem, "dto_type": "skill", "id": stem,
        "deleted_by_turn_id": "turn-0002"});
    (Stem::new(stem).unwrap(), value)
}

/// An index with `a` and `b` promoted, and the plan to change `a`, bury `b` and put `c` there.
fn before() -> (tempfile::TempDir, Dir, Plan) {
    let place = tempfile::tempdir().unwrap();
    let root = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
    let dir = files::folder(&root, "index").unwrap();
    let staged = |triplets: Vec<Triplet>, tombstones| Staged {
        triplets: triplets.into_iter().map(|it| (it, vec![])).collect(),
        tombstones,
    };
    let first = staged(vec![body(&dir, "a", "old"), body(&dir, "b", "old")], vec![]);
    let first = plan(&Index::default(), first, "turn-0001").unwrap();
    carry_out(&dir, Some((&first, STAGED)), &ledger_after(1)).unwrap();
    let second = staged(
        vec![body(&dir, "a", "new"), body(&dir, "c", "new")],
        vec![grave("b")],
    );
    let second = plan(&load(&dir, COMMITTED).unwrap(), second, "turn-0002").unwrap();
    (place, dir, second)
}

fn content(dir: &Dir) -> BTreeMap<String, Vec<u8>> {
    let read = |path: String| {
        let bytes = files::read(dir, &format!("{COMMITTED}/{path}"))
            .unwrap()
            .unwrap();
        (path, bytes)
    };
    files::tree(dir, COMMITTED)
        .unwrap()
        .files
        .into_iter()
        .map(read)
        .collect()
}

/// Nothing of a promotion is left.
fn assert_cleared(dir: &Dir) {
    for left in [NEW, APPLY, UNDO, DONE] {
        assert!(!files::is_there(dir, left).unwrap(), "{left}");
    }
}

/// The content after the plan, carried out without any trouble.
fn after() -> BTreeMap<String, Vec<u8>> {
    let (_place, dir, plan) = before();
    carry_out(&dir, Some((&plan, STAGED)), &ledger_after(2)).unwrap();
    assert_cleared(&dir);
    content(&dir)
}

#[test]
fn a_promotion_changes_what_it_says() {
    let (_place, dir, plan) = before();
    carry_out(&dir, Some((&plan, STAGED)), &ledger_after(2)).unwrap();
    let index = load(&dir, COMMITTED).unwrap();
    assert_eq!(index, plan.next);
    let stems: Vec<&str> = index.triplets.keys().map(Stem::as_str).collect();
    assert_eq!(stems, ["a", "c"]);
    assert_eq!(ledger(&dir).unwrap(), ledger_after(2));
}

#[test]
fn what_was_not_decided_is_forgotten() {
    let (_place, dir, plan) = before();
    let old = content(&dir);
    prepare(&dir, Some((&plan, STAGED)), &ledger_after(2)).unwrap();
    recover(&dir).unwrap();
    assert_eq!(content(&dir), old);
    assert_cleared(&dir);
}

#[test]
fn what_was_decided_is_completed_however_far_it_came() {
    let expected = after();
    let count = {
        let (_place, dir, plan) = before();
        prepare(&dir, Some((&plan, STAGED)), &ledger_after(2))
            .unwrap()
            .put
            .len()
    };
    for placed in 0..=count {
        let (_place, dir, plan) = before();
        let changes = prepare(&dir, Some((&plan, STAGED)), &ledger_after(2)).unwrap();
        dir.rename(NEW, &dir, APPLY).unwrap();
        for path in changes.put.iter().take(placed) {
            let from = format!("{APPLY}/{path}");
            files::place(&dir, &from, &format!("{COMMITTED}/{path}")).unwrap();
        }
        recover(&dir).unwrap();
        assert_eq!(content(&dir), expected, "{placed} of {count} placed");
        assert_cleared(&dir);
    }
    // Applied, and cut off while it was cleared.
    let (_place, dir, plan) = before();
    let changes = prepare(&dir, Some((&plan, STAGED)), &ledger_after(2)).unwrap();
    dir.rename(NEW, &dir, APPLY).unwrap();
    apply(&dir, &changes).unwrap();
    dir.rename(APPLY, &dir, DONE).unwrap();
    recover(&dir).unwrap();
    assert_eq!(content(&dir), expected);
    assert_cleared(&dir);
}

#[test]
fn what_cannot_be_applied_is_put_back() {
    let (_place, dir, mut plan) = before();
    let old = content(&dir);
    // A reference whose folder cannot be made, since there is a file of its name: what comes before
    // it has its place already.
    plan.references = referring_to_a();
    files::write(&dir, "committed/refs", b"no folder").unwrap();
    prepare(&dir, Some((&plan, STAGED)), &ledger_after(2)).unwrap();
    assert!(carry_out(&dir, Some((&plan, STAGED)), &ledger_after(2)).is_err());
    files::remove(&dir, "committed/refs").unwrap();
    assert_eq!(content(&dir), old);
    recover(&dir).unwrap();
    assert_cleared(&dir);
}

fn referring_to_a() -> BTreeMap<Target, Vec<Source>> {
    let target = Target {
        kind: "skill".into(),
        id: "a".into(),
    };
    let source = Source {
        stem: Stem::new("c").unwrap(),
        location: "/links/x".into(),
        relationship: None,
        artifact_digest: "0".repeat(64),
    };
    BTreeMap::from([(target, vec![source])])
}

#[test]
fn what_the_reference_leaves_between_its_renames_comes_back() {
    let (_place, dir, _) = before();
    let old = content(&dir);
    dir.rename(COMMITTED, &dir, REFERENCE_BAK).unwrap();
    recover(&dir).unwrap();
    assert_eq!(content(&dir), old);
}

#[test]
fn a_ledger_that_is_gone_is_not_a_new_one() {
    let (_place, dir, _) = before();
    files::remove(&dir, &format!("{COMMITTED}/{LEDGER}")).unwrap();
    assert!(matches!(ledger(&dir), Err(StoreError::Damaged(_))));
    files::remove(&dir, COMMITTED).unwrap();
    assert_eq!(ledger(&dir).unwrap(), Ledger::default());
}
