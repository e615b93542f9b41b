//! The sandbox around child processes, on real ones: what passes a limit is stopped, all of it, and
//! the reason is recorded; what is closed stays closed.

mod closed;
mod limits;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use orket::tools::child::process;
use orket::tools::child::sandbox::abilities::{Ability, SandboxAbilities};
use orket::tools::child::sandbox::allowance::Allowance;
use orket::tools::{Host, HostOptions, data_folder_id};
use orket_actors::port::tool::{Beat, ToolHost, ToolJob, ToolScope};
use orket_core::plan::{CommandTool, VerifyCommand};
use orket_core::tool::{EffectClass, ToolCall, ToolHome, ToolResult, ToolSpec};
use orket_core::turn::VerifyReport;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(60);
/// One test at a time: they measure, and hosts in one process could take each other's orphans.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
const MIB: u64 = 1024 * 1024;

/// A folder with a workspace in it, and a host.
struct Lab {
    folder: TempDir,
    host: Arc<Host>,
}

impl Lab {
    fn with(change: impl FnOnce(&mut HostOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("workspace")).unwrap();
        let mut options = HostOptions::new(data_folder_id(folder.path()).unwrap());
        change(&mut options);
        let host = Host::new(options).unwrap();
        Self { folder, host }
    }

    fn allowing(change: impl FnOnce(&mut Allowance)) -> Self {
        Self::with(|options| change(&mut options.sandbox.allowance))
    }

    /// On a machine that lacks these.
    fn without(change: impl FnOnce(&mut SandboxAbilities)) -> Self {
        Self::with(|options| {
            let mut abilities = SandboxAbilities::here().clone();
            change(&mut abilities);
            options.sandbox.abilities = Some(abilities);
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("workspace").join(name)
    }

    /// Runs `sh -c script` as a tool.
    async fn run(&self, script: &str) -> ToolResult {
        self.run_with(script, &[]).await
    }

    async fn run_with(&self, script: &str, environment: &[&str]) -> ToolResult {
        self.call(self.scope(), script, environment).await
    }

    /// Runs it in another workspace.
    async fn run_in(&self, workspace: &Path, script: &str) -> ToolResult {
        let workspace = workspace.to_owned();
        let scope = ToolScope {
            workspace,
            ..self.scope()
        };
        self.call(scope, script, &[]).await
    }

    async fn call(&self, scope: ToolScope, script: &str, environment: &[&str]) -> ToolResult {
        let command = CommandTool {
            command: words(script),
            environment: environment.iter().map(|it| (*it).to_owned()).collect(),
            ..CommandTool::default()
        };
        let job = ToolJob {
            scope,
            spec: ToolSpec {
                name: "skill".into(),
                description: String::new(),
                parameters: json!({}),
                effect: EffectClass::Idempotent,
                home: ToolHome::Host,
                time_limit_ms: None,
            },
            call: ToolCall {
                tool: "skill".into(),
                args: Map::new(),
            },
            command: Some(command),
            key: "key-1".into(),
        };
        let work = self.host.run(job, silent(), CancellationToken::new());
        tokio::time::timeout(DEADLINE, work)
            .await
            .expect("it hangs")
    }

    async fn verify(&self, script: &str) -> VerifyReport {
        let command = VerifyCommand {
            command: words(script),
            expect_stdout: None,
            expect_exit: 0,
            timeout_ms: 60_000,
        };
        self.host
            .verify(
                self.scope(),
                vec![command].into(),
                silent(),
                CancellationToken::new(),
            )
            .await
    }

    fn scope(&self) -> ToolScope {
        ToolScope {
            workspace: self.path(""),
            run_id: "run-1".into(),
            build_id: "build-1".into(),
            issue_id: "I-1".into(),
            seat: "coder".into(),
            fence: 7,
        }
    }

    /// Processes that carry a mark of this lab's host, or wrote their id into the file `pids`.
    fn left(&self) -> Vec<i32> {
        let mark = format!(
            "ORKET_CHILD_OF={}:",
            data_folder_id(self.folder.path()).unwrap()
        );
        let marked = |pid: i32| {
            let environment = process::environment(pid).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&mark)
        };
        let noted = std::fs::read_to_string(self.path("pids")).unwrap_or_default();
        let noted: Vec<i32> = noted.lines().filter_map(|it| it.parse().ok()).collect();
        process::all()
            .into_iter()
            .filter(|it| noted.contains(&it.pid) || marked(it.pid))
            .map(|it| it.pid)
            .collect()
    }

    /// When each of the workspace's files whose names begin so was written, the earliest first.
    fn written(&self, prefix: &str) -> Vec<SystemTime> {
        let mut times: Vec<SystemTime> = std::fs::read_dir(self.path(""))
            .unwrap()
            .map(Result::unwrap)
            .filter(|it| it.file_name().to_string_lossy().starts_with(prefix))
            .map(|it| it.metadata().unwrap().modified().unwrap())
            .collect();
        times.sort();
        times
    }
}

fn words(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

fn silent() -> Beat {
    Arc::new(|| {})
}

fn off() -> Ability {
    Ability::off("switched off for a test")
}

/// The output of a script that went well.
fn output(result: &ToolResult) -> &str {
    assert!(result.ok, "{result:?}");
    let output = result.fields.get("output").and_then(Value::as_str);
    output.unwrap_or_default()
}

/// The code of the limit that stopped it.
fn code(result: &ToolResult) -> &str {
    assert!(!result.ok, "should have been stopped: {result:?}");
    let stop = result.fields.get("sandbox_stop");
    let code = stop.and_then(|stop| stop["code"].as_str());
    let code = code.unwrap_or_else(|| panic!("no limit: {result:?}"));
    let error = result.error.as_deref().unwrap();
    assert!(error.contains(code), "{error}");
    code
}

/// What a result says was not confined.
fn gaps(result: &ToolResult) -> Vec<&str> {
    let gaps = result.fields.get("sandbox_gaps").and_then(Value::as_array);
    gaps.map_or_else(Vec::new, |gaps| {
        gaps.iter().filter_map(Value::as_str).collect()
    })
}
