//! A run that is stopped while a stage of it is under way.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use orket::artifacts::{ProjectionOptions, Projections};
use orket::providers::{ProviderSettings, Providers};
use orket::storage::{Journal, JournalOptions};
use orket::tools::{Host, HostOptions};
use orket_actors::clock::SystemClock;
use orket_actors::port::memory::Forgetful;
use orket_actors::port::tool::{Beat, ToolHost, ToolJob, ToolScope};
use orket_actors::runtime::{Parts, Runtime, Shutdown};
use orket_actors::world::Options;
use orket_core::stages::{Stage, StageFailed, StagePlan, StageReport};
use orket_core::tool::ToolResult;
use orket_core::turn::VerifyReport;
use orket_core::verify::VerifyJob;
use serde_json::json;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::house::{journaled, lab_of};
use crate::lab::on_actix;

/// A real host that lets one stage begin only when it is told to.
struct Held {
    host: Arc<Host>,
    stage: Stage,
    began: Arc<Notify>,
    go: Arc<Notify>,
}

impl ToolHost for Held {
    fn run(
        &self,
        job: ToolJob,
        beat: Beat,
        cancel: CancellationToken,
    ) -> BoxFuture<'static, ToolResult> {
        self.host.run(job, beat, cancel)
    }

    fn verify(
        &self,
        scope: ToolScope,
        job: VerifyJob,
        beat: Beat,
        cancel: CancellationToken,
    ) -> BoxFuture<'static, VerifyReport> {
        self.host.verify(scope, job, beat, cancel)
    }

    fn prepare(
        &self,
        workspace: PathBuf,
        plan: StagePlan,
    ) -> BoxFuture<'static, Result<StageReport, StageFailed>> {
        let is_held = plan.stage == self.stage;
        let (began, go) = (Arc::clone(&self.began), Arc::clone(&self.go));
        let work = self.host.prepare(workspace, plan);
        async move {
            if is_held {
                began.notify_one();
                go.notified().await;
            }
            work.await
        }
        .boxed()
    }

    fn reap_strays(&self) -> usize {
        self.host.reap_strays()
    }
}

#[test]
fn a_halt_lets_the_stage_finish_and_resume_does_the_rest() {
    let lab = lab_of(&["coder"], json!({"project_surface_profile": "cli"}));
    let output = lab.workspace().join("agent_output");
    on_actix(async {
        let folder = lab.path().join(".orket/durable/db");
        std::fs::create_dir_all(&folder).expect("a folder");
        let journal = Journal::open(&folder, JournalOptions::default()).expect("opens");
        let held = Held {
            host: Host::new(HostOptions::new("test")).expect("threads"),
            stage: Stage::Scaffolder,
            began: Arc::default(),
            go: Arc::default(),
        };
        let (began, go) = (Arc::clone(&held.began), Arc::clone(&held.go));
        let scenarios = lab.options().scenarios;
        let projections = Projections::start(ProjectionOptions::default()).expect("threads");
        let runtime = Runtime::start(Parts {
            store: Arc::clone(&journal) as _,
            models: Arc::new(Providers::new(ProviderSettings::default(), scenarios)),
            tools: Arc::new(held),
            projector: Arc::new(projections),
            memory: Arc::new(Forgetful),
            sinks: Vec::new(),
            clock: Arc::new(SystemClock::default()),
            options: Options::default(),
        })
        .await
        .expect("starts");
        let run = lab.new_run("demo", "run-1", "run-1");
        let run = runtime.start_run(run).await.expect("started");
        began.notified().await;
        let halt = runtime.halt(run.clone());
        tokio::pin!(halt);
        // Told to stop, the run still waits for its stage.
        assert!(halt.as_mut().now_or_never().is_none());
        go.notify_one();
        let report = halt.await.expect("a report");
        assert_eq!(report.status, "halted");
        assert_eq!(report.cards[0].status, "ready");
        assert!(output.join("README.md").is_file());
        assert!(!output.join("dependencies").exists());
        assert_eq!(journaled(&lab), ["scaffolder_completed"]);

        // A scaffolder that ran again would wait for ever.
        runtime.resume(run.clone()).await.expect("goes on");
        let report = runtime.wait(run).await.expect("a report");
        assert_eq!(report.status, "done", "{report:#?}");
        runtime.shutdown(Shutdown::Graceful).await;
    });
    let done = ["scaffolder", "dependency_manager", "deployment_planner"]
        .map(|stage| format!("{stage}_completed"));
    assert_eq!(journaled(&lab), done);
}
