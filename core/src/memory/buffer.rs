//! The commit buffer: what a run would remember is held back until it is committed as one whole.
//!
//! Reads are those of a snapshot; a commit is merged into the current snapshot, not into the one
//! the run began with, so that of two runs neither erases what the other wrote. Every version of a
//! record is kept, which is what makes a snapshot cheap. Nothing here stores anything: whoever
//! does puts together what a step needs to see ([`SharedMemory::part`]), takes the step, and writes
//! what it changed ([`SharedMemory::into_changes`]) in the same transaction.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::canonical::json_v1;
use crate::status::words;

/// How long a recovery holds a pending commit, in milliseconds.
pub const LEASE_MS: i64 = 30_000;
/// How often it says that it still does, in milliseconds.
pub const RENEW_MS: i64 = 10_000;

words! {
    /// Where a buffer is.
    BufferState, "buffer state" {
        /// It takes writes.
        BufferOpen = "buffer_open",
        /// Its commit was asked for.
        CommitPending = "commit_pending",
        /// Its writes are in the memory.
        CommitApplied = "commit_applied",
        /// Its writes are gone.
        CommitAborted = "commit_aborted",
    }
}

words! {
    /// Why a commit was aborted.
    AbortReason, "abort reason" {
        /// A policy said no.
        PolicyRejected = "policy_rejected",
        /// The writes are not valid.
        ValidationFailed = "validation_failed",
        /// They could not be stored.
        StorageApplyFailed = "storage_apply_failed",
        /// The same commit was applied before with other writes.
        PayloadMismatch = "payload_mismatch",
    }
}

/// Why a step was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BufferError {
    /// The run has no buffer, or it takes no writes.
    #[error("buffer_not_open")]
    NotOpen,
    /// The buffer is not in a state that allows this.
    #[error("invalid_state_transition")]
    InvalidTransition,
    /// There is no commit to apply.
    #[error("commit_not_pending")]
    NotPending,
    /// The pending commit has no id.
    #[error("missing_commit_id")]
    MissingCommitId,
    /// The same commit was applied before with other writes.
    #[error("payload_mismatch")]
    PayloadMismatch,
    /// Somebody else recovers this commit.
    #[error("lease_not_acquired")]
    LeaseNotAcquired,
    /// There is no such snapshot yet.
    #[error("unknown_snapshot")]
    UnknownSnapshot,
    /// A write that has no canonical form.
    #[error("validation_failed: {0}")]
    NoForm(#[from] json_v1::NoForm),
}

/// One record to be written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordWrite {
    /// Which record.
    pub key: String,
    /// Its new value; `None` removes it.
    pub value: Option<Value>,
}

/// The buffer of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommitBuffer {
    /// The run.
    pub run_id: String,
    /// The snapshot that the run reads.
    pub start_snapshot_id: u64,
    /// What it would write, in order.
    pub writes: Vec<RecordWrite>,
    /// Where it is.
    pub state: BufferState,
    /// From run, snapshot and policy set.
    #[serde(default)]
    pub commit_id: Option<String>,
    /// Of the writes.
    #[serde(default)]
    pub commit_payload_fingerprint: Option<String>,
    /// Why it was aborted.
    #[serde(default)]
    pub reason_code: Option<AbortReason>,
    /// Who recovers it.
    #[serde(default)]
    pub lease_owner: Option<String>,
    /// Until when, milliseconds since 1970.
    #[serde(default)]
    pub lease_expires_at: Option<i64>,
}

impl CommitBuffer {
    fn may_be_held_by(&self, owner: &str, now_ms: i64) -> bool {
        let expired = self.lease_expires_at.is_none_or(|until| until <= now_ms);
        expired
            || self
                .lease_owner
                .as_deref()
                .is_none_or(|known| known == owner)
    }

    fn abort(&mut self, reason: AbortReason) {
        self.state = BufferState::CommitAborted;
        self.reason_code = Some(reason);
        self.writes.clear();
        self.lease_owner = None;
        self.lease_expires_at = None;
    }
}

/// The values of one record: the snapshot that brought each, oldest first.
type Versions = Vec<(u64, Option<Value>)>;

/// All that is remembered, and the buffers of the runs that would add to it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SharedMemory {
    snapshot: u64,
    records: BTreeMap<String, Versions>,
    /// The fingerprint of each commit that was applied.
    applied: BTreeMap<String, String>,
    buffers: BTreeMap<String, CommitBuffer>,
}

/// What a step changed, to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes {
    /// The current snapshot.
    pub snapshot: u64,
    /// The buffers that there are, of those that were put together.
    pub buffers: Vec<CommitBuffer>,
    /// New versions of records: key, the snapshot that brought it, value.
    pub records: Vec<(String, u64, Option<Value>)>,
    /// The commits that were applied, and the fingerprints of their writes.
    pub applied: Vec<(String, String)>,
}

impl SharedMemory {
    /// As much of a stored memory as the steps of these buffers see: no record, but whether their
    /// commits were applied before.
    #[must_use]
    pub fn part(
        snapshot: u64,
        buffers: impl IntoIterator<Item = CommitBuffer>,
        applied: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let named = |buffer: CommitBuffer| (buffer.run_id.clone(), buffer);
        Self {
            snapshot,
            records: BTreeMap::new(),
            applied: applied.into_iter().collect(),
            buffers: buffers.into_iter().map(named).collect(),
        }
    }

    /// What is to be stored after a step.
    #[must_use]
    pub fn into_changes(self) -> Changes {
        let versions = |(key, versions): (String, Versions)| {
            versions
                .into_iter()
                .map(move |(since, value)| (key.clone(), since, value))
        };
        Changes {
            snapshot: self.snapshot,
            buffers: self.buffers.into_values().collect(),
            records: self.records.into_iter().flat_map(versions).collect(),
            applied: self.applied.into_iter().collect(),
        }
    }

    /// The current snapshot; the first is 0 and empty.
    #[must_use]
    pub const fn snapshot(&self) -> u64 {
        self.snapshot
    }

    /// The buffer of a run.
    #[must_use]
    pub fn buffer(&self, run_id: &str) -> Option<&CommitBuffer> {
        self.buffers.get(run_id)
    }

    /// A record as snapshot `at` has it.
    #[must_use]
    pub fn read(&self, key: &str, at: u64) -> Option<&Value> {
        let versions = self.records.get(key)?;
        let seen = versions.iter().rev().find(|(since, _)| *since <= at)?;
        seen.1.as_ref()
    }

    /// Opens the run's buffer on the current snapshot. What an open buffer of the run held is
    /// dropped: its process died before it asked for the commit.
    ///
    /// # Errors
    ///
    /// `invalid_state_transition` while a commit of the run is pending: that one is recovered, never
    /// forgotten.
    pub fn open(&mut self, run_id: &str) -> Result<u64, BufferError> {
        self.open_at(run_id, self.snapshot)
    }

    /// The same on an older snapshot, for a run that is taken up again.
    ///
    /// # Errors
    ///
    /// As [`Self::open`]; `unknown_snapshot` for one that is not there yet.
    pub fn open_at(&mut self, run_id: &str, snapshot: u64) -> Result<u64, BufferError> {
        if snapshot > self.snapshot {
            return Err(BufferError::UnknownSnapshot);
        }
        let pending = |known: &CommitBuffer| known.state == BufferState::CommitPending;
        if self.buffers.get(run_id).is_some_and(pending) {
            return Err(BufferError::InvalidTransition);
        }
        let buffer = CommitBuffer {
            run_id: run_id.to_owned(),
            start_snapshot_id: snapshot,
            writes: Vec::new(),
            state: BufferState::BufferOpen,
            commit_id: None,
            commit_payload_fingerprint: None,
            reason_code: None,
            lease_owner: None,
            lease_expires_at: None,
        };
        self.buffers.insert(run_id.to_owned(), buffer);
        Ok(snapshot)
    }

    /// Drops an open buffer: the run has nothing to add.
    ///
    /// # Errors
    ///
    /// `invalid_state_transition` unless it is open.
    pub fn discard(&mut self, run_id: &str) -> Result<(), BufferError> {
        let open = |buffer: &CommitBuffer| buffer.state == BufferState::BufferOpen;
        if !self.buffers.get(run_id).is_some_and(open) {
            return Err(BufferError::InvalidTransition);
        }
        self.buffers.remove(run_id);
        Ok(())
    }

    /// Adds a write that nobody sees before it is applied.
    ///
    /// # Errors
    ///
    /// `buffer_not_open`.
    pub fn append(&mut self, run_id: &str, write: RecordWrite) -> Result<(), BufferError> {
        let buffer = self.buffers.get_mut(run_id).ok_or(BufferError::NotOpen)?;
        if buffer.state != BufferState::BufferOpen {
            return Err(BufferError::NotOpen);
        }
        buffer.writes.push(write);
        Ok(())
    }

    /// Closes the buffer and names its commit.
    ///
    /// # Errors
    ///
    /// `invalid_state_transition` unless it is open; `validation_failed` when a write has no
    /// canonical form, and then the commit is aborted.
    pub fn request_commit(
        &mut self,
        run_id: &str,
        policy_set_id: &str,
    ) -> Result<String, BufferError> {
        let buffer = self
            .buffers
            .get_mut(run_id)
            .filter(|buffer| buffer.state == BufferState::BufferOpen)
            .ok_or(BufferError::InvalidTransition)?;
        let writes: Vec<_> = buffer
            .writes
            .iter()
            .map(|write| json!({"key": write.key, "value": write.value}))
            .collect();
        let name = json!({
            "run_id": run_id,
            "snapshot_id": buffer.start_snapshot_id,
            "policy_set_id": policy_set_id,
        });
        let named = json_v1::fingerprint(&name)
            .and_then(|id| Ok((id, json_v1::fingerprint(&Value::from(writes))?)));
        match named {
            Ok((id, fingerprint)) => {
                buffer.state = BufferState::CommitPending;
                buffer.commit_id = Some(id.clone());
                buffer.commit_payload_fingerprint = Some(fingerprint);
                Ok(id)
            }
            Err(error) => {
                buffer.abort(AbortReason::ValidationFailed);
                Err(error.into())
            }
        }
    }

    /// Applies the pending commit on top of the current snapshot; gives the new snapshot, or
    /// `None` when this very commit was applied before.
    ///
    /// # Errors
    ///
    /// `commit_not_pending`, `missing_commit_id`; `lease_not_acquired` while another owner recovers
    /// it; `payload_mismatch` when the same commit was applied with other writes, and then it is
    /// aborted.
    pub fn apply(
        &mut self,
        run_id: &str,
        owner: &str,
        now_ms: i64,
    ) -> Result<Option<u64>, BufferError> {
        let buffer = pending(&mut self.buffers, run_id)?;
        if !buffer.may_be_held_by(owner, now_ms) {
            return Err(BufferError::LeaseNotAcquired);
        }
        let (Some(id), Some(fingerprint)) = (&buffer.commit_id, &buffer.commit_payload_fingerprint)
        else {
            return Err(BufferError::MissingCommitId);
        };
        let done = self.applied.get(id).map(|known| known == fingerprint);
        match done {
            Some(false) => {
                buffer.abort(AbortReason::PayloadMismatch);
                return Err(BufferError::PayloadMismatch);
            }
            Some(true) => {}
            None => {
                self.snapshot += 1;
                self.applied.insert(id.clone(), fingerprint.clone());
                for write in &buffer.writes {
                    let versions = self.records.entry(write.key.clone()).or_default();
                    // A later write of the same commit replaces the earlier one.
                    versions.retain(|(since, _)| *since != self.snapshot);
                    versions.push((self.snapshot, write.value.clone()));
                }
            }
        }
        buffer.state = BufferState::CommitApplied;
        buffer.lease_owner = None;
        buffer.lease_expires_at = None;
        Ok(done.is_none().then_some(self.snapshot))
    }

    /// Gives a pending commit up.
    ///
    /// # Errors
    ///
    /// `commit_not_pending`.
    pub fn abort(&mut self, run_id: &str, reason: AbortReason) -> Result<(), BufferError> {
        pending(&mut self.buffers, run_id)?.abort(reason);
        Ok(())
    }

    /// Takes a pending commit for recovery: it is free, one's own, or its owner let it expire.
    ///
    /// # Errors
    ///
    /// `commit_not_pending`, `lease_not_acquired`.
    pub fn acquire(&mut self, run_id: &str, owner: &str, now_ms: i64) -> Result<(), BufferError> {
        let buffer = pending(&mut self.buffers, run_id)?;
        if !buffer.may_be_held_by(owner, now_ms) {
            return Err(BufferError::LeaseNotAcquired);
        }
        buffer.lease_owner = Some(owner.to_owned());
        buffer.lease_expires_at = Some(now_ms.saturating_add(LEASE_MS));
        Ok(())
    }

    /// Holds it longer.
    ///
    /// # Errors
    ///
    /// `commit_not_pending`; `lease_not_acquired` unless `owner` has a lease that is not over.
    pub fn renew(&mut self, run_id: &str, owner: &str, now_ms: i64) -> Result<(), BufferError> {
        let buffer = pending(&mut self.buffers, run_id)?;
        let held = buffer.lease_owner.as_deref() == Some(owner)
            && buffer.lease_expires_at.is_some_and(|until| until > now_ms);
        if !held {
            return Err(BufferError::LeaseNotAcquired);
        }
        buffer.lease_expires_at = Some(now_ms.saturating_add(LEASE_MS));
        Ok(())
    }

    /// After a crash: open buffers are dropped. Gives the runs whose commit is pending and must be
    /// recovered.
    pub fn after_crash(&mut self) -> Vec<String> {
        self.buffers
            .retain(|_, buffer| buffer.state != BufferState::BufferOpen);
        let pending = |buffer: &&CommitBuffer| buffer.state == BufferState::CommitPending;
        let runs = self.buffers.values().filter(pending);
        runs.map(|buffer| buffer.run_id.clone()).collect()
    }
}

fn pending<'a>(
    buffers: &'a mut BTreeMap<String, CommitBuffer>,
    run_id: &str,
) -> Result<&'a mut CommitBuffer, BufferError> {
    buffers
        .get_mut(run_id)
        .filter(|buffer| buffer.state == BufferState::CommitPending)
        .ok_or(BufferError::NotPending)
}
