//! Promotions on an index in memory.

use serde_json::json;

use super::*;
use crate::kernel::links::references;

fn stem(text: &str) -> Stem {
    Stem::new(text).unwrap()
}

fn target(id: &str) -> Target {
    Target {
        kind: "skill".into(),
        id: id.into(),
    }
}

/// A triplet of a body with `id`, that refers to others.
fn body(name: &str, id: &str, to: &[&str]) -> (Triplet, Vec<Reference>) {
    let links: serde_json::Map<_, _> = to
        .iter()
        .enumerate()
        .map(|(place, id)| (format!("l{place}"), json!({"type": "skill", "id": id})))
        .collect();
    let triplet = Triplet {
        lsi_version: "lsi/v1".into(),
        stem: stem(name),
        dto_type: Some("skill".into()),
        dto_id: Some(id.into()),
        body_digest: "b".into(),
        links_digest: format!("links of {name}"),
        manifest_digest: "m".into(),
        updated_at_turn: "turn-0001".into(),
    };
    (triplet, references(&links).unwrap())
}

fn staged(triplets: Vec<(Triplet, Vec<Reference>)>, tombstones: &[(&str, &str)]) -> Staged {
    let grave = |(name, id): &(&str, &str)| {
        let value = json!({"kind": "tombstone", "stem": name, "dto_type": "skill", "id": id,
            "deleted_by_turn_id": "turn-0001"});
        (stem(name), value)
    };
    Staged {
        triplets,
        tombstones: tombstones.iter().map(grave).collect(),
    }
}

/// The index after it, as the store would have it.
fn after(index: &Index, staged: Staged) -> Result<Index, Vec<Issue>> {
    let plan = plan(index, staged, "turn-0001")?;
    let told = plan.next.clone();
    let mut next = index.clone();
    for stem in plan.remove {
        assert!(
            next.triplets.remove(&stem).is_some(),
            "{stem} was not there"
        );
    }
    for triplet in plan.put {
        next.triplets.insert(triplet.stem.clone(), triplet);
    }
    for (target, sources) in plan.references {
        if sources.is_empty() {
            next.references.remove(&target);
        } else {
            next.references.insert(target, sources);
        }
    }
    assert_eq!(next, told);
    Ok(next)
}

fn refers(index: &Index, id: &str) -> Vec<String> {
    let sources = index
        .references
        .get(&target(id))
        .cloned()
        .unwrap_or_default();
    sources
        .iter()
        .map(|source| source.stem.to_string())
        .collect()
}

fn codes(issues: &[Issue]) -> Vec<(Code, String)> {
    issues
        .iter()
        .map(|issue| (issue.code, issue.location.clone()))
        .collect()
}

#[test]
fn promoting_a_stem_again_drops_what_it_referred_to() {
    let index = after(
        &Index::default(),
        staged(
            vec![
                body("a", "A", &["T"]),
                body("b", "B", &["T"]),
                body("t", "T", &[]),
                body("u", "U", &[]),
            ],
            &[],
        ),
    )
    .unwrap();
    assert_eq!(refers(&index, "T"), ["a", "b"]);
    let index = after(&index, staged(vec![body("a", "A", &["U"])], &[])).unwrap();
    assert_eq!(
        (refers(&index, "T"), refers(&index, "U")),
        (vec!["b".into()], vec!["a".into()])
    );
}

#[test]
fn several_stems_that_refer_to_one_target_are_told() {
    let index = after(
        &Index::default(),
        staged(vec![body("a", "A", &["T"]), body("t", "T", &[])], &[]),
    )
    .unwrap();
    let plan = plan(
        &index,
        staged(vec![body("b", "B", &["T"])], &[]),
        "turn-0001",
    )
    .unwrap();
    let events: Vec<String> = plan.events.iter().map(Event::to_string).collect();
    assert_eq!(
        events,
        [
            "[INFO] [STAGE:lsi] [CODE:I_REF_VISIBLE] [LOC:/links] all references lead somewhere | targets=1",
            "[INFO] [STAGE:lsi] [CODE:I_REF_MULTISOURCE] [LOC:/refs/by_id] several stems refer to the same target | id=T stems=2 type=skill",
        ]
    );
}

#[test]
fn a_reference_to_nothing_is_refused() {
    let refused = after(
        &Index::default(),
        staged(vec![body("a", "A", &["A", "T"])], &[]),
    )
    .unwrap_err();
    assert_eq!(
        codes(&refused),
        [(Code::ELsiOrphanTarget, "/links/l1/id".into())]
    );
}

#[test]
fn a_target_cannot_go_while_others_refer_to_it() {
    let index = after(
        &Index::default(),
        staged(vec![body("a", "A", &["T"]), body("t", "T", &[])], &[]),
    )
    .unwrap();
    let orphaned = [(Code::ELsiOrphanTarget, "/links/l0/id".to_owned())];
    let buried = after(&index, staged(vec![], &[("t", "T")])).unwrap_err();
    assert_eq!(codes(&buried), orphaned);
    let renamed = after(&index, staged(vec![body("t", "U", &[])], &[])).unwrap_err();
    assert_eq!(codes(&renamed), orphaned);
    // With whoever refers to it, or while another body is the same.
    let both = after(&index, staged(vec![], &[("a", "A"), ("t", "T")])).unwrap();
    assert_eq!(both, Index::default());
    let moved = after(&index, staged(vec![body("t2", "T", &[])], &[("t", "T")])).unwrap();
    assert_eq!(refers(&moved, "T"), ["a"]);
}

#[test]
fn a_tombstone_takes_triplet_and_sources_and_creating_again_wins_over_it() {
    let index = after(
        &Index::default(),
        staged(vec![body("a", "A", &["T"]), body("t", "T", &[])], &[]),
    )
    .unwrap();
    let buried = after(&index, staged(vec![], &[("a", "A")])).unwrap();
    assert_eq!(refers(&buried, "T"), Vec::<String>::new());
    assert!(!buried.triplets.contains_key(&stem("a")));
    let again = after(&index, staged(vec![body("a", "A", &[])], &[("a", "A")])).unwrap();
    assert!(again.triplets.contains_key(&stem("a")));
    assert_eq!(refers(&again, "T"), Vec::<String>::new());
    // One for what is not there changes nothing.
    assert_eq!(after(&index, staged(vec![], &[("x", "X")])).unwrap(), index);
}

#[test]
fn a_tombstone_for_another_body_is_refused() {
    let index = after(&Index::default(), staged(vec![body("t", "T", &[])], &[])).unwrap();
    let refused = after(&index, staged(vec![], &[("t", "other")])).unwrap_err();
    assert_eq!(
        codes(&refused),
        [(Code::ETombstoneInvalid, "/triplets/t.tombstone.json".into())]
    );
}
