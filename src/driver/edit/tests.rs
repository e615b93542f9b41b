use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::write::{WriteError, write};
use super::{Draft, draft};
use crate::assets::DiskThenEmbedded;
use crate::driver::command::{AssetChange, AssetVerb};
use crate::driver::kinds::Template;

/// A project's folder.
struct House(tempfile::TempDir);

impl House {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn put(&self, path: &str, value: &Value) {
        self.put_text(path, &serde_json::to_string_pretty(value).unwrap());
    }

    fn put_text(&self, path: &str, text: &str) {
        let file = self.root().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.root().join(path)).unwrap()).unwrap()
    }

    fn draft(&self, what: AssetVerb) -> Result<Draft, String> {
        let change = AssetChange {
            what,
            department: "core".to_owned(),
        };
        draft(&change, &DiskThenEmbedded::new(self.root()))
    }

    fn done(&self, what: AssetVerb) -> Draft {
        let draft = self.draft(what).unwrap();
        write(self.root(), &draft.files).unwrap();
        draft
    }

    /// Everything on disk below the root.
    fn files(&self) -> Vec<String> {
        fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, root, found);
                } else {
                    found.push(path.strip_prefix(root).unwrap().display().to_string());
                }
            }
        }
        let mut found = Vec::new();
        walk(self.root(), self.root(), &mut found);
        found.sort();
        found
    }
}

fn create(kind: Template, name: &str) -> AssetVerb {
    AssetVerb::Create {
        kind,
        name: name.to_owned(),
        title: None,
        rock: None,
    }
}

fn add(epic: &str, seat: &str) -> AssetVerb {
    AssetVerb::AddCard {
        epic: epic.to_owned(),
        seat: seat.to_owned(),
        priority: 2.0,
        summary: "Write  it".to_owned(),
        note: None,
    }
}

fn move_card(card: &str, epic: &str) -> AssetVerb {
    AssetVerb::MoveCard {
        card: card.to_owned(),
        epic: epic.to_owned(),
    }
}

fn epic(cards: Value) -> Value {
    json!({"epic": {"team": "standard", "environment": "standard", "issues": cards}})
}

#[test]
fn a_new_epic_with_its_rock_and_a_card_can_be_planned() {
    let house = House::new();
    house.done(AssetVerb::Create {
        kind: Template::Epic,
        name: "../Pay Ments".to_owned(),
        title: Some("Pay Ments".to_owned()),
        rock: Some("Launch!".to_owned()),
    });
    let draft = house.done(add("pay_ments", "Coder"));
    assert_eq!(
        draft.words[0],
        "add card PAY_MENTS-01 (coder, priority 2): Write it"
    );
    assert_eq!(
        house.files(),
        [
            "model/core/epics/pay_ments.json",
            "model/core/rocks/launch.json"
        ]
    );
    assert_eq!(
        house.json("model/core/epics/pay_ments.json"),
        json!({"epic": {
            "name": "Pay Ments", "type": "epic", "description": "", "team": "standard", "environment": "standard",
            "issues": [{"id": "PAY_MENTS-01", "summary": "Write it", "seat": "coder", "priority": 2.0}],
        }})
    );
    let rock = house.json("model/core/rocks/launch.json");
    assert_eq!(
        rock["rock"]["epics"],
        json!([{"epic": "pay_ments", "department": "core"}])
    );
}

#[test]
fn every_template_is_an_asset_that_nothing_is_wrong_with() {
    let house = House::new();
    for kind in Template::ALL {
        house.done(create(kind, "fresh"));
        let again = house.draft(create(kind, "Fresh")).unwrap_err();
        assert!(again.contains("already"), "{again}");
    }
    assert_eq!(house.files().len(), 4);
}

#[test]
fn what_would_break_the_library_is_refused_and_nothing_is_written() {
    let house = House::new();
    house.put(
        "model/core/epics/a.json",
        &epic(json!([
            {"id": "A-1", "summary": "one", "seat": "coder"},
            {"id": "A-2", "summary": "two", "seat": "coder", "depends_on": ["A-1"]},
        ])),
    );
    house.put(
        "model/core/epics/b.json",
        &epic(json!([{"id": "A-2", "summary": "other", "seat": "coder"}])),
    );
    house.put(
        "model/core/rocks/r.json",
        &json!({"rock": {"epics": [{"epic": "a"}]}}),
    );
    let before = house.files();
    for (what, expected) in [
        (add("a", "codr"), "no seat `codr`; did you mean `coder`?"),
        (add("nowhere", "coder"), "there is no epic `nowhere`"),
        (move_card("A-1", "b"), "there is no card `A-1`"),
        (move_card("a/A-2", "b"), "`A-2` is already the id of"),
        (move_card("A-2", "a"), "say which: a/A-2, b/A-2"),
        (move_card("a/A-1", "a"), "already"),
        (
            AssetVerb::DeleteCard {
                card: "A-1".to_owned(),
            },
            "there is no card `A-1`",
        ),
        (
            AssetVerb::Delete {
                kind: Template::Epic,
                name: "a".to_owned(),
            },
            "there is no epic `a`",
        ),
        (
            AssetVerb::Delete {
                kind: Template::Epic,
                name: "golden_flow".to_owned(),
            },
            "comes with the program",
        ),
        (
            AssetVerb::Delete {
                kind: Template::Epic,
                name: "../b".to_owned(),
            },
            "is no name",
        ),
        (
            AssetVerb::AssignCard {
                card: "A-1".to_owned(),
                seat: "coder".to_owned(),
            },
            "already",
        ),
        (
            AssetVerb::AssignTeam {
                team: "lost".to_owned(),
                epic: "a".to_owned(),
            },
            "there is no team `lost`",
        ),
    ] {
        let why = house.draft(what.clone()).unwrap_err();
        assert!(why.contains(expected), "{what:?}: {why}");
    }
    assert_eq!(house.files(), before);
}

#[test]
fn a_moved_card_leaves_the_ids_of_the_others_alone() {
    let house = House::new();
    house.put(
        "model/core/epics/a.json",
        &epic(json!([
            {"summary": "one", "seat": "coder"},
            {"summary": "two", "seat": "coder", "depends_on": []},
            {"summary": "three", "seat": "coder", "depends_on": ["A-02"]},
        ])),
    );
    house.put("model/core/epics/b.json", &epic(json!([])));
    let draft = house.done(move_card("A-01", "b"));
    let order: Vec<&str> = draft.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        order,
        ["model/core/epics/b.json", "model/core/epics/a.json"]
    );
    let ids = |file: &str| -> Vec<String> {
        let cards = house.json(file)["epic"]["issues"]
            .as_array()
            .unwrap()
            .clone();
        cards
            .iter()
            .map(|card| card["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids("model/core/epics/a.json"), ["A-02", "A-03"]);
    assert_eq!(ids("model/core/epics/b.json"), ["A-01"]);
}

#[test]
fn a_stray_issue_is_adopted_with_its_id() {
    let house = House::new();
    house.put(
        "model/core/issues/lost.json",
        &json!({"issue": {"summary": "found", "seat": "coder"}}),
    );
    house.done(move_card("LOST", "golden_flow"));
    // The shipped epic has a copy on disk now.
    assert_eq!(house.files(), ["model/core/epics/golden_flow.json"]);
    let cards = &house.json("model/core/epics/golden_flow.json")["epic"]["issues"];
    assert_eq!(
        cards[5],
        json!({"id": "LOST", "summary": "found", "seat": "coder"})
    );
}

#[test]
fn the_rest_of_a_file_stays_as_it_was_written() {
    let house = House::new();
    let text = "\u{feff}{\n    \"team\": \"standard\",\n    \"environment\": \"standard\",\n    \"custom\": 1.50,\n    \"cards\": [\n        {\n            \"id\": \"X-1\",\n            \"summary\": \"ä\",\n            \"seat\": \"coder\"\n        }\n    ],\n    \"end\": null\n}\n";
    house.put_text("config/epics/x.json", text);
    let assigned = house.done(AssetVerb::AssignCard {
        card: "X-1".to_owned(),
        seat: "architect".to_owned(),
    });
    assert_eq!(assigned.files[0].path, "config/epics/x.json");
    let after = fs::read_to_string(house.root().join("config/epics/x.json")).unwrap();
    let expected = text
        .trim_start_matches('\u{feff}')
        .replace("\"coder\"", "\"architect\"")
        .replace("1.50", "1.5");
    assert_eq!(after, expected);
}

#[test]
fn what_somebody_else_wrote_meanwhile_is_never_written_over() {
    let house = House::new();
    let new = house.draft(create(Template::Rock, "r")).unwrap();
    house.put_text("model/core/rocks/r.json", "{}");
    assert!(matches!(
        write(house.root(), &new.files),
        Err(WriteError::Changed(_))
    ));
    assert_eq!(
        fs::read_to_string(house.root().join("model/core/rocks/r.json")).unwrap(),
        "{}"
    );
}

#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let house = House::new();
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir_all(house.root().join("model/core")).unwrap();
    std::os::unix::fs::symlink(outside.path(), house.root().join("model/core/rocks")).unwrap();
    let draft = house.draft(create(Template::Rock, "r")).unwrap();
    let refused = write(house.root(), &draft.files);
    assert!(
        matches!(refused, Err(WriteError::System { .. })),
        "{refused:?}"
    );
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    for path in [
        "../x.json",
        "model/../x.json",
        "src/a/b.json",
        "model/core/.x.json",
        "model/x.json",
        "model/a/b.txt",
    ] {
        let edit = super::FileEdit {
            path: path.to_owned(),
            before: None,
            after: Some("{}".to_owned()),
        };
        assert!(
            matches!(write(house.root(), &[edit]), Err(WriteError::Elsewhere(_))),
            "{path}"
        );
    }
}

#[test]
fn when_the_second_file_cannot_be_written_the_first_is_as_it_was() {
    let house = House::new();
    house.put("model/core/epics/b.json", &epic(json!([])));
    let before = fs::read_to_string(house.root().join("model/core/epics/b.json")).unwrap();
    let mut edits = house.draft(add("b", "coder")).unwrap().files;
    let new = house
        .draft(create(Template::Rock, "r"))
        .unwrap()
        .files
        .remove(0);
    // The third finds what the second wrote, which was not there when all of them were looked at.
    edits.extend([new.clone(), new]);
    assert!(matches!(
        write(house.root(), &edits),
        Err(WriteError::Changed(_))
    ));
    assert_eq!(house.files(), ["model/core/epics/b.json"]);
    assert_eq!(
        fs::read_to_string(house.root().join("model/core/epics/b.json")).unwrap(),
        before
    );
}
