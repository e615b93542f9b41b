//! What is refused: other machines, and loads without an end.

use crate::support::{orket_load, said};

#[test]
fn another_machine_is_refused_unless_it_is_said_to_be_meant() {
    let remote = "http://192.0.2.1:8082";
    for words in [
        vec!["api", "--api-url", remote],
        vec!["webhook", "--webhook-url", remote, "--webhook-secret", "s"],
        vec!["websocket", "--api-url", remote],
        vec![
            "websocket",
            "--api-url",
            "http://127.0.0.1:9",
            "--ws-url",
            "ws://192.0.2.1/ws/events",
        ],
        vec![
            "mixed",
            "--api-url",
            remote,
            "--webhook-url",
            remote,
            "--webhook-secret",
            "s",
        ],
        vec![
            "soak",
            "--api-url",
            remote,
            "--webhook-url",
            remote,
            "--webhook-secret",
            "s",
        ],
        // As scripts of operators call it.
        vec!["--api-base-url", remote, "--api-total", "1"],
    ] {
        let output = orket_load(&words);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{words:?}: {}",
            said(&output)
        );
        assert!(
            said(&output).contains("hint: add --allow-remote"),
            "{words:?}: {}",
            said(&output)
        );
    }
}

#[test]
fn loads_that_cannot_be_meant_are_refused() {
    let address = crate::support::server(|_| crate::support::Play::Answer(200, "{}"));
    let url = format!("http://{address}");
    for words in [
        ["--seconds", "0"],
        ["--seconds", "1e9"],
        ["--seconds", "-1"],
        ["--requests", "0"],
        ["--requests", "1000000000000"],
        ["--concurrency", "0"],
        ["--concurrency", "1000000"],
        ["--rate", "0"],
        ["--rate", "nan"],
        ["--rate", "1e12"],
        ["--path", "heartbeat"],
    ] {
        let mut all = vec!["api", "--api-url", &url];
        all.extend(words);
        let output = orket_load(&all);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{words:?}: {}",
            said(&output)
        );
    }
}

#[test]
fn a_binary_that_is_not_there_is_named_with_what_to_do() {
    let output = orket_load(&["api", "--orket", "/nowhere/orket"]);
    assert_eq!(output.status.code(), Some(1));
    let words = said(&output);
    assert!(
        words.contains("/nowhere/orket is not there") && words.contains("hint: build it"),
        "{words}"
    );
}

#[test]
fn a_process_that_does_not_serve_is_said_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("orket");
    std::fs::write(
        &script,
        "#!/bin/sh\necho 'error: no such luck' >&2\nexit 1\n",
    )
    .unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = orket_load(&["api", "--orket", script.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("did not start: error: no such luck"),
        "{}",
        said(&output)
    );
}

#[test]
fn an_interrupt_ends_what_was_started_and_leaves_nothing() {
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let url = crate::support::answering(|_| (200, "{}".to_owned()));
    let (script, pids) = (folder.path().join("orket"), folder.path().join("pids"));
    // A server with a child of its own, which says who it is.
    let text = format!(
        "#!/bin/sh\nsleep 600 &\necho $$ $! > {}\necho '{{\"url\": \"{url}\"}}'\nwait\n",
        pids.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let work = folder.path().join("work");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_orket-load"))
        .args(["api", "--seconds", "600", "--rate", "5", "--orket"])
        .arg(&script)
        .arg("--folder")
        .arg(&work)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The second line: the measurement goes on.
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.nth(1).unwrap().unwrap().contains("api_heartbeat"));
    assert_eq!(std::fs::read_dir(&work).unwrap().count(), 1);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(std::fs::read_dir(&work).unwrap().count(), 0);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    for pid in std::fs::read_to_string(&pids).unwrap().split_whitespace() {
        // Gone, or dead and not yet collected by whoever inherited it.
        let lives = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        while lives() {
            assert!(std::time::Instant::now() < deadline, "process {pid} lives");
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_refused_key_is_said_before_anything_is_measured() {
    // Whatever looks is answered; this server wants a key for everything.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 1_024]);
            let _ = stream.write_all(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let output = orket_load(&["api", "--api-url", &url, "--api-key", "wrong"]);
    assert_eq!(output.status.code(), Some(1));
    let words = said(&output);
    assert!(
        words.contains("refuses the key (401)") && words.contains("hint: give it in ORKET_API_KEY"),
        "{words}"
    );
    assert!(!words.contains("wrong"), "{words}");
}
