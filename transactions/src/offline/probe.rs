//! Tries out whether offline is offline: a confined child that does its best to get out, and this
//! program's own commands under a filter that kills whoever asks for a socket of the network.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};
use serde::{Deserialize, Serialize};

use crate::network::NetworkMode;
use crate::profile::Profile;
use crate::verify::{Confined, Verifier};

/// How long a child tries to connect. What is closed says so at once.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long all of a child's tries may take.
const WALL: Duration = Duration::from_secs(30);
/// An address for documentation (RFC 5737): nobody is there.
const NOWHERE: &str = "192.0.2.1:9";

/// What a probe says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not.
    Leaks,
    /// This machine has nothing to enforce it with.
    NotEnforced,
}

/// A probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// What was tried.
    pub name: &'static str,
    /// What came of it.
    pub verdict: Verdict,
    /// In words.
    pub detail: String,
}

/// What a child could do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// Whether it could talk to itself over loopback.
    pub loopback: bool,
    /// Outside addresses that answered.
    pub outside: Vec<String>,
}

/// For the child: tries these addresses, and its own loopback.
#[must_use]
pub fn reach(addresses: &[SocketAddr]) -> Reached {
    let outside = addresses.iter().filter(|address| {
        TcpStream::connect_timeout(address, PATIENCE).is_ok() || sends(**address)
    });
    Reached {
        loopback: talks_to_itself().is_ok(),
        outside: outside.map(ToString::to_string).collect(),
    }
}

fn talks_to_itself() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let _one = TcpStream::connect_timeout(&listener.local_addr()?, PATIENCE)?;
    listener.accept()?;
    Ok(())
}

/// Whether a datagram leaves for that address; of loopback it is not known whether it arrives.
fn sends(address: SocketAddr) -> bool {
    if address.ip().is_loopback() {
        return false;
    }
    let socket = UdpSocket::bind("0.0.0.0:0");
    socket.is_ok_and(|socket| socket.send_to(b"orket", address).is_ok())
}

/// Has a confined child run `command`, which must call [`reach`] with the addresses that are put
/// behind it and print the result as JSON.
pub fn child(verifier: &Confined, folder: &Path, command: &str) -> Probe {
    let name = "verify command";
    let probe = |verdict, detail: String| Probe {
        name,
        verdict,
        detail,
    };
    let network = verifier.network();
    if verifier.mode == NetworkMode::Offline && network.starts_with("not enforced") {
        return probe(Verdict::NotEnforced, network);
    }
    let targets = match Targets::open() {
        Ok(targets) => targets,
        Err(error) => return probe(Verdict::Leaks, format!("nothing to connect to: {error}")),
    };
    if let Some(deaf) = targets.deaf() {
        return probe(
            Verdict::Leaks,
            format!("{deaf} cannot be reached from outside either"),
        );
    }
    let output = folder.join("reached.json");
    let addresses = targets.addresses.join(" ");
    let profile = Profile {
        name: "probe".to_owned(),
        source: "probe".to_owned(),
        commands: vec![format!("{command} {addresses} > reached.json")],
        timeout: WALL,
    };
    if let Err(failure) = verifier.verify("offline-probe", folder, &[], &profile) {
        let what = format!("{}: {}", failure.sentence, failure.output_tail);
        return probe(Verdict::Leaks, what);
    }
    let reached =
        std::fs::read(&output).and_then(|text| Ok(serde_json::from_slice::<Reached>(&text)?));
    match reached {
        Err(error) => probe(Verdict::Leaks, format!("the child said nothing: {error}")),
        Ok(reached) if !reached.outside.is_empty() => probe(
            Verdict::Leaks,
            format!("a child reached {}", reached.outside.join(", ")),
        ),
        Ok(reached) if !reached.loopback && network == "loopback only" => {
            probe(Verdict::Leaks, "loopback is closed too".to_owned())
        }
        Ok(_) => probe(
            Verdict::Holds,
            format!(
                "{network}; {} addresses out of reach",
                targets.addresses.len()
            ),
        ),
    }
}

/// Addresses that this process reaches and a confined child must not.
struct Targets {
    addresses: Vec<String>,
    open: Vec<TcpListener>,
}

impl Targets {
    fn open() -> io::Result<Self> {
        let mut open = vec![TcpListener::bind("127.0.0.1:0")?];
        // Says which of our addresses would be used, and sends nothing.
        let own = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
            socket.connect(NOWHERE)?;
            socket.local_addr()
        });
        if let Ok(own) = own
            && let Ok(listener) = TcpListener::bind((own.ip(), 0))
        {
            open.push(listener);
        }
        let mut addresses = vec![NOWHERE.to_owned()];
        for listener in &open {
            addresses.push(listener.local_addr()?.to_string());
        }
        Ok(Self { addresses, open })
    }

    /// One that is not even heard from here: what a child does not reach of it says nothing.
    fn deaf(&self) -> Option<SocketAddr> {
        let addresses = self.open.iter().filter_map(|it| it.local_addr().ok());
        let mut deaf = addresses.filter(|it| TcpStream::connect_timeout(it, PATIENCE).is_err());
        deaf.next()
    }
}

/// Runs a command of this program where asking for a socket of the network is death, for it and all
/// that it starts.
///
/// # Errors
///
/// When it cannot be started, or the kernel has no filters.
pub fn without_sockets(mut command: Command) -> io::Result<Output> {
    let filter = deadly().map_err(|error| io::Error::other(error.to_string()))?;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A filter is its thread's, and of those that the thread starts.
    let run = std::thread::spawn(move || {
        apply_filter(&filter).map_err(|error| io::Error::other(error.to_string()))?;
        command.output()
    });
    run.join()
        .unwrap_or_else(|_| Err(io::Error::other("the thread broke down")))
}

fn deadly() -> Result<BpfProgram, seccompiler::BackendError> {
    let families = [
        libc::AF_INET,
        libc::AF_INET6,
        libc::AF_PACKET,
        libc::AF_VSOCK,
    ];
    let rules = families
        .into_iter()
        .map(|family| {
            let family = u64::from(family.unsigned_abs());
            let is = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, family)?;
            SeccompRule::new(vec![is])
        })
        .collect::<Result<Vec<_>, _>>()?;
    let calls = BTreeMap::from([
        (libc::SYS_socket, rules),
        (libc::SYS_io_uring_setup, Vec::new()),
    ]);
    SeccompFilter::new(
        calls,
        SeccompAction::Allow,
        SeccompAction::KillProcess,
        std::env::consts::ARCH.try_into()?,
    )?
    .try_into()
}

/// Runs the commands of the matrix in a folder of their own without a socket. `program` makes a
/// command of this program.
pub fn own(folder: &Path, program: impl Fn() -> Command) -> Probe {
    let name = "own process";
    let probe = |verdict, detail: String| Probe {
        name,
        verdict,
        detail,
    };
    let orket = |arguments: &[&str], at: &str| {
        let mut command = program();
        command.args(arguments).current_dir(folder.join(at));
        command
    };
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        let who = ["-c", "user.name=probe", "-c", "user.email=probe@localhost"];
        command
            .args(who)
            .args([
                "-c",
                "commit.gpgsign=false",
                "-c",
                "core.hooksPath=/dev/null",
            ])
            .args(arguments)
            .current_dir(folder.join("probe"));
        command
    };
    // What is verified is none of this probe's business.
    const CONFIG: &str = r#"{"verify":{"profiles":{"default":{"commands":["true"]}}}}"#;
    let steps: [(&str, Command); 8] = [
        (
            "init",
            orket(&["init", "minimal-node", "probe", "--no-verify"], ""),
        ),
        ("git init", git(&["init", "-q"])),
        ("git add", git(&["add", "-A"])),
        ("git commit", git(&["commit", "-qm", "probe"])),
        (
            "api_add",
            orket(
                &[
                    "api", "add", "probes", "--schema", "id:int", "--scope", "src", "--yes",
                ],
                "probe",
            ),
        ),
        ("git add", git(&["add", "-A"])),
        ("git commit", git(&["commit", "-qm", "route"])),
        (
            "refactor",
            orket(
                // What the route before is made of.
                &[
                    "refactor",
                    "rename getProbes to listProbes",
                    "--scope",
                    "src",
                    "--yes",
                ],
                "probe",
            ),
        ),
    ];
    for (step, command) in steps {
        let output = match without_sockets(command) {
            Ok(output) => output,
            Err(error) => return probe(Verdict::NotEnforced, format!("{step}: {error}")),
        };
        use std::os::unix::process::ExitStatusExt;
        if output.status.signal() == Some(libc::SIGSYS) {
            return probe(
                Verdict::Leaks,
                format!("`{step}` asked for a socket of the network"),
            );
        }
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout);
            let told = String::from_utf8_lossy(&output.stderr);
            return probe(
                Verdict::Leaks,
                format!("`{step}` failed: {}{}", said.trim(), told.trim()),
            );
        }
        if step == "init"
            && let Err(error) = std::fs::write(folder.join("probe/orket.config.json"), CONFIG)
        {
            return probe(Verdict::Leaks, error.to_string());
        }
    }
    probe(
        Verdict::Holds,
        "init, api_add and refactor ask for no socket of the network".to_owned(),
    )
}
