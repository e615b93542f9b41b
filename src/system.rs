//! The actor system with its real parts: what an owner runs, what tests and benches run.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use orket_actors::clock::SystemClock;
use orket_actors::port::clock::SharedClock;
use orket_actors::port::event::EventSink;
use orket_actors::port::store::StoreError;
use orket_actors::runtime::{Parts, Runtime, RuntimeError, Shutdown};
use orket_actors::world::Options;
use orket_gitea::Exporter;

use crate::artifacts::{ProjectionOptions, Projections};
use crate::events::{EventLog, EventOptions};
use crate::gitea_export::{Ended, Exports, Work};
use crate::log::{LogHandle, LogOptions, RunLog};
use crate::memory::RunMemory;
use crate::providers::{LoadScenario, ProviderSettings, Providers};
use crate::storage::{Journal, JournalOptions, OpenError, Reader};
use crate::tools::child::sandbox::SandboxOptions;
use crate::tools::{Host, HostOptions, data_folder_id};

/// What the system is started with.
pub struct SystemOptions {
    /// The data folder: `db/` is below it.
    pub durable_root: PathBuf,
    /// The workspace whose log takes events of no run.
    pub workspace: PathBuf,
    /// The journal.
    pub journal: JournalOptions,
    /// The actors.
    pub actors: Options,
    /// Model servers and keys.
    pub providers: ProviderSettings,
    /// Finds scenarios by name.
    pub scenarios: LoadScenario,
    /// The log; `None` for no log.
    pub log: Option<LogOptions>,
    /// The events that are kept to be looked up.
    pub events: EventOptions,
    /// Between asking a child to end and killing it.
    pub tool_grace: Duration,
    /// This program, to parse files in a process of its own; `None` parses them in this one.
    pub parser: Option<PathBuf>,
    /// What child processes may do, and what they may never see.
    pub sandbox: SandboxOptions,
    /// Threads that write artifacts.
    pub artifact_threads: NonZeroUsize,
    /// Exports runs that end; `None` for no export.
    pub export: Option<Exporter>,
    /// Time.
    pub clock: SharedClock,
}

impl SystemOptions {
    /// The defaults over a data folder, with `scenarios` to find scenarios by name.
    #[must_use]
    pub fn new(durable_root: &Path, workspace: &Path, scenarios: LoadScenario) -> Self {
        Self {
            durable_root: durable_root.to_owned(),
            workspace: workspace.to_owned(),
            journal: JournalOptions::default(),
            actors: Options::default(),
            providers: ProviderSettings::default(),
            scenarios,
            log: Some(LogOptions::new(workspace)),
            events: EventOptions::default(),
            tool_grace: Duration::from_millis(500),
            parser: None,
            sandbox: SandboxOptions::default(),
            artifact_threads: ProjectionOptions::default().threads,
            export: None,
            clock: Arc::new(SystemClock::default()),
        }
    }
}

/// Why the system did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal could not be opened.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// A folder or a thread could not be made.
    #[error("{0}: {1}")]
    Io(String, #[source] io::Error),
    /// The tools could not be started.
    #[error(transparent)]
    Tools(#[from] crate::tools::HostError),
    /// The journal could not be read.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// The running system.
pub struct System {
    /// The actors.
    pub runtime: Runtime,
    /// The journal.
    pub journal: Arc<Journal>,
    /// Artifact files.
    pub projections: Arc<Projections>,
    /// What happened.
    pub events: EventLog,
    /// To give the log orders; `None` without one.
    pub log: Option<LogHandle>,
    /// Exports runs that end; `None` without one.
    pub exports: Option<Exports>,
}

impl System {
    /// Starts everything on the calling thread's actix system; runs of a dead owner are taken over.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn start(options: SystemOptions) -> Result<Self, StartError> {
        let io = |what: String| move |error| StartError::Io(what, error);
        let folder = options.durable_root.join("db");
        std::fs::create_dir_all(&folder)
            .map_err(io(format!("{} cannot be made", folder.display())))?;
        let journal = Journal::open(&folder, options.journal)?;
        let id = data_folder_id(&options.durable_root).map_err(io(format!(
            "{} cannot be read",
            options.durable_root.display()
        )))?;
        let mut host = HostOptions::new(id);
        host.grace = options.tool_grace;
        host.parser = options.parser;
        host.sandbox = options.sandbox;
        host.sandbox.hidden.push(options.durable_root.clone());
        let tools = Host::new(host)?;
        let projections = Projections::start(ProjectionOptions {
            threads: options.artifact_threads,
            ..ProjectionOptions::default()
        })
        .map_err(io("no thread for artifacts".to_owned()))?;
        let projections = Arc::new(projections);
        let events = EventLog::open(&folder, &options.events)
            .map_err(io("no thread for events".to_owned()))?;
        let mut sinks: Vec<Arc<dyn EventSink>> = vec![events.sink()];
        let mut log = None;
        if let Some(options) = options.log {
            let run_log = RunLog::start(options).map_err(io("no thread for the log".to_owned()))?;
            log = Some(run_log.handle());
            sinks.push(Arc::new(run_log));
        }
        let export = options.export.map(|exporter| {
            let (ended, orders) = Ended::new();
            let written = sinks.last().map(Arc::clone);
            sinks.push(Arc::new(ended.clone()));
            let durable_root = options.durable_root.clone();
            (
                ended,
                orders,
                Work {
                    exporter,
                    written,
                    durable_root,
                },
            )
        });
        let actors = Options {
            after_event: events.after(),
            ..options.actors
        };
        let runtime = Runtime::start(Parts {
            store: Arc::clone(&journal) as _,
            models: Arc::new(Providers::new(options.providers, options.scenarios)),
            tools,
            projector: Arc::clone(&projections) as _,
            memory: Arc::new(RunMemory::new(&folder)),
            sinks,
            clock: options.clock,
            options: actors,
        })
        .await?;
        let exports = export.map(|(ended, orders, work)| {
            Exports::start(ended, orders, work, runtime.clone(), journal.reader())
        });
        Ok(Self {
            runtime,
            journal,
            projections,
            events,
            log,
            exports,
        })
    }

    /// For reading the journal.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.journal.reader()
    }

    /// Exports what has ended, stops the actors, then closes the journal.
    ///
    /// # Errors
    ///
    /// When the journal could not be closed in good order; nothing acknowledged is lost.
    pub async fn stop(self, how: Shutdown) -> Result<(), StoreError> {
        if let Some(exports) = self.exports {
            exports.finish(how, std::future::pending()).await;
        }
        self.runtime.shutdown(how).await;
        let (journal, events) = (self.journal, self.events);
        let closing = move || {
            events.close();
            journal.close()
        };
        crate::blocking::blocking(closing)
            .await
            .unwrap_or_else(|panic| Err(StoreError::Panicked(panic.to_string())))
    }
}
