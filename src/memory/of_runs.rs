//! The memory as runs use it: on one thread of its own, which is started, and opens the database, when
//! it is first needed. However many turns ask at once, nothing blocks but that thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use orket_actors::port::memory::{Commit, Found, Memory, MemoryFault, Recall};
use orket_core::memory::buffer::BufferState;
use orket_core::memory::recall::Recalled;
use tokio::sync::oneshot;

use super::{MemoryError, ProjectMemory};

/// One piece of work for the thread.
type Job = Box<dyn FnOnce(Result<&ProjectMemory, MemoryFault>) + Send>;

/// The memory of a data folder.
pub struct RunMemory {
    folder: PathBuf,
    thread: Mutex<Option<Sender<Job>>>,
}

impl RunMemory {
    /// The memory in `folder` (such as `.orket/durable/db`); nothing is opened yet.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            thread: Mutex::new(None),
        }
    }

    fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ProjectMemory) -> Result<T, MemoryError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, MemoryFault>> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |memory| {
            let done = memory.and_then(|memory| {
                let worked = catch_unwind(AssertUnwindSafe(|| work(memory)));
                match worked {
                    Ok(Ok(value)) => Ok(value),
                    Ok(Err(error)) => Err(MemoryFault(error.to_string())),
                    Err(_panic) => Err(MemoryFault("its thread panicked at this".to_owned())),
                }
            });
            // Whoever asked may be gone.
            let _ = answer.send(done);
        });
        let handed = self.hand_over(job);
        Box::pin(async move {
            handed?;
            answered
                .await
                .unwrap_or_else(|_gone| Err(MemoryFault("its thread is gone".to_owned())))
        })
    }

    fn hand_over(&self, job: Job) -> Result<(), MemoryFault> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let job = match &*thread {
            None => job,
            Some(known) => match known.send(job) {
                Ok(()) => return Ok(()),
                Err(returned) => returned.0,
            },
        };
        let (jobs, received) = channel();
        let folder = self.folder.clone();
        std::thread::Builder::new()
            .name("orket-memory".to_owned())
            .spawn(move || serve(&folder, &received))
            .map_err(|error| MemoryFault(format!("no thread for it: {error}")))?;
        // It cannot have ended: it ends when this sender is dropped.
        let _ = jobs.send(job);
        *thread = Some(jobs);
        Ok(())
    }
}

/// Carries out jobs until nobody can send any more. A database that cannot be opened is tried again
/// with the next job.
fn serve(folder: &Path, jobs: &Receiver<Job>) {
    let mut memory = None;
    for job in jobs {
        if memory.is_none() {
            match ProjectMemory::open(folder) {
                Ok(opened) => memory = Some(opened),
                Err(error) => {
                    job(Err(MemoryFault(error.to_string())));
                    continue;
                }
            }
        }
        if let Some(memory) = &memory {
            job(Ok(memory));
        }
    }
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
