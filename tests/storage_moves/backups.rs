//! `orket backup` and `orket restore`.

use serde_json::json;

use crate::house::House;

/// A house with a journal that says `word`, and one backup of it.
fn backed_up(word: &str) -> House {
    let house = House::new();
    house.run(&["migrate"]).well();
    say(&house, word);
    std::fs::create_dir_all(house.root().join("config")).unwrap();
    std::fs::write(
        house.root().join("config/preferences.json"),
        r#"{"models":{}}"#,
    )
    .unwrap();
    std::fs::write(house.path().join(".env"), "ORKET_LOG=warn\n").unwrap();
    house.run(&["backup", "--out", "away"]).well();
    house
}

fn say(house: &House, word: &str) {
    house.sql(
        &house.journal(),
        &format!("INSERT OR REPLACE INTO settings VALUES ('word', '\"{word}\"', 1)"),
    );
}

fn said(house: &House) -> Vec<String> {
    house.words(&house.journal(), "SELECT value_json AS word FROM settings")
}

#[test]
fn a_backup_comes_back_and_what_was_there_is_kept() {
    let house = backed_up("old");
    let mut names: Vec<String> = house
        .files()
        .into_iter()
        .filter_map(|(path, ..)| {
            let inside = path
                .strip_prefix(house.path().join("away"))
                .ok()?
                .to_owned();
            path.is_file().then(|| inside.display().to_string())
        })
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "config/preferences.json",
            "db/orket_persistence.db",
            "db/project_memory.db",
            "db/webhook.db",
            "manifest.json"
        ]
    );
    say(&house, "new");
    let before = house.files();
    let unasked = house.run(&["restore", "away", "--json"]).refused();
    assert_eq!(
        unasked,
        (
            "E_NOT_CONFIRMED".to_owned(),
            "orket restore away --yes".to_owned()
        )
    );
    assert_eq!(house.files(), before);
    let done = house
        .run(&["restore", "away", "--yes", "--json"])
        .well()
        .json();
    assert_eq!(said(&house), ["\"old\""]);
    let kept = std::path::PathBuf::from(done["kept"].as_str().unwrap());
    let kept = house.path().join(kept).join("db/orket_persistence.db");
    assert_eq!(
        house.words(&kept, "SELECT value_json AS word FROM settings"),
        ["\"new\""]
    );
    house.run(&["migrate", "--status"]).well();
    house.run(&["runs"]).well();

    // And back again, as the refusal says.
    let aside = house.path().join(done["kept"].as_str().unwrap());
    let refused = house
        .run(&["restore", aside.to_str().unwrap(), "--yes", "--json"])
        .refused();
    assert_eq!(refused.0, "E_BACKUP");
    assert!(
        refused
            .1
            .contains("orket backup --out back, then orket restore back")
    );
    let made = house
        .command(&["backup", "--out", "back"])
        .env("ORKET_DURABLE_ROOT", &aside)
        .output();
    assert!(made.unwrap().status.success());
    house.run(&["restore", "back", "--yes"]).well();
    assert_eq!(said(&house), ["\"new\""]);
}

#[test]
fn a_restore_that_is_killed_is_either_not_begun_or_finished_by_the_next_owner() {
    for at in [
        "restore.laid_out",
        "restore.noted",
        "restore.in_the_middle#1",
        "restore.in_the_middle#2",
        "restore.before_forgetting",
    ] {
        let house = backed_up("old");
        say(&house, "new");
        house.killed(at, &["restore", "away", "--yes"]);
        // The next who owns it: here one that has nothing else to do.
        house.run(&["gc", "--yes"]).well();
        let is_begun = at != "restore.laid_out";
        assert_eq!(
            said(&house),
            [if is_begun { "\"old\"" } else { "\"new\"" }],
            "{at}"
        );
        assert!(!house.root().join("restore.json").exists(), "{at}");
        house.run(&["restore", "away", "--yes"]).well();
        assert_eq!(said(&house), ["\"old\""], "{at}");
    }
}

#[test]
fn a_backup_that_is_killed_is_none() {
    let house = backed_up("old");
    for at in ["backup.in_the_middle", "backup.before_rename"] {
        house.killed(at, &["backup", "--out", "other"]);
        assert!(!house.path().join("other").exists(), "{at}");
    }
    // What is called like half a backup is somebody's own.
    std::fs::create_dir(house.path().join("other.part")).unwrap();
    house.run(&["backup", "--out", "other"]).well();
    assert!(house.path().join("other.part").is_dir());
    assert_eq!(
        house
            .run(&["backup", "--out", "away/manifest.json", "--json"])
            .refused()
            .0,
        "E_BACKUP_EXISTS"
    );
}

#[test]
fn what_is_not_whole_or_too_new_or_in_use_is_refused_and_nothing_changes() {
    let house = backed_up("old");
    say(&house, "new");
    let restore = ["restore", "away", "--yes", "--json"];
    let lock = std::fs::File::options()
        .write(true)
        .open(house.root().join("run/owner.lock"))
        .unwrap();
    lock.lock().unwrap();
    assert_eq!(house.run(&restore).refused().0, "E_OWNED");
    // A backup works beside an owner.
    house.run(&["backup", "--out", "beside"]).well();
    drop(lock);

    let manifest = house.path().join("away/manifest.json");
    let whole = std::fs::read_to_string(&manifest).unwrap();
    let bytes = |entry: &serde_json::Value| entry["sha256"].as_str().unwrap().to_owned();
    let mut read: serde_json::Value = serde_json::from_str(&whole).unwrap();
    let digest = bytes(&read["files"][0]);
    for (from, to) in [
        (digest.as_str(), "0"),
        ("db/webhook.db", "db/../../x"),
        ("db/webhook.db", "db/orket_persistence.db-wal"),
        ("orket.backup.v1", "orket.backup.v2"),
    ] {
        std::fs::write(&manifest, whole.replace(from, to)).unwrap();
        assert_eq!(house.run(&restore).refused().0, "E_BACKUP", "{to}");
    }
    assert_eq!(
        house
            .run(&["restore", "gone", "--yes", "--json"])
            .refused()
            .0,
        "E_BACKUP"
    );

    // One that a newer orket made.
    let database = house.path().join("away/db/orket_persistence.db");
    house.sql(
        &database,
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')",
    );
    let file = std::fs::read(&database).unwrap();
    let hex: String = <sha2::Sha256 as sha2::Digest>::digest(&file)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    for entry in read["files"].as_array_mut().unwrap() {
        if entry["path"] == "db/orket_persistence.db" {
            entry["sha256"] = json!(hex);
            entry["bytes"] = json!(file.len());
        }
    }
    std::fs::write(&manifest, read.to_string()).unwrap();
    assert_eq!(house.run(&restore).refused().0, "E_JOURNAL_NEWER_SCHEMA");
    assert_eq!(said(&house), ["\"new\""]);
}

#[test]
fn a_restore_that_cannot_take_its_place_is_refused_before_it_begins() {
    let house = backed_up("old");
    say(&house, "new");
    let elsewhere = house.path().join("elsewhere");
    std::fs::rename(house.root().join("db"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, house.root().join("db")).unwrap();
    let refused = house.run(&["restore", "away", "--yes", "--json"]).refused();
    assert_eq!(refused.0, "E_STORAGE");
    assert_eq!(said(&house), ["\"new\""]);
    let left: Vec<_> = std::fs::read_dir(house.root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("restore") || name.ends_with(".part"))
        .collect();
    assert_eq!(left, [""; 0], "a full disk would stay full");
    // Whoever owns the folder next finds nothing to finish.
    house.run(&["gc", "--yes"]).well();
}

#[test]
fn backups_may_be_on_another_disk() {
    use std::os::unix::fs::MetadataExt as _;
    let house = backed_up("old");
    say(&house, "new");
    let memory = std::path::Path::new("/dev/shm");
    let disk = |path: &std::path::Path| std::fs::metadata(path).map(|about| about.dev()).ok();
    let away = if disk(memory).is_some_and(|it| Some(it) != disk(house.path())) {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    };
    std::os::unix::fs::symlink(away.path(), house.root().join("backups")).unwrap();
    let done = house.run(&["restore", "away", "--yes", "--json"]).well();
    assert_eq!(said(&house), ["\"old\""]);
    let kept = house.path().join(done.json()["kept"].as_str().unwrap());
    assert_eq!(
        house.words(
            &kept.join("db/orket_persistence.db"),
            "SELECT value_json AS word FROM settings"
        ),
        ["\"new\""]
    );
    let gone = house.run(&["gc", "--older-than", "0", "--keep-last", "0", "--yes"]);
    gone.well();
    assert!(!kept.exists());
}
