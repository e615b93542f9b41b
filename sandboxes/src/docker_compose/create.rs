//! Bringing a sandbox up.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::entry::Entry;
use super::health::judged;
use super::{Inner, blocking, records, workspace};
use crate::compose;
use crate::docker::{CommandError, Container, Volumes};
use crate::error::SandboxError;
use crate::id;
use crate::ports::lowest_free;
use crate::registry::{Damaged, Goal, Record};
use crate::sandbox::{NewSandbox, Sandbox, SandboxStatus};
use crate::secret::Secrets;

/// How often other ports are tried within one wish.
const MOST_MOVES: usize = 4;

impl Inner {
    /// The sandbox of a rock, running. One that runs already is the answer; one that is just being
    /// brought up or taken down is waited for.
    ///
    /// # Errors
    ///
    /// [`SandboxError`]. What did not come up is down again, holds no ports, and tells why.
    pub(super) async fn create(self: Arc<Self>, new: NewSandbox) -> Result<Sandbox, SandboxError> {
        if self.options.disabled {
            return Err(SandboxError::Disabled);
        }
        workspace::check(&new)?;
        let entry = self.entry_of(&new.rock_id)?;
        let _turn = entry.turn.lock().await;
        self.reconcile_but(Some(&entry)).await?;
        if up_already(&entry).is_some() {
            // It may have gone since somebody looked last.
            self.check(&entry).await?;
        }
        if let Some(running) = up_already(&entry) {
            return Ok(running);
        }
        let (path, stack) = (new.workspace_path.clone(), new.tech_stack);
        let base = tokio::task::spawn_blocking(move || workspace::base(&path, stack));
        let base = base
            .await
            .map_err(|error| SandboxError::Records(error.to_string()))??;
        if let Some(record) = entry.record() {
            if record.status.is_live() || record.kept {
                self.same_docker(&entry)?;
            }
            if record.status.is_live() {
                // Taking it down failed the last time.
                let goal = record.goal.unwrap_or(Goal::Stopped);
                self.take_down(&entry, goal, None).await?;
            }
            if entry.is_kept() {
                let can_be_used =
                    record.tech_stack == new.tech_stack && entry.kept_secrets().is_some();
                if !can_be_used {
                    self.take_down(&entry, Goal::Deleted, None).await?;
                }
            }
        }
        self.make_room(&entry).await?;
        self.try_ports(&entry, new, base).await?;
        entry
            .record()
            .map(|record| record.shown())
            .ok_or_else(|| SandboxError::Unknown(entry.id.clone()))
    }

    /// Brings it up; with other ports when docker says that it gave those to somebody already, which
    /// nobody sees who only tries to listen on them.
    async fn try_ports(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        new: NewSandbox,
        base: PathBuf,
    ) -> Result<(), SandboxError> {
        let mut given_away = BTreeSet::new();
        loop {
            let before = entry.record();
            let (inner, of) = (Arc::clone(self), Arc::clone(entry));
            let (new, base, left_out) = (new.clone(), base.clone(), given_away.clone());
            let begun = blocking(move || Ok(inner.begin(&of, &new, base, &left_out))).await?;
            let cancel = match begun {
                Ok(cancel) => cancel,
                Err(error) => {
                    entry.put_back(before);
                    return Err(error);
                }
            };
            let Err(failed) = self.bring_up(entry, &cancel).await else {
                return Ok(());
            };
            let record = entry.record().filter(|it| !it.status.is_live());
            let offset = record.map(|it| it.offset);
            match offset {
                Some(offset) if is_about_ports(&failed) && given_away.len() < MOST_MOVES => {
                    tracing::info!(
                        sandbox = entry.id,
                        offset,
                        "docker gave its ports to somebody else; others are tried"
                    );
                    given_away.insert(offset);
                }
                Some(_) | None => return Err(failed),
            }
        }
    }

    /// The entry of a rock; a new one for a new rock, under an id that no other rock has.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Damaged`] when the rock's sandbox is, or may be, one that cannot be read.
    fn entry_of(&self, rock_id: &str) -> Result<Arc<Entry>, SandboxError> {
        let mut entries = self.entries();
        if let Some(known) = entries.values().find(|it| it.rock_id == rock_id) {
            return Ok(Arc::clone(known));
        }
        let wanted = id::wanted(rock_id);
        let apart = id::apart(rock_id);
        let may_be_of_it = |it: &&Damaged| match &it.rock_id {
            Some(rock) => rock == rock_id,
            None => it.id == wanted || it.id == apart,
        };
        if let Some(damaged) = self.damaged.values().find(may_be_of_it) {
            return Err(damaged.refused());
        }
        let is_taken = entries.contains_key(&wanted) || self.damaged.contains_key(&wanted);
        let id = if is_taken { apart } else { wanted };
        let entry = Arc::new(Entry::new(&id, rock_id, None, None));
        entries.insert(id, Arc::clone(&entry));
        Ok(entry)
    }

    /// Sees that docker has no project of this name: one of another Orket is not touched, and what is
    /// left of an earlier sandbox goes; with its volumes, unless their password is kept.
    async fn make_room(self: &Arc<Self>, entry: &Arc<Entry>) -> Result<(), SandboxError> {
        let name = id::project(&entry.id);
        let projects = self
            .docker
            .ls()
            .await
            .map_err(|error| entry.failed(error))?;
        let Some(project) = projects.into_iter().find(|it| it.name == name) else {
            return Ok(());
        };
        if !self.is_ours(entry, &project).await? {
            return Err(SandboxError::Failed {
                id: entry.id.clone(),
                reason: format!(
                    "docker has a project `{name}` that does not belong to this data folder"
                ),
            });
        }
        let volumes = if entry.is_kept() {
            Volumes::Kept
        } else {
            Volumes::Removed
        };
        let down = self.docker.down(&self.target(entry).await, volumes).await;
        down.map_err(|error| entry.failed(error))
    }

    /// Takes ports and stores all that docker is to be given. Blocks.
    fn begin(
        &self,
        entry: &Entry,
        new: &NewSandbox,
        base: PathBuf,
        left_out: &BTreeSet<u16>,
    ) -> Result<CancellationToken, SandboxError> {
        // A database goes on with the password that it was made with.
        let secrets = match entry.kept_secrets() {
            Some(kept) => kept,
            None => Secrets::new().map_err(|error| records(&error))?,
        };
        let (record, cancel) = self.admit(entry, new, base, &secrets, left_out)?;
        let text = compose::file(&compose::Plan {
            id: &record.id,
            rock_id: &record.rock_id,
            project_name: &record.project_name,
            home: &self.home,
            stack: record.tech_stack,
            ports: record.ports(),
            limits: self.options.limits,
            secrets: &secrets,
        });
        let stored = self
            .registry
            .write_plan(&entry.id, &secrets, &text)
            .and_then(|()| self.registry.write(&record));
        match stored {
            Ok(()) => Ok(cancel),
            Err(error) => {
                // Passwords of nothing; those of what is kept are needed again.
                if !record.kept
                    && let Err(error) = self.registry.remove_plan(&entry.id)
                {
                    tracing::warn!(sandbox = entry.id, %error, "its passwords are still on disk");
                }
                Err(records(&error))
            }
        }
    }

    /// Counts and chooses under one lock, so that two at once get neither the same ports nor one more
    /// place than there is.
    fn admit(
        &self,
        entry: &Entry,
        new: &NewSandbox,
        base: PathBuf,
        secrets: &Secrets,
        left_out: &BTreeSet<u16>,
    ) -> Result<(Record, CancellationToken), SandboxError> {
        let entries = self.entries();
        let live = entries.values().filter_map(|it| it.record());
        let held: Vec<u16> = live
            .filter(|it| it.status.is_live() && it.id != entry.id)
            .map(|it| it.offset)
            .collect();
        let damaged = self.damaged.values();
        let places = held.len() + damaged.clone().filter(|it| it.may_live).count();
        if places >= self.options.most {
            return Err(SandboxError::TooMany(places));
        }
        let held = held.into_iter().chain(damaged.filter_map(|it| it.offset));
        let held: BTreeSet<u16> = held.chain(left_out.iter().copied()).collect();
        let probe = self.options.ports.as_ref();
        let offset = lowest_free(new.tech_stack, &held, &self.options.reserved, probe);
        let offset = offset.ok_or_else(|| SandboxError::Failed {
            id: entry.id.clone(),
            reason: "no ports are free: 8001 to 8079 and those beside them are all taken"
                .to_owned(),
        })?;
        let mut record = Record::new(&entry.id, new, base, offset, self.now_ms());
        record.home = Some(self.home.clone());
        record.engine = Some((self.options.engine)());
        record.kept = entry.is_kept();
        let cancel = entry.begin(record.clone(), secrets.clone());
        Ok((record, cancel))
    }

    async fn bring_up(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        cancel: &CancellationToken,
    ) -> Result<(), SandboxError> {
        tracing::info!(sandbox = entry.id, "bringing it up");
        let target = self.target(entry).await;
        let up = async {
            let limit = self.options.up_timeout;
            self.docker.up(&target, limit, cancel).await?;
            let containers = self.docker.ps(&target).await?;
            if containers.is_empty() {
                let words = "docker compose says that it is up, and has no containers of it";
                return Err(CommandError::Failed(words.to_owned()));
            }
            Ok(containers)
        };
        match up.await {
            Ok(containers) => {
                let now = self.now_ms();
                self.change_anyway(entry, |record| ran(record, &containers, now))
                    .await;
                Ok(())
            }
            Err(error) => {
                let goal = if error == CommandError::Cancelled {
                    Goal::Deleted
                } else {
                    Goal::Stopped
                };
                let failed = entry.failed(error);
                let words = failed.to_string();
                // Why it did not come up is told, whatever becomes of taking it down.
                if let Err(error) = self.take_down(entry, goal, Some(words)).await {
                    tracing::warn!(sandbox = entry.id, %error, "it is not down yet; that is tried again");
                }
                Err(failed)
            }
        }
    }
}

/// Whether docker did not do it because a port is not free.
fn is_about_ports(failed: &SandboxError) -> bool {
    let words = [
        "port is already allocated",
        "address already in use",
        "ports are not available",
    ];
    matches!(failed, SandboxError::Failed { reason, .. } if words.iter().any(|it| reason.contains(it)))
}

/// It is up, and is as its containers are.
pub(super) fn ran(record: &mut Record, containers: &[Container], now_ms: i64) {
    judged(record, containers);
    record.deployed_ms = Some(now_ms);
    record.kept = false;
    record.container_ids = ids_of(containers);
}

/// As the reference calls them.
fn ids_of(containers: &[Container]) -> BTreeMap<String, String> {
    let ids = containers.iter().enumerate();
    ids.map(|(place, it)| (format!("container-{place}"), it.id.clone()))
        .collect()
}

fn up_already(entry: &Entry) -> Option<Sandbox> {
    let record = entry.record()?;
    match record.status {
        SandboxStatus::Running | SandboxStatus::Unhealthy => Some(record.shown()),
        SandboxStatus::Creating
        | SandboxStatus::Stopping
        | SandboxStatus::Stopped
        | SandboxStatus::Deleted => None,
    }
}
