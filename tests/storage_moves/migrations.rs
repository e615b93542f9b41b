//! `orket migrate`.

use serde_json::json;

use crate::house::House;

#[test]
fn a_fresh_install_is_only_changed_when_it_is_asked_to() {
    let house = House::new();
    for args in [&["migrate", "--status"][..], &["migrate", "--dry-run"]] {
        house.run(args).well();
        assert_eq!(house.files(), []);
    }
    insta::assert_snapshot!("fresh", house.plain(&house.run(&["migrate"]).well().out));
    let before = house.files();
    let status = house.run(&["migrate", "--status"]).well();
    insta::assert_snapshot!("status", house.plain(&status.out));
    let again = house.run(&["migrate", "--json"]).well().json();
    assert_eq!(again["backup"], json!(null));
    for database in again["databases"].as_array().unwrap() {
        assert_eq!(
            (&database["state"], &database["applied"]),
            (&json!("current"), &json!([]))
        );
    }
    assert_eq!(
        house.files(),
        before,
        "nothing was due, and something was touched"
    );
}

#[test]
fn killed_in_the_middle_the_old_schema_is_there_and_the_next_time_goes_on() {
    let house = House::new();
    house.run(&["migrate"]).well();
    house.sql(
        &house.journal(),
        "INSERT INTO runs (run_id, build_id, epic, status, started_at) VALUES ('R', 'B', 'e', 'done', 1)",
    );
    house.make_older();
    let versions = || {
        house.words(
            &house.journal(),
            "SELECT version AS word FROM __diesel_schema_migrations ORDER BY 1",
        )
    };
    let before = house.dump(&house.journal());
    for (at, after) in [
        ("migrate.before#1", 3),
        ("migrate.in_transaction#1", 3),
        ("migrate.after#1", 4),
        ("migrate.in_transaction#1", 4),
    ] {
        house.killed(at, &["migrate"]);
        assert_eq!(versions().len(), after, "{at}");
        assert_eq!(house.dump(&house.journal()), before, "{at}");
    }
    let done = house.run(&["migrate", "--json"]).well().json();
    assert_eq!(
        done["databases"][0]["applied"],
        json!(["0005_removed_records", "0006_run_texts"])
    );
    assert_eq!(house.dump(&house.journal()), before);
    // What was there before it changed is put away, sound.
    let backup = house.path().join(done["backup"].as_str().unwrap());
    let kept = backup.join("db/orket_persistence.db");
    assert_eq!(house.dump(&kept), before);
    assert_eq!(
        house.words(
            &kept,
            "SELECT integrity_check AS word FROM pragma_integrity_check"
        ),
        ["ok"]
    );
}

#[test]
fn what_must_not_be_touched_is_refused_with_the_command_that_goes_on() {
    let house = House::new();
    house.run(&["migrate"]).well();
    house.python(3);
    house.sql(
        &house.journal(),
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')",
    );
    let before = house.files();
    let newer = house.run(&["migrate", "--json"]).refused();
    assert_eq!(newer.0, "E_JOURNAL_NEWER_SCHEMA");
    let python = house
        .run(&[
            "migrate",
            "--runtime-db",
            "old/orket_persistence.db",
            "--json",
        ])
        .refused();
    assert_eq!(
        python,
        (
            "E_FOREIGN_DATABASE".to_owned(),
            "orket import legacy --runtime-db old/orket_persistence.db".to_owned()
        )
    );
    assert_eq!(house.files(), before);
    house.sql(
        &house.journal(),
        "DELETE FROM __diesel_schema_migrations WHERE version = '9999'",
    );
    house.make_older();
    let lock = std::fs::File::options()
        .write(true)
        .open(house.root().join("run/owner.lock"))
        .unwrap();
    lock.lock().unwrap();
    let owned = house.run(&["migrate", "--json"]).refused();
    assert_eq!(owned.0, "E_OWNED");
    assert!(owned.1.contains("orket serve --stop"), "{}", owned.1);
}

#[test]
fn what_the_python_orket_left_is_moved_once_and_its_databases_are_told_of() {
    let house = House::new();
    house.python(2);
    std::fs::rename(
        house.path().join("old/orket_persistence.db"),
        house.path().join("orket_persistence.db"),
    )
    .unwrap();
    let settings = json!({"setup_complete": true, "preferred_coder": "ollama:qwen"});
    std::fs::write(
        house.path().join("user_settings.json"),
        settings.to_string(),
    )
    .unwrap();
    std::fs::create_dir_all(house.path().join(".orket/gitea_artifacts/deep")).unwrap();
    std::fs::write(house.path().join(".orket/gitea_artifacts/deep/x"), "kept").unwrap();
    let before = house.files();
    house.run(&["migrate", "--dry-run"]).well();
    assert_eq!(house.files(), before);
    house.killed("move.copied#1", &["migrate"]);
    let text = house.run(&["migrate"]).well().out;
    insta::assert_snapshot!("moved", house.plain(&text));
    let read = |name: &str| {
        let text = std::fs::read_to_string(house.root().join(name)).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    house.run(&["migrate"]).well();
    assert_eq!(
        read("config/user_settings.json"),
        json!({"setup_complete": true})
    );
    assert_eq!(
        read("config/preferences.json"),
        json!({"models": {"coder": "ollama:qwen"}})
    );
    let moved = house.root().join("gitea_artifacts/deep/x");
    assert_eq!(std::fs::read_to_string(moved).unwrap(), "kept");
    assert!(house.path().join("orket_persistence.db").exists());
}

#[test]
fn a_database_of_ours_in_the_place_of_another_and_one_of_anybody_stay_as_they_are() {
    let house = House::new();
    house.run(&["migrate"]).well();
    let names = ["orket_persistence.db", "webhook.db", "project_memory.db"];
    let before = house.files();
    for (flag, name) in [
        ("--runtime-db", names[1]),
        ("--runtime-db", names[2]),
        ("--webhook-db", names[0]),
    ] {
        let path = format!(".orket/durable/db/{name}");
        let refused = house.run(&["migrate", flag, &path, "--json"]).refused();
        assert_eq!(refused.0, "E_FOREIGN_DATABASE", "{flag} {name}");
        assert_eq!(house.files(), before, "{flag} {name}");
    }
    // Neither is waited for a pipe nor moved what would stop every command.
    let pipe = house.path().join(".orket/gitea_artifacts/pipe");
    std::fs::create_dir_all(pipe.parent().unwrap()).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let refused = house.run(&["migrate", "--json"]).refused();
    assert_eq!(refused.0, "E_STORAGE");
    std::fs::remove_file(&pipe).unwrap();
    let settings = house.path().join("user_settings.json");
    std::fs::write(&settings, "{").unwrap();
    assert_eq!(house.run(&["migrate", "--json"]).refused().0, "E_CONFIG");
    assert!(settings.exists());
    std::fs::remove_file(&settings).unwrap();
    // A file, whatever SQLite makes of its name.
    house.run(&["migrate", "--runtime-db", ":memory:"]).well();
    let made = house.path().join(":memory:");
    assert!(std::fs::metadata(made).unwrap().len() > 0);

    let house = House::new();
    let old = house.path().join("orket_persistence.db");
    house.sql(&old, "CREATE TABLE mine (a); INSERT INTO mine VALUES (1)");
    let theirs = std::fs::read(&old).unwrap();
    let told = house.run(&["migrate"]).well().out;
    assert!(
        told.contains("[MIGRATE] Left runtime database orket_persistence.db: it is not one"),
        "{told}"
    );
    assert_eq!(std::fs::read(&old).unwrap(), theirs);
    let ours = house.words(&house.journal(), "SELECT name AS word FROM sqlite_master");
    assert!(!ours.contains(&"mine".to_owned()), "{ours:?}");
}

#[test]
fn preferences_killed_between_their_two_files_are_moved_the_next_time() {
    let house = House::new();
    let settings = json!({"setup_complete": true, "preferred_coder": "ollama:qwen"});
    std::fs::write(
        house.path().join("user_settings.json"),
        settings.to_string(),
    )
    .unwrap();
    house.killed("move.preferences", &["migrate"]);
    house.run(&["migrate"]).well();
    let read = |name: &str| {
        let text = std::fs::read_to_string(house.root().join(name)).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    assert_eq!(
        read("config/user_settings.json"),
        json!({"setup_complete": true})
    );
    assert_eq!(
        read("config/preferences.json"),
        json!({"models": {"coder": "ollama:qwen"}})
    );
}
