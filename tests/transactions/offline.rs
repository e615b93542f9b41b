//! Offline is offline: no socket of what these commands run leaves loopback, and they themselves ask
//! for none.

use std::net::TcpListener;

use orket_transactions::NetworkMode;
use orket_transactions::offline::probe::{Verdict, child, own, without_sockets};
use orket_transactions::verify::Confined;

use crate::repository::{Repository, Said};

fn confined(mode: NetworkMode) -> Confined {
    Confined {
        mode,
        allowance: orket::tools::child::sandbox::allowance::Allowance::default(),
        is_secret: |_| false,
    }
}

#[test]
fn the_check_passes_here_and_says_what_it_tried() {
    let repository = Repository::bare_folder();
    let said = repository
        .orket(&[
            "check",
            "offline-matrix",
            "--require-default-offline",
            "--out",
            "deep/offline.json",
            "--json",
        ])
        .ok();
    let json = said.json();
    let on_disk: serde_json::Value =
        serde_json::from_str(&repository.read("deep/offline.json")).unwrap();
    assert_eq!(json, on_disk);
    assert_eq!(json["status"], "PASS");
    assert_eq!(json["default_network_mode"], "offline");
    assert_eq!(
        json["required_commands"],
        serde_json::json!(["init", "api_add", "refactor"])
    );
    let verdicts: Vec<&str> = json["probes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|probe| probe["verdict"].as_str())
        .collect();
    assert_eq!(verdicts.len(), 2);
    assert!(
        verdicts
            .iter()
            .all(|it| ["holds", "not_enforced"].contains(it)),
        "{json:#}"
    );
}

#[test]
fn the_check_fails_where_offline_is_not_the_default() {
    let repository = Repository::bare_folder();
    repository.write("matrix.md", "`init` and `api_add`");
    let check = |arguments: &[&str], mode: &str| {
        let mut command =
            repository.command(&[&["check", "offline-matrix", "--json"], arguments].concat());
        let said = Said::of(command.env("ORKET_NETWORK_MODE", mode).output().unwrap());
        let json = said.json();
        (
            said.code,
            json["code"].as_str().unwrap().to_owned(),
            json["failures"][0].as_str().unwrap().to_owned(),
        )
    };
    let fails = |code: &str, failure: &str| (Some(1), code.to_owned(), failure.to_owned());
    assert_eq!(
        check(&[], "online_opt_in"),
        fails(
            "E_OFFLINE_DEFAULT_NETWORK_REQUIRED",
            "default_network_mode_not_offline:online_opt_in"
        )
    );
    assert_eq!(
        check(&["--matrix-doc", "matrix.md"], "offline"),
        fails("E_OFFLINE_COMMAND_UNKNOWN", "doc_missing_command:refactor")
    );
    assert_eq!(
        check(&["--matrix-doc", "nowhere.md"], "offline"),
        fails("E_OFFLINE_COMMAND_UNKNOWN", "missing_matrix_doc:nowhere.md")
    );
    let (_, code, failure) = check(&[], "onlin");
    assert_eq!(code, "E_NETWORK_MODE_INVALID");
    assert!(failure.starts_with("default_network_mode_error:"));
}

/// The probe is no formality: it sees a child that does reach out, and a program that asks for a
/// socket.
#[test]
fn the_probes_see_what_leaks() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("orket");
    std::fs::copy(env!("CARGO_BIN_EXE_orket"), &program).unwrap();
    let open = child(
        &confined(NetworkMode::OnlineOptIn),
        folder.path(),
        "./orket check offline-matrix --reach",
    );
    assert_eq!(open.verdict, Verdict::Leaks, "{open:?}");
    assert!(open.detail.contains("a child reached "), "{open:?}");

    let asks = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_orket"));
        command.args(["check", "offline-matrix", "--reach", "127.0.0.1:1"]);
        command
    };
    use std::os::unix::process::ExitStatusExt;
    let killed = without_sockets(asks()).unwrap();
    assert_eq!(killed.status.signal(), Some(libc::SIGSYS), "{killed:?}");
    let holds = own(folder.path(), || {
        std::process::Command::new(env!("CARGO_BIN_EXE_orket"))
    });
    assert_eq!(holds.verdict, Verdict::Holds, "{holds:?}");
}

/// A server on loopback serves its own test, and the machine's own listeners are out of reach.
#[test]
fn a_verification_talks_to_itself_and_to_nobody_else() {
    if !python_is_there() {
        return;
    }
    let outside = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = outside.local_addr().unwrap().port();
    let repository = Repository::new();
    let connects = |address: &str| {
        format!("python3 -c \"import socket; socket.create_connection({address}, 2)\"")
    };
    let itself = "python3 -c \"import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname(), 2)\"";
    let to_listener = format!("! {}", connects(&format!("('127.0.0.1', {port})")));
    let to_nowhere = format!("! {}", connects("('192.0.2.1', 9)"));
    repository.verified_by(&[itself, &to_listener, &to_nowhere]);
    let rename = [
        "refactor",
        "rename User to Member",
        "--scope",
        "src",
        "--yes",
        "--json",
    ];
    let json = repository.orket(&rename).json();
    if json["network"] != "loopback only" {
        // Told in the plan; there is nothing to hold it to.
        assert!(
            json["network"].as_str().unwrap().contains("here"),
            "{json:#}"
        );
        return;
    }
    assert_eq!(json["code"], "OK", "{json:#}");
    // With the network opened the listener is reached, so that command does fail.
    repository.git(&["checkout", "-q", "--", "."]);
    let mut command = repository.command(&rename);
    let said = Said::of(
        command
            .env("ORKET_NETWORK_MODE", "online_opt_in")
            .output()
            .unwrap(),
    );
    let json = said.json();
    assert_eq!(json["code"], "E_VERIFY_FAILED_REVERTED");
    assert_eq!(json["verify_command"], to_listener.as_str());
    assert_eq!(json["network"], "open (online_opt_in)");
}

fn python_is_there() -> bool {
    let output = std::process::Command::new("python3")
        .arg("--version")
        .output();
    output.is_ok_and(|it| it.status.success())
}
