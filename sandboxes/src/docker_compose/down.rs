//! Taking a sandbox down.

use std::sync::Arc;

use super::entry::Entry;
use super::whose::foreign;
use super::{Inner, blocking};
use crate::docker::Volumes;
use crate::error::SandboxError;
use crate::registry::Goal;
use crate::sandbox::SandboxStatus;

impl Inner {
    /// Takes a sandbox down with all that it stored. One that is gone is gone.
    ///
    /// # Errors
    ///
    /// [`SandboxError`]; then it is `stopping`, and that is tried again.
    pub(super) async fn delete(self: Arc<Self>, id: &str) -> Result<(), SandboxError> {
        let entry = self.known(id)?;
        // Bringing it up may take many minutes more, and nobody wants it.
        let _unwanted = entry.unwanted();
        let _turn = entry.turn.lock().await;
        self.reconcile_but(Some(&entry)).await?;
        self.delete_in_turn(&entry).await
    }

    /// The same for whoever has the sandbox's turn.
    pub(super) async fn delete_in_turn(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
    ) -> Result<(), SandboxError> {
        match entry.record().map(|record| record.status) {
            None | Some(SandboxStatus::Deleted) => Ok(()),
            Some(
                SandboxStatus::Creating
                | SandboxStatus::Running
                | SandboxStatus::Unhealthy
                | SandboxStatus::Stopping
                | SandboxStatus::Stopped,
            ) => self.take_down(entry, Goal::Deleted, None).await,
        }
    }

    /// Its containers went, and nobody of ours took them: a daemon that lost them, or somebody else. What
    /// is left of it but its volumes goes, and its ports are free.
    ///
    /// # Errors
    ///
    /// [`SandboxError`], as [`Self::take_down`].
    pub(super) async fn keep_the_rest(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
    ) -> Result<(), SandboxError> {
        self.change(entry, |record| record.kept = true).await?;
        let why = "its containers are gone".to_owned();
        self.take_down(entry, Goal::Stopped, Some(why)).await
    }

    /// Takes it down and releases its ports. `why` is what went wrong before. Its volumes go too, unless
    /// they are kept and it is only stopped.
    ///
    /// # Errors
    ///
    /// [`SandboxError`]; then it is `stopping`, and its ports are still held.
    pub(super) async fn take_down(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        goal: Goal,
        why: Option<String>,
    ) -> Result<(), SandboxError> {
        self.same_docker(entry)?;
        self.change(entry, |record| {
            record.status = SandboxStatus::Stopping;
            record.goal = Some(goal);
            if why.is_some() {
                record.last_error = why;
            }
        })
        .await?;
        let target = self.target(entry).await;
        let removed = async {
            let containers = self.docker.ps(&target).await;
            let containers = containers.map_err(|error| entry.failed(error))?;
            if self.is_foreign(entry, &containers).await? {
                return Ok(false);
            }
            let is_kept = goal == Goal::Stopped && entry.is_kept();
            let volumes = if is_kept {
                Volumes::Kept
            } else {
                Volumes::Removed
            };
            let down = self.docker.down(&target, volumes).await;
            down.map(|()| true).map_err(|error| entry.failed(error))
        };
        let removed = removed.await;
        if removed == Ok(false) {
            self.let_go(entry).await?;
            return Err(foreign(entry));
        }
        if let Err(failed) = removed {
            let words = failed.to_string();
            // Why it did not come up says more than that it does not go down.
            self.change_anyway(entry, |record| {
                record.last_error.get_or_insert(words);
            })
            .await;
            return Err(failed);
        }
        self.is_down(entry, goal).await
    }

    /// Nothing of it is left.
    pub(super) async fn is_down(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        goal: Goal,
    ) -> Result<(), SandboxError> {
        let now = self.now_ms();
        self.change(entry, |record| {
            record.status = goal.status();
            record.goal = None;
            record.container_ids.clear();
            match goal {
                Goal::Deleted => {
                    record.deleted_ms = Some(now);
                    record.kept = false;
                }
                Goal::Stopped => {}
            }
        })
        .await?;
        if !entry.is_kept() {
            let (registry, id) = (self.registry.clone(), entry.id.clone());
            blocking(move || registry.remove_plan(&id)).await?;
            entry.forget_secrets();
        }
        tracing::info!(sandbox = entry.id, "it is down");
        Ok(())
    }
}
