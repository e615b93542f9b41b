//! What a new process makes of what an earlier one left.

use std::sync::Arc;

use super::create::ran;
use super::entry::Entry;
use super::health::ill_services;
use super::{Inner, blocking};
use crate::docker::{CommandError, Project, Target, Volumes};
use crate::error::SandboxError;
use crate::id;
use crate::registry::Goal;
use crate::sandbox::SandboxStatus;

/// What was found. All but `adopted` is gone from docker then, or is told by its record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Commands of the dead process that still ran and were killed.
    pub strays: usize,
    /// Sandboxes that were being brought up, and are.
    pub adopted: Vec<String>,
    /// Sandboxes that were half up or half down, and are down.
    pub taken_down: Vec<String>,
    /// Sandboxes whose containers are gone.
    pub gone: Vec<String>,
    /// Sandboxes that belong to another data folder, which this one is a copy of; left as they are.
    pub foreign: Vec<String>,
    /// Projects of this data folder that no record knew.
    pub orphans: Vec<String>,
}

impl Inner {
    pub(super) async fn reconcile(self: Arc<Self>) -> Result<Reconciled, SandboxError> {
        self.reconcile_but(None).await
    }

    /// Once; `held` is the entry whose turn the caller has.
    pub(super) async fn reconcile_but(
        self: &Arc<Self>,
        held: Option<&Arc<Entry>>,
    ) -> Result<Reconciled, SandboxError> {
        let mut is_done = self.reconciled.lock().await;
        if *is_done {
            return Ok(Reconciled::default());
        }
        let mut found = Reconciled::default();
        let inner = Arc::clone(self);
        // First: what they do is not to change what is looked at.
        found.strays = blocking(move || Ok(inner.docker.end_strays())).await?;
        let projects = self.docker.ls().await.map_err(|error| self.failed(error))?;
        let mut live: Vec<Arc<Entry>> = self.live().collect();
        live.sort_by(|a, b| a.id.cmp(&b.id));
        for entry in live {
            let is_held = held.is_some_and(|held| Arc::ptr_eq(held, &entry));
            let turn = if is_held {
                None
            } else {
                // Whoever has it waits for this; it is looked at in its own time.
                let Ok(turn) = entry.turn.try_lock() else {
                    continue;
                };
                Some(turn)
            };
            let settled = self.settle(&entry, &projects, &mut found).await;
            drop(turn);
            if let Err(error) = settled {
                tracing::warn!(sandbox = entry.id, %error, "it is not settled yet; that is tried again");
            }
        }
        self.end_orphans(&projects, &mut found).await;
        *is_done = true;
        if found != Reconciled::default() {
            tracing::info!(?found, "sandboxes were compared with what docker runs");
        }
        Ok(found)
    }

    async fn settle(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        projects: &[Project],
        found: &mut Reconciled,
    ) -> Result<(), SandboxError> {
        let Some(record) = entry.record() else {
            return Ok(());
        };
        self.same_docker(entry)?;
        if self.is_copied(entry) {
            found.foreign.push(entry.id.clone());
            return self.let_go(entry).await;
        }
        let name = id::project(&entry.id);
        let is_there = projects.iter().any(|it| it.name == name);
        match record.status {
            SandboxStatus::Creating => {
                let asked = self.docker.ps(&self.target(entry).await).await;
                let containers = asked.map_err(|error| entry.failed(error))?;
                if self.is_foreign(entry, &containers).await? {
                    found.foreign.push(entry.id.clone());
                    return self.let_go(entry).await;
                }
                if ill_services(&record, &containers).is_empty() {
                    found.adopted.push(entry.id.clone());
                    let now = self.now_ms();
                    return self
                        .change(entry, |record| ran(record, &containers, now))
                        .await;
                }
                found.taken_down.push(entry.id.clone());
                let why = Some("orket ended while it was being brought up".to_owned());
                self.take_down(entry, Goal::Stopped, why).await
            }
            SandboxStatus::Stopping => {
                found.taken_down.push(entry.id.clone());
                let goal = record.goal.unwrap_or(Goal::Deleted);
                self.take_down(entry, goal, None).await
            }
            SandboxStatus::Running | SandboxStatus::Unhealthy if is_there => {
                self.check(entry).await
            }
            SandboxStatus::Running | SandboxStatus::Unhealthy => {
                found.gone.push(entry.id.clone());
                self.keep_the_rest(entry).await
            }
            SandboxStatus::Stopped | SandboxStatus::Deleted => Ok(()),
        }
    }

    /// Takes down what is ours by its label or its file, and no record knows.
    async fn end_orphans(self: &Arc<Self>, projects: &[Project], found: &mut Reconciled) {
        for project in projects {
            let own = project.name.strip_prefix(id::PROJECT_PREFIX);
            let Some(own) = own.filter(|own| id::is_id(own)) else {
                continue;
            };
            if self.damaged.contains_key(own) {
                continue;
            }
            let known = self.entries().get(own).cloned();
            if known.is_some_and(|it| it.record().is_some_and(|it| it.status.is_live() || it.kept))
            {
                continue;
            }
            let entry = Entry::new(own, own, None, None);
            let ended = async {
                if self.is_ours(&entry, project).await? {
                    let target = Target {
                        project: project.name.clone(),
                        file: None,
                    };
                    let down = self.docker.down(&target, Volumes::Removed).await;
                    down.map_err(|error| entry.failed(error))?;
                    found.orphans.push(project.name.clone());
                }
                Ok::<(), SandboxError>(())
            };
            if let Err(error) = ended.await {
                tracing::warn!(project = project.name, %error, "an orphaned sandbox is not taken down");
            }
        }
    }

    /// What a command says that is about no sandbox.
    fn failed(&self, error: CommandError) -> SandboxError {
        Entry::new("*", "*", None, None).failed(error)
    }
}
