//! The owner that the driver's looks and changes go to: the living one when there is one, else the
//! journal, which is read and written here for as long as nobody else has it. Work is begun by an owner
//! in the background, so that it goes on when whoever began it leaves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::FutureExt as _;
use orket_actors::port::event::{EventSink as _, RuntimeEvent};
use orket_actors::port::store::{GATE_PENDING, GateDecision};
use orket_actors::runtime::RunReport;
use orket_core::ids::RunId;
use serde_json::Value;

use crate::blocking::blocking;
use crate::cli::commands::under_way;
use crate::cli::context::Context;
use crate::cli::enter::DEFAULT_WORKSPACE;
use crate::cli::failure::Failure;
use crate::cli::{assemble, detach};
use crate::driver::works::{Answer, Works};
use crate::log::{LogOptions, RunLog};
use crate::owner::client::{Client, ClientError};
use crate::owner::host::{Door, Mode, knock, wall_ms};
use crate::owner::ports::{GateView, Records, RunRow};
use crate::owner::service::archive::{ArchiveRequest, Archived, preview_archive};
use crate::owner::service::unarchive::{UnarchiveRequest, Unarchived, plan_unarchive};
use crate::owner::service::{Refusal, resolve_run};
use crate::owner::wire::{DecideRequest, Decision, ResumeRequest, StartRequest, Started};

/// Bytes in a MiB.
const MIB: u64 = 1_024 * 1_024;
/// What the log calls whoever speaks here.
const ROLE: &str = "driver";

/// See the file's head.
pub struct Folder {
    context: Arc<Context>,
    log: Mutex<Option<RunLog>>,
    has_brought_owner: AtomicBool,
}

impl Folder {
    /// The data folder of a command.
    pub fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            log: Mutex::default(),
            has_brought_owner: AtomicBool::new(false),
        }
    }

    /// The living owner.
    pub async fn living(&self) -> Result<Option<Client>, Refusal> {
        Ok(self.context.living_owner(None).await?)
    }

    /// Whether the owner in the background is there because of this session.
    pub fn has_brought_owner(&self) -> bool {
        self.has_brought_owner.load(Ordering::Acquire)
    }

    /// The living owner, or one brought up in the background.
    async fn owner(&self) -> Result<Client, Refusal> {
        if let Some(client) = self.living().await? {
            return Ok(client);
        }
        let client = detach::background_owner(&self.context).await?;
        self.has_brought_owner.store(true, Ordering::Release);
        Ok(client)
    }

    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&dyn Records) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let context = Arc::clone(&self.context);
        let looked = blocking(move || look(context.records()?.as_ref())).await;
        looked.unwrap_or_else(|error| Err(Refusal::internal(error.to_string())))
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            status: if failure.exit == 2 { 400 } else { 503 },
            code: failure.code,
            detail: failure.message,
            hint: failure.hint,
        }
    }
}

/// What a client is told, as the owner would say it.
fn refusal(error: ClientError) -> Refusal {
    match error {
        ClientError::Refused(refusal) => refusal,
        gone @ ClientError::Gone(_) => Failure::from(gone).into(),
    }
}

fn read(error: crate::owner::ports::RecordsError) -> Refusal {
    error.into()
}

impl Works for Folder {
    fn records(&self) -> Result<Arc<dyn Records>, Refusal> {
        Ok(self.context.records()?)
    }

    fn active(&self) -> Answer<'_, Vec<String>> {
        async move {
            match self.living().await? {
                Some(client) => Ok(client.health().await.map_err(refusal)?.active_runs),
                None => Ok(Vec::new()),
            }
        }
        .boxed()
    }

    fn resolve(&self, reference: String) -> Answer<'_, RunRow> {
        self.look(move |records| resolve_run(records, &reference))
            .boxed()
    }

    fn report(&self, run: RunId) -> Answer<'_, RunReport> {
        async move {
            if let Some(client) = self.living().await? {
                return client.show(run.as_str()).await.map_err(refusal);
            }
            self.look(move |records| {
                let report = records.report(run.as_str()).map_err(read)?;
                report.ok_or_else(|| Refusal::unknown_run(run.as_str()))
            })
            .await
        }
        .boxed()
    }

    fn gates(&self, status: Option<String>) -> Answer<'_, Vec<GateView>> {
        self.look(move |records| records.gates(status.as_deref()).map_err(read))
            .boxed()
    }

    fn start(&self, request: StartRequest) -> Answer<'_, Started> {
        async move {
            let cwd = &self.context.cwd;
            let mut request = StartRequest {
                // The owner's current folder may be another one.
                workspace: Some(cwd.join(DEFAULT_WORKSPACE).display().to_string()),
                asset_root: Some(cwd.display().to_string()),
                settings: Some(self.context.settings.digests.clone()),
                ..request
            };
            let context = Arc::clone(&self.context);
            let noted = blocking(move || {
                under_way::note(&context, &mut request)?;
                Ok::<_, Failure>(request)
            })
            .await;
            let request = noted.map_err(|error| Refusal::internal(error.to_string()))??;
            self.owner().await?.start(&request).await.map_err(refusal)
        }
        .boxed()
    }

    fn halt(&self, run: RunId) -> Answer<'_, RunReport> {
        async move {
            match knock(&self.context.folder, &Mode::Any)
                .await
                .map_err(door)?
            {
                Door::Attach(client) => client.halt(&run).await.map_err(refusal),
                Door::Own(lock) => {
                    // Nothing of it is under way then; only the ledger is told.
                    let (settings, folder) = (&self.context.settings, &self.context.folder);
                    assemble::mark_halted(settings, folder, run.clone()).await?;
                    drop(lock);
                    self.report(run).await
                }
                Door::Nobody => Err(Refusal::unknown_run(run.as_str())),
            }
        }
        .boxed()
    }

    fn resume(&self, run: RunId) -> Answer<'_, Started> {
        async move {
            let (context, id) = (Arc::clone(&self.context), run.clone());
            let under_way = blocking(move || under_way::is_under_way(&context, id.as_str())).await;
            let request = ResumeRequest {
                settings: Some(self.context.settings.digests.clone()),
                under_way: under_way.map_err(|error| Refusal::internal(error.to_string()))??,
            };
            let owner = self.owner().await?;
            owner.resume(&run, &request).await.map_err(refusal)
        }
        .boxed()
    }

    fn decide(
        &self,
        gate: i64,
        decision: GateDecision,
        request: DecideRequest,
    ) -> Answer<'_, Decision> {
        async move {
            let verb = match decision {
                GateDecision::Approved => "approve",
                GateDecision::Rejected => "reject",
                GateDecision::Expired => "expire",
            };
            match knock(&self.context.folder, &Mode::Any)
                .await
                .map_err(door)?
            {
                Door::Attach(client) => client.decide(gate, verb, &request).await.map_err(refusal),
                Door::Own(lock) => {
                    let gates = self.gates(None).await?;
                    let found = gates.into_iter().find(|it| it.id == gate);
                    let found = found.ok_or_else(|| Refusal::unknown_gate(gate))?;
                    if found.status != GATE_PENDING {
                        return Err(Refusal::gate_decided(gate, &found.status));
                    }
                    let (settings, folder) = (&self.context.settings, &self.context.folder);
                    assemble::decide_gate(settings, folder, gate, decision, request).await?;
                    drop(lock);
                    Ok(Decision {
                        id: gate,
                        run_id: found.run_id,
                        status: decision.as_str().to_owned(),
                        goes_on: false,
                    })
                }
                Door::Nobody => Err(Refusal::unknown_gate(gate)),
            }
        }
        .boxed()
    }

    fn archive(&self, request: ArchiveRequest) -> Answer<'_, Archived> {
        async move {
            if let Some(client) = self.living().await? {
                return client.archive(&request).await.map_err(refusal);
            }
            if request.dry_run {
                return self
                    .look(move |records| preview_archive(records, &request))
                    .await;
            }
            match knock(&self.context.folder, &Mode::Any)
                .await
                .map_err(door)?
            {
                Door::Attach(client) => client.archive(&request).await.map_err(refusal),
                Door::Own(_lock) => {
                    let (settings, folder) = (&self.context.settings, &self.context.folder);
                    Ok(assemble::archive(settings, folder, &request).await?)
                }
                Door::Nobody => Err(Refusal::internal("nobody owns the data folder")),
            }
        }
        .boxed()
    }

    fn unarchive(&self, request: UnarchiveRequest) -> Answer<'_, Unarchived> {
        async move {
            if let Some(client) = self.living().await? {
                return client.unarchive(&request).await.map_err(refusal);
            }
            if request.dry_run {
                return self
                    .look(move |records| Ok(plan_unarchive(records, &request)?.1))
                    .await;
            }
            match knock(&self.context.folder, &Mode::Any)
                .await
                .map_err(door)?
            {
                Door::Attach(client) => client.unarchive(&request).await.map_err(refusal),
                Door::Own(_lock) => {
                    let (settings, folder) = (&self.context.settings, &self.context.folder);
                    Ok(assemble::unarchive(settings, folder, &request).await?)
                }
                Door::Nobody => Err(Refusal::internal("nobody owns the data folder")),
            }
        }
        .boxed()
    }

    fn emit(&self, event: &str, data: Value) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.is_none() {
            let settings = &self.context.settings;
            let options = LogOptions {
                zone: settings.timezone.clone(),
                max_bytes: settings.log_max_mb.saturating_mul(MIB),
                keep: settings.log_keep,
                ..LogOptions::new(self.context.cwd.join(DEFAULT_WORKSPACE))
            };
            // A log that cannot be written is no reason not to answer.
            *log = RunLog::start(options).ok();
        }
        if let Some(log) = log.as_ref() {
            log.take(&Arc::new(RuntimeEvent {
                seq: 0,
                at_ms: wall_ms(),
                event: event.to_owned(),
                role: ROLE.to_owned(),
                run_id: None,
                issue_id: None,
                workspace: None,
                data,
                shown: orket_actors::port::event::Shown::default(),
            }));
        }
    }
}

fn door(error: crate::owner::host::DoorError) -> Refusal {
    Failure::from(error).into()
}
