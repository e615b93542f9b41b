//! A whole Orket in a temporary folder: real journal, files, processes; the scripted model.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use orket::assets::DiskThenEmbedded;
use orket::system::{System, SystemOptions};
use orket_actors::port::event::RuntimeEvent;
use orket_actors::runtime::{NewRun, RunReport};
use orket_core::asset::Library;
use orket_core::ids::{BuildId, RunId};
use orket_core::plan_build::{PlanRequest, PlanSettings, build};
use orket_core::tool_catalogue::catalogue;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::broadcast::error::RecvError;

/// How long a test waits for anything.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A folder with assets, and what is needed to run them.
pub struct Lab {
    pub root: TempDir,
    pub settings: PlanSettings,
}

impl Lab {
    pub fn new() -> Self {
        let mut settings = PlanSettings::default();
        settings.retry.base_ms = 1;
        settings.retry.max_ms = 5;
        Self {
            root: TempDir::new().expect("a folder"),
            settings,
        }
    }

    pub fn path(&self) -> &Path {
        self.root.path()
    }

    pub fn workspace(&self) -> PathBuf {
        self.path().join("workspace/default")
    }

    /// Writes an asset, such as `epics`, `demo`.
    pub fn asset(&self, category: &str, name: &str, value: &Value) {
        let folder = self.path().join("config").join(category);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{name}.json")), value.to_string()).expect("written");
    }

    /// An epic of coder cards on a scenario of the same name.
    pub fn epic(&self, name: &str, issues: Value, scenario: Value) {
        self.asset(
            "environments",
            name,
            &json!({"name": name, "model": format!("scripted:{name}")}),
        );
        self.asset(
            "epics",
            name,
            &json!({"name": name, "team": "standard", "environment": name, "issues": issues}),
        );
        let mut scenario = scenario;
        scenario["name"] = json!(name);
        self.asset("scenarios", name, &scenario);
    }

    pub fn options(&self) -> SystemOptions {
        let root = self.path().to_owned();
        let load = Arc::new(move |name: &str| {
            let library = Library::new(DiskThenEmbedded::new(&root));
            library
                .find("scenario", "scenarios", name, "core")
                .map(|(_, text)| text)
                .map_err(|error| format!("{error:?}"))
        });
        SystemOptions::new(&self.path().join(".orket/durable"), &self.workspace(), load)
    }

    pub fn new_run(&self, epic: &str, run: &str, build_id: &str) -> NewRun {
        let library = Library::new(DiskThenEmbedded::new(self.path()));
        let built = build(
            &library,
            &PlanRequest {
                epic: epic.to_owned(),
                department: "core".to_owned(),
                run_id: RunId::new(run).expect("an id"),
                build_id: BuildId::new(build_id).expect("an id"),
                workspace: self.workspace().to_string_lossy().into_owned(),
                target: None,
                model_override: None,
                rock: None,
            },
            &self.settings,
            &catalogue(),
        )
        .unwrap_or_else(|errors| panic!("{errors}"));
        NewRun {
            plan: built.plan,
            cards: built.cards,
        }
    }
}

/// Runs a future on an actix system of its own, with the deadline of tests.
pub fn on_actix<T>(future: impl Future<Output = T>) -> T {
    actix_rt::System::new().block_on(async move {
        tokio::time::timeout(Duration::from_secs(120), future)
            .await
            .expect("the test took too long")
    })
}

/// Starts a run and waits for its end.
pub async fn run_to_end(system: &System, new: NewRun) -> RunReport {
    let run = system.runtime.start_run(new).await.expect("started");
    tokio::time::timeout(DEADLINE, system.runtime.wait(run))
        .await
        .expect("the run did not end in time")
        .expect("a report")
}

/// Gathers events until one satisfies `until`.
pub async fn events_until(
    events: &mut tokio::sync::broadcast::Receiver<Arc<RuntimeEvent>>,
    until: impl Fn(&RuntimeEvent) -> bool,
) -> Vec<Arc<RuntimeEvent>> {
    let mut seen = Vec::new();
    tokio::time::timeout(DEADLINE, async {
        loop {
            match events.recv().await {
                Ok(event) => {
                    let last = until(&event);
                    seen.push(event);
                    if last {
                        break;
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => panic!("the events ended: {seen:#?}"),
            }
        }
    })
    .await
    .expect("the event did not come in time");
    seen
}

/// `id: status` of every card.
pub fn statuses(report: &RunReport) -> Vec<String> {
    report
        .cards
        .iter()
        .map(|card| format!("{}: {}", card.id, card.status))
        .collect()
}

/// The calls of a coder that writes one file and hands it in.
pub fn write_and_hand_in(path: &str) -> Value {
    json!([
        {"tool": "write_file", "args": {"path": path, "content": "# made by {{issue_id}}\n"}},
        {"tool": "update_issue_status", "args": {"status": "code_review"}}
    ])
}

/// The calls of a guard that agrees.
pub fn agree() -> Value {
    json!([{"tool": "update_issue_status", "args": {"status": "done"}}])
}
