//! Sandboxes that docker compose runs.
//!
//! - [`entry`]: one sandbox in memory, and who may change it.
//! - [`create`], [`down`], [`health`], [`logs`], [`reconcile`]: what is done with it; [`whose`]: what is not,
//!   because it is not ours.
//!
//! The record in memory and the one on disk change together: before docker is asked for anything that
//! leaves something behind, the record says so. Each change of a sandbox is a task of its own, so that
//! whoever asked for it may go away; what a dead process left in the middle is found by [`reconcile`].

mod create;
mod down;
mod entry;
mod health;
mod logs;
mod reconcile;
mod whose;
mod workspace;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _};
use orket_core::canonical::sha256_hex;
use tokio::sync::Mutex as AsyncMutex;

pub use reconcile::Reconciled;

use self::entry::Entry;
use crate::Sandboxes;
use crate::docker::{CommandError, Docker, Target};
use crate::error::SandboxError;
use crate::id;
use crate::options::Options;
use crate::printable::printable;
use crate::registry::{Damaged, Record, Registry};
use crate::sandbox::{NewSandbox, Sandbox};

/// See the file's head; cheap to clone.
#[derive(Clone)]
pub struct DockerCompose {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    docker: Docker,
    registry: Registry,
    /// Tells whose sandboxes these are: a digest of the registry's folder.
    home: String,
    entries: Mutex<BTreeMap<String, Arc<Entry>>>,
    /// Those that are left alone, by id; their places and ports are taken.
    damaged: BTreeMap<String, Damaged>,
    /// Whether what was found at the start was compared with what docker runs.
    reconciled: AsyncMutex<bool>,
}

impl DockerCompose {
    /// Over a registry, which is read; passwords that are of no use any more are removed. Nothing else
    /// happens yet. Blocks.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Records`] when the folder of the registry cannot be read. A record that cannot be
    /// read is left alone, and so are its project and its ports.
    pub fn open(options: Options) -> Result<Self, SandboxError> {
        let folder = real(&options.folder).map_err(|error| records(&error))?;
        let home = sha256_hex(folder.as_os_str().as_encoded_bytes());
        let registry = Registry::new(folder);
        let mut entries = BTreeMap::new();
        let found = registry.read().map_err(|error| records(&error))?;
        // A process died in between: nobody needs the passwords of what is not there.
        let mut leftovers = found.bare;
        for read in found.whole {
            let (id, rock) = (read.record.id.clone(), read.record.rock_id.clone());
            if !read.record.status.is_live() && !read.record.kept {
                leftovers.push(id.clone());
            }
            let entry = Entry::new(&id, &rock, Some(read.record), read.secrets);
            entries.insert(id, Arc::new(entry));
        }
        for id in leftovers {
            if let Err(error) = registry.remove_plan(&id) {
                tracing::warn!(sandbox = id, %error, "its passwords are still on disk");
            }
        }
        for damaged in &found.damaged {
            tracing::warn!(
                sandbox = damaged.id,
                why = damaged.reason,
                "its record cannot be read; it is left alone"
            );
        }
        let damaged = found.damaged.into_iter().map(|it| (it.id.clone(), it));
        let damaged = damaged.collect();
        let docker = Docker::new(
            options.programs.clone(),
            Arc::clone(&options.clock),
            options.command_timeout,
            home.clone(),
        );
        Ok(Self {
            inner: Arc::new(Inner {
                options,
                docker,
                registry,
                home,
                entries: Mutex::new(entries),
                damaged,
                reconciled: AsyncMutex::new(false),
            }),
        })
    }

    /// Compares what is recorded with what docker runs, unless that was done; see [`Reconciled`]. All
    /// else that needs docker does it first. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Unavailable`] or [`SandboxError::Failed`] when docker does not say what runs.
    pub async fn reconcile(&self) -> Result<Reconciled, SandboxError> {
        let inner = Arc::clone(&self.inner);
        apart(async move { inner.reconcile().await }).await
    }

    /// Whether a sandbox is recorded that docker may run.
    #[must_use]
    pub fn has_live(&self) -> bool {
        self.inner.live().next().is_some()
    }
}

impl Inner {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Arc<Entry>> {
        self.entries().values().cloned().collect()
    }

    fn live(&self) -> impl Iterator<Item = Arc<Entry>> + use<> {
        self.all()
            .into_iter()
            .filter(|entry| entry.record().is_some_and(|it| it.status.is_live()))
    }

    fn known(&self, id: &str) -> Result<Arc<Entry>, SandboxError> {
        if let Some(damaged) = self.damaged.get(id) {
            return Err(damaged.refused());
        }
        let found = self.entries().get(id).cloned();
        found
            .filter(|entry| entry.record().is_some())
            .ok_or_else(|| SandboxError::Unknown(id.to_owned()))
    }

    fn now_ms(&self) -> i64 {
        self.options.clock.wall_ms()
    }

    /// Changes the record in memory and on disk.
    async fn change(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        change: impl FnOnce(&mut Record),
    ) -> Result<(), SandboxError> {
        let Some(record) = entry.change(change) else {
            return Ok(());
        };
        let registry = self.registry.clone();
        blocking(move || registry.write(&record)).await
    }

    /// The same where nothing depends on the disk: what it says is told again at the next start.
    async fn change_anyway(self: &Arc<Self>, entry: &Arc<Entry>, change: impl FnOnce(&mut Record)) {
        if let Err(error) = self.change(entry, change).await {
            tracing::error!(sandbox = entry.id, %error, "its record is not up to date on disk");
        }
    }

    /// What docker is asked about; the file is named while it and its folder are there.
    async fn target(&self, entry: &Entry) -> Target {
        let project = id::project(&entry.id);
        let file = self.registry.compose_file(&entry.id);
        let base = entry.record().map(|record| record.base);
        let look = move || {
            let base = base.filter(|base| base.is_dir() && file.is_file())?;
            Some((file, base))
        };
        let file = tokio::task::spawn_blocking(look).await.unwrap_or(None);
        Target { project, file }
    }
}

impl Entry {
    /// What a command says of this sandbox, without its secrets and fit for a terminal.
    fn failed(&self, error: CommandError) -> SandboxError {
        let words = printable(&self.mask(&error.to_string())).into_owned();
        match error {
            CommandError::Unavailable(_) | CommandError::Missing => {
                SandboxError::Unavailable(words)
            }
            CommandError::Failed(_) | CommandError::TimedOut(_) | CommandError::Cancelled => {
                SandboxError::Failed {
                    id: self.id.clone(),
                    reason: words,
                }
            }
        }
    }
}

impl Sandboxes for DockerCompose {
    fn list(&self) -> BoxFuture<'static, Result<Vec<Sandbox>, SandboxError>> {
        let records = self.inner.all().into_iter().filter_map(|it| it.record());
        let mut records: Vec<Record> = records.collect();
        records.sort_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
        let shown = records.iter().map(Record::shown).collect();
        async move { Ok(shown) }.boxed()
    }

    fn create(&self, new: NewSandbox) -> BoxFuture<'static, Result<Sandbox, SandboxError>> {
        let inner = Arc::clone(&self.inner);
        apart(async move { inner.create(new).await }).boxed()
    }

    fn stop(&self, id: &str) -> BoxFuture<'static, Result<(), SandboxError>> {
        let (inner, id) = (Arc::clone(&self.inner), id.to_owned());
        apart(async move { inner.delete(&id).await }).boxed()
    }

    fn logs(
        &self,
        id: &str,
        service: Option<&str>,
    ) -> BoxFuture<'static, Result<String, SandboxError>> {
        let (inner, id) = (Arc::clone(&self.inner), id.to_owned());
        let service = service.map(str::to_owned);
        async move { inner.logs(&id, service.as_deref()).await }.boxed()
    }
}

/// The one path of a folder that may not be there yet: what is ours is known by it later.
fn real(folder: &Path) -> io::Result<PathBuf> {
    match (folder.canonicalize(), folder.parent(), folder.file_name()) {
        (Ok(real), _, _) => Ok(real),
        (Err(_), Some(parent), Some(name)) if parent.is_dir() => {
            Ok(parent.canonicalize()?.join(name))
        }
        (Err(_), _, _) => std::path::absolute(folder),
    }
}

/// A task of its own: it goes on when whoever waits for it is gone.
async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T, SandboxError>> + Send + 'static,
) -> Result<T, SandboxError> {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) => Err(SandboxError::Records(format!(
            "the work broke off: {error}"
        ))),
    }
}

/// Works on the registry where blocking is allowed.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, SandboxError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| records(&error)),
        Err(error) => Err(SandboxError::Records(error.to_string())),
    }
}

fn records(error: &io::Error) -> SandboxError {
    SandboxError::Records(error.to_string())
}
