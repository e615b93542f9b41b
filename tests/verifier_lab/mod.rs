//! A workspace and a tool host that reviews what is in it.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use orket::tools::child::sandbox::abilities::{Ability, SandboxAbilities};
use orket::tools::{Host, HostOptions, data_folder_id};
use orket_actors::port::tool::{ToolHost, ToolScope};
use orket_core::plan::VerifyCommand;
use orket_core::turn::{FixtureReport, VerifyReport};
use orket_core::verify::{FixtureJob, FixtureLimits, FixturePlan, SyntaxJob, VerifyJob};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(60);

pub struct Lab {
    folder: TempDir,
    host: Arc<Host>,
}

impl Lab {
    pub fn new() -> Self {
        Self::with_parser(env!("CARGO_BIN_EXE_orket").into())
    }

    /// A lab whose parser is the program at this path.
    pub fn with_parser(parser: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("workspace")).unwrap();
        let mut options = HostOptions::new(data_folder_id(folder.path()).unwrap());
        options.parser = Some(parser);
        Self::of(folder, options)
    }

    /// A lab on a machine where nothing of a workspace can be locked.
    pub fn without_locks() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("workspace")).unwrap();
        let mut options = HostOptions::new(data_folder_id(folder.path()).unwrap());
        let mut abilities = SandboxAbilities::here().clone();
        abilities.locks = Ability::off("switched off for a test");
        options.sandbox.abilities = Some(abilities);
        Self::of(folder, options)
    }

    fn of(folder: TempDir, options: HostOptions) -> Self {
        let host = Host::new(options).unwrap();
        Self { folder, host }
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join("workspace").join(relative)
    }

    pub fn put(&self, relative: &str, content: impl AsRef<[u8]>) {
        std::fs::create_dir_all(self.path(relative).parent().unwrap()).unwrap();
        std::fs::write(self.path(relative), content).unwrap();
    }

    pub fn put_program(&self, relative: &str, content: &str) {
        self.put(relative, content);
        let may = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(self.path(relative), may).unwrap();
    }

    pub async fn review(&self, job: VerifyJob) -> VerifyReport {
        let scope = ToolScope {
            workspace: self.path(""),
            run_id: "run-1".into(),
            build_id: "build-1".into(),
            issue_id: "I-1".into(),
            seat: "integrity_guard".into(),
            fence: 7,
        };
        let work = self
            .host
            .verify(scope, job, Arc::new(|| {}), CancellationToken::new());
        tokio::time::timeout(DEADLINE, work)
            .await
            .expect("it hangs")
    }

    /// A review of a card that wrote these files.
    pub async fn parse(&self, own: &[&str]) -> VerifyReport {
        self.review(syntax(own, false)).await
    }

    /// A review with one scenario, `S1`, that expects `expected`.
    pub async fn fixture(&self, path: &str, expected: Value) -> (VerifyReport, FixtureReport) {
        self.limited(path, expected, FixtureLimits::default()).await
    }

    pub async fn limited(
        &self,
        path: &str,
        expected: Value,
        limits: FixtureLimits,
    ) -> (VerifyReport, FixtureReport) {
        self.after(&[], path, expected, limits).await
    }

    /// The same after these scripts were run as the card's commands.
    pub async fn after(
        &self,
        scripts: &[&str],
        path: &str,
        expected: Value,
        limits: FixtureLimits,
    ) -> (VerifyReport, FixtureReport) {
        let command = |script: &&str| VerifyCommand {
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            expect_stdout: None,
            expect_exit: 0,
            timeout_ms: 10_000,
        };
        let scenarios =
            json!([{"id": "S1", "input_data": {"a": 2, "b": 3}, "expected_output": expected}]);
        let job = VerifyJob {
            fixture: Some(FixtureJob {
                plan: FixturePlan {
                    path: path.to_owned(),
                    scenarios: serde_json::from_value(scenarios).unwrap(),
                },
                limits,
            }),
            commands: scripts.iter().map(command).collect(),
            ..VerifyJob::default()
        };
        let report = self.review(job).await;
        let fixture = report.fixture.clone().expect("the fixture was tried");
        (report, fixture)
    }
}

pub fn syntax(own: &[&str], whole_folder: bool) -> VerifyJob {
    VerifyJob {
        syntax: Some(SyntaxJob {
            own: own.iter().map(|path| (*path).to_owned()).collect(),
            whole_folder,
        }),
        ..VerifyJob::default()
    }
}
