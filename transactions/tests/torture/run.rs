//! The process that carries a change out, to be killed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use orket_children::sandbox::allowance::Allowance;
use orket_transactions::NetworkMode;
use orket_transactions::carry::{Carrier, Unwritten};
use orket_transactions::change::Change;
use orket_transactions::git::Repository;
use orket_transactions::journal::Store;
use orket_transactions::lock::Lock;
use orket_transactions::profile::Profile;
use orket_transactions::recovery;
use orket_transactions::tree::Tree;
use orket_transactions::verify::Confined;
use serde::{Deserialize, Serialize};

/// The argument that says so.
pub const COMMAND: &str = "carry";

/// Exit codes that say what came of it.
pub const DONE: i32 = 0;
pub const FAILED: i32 = 10;
pub const TIMED_OUT: i32 = 11;
pub const REFUSED: i32 = 12;

#[derive(Serialize, Deserialize)]
pub struct Job {
    pub root: PathBuf,
    pub commands: Vec<String>,
    pub timeout_ms: u64,
    /// `kill@transaction.write#N`, or nothing.
    pub fault: String,
    /// Whether it is to put right what is there, and nothing else.
    pub recovers: bool,
    pub files: Vec<JobFile>,
}

#[derive(Serialize, Deserialize)]
pub struct JobFile {
    pub path: String,
    pub before: Option<Vec<u8>>,
    pub after: Vec<u8>,
}

pub fn main(job: &Path) -> ExitCode {
    let job: Job = serde_json::from_slice(&std::fs::read(job).unwrap()).unwrap();
    orket_actors::fault::arm(&job.fault).unwrap();
    if job.recovers {
        recovery::recover_now(&job.root).unwrap();
        return ExitCode::SUCCESS;
    }
    let repository = Repository::find(&job.root).unwrap();
    let store = Store::open(repository.root()).unwrap();
    let _lock = Lock::take(store.path(), "torture").unwrap();
    assert!(
        !recovery::is_pending(repository.root()),
        "the driver recovers"
    );
    let dirty = repository.dirty().unwrap();
    assert!(dirty.is_empty(), "{dirty:?}");
    let tree = Tree::open(repository.root()).unwrap();
    let changes: Result<Vec<Change>, _> = job
        .files
        .iter()
        .map(|file| {
            Change::of(
                &tree,
                &file.path,
                file.before.as_deref(),
                file.after.clone(),
            )
        })
        .collect();
    let profile = Profile {
        name: "torture".to_owned(),
        source: "torture".to_owned(),
        commands: job.commands,
        timeout: Duration::from_millis(job.timeout_ms),
    };
    let carrier = Carrier {
        repository: &repository,
        tree: &tree,
        store: &store,
        profile: &profile,
        command: "torture",
    };
    let verifier = Confined {
        mode: NetworkMode::Offline,
        allowance: Allowance::default(),
        is_secret: |_| false,
    };
    let code = match carrier.carry(&verifier, &changes.unwrap()) {
        Ok(()) => DONE,
        Err(Unwritten::Failed { failure, .. }) if failure.exit_code == 124 => TIMED_OUT,
        Err(Unwritten::Failed { failure, .. }) => {
            eprintln!("{} {}", failure.sentence, failure.output_tail);
            FAILED
        }
        Err(Unwritten::Refused(refusal)) => {
            eprintln!("{} {}", refusal.code, refusal.message);
            REFUSED
        }
    };
    ExitCode::from(u8::try_from(code).unwrap())
}
