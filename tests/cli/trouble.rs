//! What it says when something outside is wrong: limits, disks, the journal, slips of the hand.

use serde_json::Value;

use super::house::{House, QUICK};

#[test]
fn too_few_open_files_are_told_before_anything_is_begun() {
    let house = House::new();
    house.epic("demo", 1, QUICK);
    let run = |hard: u32| {
        let orket = env!("CARGO_BIN_EXE_orket");
        let mut command = std::process::Command::new("sh");
        command
            .args([
                "-c",
                &format!("ulimit -n {hard}; exec \"$0\" \"$@\""),
                orket,
            ])
            .args(["--epic", "demo"])
            .current_dir(house.path())
            .env_clear();
        let output = command.output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), err)
    };
    for hard in [12, 20, 24, 34] {
        let (code, err) = run(hard);
        assert_eq!(code, Some(1), "{hard}: {err}");
        assert!(err.starts_with("error[E_START]"), "{hard}: {err}");
        assert!(err.contains("ulimit -n"), "{hard}: {err}");
    }
    assert!(!house.durable().exists(), "nothing was begun");
    let (code, err) = run(200);
    assert_eq!(code, Some(0), "{err}");
}

#[test]
fn output_that_is_lost_is_told_by_the_exit_code() {
    let house = House::new();
    house.epic("demo", 1, QUICK);
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = house.command(&["--epic", "demo", "--json"]);
    let output = command.stdout(full).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("error[E_OUTPUT]"), "{err}");
    assert_eq!(
        house.run(&["show", "last", "--json"]).json()["status"],
        "done"
    );
}

#[test]
fn hints_say_what_helps() {
    let house = House::new();
    house.epic("demo", 1, QUICK);
    let server = house.run(&["--server", "some.sock", "runs"]);
    assert_eq!(server.code, 2);
    assert!(
        server.err.contains("orket runs --server some.sock"),
        "{server:?}"
    );
    // Only a name that is a slip of the hand away is guessed.
    std::fs::write(
        house.path().join(".env"),
        "ORKET_NOPE=1\nORKET_ARTEFACT=none\n",
    )
    .unwrap();
    let guessed = house.run(&["runs"]);
    assert!(
        guessed.err.contains("`ORKET_NOPE` is not read by orket\n")
            && guessed.err.contains("did you mean `ORKET_ARTIFACTS`?"),
        "{guessed:?}"
    );
    std::fs::remove_file(house.path().join(".env")).unwrap();
    // A turn of an earlier run of the same build.
    let first = house.run(&["--epic", "demo", "--json"]).json();
    let second = house
        .run(&["--epic", "demo", "--build-id", "build-demo", "--json"])
        .json();
    assert_ne!(first["run_id"], second["run_id"]);
    let turn = |run: &Value| format!("{}:DEMO-1:1", run["run_id"].as_str().unwrap());
    let replayed = house.run(&["replay", &turn(&second), "--json"]);
    assert_eq!(replayed.code, 1);
    let hint = replayed.json()["error"]["hint"].clone();
    assert!(
        hint.as_str()
            .unwrap()
            .ends_with(&format!("orket replay {}", turn(&first))),
        "{hint}"
    );
    // The lock holds, whether or not its owner can be written into it.
    let orket = env!("CARGO_BIN_EXE_orket");
    let mut command = std::process::Command::new("sh");
    let full = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
    command
        .args(["-c", full, orket, "halt", "last"])
        .current_dir(house.path())
        .env_clear();
    let halted = command.output().unwrap();
    let err = String::from_utf8(halted.stderr).unwrap();
    assert!(err.starts_with("error[E_"), "{err}");
    assert!(
        !err.contains("E_DATA_FOLDER") && err.contains("free space"),
        "{err}"
    );
    let database = house.durable().join("db/orket_persistence.db");
    std::fs::write(&database, "no database ".repeat(1_000)).unwrap();
    for args in [&["runs"][..], &["--epic", "demo"]] {
        let broken = house.run(args);
        assert_eq!(broken.code, 1, "{broken:?}");
        assert!(
            broken.err.contains("error[E_JOURNAL_UNUSABLE]")
                && broken.err.contains("file is not a database")
                && broken.err.contains("hint: restore")
                && !broken.err.contains("timed out"),
            "{broken:?}"
        );
    }
}

#[test]
fn a_command_that_breaks_down_says_so() {
    let house = House::new();
    house.epic("demo", 1, QUICK);
    let mut command = house.command(&["--epic", "demo", "--json"]);
    command.env("ORKET_FAULT", "panic@journal.before_migration#1");
    let output = command.output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(told["error"]["code"], "E_INTERNAL");
    assert_eq!(house.run(&["--epic", "demo"]).code, 0);
}
