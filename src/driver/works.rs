//! Where the driver's looks and changes of runs, gates and cards go: to the owner of the data folder, in
//! this process or in another one.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};
use orket_actors::port::store::GateDecision;
use orket_actors::runtime::RunReport;
use orket_core::ids::RunId;
use serde_json::Value;

use crate::owner::ports::{GateView, Records, RunRow};
use crate::owner::service::archive::{ArchiveRequest, Archived};
use crate::owner::service::unarchive::{UnarchiveRequest, Unarchived};
use crate::owner::service::{Refusal, Service};
use crate::owner::wire::{DecideRequest, Decision, ResumeRequest, StartRequest, Started};

/// What is answered, later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Refusal>>;

/// See the file's head.
pub trait Works: Send + Sync + 'static {
    /// The journal, for looks. Blocking.
    ///
    /// # Errors
    ///
    /// When it is there and cannot be read.
    fn records(&self) -> Result<Arc<dyn Records>, Refusal>;

    /// Ids of the runs that are under way.
    fn active(&self) -> Answer<'_, Vec<String>>;

    /// The run that an id, the beginning of one, or `last` means.
    fn resolve(&self, reference: String) -> Answer<'_, RunRow>;

    /// How a run stands.
    fn report(&self, run: RunId) -> Answer<'_, RunReport>;

    /// What waits for a person, or with `None` has been decided too.
    fn gates(&self, status: Option<String>) -> Answer<'_, Vec<GateView>>;

    /// Starts something, or goes on with it.
    fn start(&self, request: StartRequest) -> Answer<'_, Started>;

    /// Stops a run.
    fn halt(&self, run: RunId) -> Answer<'_, RunReport>;

    /// Goes on with a run.
    fn resume(&self, run: RunId) -> Answer<'_, Started>;

    /// Decides a gate.
    fn decide(
        &self,
        gate: i64,
        decision: GateDecision,
        request: DecideRequest,
    ) -> Answer<'_, Decision>;

    /// Puts cards away, or with `dry_run` says which.
    fn archive(&self, request: ArchiveRequest) -> Answer<'_, Archived>;

    /// Takes cards out again, or with `dry_run` says which.
    fn unarchive(&self, request: UnarchiveRequest) -> Answer<'_, Unarchived>;

    /// Tells the log.
    fn emit(&self, event: &str, data: Value);
}

/// The owner in this process.
pub struct Here {
    /// Runs and gates.
    pub service: Service,
    /// The journal.
    pub records: Arc<dyn Records>,
}

impl Works for Here {
    fn records(&self) -> Result<Arc<dyn Records>, Refusal> {
        Ok(Arc::clone(&self.records))
    }

    fn active(&self) -> Answer<'_, Vec<String>> {
        async { Ok(self.service.health().await.active_runs) }.boxed()
    }

    fn resolve(&self, reference: String) -> Answer<'_, RunRow> {
        async move { self.service.resolve(&reference).await }.boxed()
    }

    fn report(&self, run: RunId) -> Answer<'_, RunReport> {
        async move { self.service.report(&run).await }.boxed()
    }

    fn gates(&self, status: Option<String>) -> Answer<'_, Vec<GateView>> {
        self.service.gates(status).boxed()
    }

    fn start(&self, request: StartRequest) -> Answer<'_, Started> {
        self.service.start(request).boxed()
    }

    fn halt(&self, run: RunId) -> Answer<'_, RunReport> {
        self.service.halt(run).boxed()
    }

    fn resume(&self, run: RunId) -> Answer<'_, Started> {
        self.service.resume(run, ResumeRequest::default()).boxed()
    }

    fn decide(
        &self,
        gate: i64,
        decision: GateDecision,
        request: DecideRequest,
    ) -> Answer<'_, Decision> {
        self.service.decide(gate, decision, request).boxed()
    }

    fn archive(&self, request: ArchiveRequest) -> Answer<'_, Archived> {
        self.service.archive(request).boxed()
    }

    fn unarchive(&self, request: UnarchiveRequest) -> Answer<'_, Unarchived> {
        self.service.unarchive(request).boxed()
    }

    fn emit(&self, event: &str, data: Value) {
        self.service.emit(event, data);
    }
}
