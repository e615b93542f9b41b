//! `orket sandbox`, with a shell script on PATH for docker.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::house::{Done, House, Running};

const DOCKER: &str = include_str!("../../sandboxes/tests/docker/docker.sh");

/// A house with a docker and with something that was built.
struct Site(House);

impl Site {
    fn new() -> Self {
        let site = Self(House::new());
        for folder in ["bin/state/projects", "built/backend", "built/frontend"] {
            std::fs::create_dir_all(site.0.path().join(folder)).unwrap();
        }
        let docker = site.0.path().join("bin/docker");
        std::fs::write(&docker, DOCKER).unwrap();
        std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).unwrap();
        site
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut path = self.0.path().join("bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let mut command = self.0.command(args);
        command.env("PATH", path);
        command
    }

    fn run(&self, args: &[&str]) -> Done {
        Done::of(self.command(args).output().unwrap())
    }

    fn start(&self, args: &[&str]) -> Running {
        Running::of(self.command(args))
    }

    fn create(&self, rock: &str) -> Value {
        let done = self.run(&[
            "sandbox", "create", "--rock", rock, "--path", "built", "--json",
        ]);
        assert_eq!(done.code, 0, "{done:?}");
        done.json()
    }

    fn listed(&self) -> Vec<Value> {
        let list = self.run(&["sandbox", "list", "--json"]).json();
        list["sandboxes"].as_array().unwrap().clone()
    }

    fn state(&self, name: &str) -> PathBuf {
        self.0.path().join("bin/state").join(name)
    }
}

/// Case 95 of the reference; which ports are free on this machine, nobody knows.
fn offset(sandbox: &Value) -> u64 {
    let ports = &sandbox["ports"];
    let offset = ports["api"].as_u64().unwrap() - 8_000;
    assert_eq!(
        ports,
        &json!({"api": 8_000 + offset, "frontend": 3_000 + offset, "database": 5_432 + offset,
            "admin_tool": 8_080 + offset})
    );
    offset
}

#[test]
fn a_sandbox_is_created_listed_read_and_stopped_without_an_owner() {
    let site = Site::new();
    let empty = site.run(&["sandbox"]);
    assert_eq!(
        (empty.code, empty.out.as_str()),
        (0, "there are no sandboxes\n")
    );
    assert!(!site.0.durable().exists(), "looking makes nothing");
    let first = site.create("launch");
    let second = site.create("Nightly Build");
    assert_eq!(first["id"], "sandbox-launch");
    assert_eq!(first["status"], "running");
    assert_eq!(second["id"], "sandbox-nightlybuild");
    assert!(offset(&second) > offset(&first));
    let told = site.run(&["sandbox", "create", "--rock", "launch", "--path", "built"]);
    let port = 3_000 + offset(&first);
    assert!(
        told.out
            .starts_with("sandbox-launch is running (fastapi-react-postgres)\n")
            && told
                .out
                .contains(&format!("frontend  http://localhost:{port}\n")),
        "{told:?}"
    );
    let list = site.run(&["sandbox", "list"]);
    assert!(list.out.starts_with(" SANDBOX"), "{list:?}");
    assert_eq!(list.out.lines().count(), 3, "{list:?}");
    std::fs::write(site.state("logs"), "api-1  | up\n").unwrap();
    let logs = site.run(&["sandbox", "logs", "sandbox-launch", "--service", "api"]);
    assert_eq!((logs.code, logs.out.as_str()), (0, "api-1  | up\n"));
    let stopped = site.run(&["sandbox", "stop", "sandbox-launch", "--json"]);
    assert_eq!(
        stopped.json(),
        json!({"id": "sandbox-launch", "status": "deleted"})
    );
    let statuses: Vec<_> = site
        .listed()
        .iter()
        .map(|it| it["status"].clone())
        .collect();
    assert_eq!(statuses, ["deleted", "running"]);
}

#[test]
fn what_is_not_there_or_makes_no_sense_is_told() {
    let site = Site::new();
    for (args, code, exit) in [
        (&["stop", "sandbox-x"][..], "E_NOT_FOUND", 1),
        (&["stop", "../x"], "E_NOT_FOUND", 1),
        (&["logs", "sandbox-x"], "E_NOT_FOUND", 1),
        (
            &["create", "--rock", "r", "--path", "nowhere"],
            "E_BAD_REQUEST",
            2,
        ),
        (
            &["create", "--rock", "r", "--path", "bin"],
            "E_BAD_REQUEST",
            2,
        ),
        (&["create", "--rock", "r", "--stack", "cobol"], "E_USAGE", 2),
        (&["create"], "E_USAGE", 2),
    ] {
        let done = site.run(&[&["sandbox"], args, &["--json"]].concat());
        assert_eq!(done.code, exit, "{done:?}");
        assert_eq!(done.json()["error"]["code"], code, "{done:?}");
    }
    for args in [
        &["sandbox", "--help"][..],
        &["sandbox", "create", "--help"],
        &["sandbox", "logs", "--help"],
        &["sandbox", "stop", "--help"],
        &["sandbox", "list", "--help"],
    ] {
        let done = site.run(args);
        assert_eq!((done.code, done.err.as_str()), (0, ""), "{args:?}");
        assert!(done.out.contains("Usage: orket sandbox"), "{done:?}");
    }
}

#[test]
fn without_docker_it_says_what_to_install_and_switched_off_it_says_so() {
    let site = Site::new();
    let create = [
        "sandbox", "create", "--rock", "r", "--path", "built", "--json",
    ];
    let empty = site.0.path().join("built");
    let done = Done::of(site.command(&create).env("PATH", empty).output().unwrap());
    let error = &done.json()["error"];
    assert_eq!(
        (done.code, &error["code"]),
        (1, &json!("E_SANDBOX_UNAVAILABLE"))
    );
    assert!(error["hint"].as_str().unwrap().contains("install docker"));
    let off = Done::of(
        site.command(&create)
            .env("ORKET_DISABLE_SANDBOX", "1")
            .output()
            .unwrap(),
    );
    assert_eq!(off.json()["error"]["code"], "E_SANDBOX_DISABLED");
    site.0.write(
        "config/organization.json",
        &json!({"organization": {"name": "Off", "process_rules": {"disable_sandbox": true}}}),
    );
    assert_eq!(
        site.run(&create).json()["error"]["code"],
        "E_SANDBOX_DISABLED"
    );
    assert!(!site.state("calls").exists(), "docker was not asked");
}

#[test]
fn a_living_owner_does_it_and_the_next_one_clears_up_after_a_kill() {
    let site = Site::new();
    let mut owner = site.start(&["serve", "--socket-only"]);
    owner.until("listening on");
    let first = site.create("first");
    assert_eq!(site.listed(), std::slice::from_ref(&first));
    std::fs::write(site.state("hang-up"), "").unwrap();
    let asking = site.start(&["sandbox", "create", "--rock", "second", "--path", "built"]);
    let sleeper = site.until_it_hangs();
    owner.signal("KILL");
    assert_eq!(owner.end().0, -1);
    let (code, lines) = asking.end();
    assert_eq!(code, 1, "{lines:#?}");
    assert!(
        lines.iter().any(|it| it.contains("E_OWNER_GONE")),
        "{lines:#?}"
    );
    assert_eq!(site.listed()[1]["status"], "creating");
    std::fs::remove_file(site.state("hang-up")).unwrap();
    let mut owner = site.start(&["serve", "--socket-only"]);
    owner.until("listening on");
    let deadline = std::time::Instant::now() + super::house::DEADLINE;
    while site.listed()[1]["status"] != "stopped" {
        assert!(std::time::Instant::now() < deadline, "{:#?}", site.listed());
    }
    let stat = std::fs::read_to_string(format!("/proc/{sleeper}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
    assert_eq!(site.listed()[0]["status"], "running");
    let again = site.create("second");
    assert_eq!(again["status"], "running");
    assert!(offset(&again) > offset(&first));
    let stopped = site.run(&["sandbox", "stop", "sandbox-first"]);
    assert_eq!(stopped.code, 0, "{stopped:?}");
    owner.signal("INT");
    assert_eq!(owner.end().0, 0);
}

impl Site {
    /// Waits until bringing something up hangs; the process that it waits for.
    fn until_it_hangs(&self) -> String {
        let file = self.state("sleeper");
        let deadline = std::time::Instant::now() + super::house::DEADLINE;
        loop {
            if let Ok(pid) = std::fs::read_to_string(&file) {
                return pid.trim().to_owned();
            }
            assert!(std::time::Instant::now() < deadline, "it does not hang");
            std::thread::yield_now();
        }
    }
}

#[test]
fn others_attach_to_a_command_that_owns_the_folder() {
    let site = Site::new();
    std::fs::write(site.state("hang-up"), "").unwrap();
    let asking = site.start(&["sandbox", "create", "--rock", "launch", "--path", "built"]);
    site.until_it_hangs();
    assert_eq!(site.listed()[0]["status"], "creating");
    let stopped = site.run(&["sandbox", "stop", "sandbox-launch"]);
    assert_eq!(stopped.code, 0, "{stopped:?}");
    let (code, lines) = asking.end();
    assert_eq!(code, 1, "{lines:#?}");
    assert_eq!(site.listed()[0]["status"], "deleted");
}

#[test]
fn a_record_that_cannot_be_read_is_told_and_a_log_moves_no_terminal() {
    let site = Site::new();
    site.create("broken");
    site.create("launch");
    let record = site
        .0
        .durable()
        .join("sandboxes/sandbox-broken/record.json");
    std::fs::write(record, "{").unwrap();
    let list = site.run(&["sandbox", "list"]);
    assert_eq!(list.code, 0, "{list:?}");
    assert!(
        list.err.contains("warning: sandbox `sandbox-broken`"),
        "{list:?}"
    );
    let refused = site.run(&["sandbox", "stop", "sandbox-broken", "--json"]);
    assert_eq!(refused.json()["error"]["code"], "E_STORAGE");
    std::fs::write(site.state("logs"), "\u{1b}[2Jup\n").unwrap();
    let logs = site.run(&["sandbox", "logs", "sandbox-launch"]);
    assert_eq!((logs.code, logs.out.as_str()), (0, "\\u{1b}[2Jup\n"));
}
