//! `orket import legacy`.

use crate::house::House;

const IMPORT: &[&str] = &[
    "import",
    "legacy",
    "--runtime-db",
    "old/orket_persistence.db",
    "--webhook-db",
    "old/webhook.db",
    "--json",
];

/// All three databases of ours, times of the import taken out.
fn all(house: &House) -> Vec<String> {
    let mut all = Vec::new();
    for name in ["orket_persistence.db", "webhook.db", "project_memory.db"] {
        all.extend(house.dump(&house.root().join("db").join(name)));
    }
    all.retain(|row| !row.starts_with("legacy_imports"));
    for row in &mut all {
        if row.contains("card_imported") || row.contains("run_imported") {
            let (rest, _at) = row.rsplit_once(',').unwrap();
            *row = rest.to_owned();
        }
    }
    all
}

#[test]
fn ten_thousand_cards_killed_at_every_point_and_repeated_are_the_same_as_undisturbed() {
    let undisturbed = House::new();
    undisturbed.python(10_000);
    let preview = undisturbed
        .run(&[IMPORT, &["--dry-run"]].concat())
        .well()
        .json();
    assert!(
        !undisturbed.root().join("db").exists(),
        "a preview made something"
    );
    let done = undisturbed.run(IMPORT).well().json();
    assert_eq!(done["databases"], preview["databases"]);
    assert_eq!(done["findings"], preview["findings"]);
    assert_eq!(done["changed"], true);
    let due = all(&undisturbed);
    let count = |prefix: &str| due.iter().filter(|row| row.starts_with(prefix)).count();
    assert_eq!(
        (count("cards: "), count("legacy_rows: '") > 20_000),
        (10_000, true)
    );

    let house = House::new();
    house.python(10_000);
    for at in [
        "import.memory_written",
        "import.webhook_written",
        "import.in_transaction",
        "import.written",
        "import.before_commit",
    ] {
        house.killed(at, IMPORT);
        let journal = house.journal();
        if journal.exists() {
            let rows = house.dump(&journal);
            assert_eq!(
                rows,
                Vec::<String>::new(),
                "half of it is visible after {at}"
            );
        }
    }
    house.run(IMPORT).well();
    assert_eq!(all(&house), due);
    let again = house.run(IMPORT).well().json();
    assert_eq!(again["changed"], false);
    assert_eq!(all(&house), due);
    let text = house.run(&IMPORT[..6]).well().out;
    assert!(text.starts_with("Nothing is new"), "{text}");
}

#[test]
fn what_was_imported_is_seen_by_every_command() {
    let house = House::new();
    house.python(60);
    let text = house.run(&IMPORT[..6]).well().out;
    insta::assert_snapshot!("imported", house.plain(&text));
    let runs = house.run(&["runs", "--json"]).well().json();
    let ids: Vec<&str> = runs["runs"]
        .as_array()
        .or(runs.as_array())
        .unwrap()
        .iter()
        .map(|run| run["run_id"].as_str().unwrap())
        .collect();
    assert!(ids.contains(&"00000000") && ids.len() >= 2, "{ids:?}");
    for id in ids {
        house.run(&["show", id]).well();
        let verified = house.run(&["verify", id, "--json"]).well().json();
        let note = verified["evidence"]["notes"][0].as_str().unwrap();
        assert!(
            note.starts_with("imported from the Python Orket 0.3"),
            "{note}"
        );
        assert_eq!(verified["evidence"]["problems"], serde_json::json!([]));
    }
}

#[test]
fn a_database_of_theirs_in_the_place_of_ours_is_kept_beside_it() {
    let house = House::new();
    house.python(40);
    std::fs::create_dir_all(house.root().join("db")).unwrap();
    std::fs::copy(
        house.path().join("old/orket_persistence.db"),
        house.journal(),
    )
    .unwrap();
    let theirs = house.dump(&house.journal());
    let run = house.run(&["run", "--epic", "golden_flow"]);
    let hint = "orket import legacy --runtime-db";
    assert!(run.code == Some(1) && run.err.contains(hint), "{}", run.err);
    let import = [
        "import",
        "legacy",
        "--runtime-db",
        ".orket/durable/db/orket_persistence.db",
    ];
    for at in ["import.before_commit", "import.before_rename"] {
        house.killed(at, &import);
        assert_eq!(house.dump(&house.journal()), theirs, "{at}");
    }
    house.run(&import).well();
    assert_eq!(
        house.dump(&house.root().join("db/orket_persistence.db.python")),
        theirs
    );
    let ours = house.dump(&house.journal());
    assert_eq!(
        ours.iter().filter(|row| row.starts_with("cards: ")).count(),
        40
    );
    let backups = || std::fs::read_dir(house.root().join("backups")).map_or(0, Iterator::count);
    let before = backups();
    let dry = [&import[..], &["--dry-run", "--json"]].concat();
    for args in [&dry[..], &[&import[..], &["--json"]].concat()] {
        assert_eq!(house.run(args).well().json()["changed"], false);
        let rows = house.run(&dry).well().json();
        assert_eq!(rows["databases"][0]["tables"][0]["new"], 0);
    }
    assert_eq!(house.dump(&house.journal()), ours);
    assert_eq!(backups(), before, "nothing was new");

    // Another one of theirs in the same place: the first stays kept.
    let place = house.journal();
    std::fs::remove_file(&place).unwrap();
    let other = include_str!("../../legacy/tests/house/runtime.sql").replace("@CARDS@", "2");
    house.sql(&place, &other);
    house.run(&import).well();
    let kept: Vec<_> = std::fs::read_dir(house.root().join("db"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(".db.python-"))
        .collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(house.dump(&kept[0]), theirs);
}

#[test]
fn what_cannot_be_imported_is_refused_and_nothing_is_there_afterwards() {
    let house = House::new();
    house.python(3);
    let code = |args: &[&str]| house.run(args).refused().0;
    assert_eq!(
        code(&["import", "legacy", "--runtime-db", "gone.db", "--json"]),
        "E_IMPORT_SOURCE"
    );
    assert_eq!(
        code(&[
            "import",
            "legacy",
            "--runtime-db",
            "old/webhook.db",
            "--json"
        ]),
        "E_IMPORT_SOURCE"
    );
    assert_eq!(house.run(&["import", "legacy", "--json"]).code, Some(2));
    house.run(IMPORT).well();
    let before = all(&house);
    house.sql(
        &house.path().join("old/orket_persistence.db"),
        "UPDATE issues SET status = 'canceled' WHERE id = 'I-0'",
    );
    assert_eq!(code(IMPORT), "E_IMPORT_CONFLICT");
    assert_eq!(all(&house), before);
}
