//! An owner with other settings, in another folder, of another version.

use std::io::{Read, Write};

use super::house::{BROKEN, House, QUICK, Running};

#[test]
fn a_command_is_told_when_the_owner_has_other_settings() {
    let house = House::new();
    house.epic("demo", 1, QUICK);
    let mut owner = house.start(&["serve", "--socket-only"]);
    owner.until("listening on");
    let same = house.run(&["--epic", "demo"]);
    assert_eq!(same.code, 0, "{same:?}");
    assert!(!same.err.contains("warning"), "{same:?}");
    std::fs::write(
        house.path().join(".env"),
        "ORKET_ARTIFACTS=none\nORKET_OPENAI_KEY=secret-key\nORKET_LOG=info\n",
    )
    .unwrap();
    house.epic("failing", 1, BROKEN);
    let socket = ".orket/durable/run/orket.sock";
    house.run(&["--epic", "failing", "--server", socket]);
    let failed = house.run(&["show", "last", "--json"]).json()["run_id"].clone();
    for args in [
        &["run", "--epic", "demo"][..],
        &["run", "--epic", "demo", "--detach"],
        &["resume", failed.as_str().unwrap(), "--detach"],
    ] {
        let other = house.run(args);
        assert_eq!(other.code, 0, "{other:?}");
        assert!(
            (other.err.clone() + &other.out)
                .contains("has other values of ORKET_ARTIFACTS, ORKET_OPENAI_KEY; `orket serve"),
            "{other:?}"
        );
    }
    owner.signal("INT");
    assert_eq!(owner.end().0, 0);
}

#[test]
fn a_command_in_another_folder_does_not_run_the_owners_assets() {
    let house = House::new();
    house.epic("demo", 1, QUICK);
    std::fs::create_dir(house.path().join("sub")).unwrap();
    let mut owner = house.start(&["serve", "--socket-only"]);
    owner.until("listening on");
    let in_sub = |args: &[&str]| {
        let mut command = house.command(args);
        command
            .current_dir(house.path().join("sub"))
            .env("ORKET_DURABLE_ROOT", "../.orket/durable");
        let (code, lines) = Running::of(command).end();
        (code, lines.join("\n"))
    };
    let (code, told) = in_sub(&["--epic", "demo"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("error[E_OTHER_FOLDER]"), "{told}");
    assert_eq!(
        house.run(&["runs", "--json"]).json()["runs"],
        serde_json::json!([])
    );
    // Whoever names the owner means its assets.
    let (code, told) = in_sub(&[
        "--epic",
        "demo",
        "--server",
        "../.orket/durable/run/orket.sock",
    ]);
    assert_eq!(code, 0, "{told}");
    // A look at what is under way needs no assets.
    let (code, told) = in_sub(&["show", "last"]);
    assert_eq!(code, 0, "{told}");
    owner.signal("INT");
    assert_eq!(owner.end().0, 0);
}

#[test]
fn a_command_is_told_when_another_version_does_the_work() {
    let house = House::new();
    let place = house.path().join("other.sock");
    let listener = std::os::unix::net::UnixListener::bind(&place).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0_u8; 16_384];
            let read = stream.read(&mut request).unwrap();
            let is_health = request[..read].starts_with(b"GET /v1/owner");
            let (status, body) = if is_health {
                (
                    200,
                    r#"{"status":"ok","version":"0.0.1","pid":7,"active_runs":[]}"#,
                )
            } else {
                (
                    404,
                    r#"{"detail":"no","code":"E_NOT_FOUND","request_id":"1"}"#,
                )
            };
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let done = house.run(&["--epic", "demo", "--server", place.to_str().unwrap()]);
    assert_eq!(done.code, 1, "{done:?}");
    let words = "warning: process 7 does the work and is orket 0.0.1, this is orket ";
    assert!(done.err.contains(words), "{done:?}");
}
