//! Whether what docker shows is ours to change: several data folders may share one docker, one may be a
//! copy of another, and docker may be another one than yesterday.

use std::path::Path;
use std::sync::Arc;

use super::entry::Entry;
use super::{Inner, blocking};
use crate::compose::HOME_LABEL;
use crate::docker::{Container, Project, Target, is_of, values_of};
use crate::error::SandboxError;
use crate::id;
use crate::sandbox::SandboxStatus;

impl Inner {
    /// Sees that docker is the one that brought a sandbox up.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Failed`] when it is another one.
    pub(super) fn same_docker(&self, entry: &Entry) -> Result<(), SandboxError> {
        let then = entry.record().and_then(|record| record.engine);
        let now = (self.options.engine)();
        match then {
            Some(then) if then != now => Err(SandboxError::Failed {
                id: entry.id.clone(),
                reason: format!(
                    "it was brought up by docker's {then}, and docker's {now} is used now; nothing of it is changed"
                ),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the record was made for another folder, which this one is a copy of.
    pub(super) fn is_copied(&self, entry: &Entry) -> bool {
        let home = entry.record().and_then(|record| record.home);
        home.is_some_and(|home| home != self.home)
    }

    /// Whether a sandbox's project, with these containers, belongs to another folder.
    ///
    /// # Errors
    ///
    /// When docker does not say what it was made from, and has to be asked.
    pub(super) async fn is_foreign(
        self: &Arc<Self>,
        entry: &Entry,
        containers: &[Container],
    ) -> Result<bool, SandboxError> {
        if self.is_copied(entry) {
            return Ok(true);
        }
        if let Some(is_here) = self.is_labelled_here(containers) {
            return Ok(!is_here);
        }
        if containers.is_empty() {
            return Ok(false);
        }
        // This version does not tell labels.
        let projects = self.docker.ls().await;
        let projects = projects.map_err(|error| entry.failed(error))?;
        let name = id::project(&entry.id);
        let own = projects.iter().find(|it| it.name == name);
        Ok(own.is_some_and(|it| !it.config_files.is_empty() && !self.is_made_here(it)))
    }

    /// Lets go of a sandbox whose project belongs to another folder, and leaves that as it is.
    pub(super) async fn let_go(self: &Arc<Self>, entry: &Arc<Entry>) -> Result<(), SandboxError> {
        let words = foreign(entry).to_string();
        self.change(entry, |record| {
            record.status = SandboxStatus::Stopped;
            record.goal = None;
            record.kept = false;
            record.container_ids.clear();
            record.last_error = Some(words);
        })
        .await?;
        let (registry, id) = (self.registry.clone(), entry.id.clone());
        blocking(move || registry.remove_plan(&id)).await?;
        entry.forget_secrets();
        Ok(())
    }

    /// Whether a project of docker belongs to this registry.
    pub(super) async fn is_ours(
        self: &Arc<Self>,
        entry: &Entry,
        project: &Project,
    ) -> Result<bool, SandboxError> {
        if self.is_made_here(project) {
            return Ok(true);
        }
        let target = Target {
            project: project.name.clone(),
            file: None,
        };
        let containers = self.docker.ps(&target).await;
        let containers = containers.map_err(|error| entry.failed(error))?;
        Ok(containers
            .iter()
            .any(|it| is_of(it, HOME_LABEL, &self.home)))
    }

    /// What the labels of containers say; `None` when they say nothing.
    fn is_labelled_here(&self, containers: &[Container]) -> Option<bool> {
        let homes = containers.iter().flat_map(|it| values_of(it, HOME_LABEL));
        homes.fold(None, |is_here, home| {
            Some(is_here.unwrap_or(false) || home == self.home)
        })
    }

    fn is_made_here(&self, project: &Project) -> bool {
        let mut files = project.config_files.split(',');
        files.any(|file| Path::new(file).starts_with(self.registry.folder()))
    }
}

/// What is told of one that belongs to another folder.
pub(super) fn foreign(entry: &Entry) -> SandboxError {
    SandboxError::Failed {
        id: entry.id.clone(),
        reason: format!(
            "docker's project `{}` belongs to another data folder and is left as it is",
            id::project(&entry.id)
        ),
    }
}
