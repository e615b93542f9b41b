//! Puts the parts of an owner together: settings and assets in, a running system out.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use orket_actors::approvals::{decision_ops, grant_ops};
use orket_actors::port::probe::Probe;
use orket_actors::port::store::{GateDecision, Guard, Op, RunStatus, Store, Write};
use orket_actors::probes::WatchProbe;
use orket_actors::runtime::{NewRun, Runtime, RuntimeError, Shutdown};
use orket_actors::world::Options;
use orket_core::asset::Library;
use orket_core::ids::RunId;
use orket_core::plan_build::PlanSettings;
use orket_sandboxes::DockerCompose;
use serde_json::{Map, Value, json};

use super::enter::DEFAULT_WORKSPACE;
use super::failure::Failure;
use crate::api::probes::Probes;
use crate::assets::DiskThenEmbedded;
use crate::config::lookup::ConfigError;
use crate::config::{LiveSettings, Settings, Sources};
use crate::events::{EventLog, EventOptions};
use crate::gitea_export::{self, Exports};
use crate::log::{LogHandle, LogOptions};
use crate::owner::boot::Parts;
use crate::owner::folder::DataFolder;
use crate::owner::host::wall_ms;
use crate::owner::planner::{AssetPlanner, OwnFiles};
use crate::owner::ports::{
    Board, BudgetView, Found, PlanRefusal, PlanWish, Planner, Records, RockEpic,
};
use crate::owner::records::JournalRecords;
use crate::owner::service::archive::{self, ArchiveRequest, Archived, plan_archive};
use crate::owner::service::unarchive::{UnarchiveRequest, Unarchived, plan_unarchive};
use crate::owner::service::{Refusal, grants_of};
use crate::owner::wire::{DecideRequest, GrantRequest};
use crate::providers::{LoadScenario, ProviderSettings, Providers};
use crate::stages;
use crate::storage::{Journal, JournalOptions, OpenError, Reader};
use crate::system::{StartError, System, SystemOptions};
use crate::tools::child::sandbox::SandboxOptions;

const MIB: u64 = 1_024 * 1_024;

/// The organization's `process_rules`; none without an organization.
///
/// # Errors
///
/// When the organization asset is there and broken.
pub fn process_rules(root: &Path) -> Result<Map<String, Value>, Failure> {
    let library = Library::new(DiskThenEmbedded::new(root));
    match library.organization() {
        Ok(Some(loaded)) => Ok(loaded.asset.process_rules),
        Ok(None) => Ok(Map::new()),
        Err(error) => Err(Failure::new("E_ASSETS", error.to_string())
            .hint("correct the organization asset; every setting may depend on it")),
    }
}

/// The settings as far as plans of the assets below `root` depend on them.
#[must_use]
pub fn plan_settings(settings: &Settings, root: &Path) -> PlanSettings {
    let (modes, problems) = match stages::with_unlock(settings.modes(), root) {
        Ok(modes) => (modes, Vec::new()),
        Err((modes, problem)) => (modes, vec![problem]),
    };
    PlanSettings {
        clocks: settings.clocks,
        turn_clock_is_set: settings.turn_clock_is_set,
        retry: settings.retry,
        context_window: settings.context_window,
        max_retries: Some(settings.max_retries),
        artifacts: settings.artifacts,
        max_created_cards: settings.max_created_cards,
        env_models: settings
            .models
            .iter()
            .map(|(role, model)| (role.clone(), model.to_string()))
            .collect(),
        operator_model: settings.operator_model.as_ref().map(ToString::to_string),
        preference_models: settings.preferences.clone(),
        compliance: settings.compliance.clone(),
        modes,
        problems,
        ..PlanSettings::default()
    }
}

/// Makes plans of the assets below `root`.
#[must_use]
pub fn planner(settings: &Settings, root: &Path) -> Arc<dyn Planner> {
    let own = plan_settings(settings, root);
    let files = OwnFiles {
        guarded: asset_folders(root),
        secret: vec![root.join(".env"), settings.durable_root.clone()],
    };
    let library = Library::new(DiskThenEmbedded::new(root));
    Arc::new(AssetPlanner::new(library, own).guarding(files))
}

/// Settings that follow their files.
#[must_use]
pub fn live_settings(sources: &Sources) -> LiveSettings {
    let root = sources.cwd.clone();
    let rules = move || {
        process_rules(&root).map_err(|failure| ConfigError::File {
            path: "organization".to_owned(),
            reason: failure.message,
        })
    };
    LiveSettings::new(sources.clone(), Box::new(rules))
}

/// Plans with the settings as they are when a plan is made, not as they were when the process began.
struct LivePlanner {
    settings: Arc<LiveSettings>,
    root: PathBuf,
    known: Mutex<Option<Known>>,
}

/// A planner, and the files as they were when it was made.
type Known = (Vec<Stamp>, Arc<dyn Planner>);

/// What a file is known by: a save makes a new file, an editor changes its time or its size.
type Stamp = Option<(u64, SystemTime, u64)>;

impl LivePlanner {
    fn now(&self) -> Result<Arc<dyn Planner>, PlanRefusal> {
        // Looked at first: what changes meanwhile is seen the next time.
        let stamps = self.stamps();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, planner)) = known.as_ref()
            && *of == stamps
        {
            return Ok(Arc::clone(planner));
        }
        match self.settings.now() {
            Ok(settings) => {
                let made = planner(&settings, &self.root);
                *known = Some((stamps, Arc::clone(&made)));
                Ok(made)
            }
            Err(error) => Err(PlanRefusal::Invalid(vec![error.to_string()])),
        }
    }

    /// The files that settings are read from.
    fn stamps(&self) -> Vec<Stamp> {
        let own = ["user_settings.json", "preferences.json"]
            .map(|name| self.settings.durable_root().join("config").join(name));
        let organization = [
            "config/org_info.json",
            "config/architecture.json",
            "config/organization.json",
            "model/organization.json",
        ]
        .map(|name| self.root.join(name));
        let report = self
            .settings
            .unlock_report()
            .map(|path| self.root.join(path));
        own.into_iter()
            .chain(organization)
            .chain(report)
            .map(|path| {
                let meta = std::fs::metadata(path).ok()?;
                Some((meta.ino(), meta.modified().ok()?, meta.len()))
            })
            .collect()
    }
}

impl Planner for LivePlanner {
    fn find(&self, name: &str, department: &str) -> Result<Found, PlanRefusal> {
        self.now()?.find(name, department)
    }

    fn epic_name(&self, name: &str, department: &str) -> String {
        self.now().map_or_else(
            |_| name.to_owned(),
            |planner| planner.epic_name(name, department),
        )
    }

    fn rock_name(&self, name: &str, department: &str) -> String {
        self.now().map_or_else(
            |_| name.to_owned(),
            |planner| planner.rock_name(name, department),
        )
    }

    fn rock(&self, name: &str, department: &str) -> Result<Vec<RockEpic>, PlanRefusal> {
        self.now()?.rock(name, department)
    }

    fn plan(&self, wish: PlanWish) -> Result<(NewRun, Vec<String>), PlanRefusal> {
        self.now()?.plan(wish)
    }

    fn board(&self, department: &str) -> Result<Board, PlanRefusal> {
        self.now()?.board(department)
    }
}

/// Where assets are, which agents may not write.
#[must_use]
pub fn asset_folders(root: &Path) -> Vec<PathBuf> {
    ["config", "model"].map(|name| root.join(name)).to_vec()
}

/// Reads the journal of a folder, whoever owns it.
///
/// # Errors
///
/// When it is there and cannot be read.
pub fn records(folder: &DataFolder) -> Result<Arc<dyn Records>, Failure> {
    Ok(Arc::new(JournalRecords::new(reader(folder)?)))
}

/// The journal of a folder for reading, whoever owns it; `None` when there is none yet.
///
/// # Errors
///
/// When it is there and cannot be read.
pub fn reader(folder: &DataFolder) -> Result<Option<Reader>, Failure> {
    Reader::open(&folder.database_folder()).map_err(unopened)
}

fn unopened(error: OpenError) -> Failure {
    told(&error, error.to_string())
}

/// The failure with what to do about it, where its words do not say so.
fn told(error: &OpenError, text: String) -> Failure {
    let failure = Failure::new(error.code(), text);
    match error {
        OpenError::Unusable { path, reason } => {
            let is_damaged = ["not a database", "malformed"]
                .iter()
                .any(|words| reason.contains(words));
            failure.hint(if is_damaged {
                format!(
                    "restore {} from a backup, or move it away to begin without it",
                    path.display()
                )
            } else {
                "look at free space, permissions and the limits of the process".to_owned()
            })
        }
        OpenError::Path { .. }
        | OpenError::Permission { .. }
        | OpenError::NewerSchema { .. }
        | OpenError::AlreadyOpen { .. } => failure,
    }
}

fn journal_options(settings: &Settings) -> JournalOptions {
    JournalOptions {
        sync: settings.journal_sync,
        ..JournalOptions::default()
    }
}

/// An owner's parts, and what its server needs beside them.
pub struct Assembled {
    /// What an owner is made of.
    pub parts: Parts,
    /// The journal, for reading.
    pub reader: Reader,
    /// The parts whose state is told.
    pub probes: Probes,
    /// What happened.
    pub events: EventLog,
    /// To give the log orders.
    pub log: Option<LogHandle>,
    /// Exports runs that end; finished before the owner stops.
    pub exports: Option<Exports>,
    /// The actors.
    pub runtime: Runtime,
}

/// Starts everything. Needs the lock on the folder and an actix system.
///
/// # Errors
///
/// When a part cannot be started.
pub async fn parts(
    settings: &Settings,
    live: &Arc<LiveSettings>,
    folder: &DataFolder,
    root: &Path,
) -> Result<Assembled, Failure> {
    let System {
        runtime,
        journal,
        projections,
        events,
        log,
        exports,
    } = System::start(SystemOptions {
        export: gitea_export::of_settings(settings)
            .map_err(|problem| Failure::new("E_CONFIG", problem))?,
        ..options(settings, folder, root)
    })
    .await
    .map_err(not_started)?;
    let reader = journal.reader();
    let probes = Probes {
        journal: Arc::clone(&journal),
        projections: Arc::clone(&projections),
    };
    let (told, log_handle, actors) = (events.clone(), log.clone(), runtime.clone());
    let records = JournalRecords::new(Some(reader.clone()));
    let engine = Arc::new(runtime.clone());
    let parts = Parts {
        engine,
        planner: Arc::new(LivePlanner {
            settings: Arc::clone(live),
            root: root.to_owned(),
            known: Mutex::new(None),
        }),
        records: Arc::new(records),
        events: told.clone(),
        close: Box::new(move || {
            Box::pin(async move {
                let system = System {
                    runtime,
                    journal,
                    projections,
                    events,
                    log,
                    // Brought to its end before the engine, which tells what came of it.
                    exports: None,
                };
                if let Err(error) = system.stop(Shutdown::Graceful).await {
                    tracing::error!(%error, "the journal did not close in good order; nothing acknowledged is lost");
                }
            })
        }),
    };
    Ok(Assembled {
        parts,
        reader,
        probes,
        events: told,
        log: log_handle,
        exports,
        runtime: actors,
    })
}

/// Sandboxes, as the owner of the folder runs them. Blocks for a few small files.
///
/// # Errors
///
/// When what is recorded of them cannot be read.
pub fn sandboxes(settings: &Settings, folder: &DataFolder) -> Result<DockerCompose, Failure> {
    let own = &settings.sandboxes;
    let opened = DockerCompose::open(orket_sandboxes::Options {
        disabled: own.disabled,
        most: own.most,
        ttl: own.ttl,
        up_timeout: own.up_timeout,
        limits: own.limits,
        reserved: [settings.api.port, settings.webhook.port].into(),
        ..orket_sandboxes::Options::new(folder.sandboxes())
    });
    Ok(opened?)
}

/// The same, looked after by the watchdog; what a dead owner left of them is seen to first.
///
/// # Errors
///
/// When what is recorded of them cannot be read.
pub fn watched_sandboxes(
    settings: &Settings,
    folder: &DataFolder,
    runtime: &Runtime,
) -> Result<Arc<DockerCompose>, Failure> {
    let own = Arc::new(sandboxes(settings, folder)?);
    let probe: Arc<dyn Probe> = Arc::clone(&own) as _;
    runtime.watch(WatchProbe {
        every: DockerCompose::EVERY,
        limit: DockerCompose::LIMIT,
        probe: Arc::downgrade(&probe),
    });
    // Otherwise nothing is in a hurry: most commands have nothing to do with docker.
    if own.has_live() {
        let own = Arc::clone(&own);
        actix_rt::spawn(async move {
            if let Err(error) = own.reconcile().await {
                tracing::warn!(%error, "what runs of the sandboxes is not known");
            }
        });
    }
    Ok(own)
}

/// The models, as an owner reaches them.
#[must_use]
pub fn models(settings: &Settings, root: &Path) -> Providers {
    Providers::new(provider_settings(settings), scenarios(root))
}

/// Where model servers are, as the settings have it.
#[must_use]
pub fn provider_settings(settings: &Settings) -> ProviderSettings {
    ProviderSettings {
        ollama_url: settings.ollama.url.clone(),
        openai_url: settings.openai.url.clone(),
        openai_key: settings.openai.key.clone(),
        anthropic_url: settings.anthropic.url.clone(),
        anthropic_key: settings.anthropic.key.clone(),
        constrained: settings.constrained_decoding,
    }
}

/// Finds scenarios below a folder, then those of the binary.
#[must_use]
pub fn scenarios(root: &Path) -> LoadScenario {
    let library = Library::new(DiskThenEmbedded::new(root));
    Arc::new(move |name: &str| {
        library
            .find("scenario", "scenarios", name, "core")
            .map(|(_, text)| text)
            .map_err(|error| error.to_string())
    })
}

fn options(settings: &Settings, folder: &DataFolder, root: &Path) -> SystemOptions {
    let workspace = root.join(DEFAULT_WORKSPACE);
    SystemOptions {
        journal: journal_options(settings),
        actors: Options {
            max_turns: settings.max_concurrent_turns,
            shutdown_ms: u64::try_from(settings.shutdown.as_millis()).unwrap_or(u64::MAX),
            ..Options::default()
        },
        providers: provider_settings(settings),
        log: Some(LogOptions {
            zone: settings.timezone.clone(),
            max_bytes: settings.log_max_mb.saturating_mul(MIB),
            keep: settings.log_keep,
            ..LogOptions::new(&workspace)
        }),
        events: EventOptions {
            keep: settings.events_keep,
            zone: settings.timezone.clone(),
            ..EventOptions::default()
        },
        tool_grace: settings.tool_grace,
        parser: std::env::current_exe().ok(),
        sandbox: SandboxOptions {
            allowance: settings.allowance.clone(),
            hidden: secrets(settings, root),
            locked: asset_folders(root),
            ..SandboxOptions::default()
        },
        ..SystemOptions::new(folder.root(), &workspace, scenarios(root))
    }
}

/// Files that hold secrets: no agent and no program of one reads them.
pub fn secrets(settings: &Settings, root: &Path) -> Vec<PathBuf> {
    let keys = settings.api.keys_file.as_ref().map(|path| root.join(path));
    [root.join(".env")].into_iter().chain(keys).collect()
}

fn not_started(error: StartError) -> Failure {
    let text = format!("orket cannot start: {error}");
    match error {
        StartError::Journal(error) => told(&error, text),
        StartError::Runtime(RuntimeError::Broken(_)) => Failure::new("E_ACTOR_PANIC", text)
            .hint("standard error says where it panicked; the same command tries again"),
        StartError::Runtime(_) => Failure::new("E_STORAGE", text),
        StartError::Io(_, cause) => Failure::new("E_START", format!("{text}: {cause}")),
        StartError::Tools(_) => Failure::new("E_START", text),
    }
}

/// Writes into the ledger that a run is halted. Needs the lock on the folder: nothing of the run
/// is under way then.
///
/// # Errors
///
/// When the journal cannot be written.
pub async fn mark_halted(
    settings: &Settings,
    folder: &DataFolder,
    run_id: RunId,
) -> Result<(), Failure> {
    let halted = Op::SetRun {
        run_id,
        status: RunStatus::Halted,
        summary: json!({"halted_by": "operator"}),
        at_ms: wall_ms(),
    };
    write_once(settings, folder, vec![halted]).await
}

/// Decides a gate while nobody owns the folder. Needs the lock.
///
/// # Errors
///
/// When the journal cannot be written, or the gate is not pending.
pub async fn decide_gate(
    settings: &Settings,
    folder: &DataFolder,
    gate: i64,
    decision: GateDecision,
    request: DecideRequest,
) -> Result<(), Failure> {
    let reader = reader(folder)?.ok_or_else(|| Refusal::unknown_gate(gate))?;
    let found = reader
        .gate_record(gate)
        .map_err(|error| Refusal::internal(error.to_string()))?
        .ok_or_else(|| Refusal::unknown_gate(gate))?;
    let ops = decision_ops(&found, decision, &request.by, &request.reason, wall_ms());
    write_once(settings, folder, ops).await
}

/// Lets a run spend more while nobody owns the folder. Needs the lock.
///
/// # Errors
///
/// When the journal cannot be written, or the run has no such scope.
pub async fn grant(
    settings: &Settings,
    folder: &DataFolder,
    run: &RunId,
    view: &BudgetView,
    request: &GrantRequest,
) -> Result<(), Failure> {
    let grants = grants_of(view, request)?;
    let reader = reader(folder)?.ok_or_else(|| Refusal::unknown_run(run.as_str()))?;
    let gates = reader
        .gates_of_run(run.as_str())
        .map_err(|error| Refusal::internal(error.to_string()))?;
    let ops = grant_ops(&gates, &grants, &request.by, wall_ms());
    write_once(settings, folder, ops).await
}

/// Archives cards while nobody owns the folder. Needs the lock; which cards are meant is looked up under
/// it.
///
/// # Errors
///
/// When nothing is named, or the journal cannot be read or written.
pub async fn archive(
    settings: &Settings,
    folder: &DataFolder,
    request: &ArchiveRequest,
) -> Result<Archived, Failure> {
    let (cards, archived) = plan_archive(records(folder)?.as_ref(), request)?;
    if !cards.is_empty() {
        let op = Op::Archive {
            cards,
            by: archive::by(request),
            reason: request.reason.trim().to_owned(),
            at_ms: wall_ms(),
        };
        write_once(settings, folder, vec![op]).await?;
    }
    Ok(archived)
}

/// Takes archived cards out while nobody owns the folder, likewise.
///
/// # Errors
///
/// When nothing is named, or the journal cannot be read or written.
pub async fn unarchive(
    settings: &Settings,
    folder: &DataFolder,
    request: &UnarchiveRequest,
) -> Result<Unarchived, Failure> {
    let (cards, unarchived) = plan_unarchive(records(folder)?.as_ref(), request)?;
    if !cards.is_empty() {
        let op = Op::Unarchive {
            cards,
            by: request.by(),
            reason: request.reason.trim().to_owned(),
            at_ms: wall_ms(),
        };
        write_once(settings, folder, vec![op]).await?;
    }
    Ok(unarchived)
}

async fn write_once(settings: &Settings, folder: &DataFolder, ops: Vec<Op>) -> Result<(), Failure> {
    let journal =
        Journal::open(&folder.database_folder(), journal_options(settings)).map_err(unopened)?;
    let write = Write {
        guard: Guard::None,
        flush: None,
        ops,
    };
    let stored = |error: &dyn std::fmt::Display| Failure::new("E_STORAGE", error.to_string());
    journal
        .submit(write)
        .await
        .map_err(|error| stored(&error))?;
    crate::blocking::blocking(move || journal.close())
        .await
        .map_err(|error| stored(&error))?
        .map_err(|error| stored(&error))
}
