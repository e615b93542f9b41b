//! The memory as runs use it: on threads that may block, opened when it is first needed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use orket_actors::port::memory::{Commit, Found, Memory, MemoryFault, Recall};
use orket_core::memory::buffer::BufferState;
use orket_core::memory::recall::Recalled;

use super::{MemoryError, ProjectMemory};

/// The memory of a data folder.
pub struct RunMemory {
    folder: PathBuf,
    open: Arc<Mutex<Option<Arc<ProjectMemory>>>>,
}

impl RunMemory {
    /// The memory in `folder` (such as `.orket/durable/db`); nothing is opened yet.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            open: Arc::new(Mutex::new(None)),
        }
    }

    fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ProjectMemory) -> Result<T, MemoryError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, MemoryFault>> {
        let (folder, open) = (self.folder.clone(), Arc::clone(&self.open));
        let fault = |error: MemoryError| MemoryFault(error.to_string());
        let work = move || {
            let memory = opened(&folder, &open).map_err(fault)?;
            work(&memory).map_err(fault)
        };
        let task = tokio::task::spawn_blocking(work);
        Box::pin(async move {
            task.await
                .unwrap_or_else(|broken| Err(MemoryFault(broken.to_string())))
        })
    }
}

fn opened(
    folder: &Path,
    open: &Mutex<Option<Arc<ProjectMemory>>>,
) -> Result<Arc<ProjectMemory>, MemoryError> {
    let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(memory) = &*open {
        return Ok(Arc::clone(memory));
    }
    let memory = Arc::new(ProjectMemory::open(folder)?);
    *open = Some(Arc::clone(&memory));
    Ok(memory)
}

/// Who holds a commit while it is applied: the one owner of the data folder.
const OWNER: &str = "owner";

impl Memory for RunMemory {
    fn open(
        &self,
        project: String,
        run_id: String,
        at_ms: i64,
    ) -> BoxFuture<'static, Result<u64, MemoryFault>> {
        self.on_thread(move |memory| {
            let known = memory.buffer(&project, &run_id)?;
            let open = |it: &&_| matches!(it, BufferState::BufferOpen);
            let state = known.as_ref().map(|it| it.state);
            if let Some(buffer) = known.filter(|it| open(&&it.state)) {
                return Ok(buffer.start_snapshot_id);
            }
            memory.step(&project, &run_id, at_ms, |shared| {
                if state == Some(BufferState::CommitPending) {
                    shared.acquire(&run_id, OWNER, at_ms)?;
                    shared.apply(&run_id, OWNER, at_ms)?;
                }
                shared.open(&run_id)
            })
        })
    }

    fn recall(&self, recall: Recall) -> BoxFuture<'static, Result<Found, MemoryFault>> {
        self.on_thread(move |memory| {
            let snapshot = match recall.at {
                Some(at) => at,
                None => memory.snapshot(&recall.project)?,
            };
            let limit = usize::try_from(recall.limit).unwrap_or(usize::MAX);
            let found = memory.search(&recall.project, Some(snapshot), &recall.query, limit)?;
            let records = found.hits.into_iter().map(|hit| Recalled {
                id: hit.id,
                record_type: hit.record_type,
                content: hit.content,
                score: hit.score,
            });
            Ok(Found {
                snapshot,
                candidates: found.candidates,
                records: records.collect(),
            })
        })
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'static, Result<usize, MemoryFault>> {
        self.on_thread(move |memory| {
            let Commit {
                project,
                run_id,
                policy_set_id,
                writes,
                at_ms,
            } = commit;
            let writes = memory.news(&project, writes)?;
            let many = writes.len();
            memory.step(&project, &run_id, at_ms, |shared| {
                let state = shared.buffer(&run_id).map(|buffer| buffer.state);
                if state != Some(BufferState::CommitPending) {
                    if state != Some(BufferState::BufferOpen) {
                        shared.open(&run_id)?;
                    }
                    if many == 0 {
                        return shared.discard(&run_id);
                    }
                    for write in writes {
                        shared.append(&run_id, write)?;
                    }
                    shared.request_commit(&run_id, &policy_set_id)?;
                }
                shared.acquire(&run_id, OWNER, at_ms)?;
                shared.apply(&run_id, OWNER, at_ms).map(|_snapshot| ())
            })?;
            Ok(many)
        })
    }

    fn add(&self, commit: Commit) -> BoxFuture<'static, Result<usize, MemoryFault>> {
        self.on_thread(move |memory| {
            let writes = memory.news(&commit.project, commit.writes)?;
            let many = writes.len();
            if many > 0 {
                memory.put(&commit.project, &writes, commit.at_ms)?;
            }
            Ok(many)
        })
    }
}
