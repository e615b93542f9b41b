//! What handlers work with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::machine::Machine;
use super::probes::Probes;
use crate::config::{LiveSettings, Settings};
use crate::driver::Driver;
use crate::events::EventLog;
use crate::log::{LogHandle, Zone};
use crate::owner::service::Service;
use crate::storage::Reader;
use orket_sandboxes::Sandboxes;

/// See the file's head; shared by all workers.
pub struct Api {
    /// Runs, gates, budgets: everything that changes something goes through it.
    pub service: Service,
    /// The journal, for reading. Its methods block: use [`Api::read`].
    pub reader: Reader,
    /// What is set, read again when a file changes.
    pub settings: Arc<LiveSettings>,
    /// The project's folder: `config/`, `model/`, `workspace/`, … are below it.
    pub root: PathBuf,
    /// The workspace of runs that name none.
    pub workspace: PathBuf,
    /// The zone in which times are shown.
    pub zone: Zone,
    /// The parts whose state is told.
    pub probes: Probes,
    /// What happened: the latest of it, and what is stored.
    pub events: EventLog,
    /// To give `orket.log` orders.
    pub log: Option<LogHandle>,
    /// Since when this process serves.
    pub since: Instant,
    /// Answers messages in words.
    pub driver: Driver,
    /// What was built, brought up to be looked at.
    pub sandboxes: Arc<dyn Sandboxes>,
    /// How busy the machine is.
    pub machine: Machine,
}

impl Api {
    /// Runs a read of the journal where blocking is allowed.
    ///
    /// # Errors
    ///
    /// 503 when the journal cannot be read.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, orket_actors::port::store::StoreError> + Send + 'static,
    ) -> Result<T, super::problem::Problem> {
        Ok(self.reader.run(read).await?)
    }

    /// Says that something happened at the server itself, in words of the reference's log. It goes
    /// where all events go. What `data` says stands beside the session.
    pub fn emit(&self, event: &str, session_id: Option<&str>, data: Value) {
        self.service.emit(event, said(event, session_id, data));
    }

    /// The settings as they are now.
    ///
    /// # Errors
    ///
    /// 500 when a file of settings was broken meanwhile.
    pub async fn settings(&self) -> Result<Settings, super::problem::Problem> {
        let live = Arc::clone(&self.settings);
        blocking(move || live.now())
            .await?
            .map_err(super::problem::Problem::internal)
    }
}

/// The data of an event of the server, with the envelope that the reference gives it.
fn said(event: &str, session_id: Option<&str>, data: Value) -> Value {
    let mut fields = Map::new();
    if let Some(session) = session_id {
        fields.insert("session_id".to_owned(), json!(session));
    }
    match data {
        Value::Object(more) => fields.extend(more),
        Value::Null => {}
        other => {
            fields.insert("value".to_owned(), other);
        }
    }
    if let Some(session) = session_id {
        let envelope = json!({
            "schema_version": "v1", "event": event, "role": "system", "session_id": session,
            "issue_id": "", "turn_index": 0, "turn_trace_id": "", "selected_model": "",
            "prompt_id": "", "prompt_version": "", "prompt_checksum": "", "resolver_policy": "",
            "selection_policy": "", "guard_contract": null, "guard_decision": null,
            "terminal_reason": null, "duration_ms": 0, "tokens": null,
        });
        fields.insert("runtime_event".to_owned(), envelope);
    }
    Value::Object(fields)
}

/// Runs blocking work off the arbiter.
///
/// # Errors
///
/// 500 when it panics.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, super::problem::Problem> {
    crate::blocking::blocking(work).await.map_err(|error| {
        super::problem::Problem::internal(format!("blocking work broke off: {error}"))
    })
}
