//! The tool host on real files and real processes.

mod children;
mod clearing_up;
mod files;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use orket::tools::{Host, HostOptions, data_folder_id};
use orket_actors::port::tool::{Beat, ToolHost, ToolJob, ToolScope};
use orket_core::plan::CommandTool;
use orket_core::tool::{EffectClass, ToolCall, ToolHome, ToolResult, ToolSpec};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(20);

/// A data folder with a workspace in it, a folder beside it, and a host.
struct Lab {
    folder: TempDir,
    host: Arc<Host>,
}

impl Lab {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut HostOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("outside")).unwrap();
        let mut options = HostOptions::new(data_folder_id(folder.path()).unwrap());
        change(&mut options);
        let host = Host::new(options).unwrap();
        Self { folder, host }
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join("workspace").join(relative)
    }

    fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().join("outside").join(name)
    }

    /// A file in the workspace, made without the host.
    fn put(&self, relative: &str, content: impl AsRef<[u8]>) {
        std::fs::create_dir_all(self.path(relative).parent().unwrap()).unwrap();
        std::fs::write(self.path(relative), content).unwrap();
    }

    fn text(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative)).unwrap()
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

    fn job(&self, tool: &str, args: Value) -> ToolJob {
        let Value::Object(args) = args else {
            panic!("arguments are an object")
        };
        ToolJob {
            scope: self.scope(),
            spec: ToolSpec {
                name: tool.into(),
                description: String::new(),
                parameters: json!({}),
                effect: EffectClass::Idempotent,
                home: ToolHome::Host,
                time_limit_ms: None,
            },
            call: ToolCall {
                tool: tool.into(),
                args,
            },
            command: None,
            key: "key-1".into(),
        }
    }

    /// A tool that is `sh -c script`.
    fn shell(&self, script: &str) -> ToolJob {
        self.command(&["sh", "-c", script])
    }

    fn command(&self, words: &[&str]) -> ToolJob {
        let mut job = self.job("skill", json!({"n": 1}));
        job.command = Some(CommandTool {
            command: words.iter().map(|word| (*word).to_owned()).collect(),
            working_directory: String::new(),
            environment: Vec::new(),
            ..CommandTool::default()
        });
        job
    }

    async fn call(&self, tool: &str, args: Value) -> ToolResult {
        self.run(self.job(tool, args)).await
    }

    async fn run(&self, job: ToolJob) -> ToolResult {
        let work = self.host.run(job, silent(), CancellationToken::new());
        let work = tokio::time::timeout(DEADLINE, work);
        let mut result = work.await.expect("it hangs");
        // What this very machine cannot confine.
        result.fields.shift_remove("sandbox_gaps");
        result
    }
}

fn silent() -> Beat {
    Arc::new(|| {})
}

/// A beat and its count.
fn counted() -> (Beat, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    let beat = move || {
        counter.fetch_add(1, Ordering::Relaxed);
    };
    (Arc::new(beat), count)
}

fn error(result: &ToolResult) -> &str {
    assert!(!result.ok, "should have failed: {result:?}");
    result.error.as_deref().expect("a failure says why")
}

/// Waits until something that happens elsewhere has happened.
async fn until(what: &str, happened: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !happened() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Not even a zombie.
fn is_gone(pid: i32) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}

/// The process ids that children wrote into the file `pids` with `echo $$ >> pids`.
fn pids(lab: &Lab) -> Vec<i32> {
    let text = std::fs::read_to_string(lab.path("pids")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}
