//! The files of runs, pushed into a repository of Gitea when they end (`ORKET_GITEA_ARTIFACT_*`).
//!
//! A failed export never fails a run: it is told in the log, and tried again, by this owner or the
//! next one. What has ended and is not among the exported ones is to be exported: no more is kept, so
//! nothing is lost with an owner.
//!
//! - `files.rs`: what of a run is exported
//! - `kept.rs`: where a run was exported to, kept in the data folder
//! - `pending.rs`: what is not exported yet: which is next, and when
//! - `worker.rs`: exports each run that ends, while an owner is there

mod files;
mod kept;
mod pending;
mod worker;

use std::path::Path;
use std::time::Duration;

use orket_gitea::{ExportLimits, ExportOptions, Exported, Exporter, Gitea, GiteaOptions, RepoRef};

pub use kept::kept;
pub use worker::{Ended, Exports, Work};

use crate::config::Settings;
use crate::storage::reader::SessionRow;

/// In the data folder: clones, and where runs were exported to.
const FOLDER: &str = "gitea_artifacts";
/// A whole export.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The exporter that is set up; `None` while the export is off.
///
/// # Errors
///
/// What is missing, in words for the operator.
pub fn of_settings(settings: &Settings) -> Result<Option<Exporter>, String> {
    match settings.gitea.export.enabled {
        true => exporter(settings).map(Some),
        false => Ok(None),
    }
}

/// The exporter that is set up, on or off.
///
/// # Errors
///
/// What is missing, in words for the operator.
pub fn exporter(settings: &Settings) -> Result<Exporter, String> {
    let gitea = &settings.gitea;
    let export = &gitea.export;
    let missing = |what: &str| format!("runs cannot be exported to Gitea: set {what}");
    let url = gitea.url.clone().ok_or_else(|| missing("GITEA_URL"))?;
    let credentials = gitea
        .credentials
        .clone()
        .ok_or_else(|| missing("GITEA_TOKEN, or GITEA_ADMIN_USER and GITEA_ADMIN_PASSWORD"))?;
    let owner = [&export.owner, &gitea.product_owner, &gitea.user];
    let owner = owner.into_iter().flatten().next();
    let owner = owner.ok_or_else(|| missing("ORKET_GITEA_ARTIFACT_OWNER"))?;
    let repo = RepoRef::new(owner, &export.repo)
        .map_err(|error| format!("ORKET_GITEA_ARTIFACT_OWNER or _REPO: {error}"))?;
    let client = Gitea::new(GiteaOptions::new(url, credentials.clone()))
        .map_err(|error| format!("GITEA_URL and its credentials: {error}"))?;
    let kept = settings.durable_root.join(FOLDER);
    let options = ExportOptions {
        repo,
        branch: export.branch.clone(),
        path_prefix: export.path_prefix.clone(),
        private: export.private,
        cache_root: export.cache_root.clone().unwrap_or(kept),
        author_name: export.author_name.clone(),
        author_email: export.author_email.clone(),
        limits: ExportLimits::default(),
        timeout: TIMEOUT,
    };
    Exporter::new(client, &credentials, options)
        .map_err(|error| format!("ORKET_GITEA_ARTIFACT_…: {error}"))
}

/// Exports one run now and keeps where it is.
///
/// # Errors
///
/// Why not, without secrets.
pub async fn export(
    exporter: &Exporter,
    row: SessionRow,
    durable_root: &Path,
) -> Result<Exported, String> {
    let (run_id, ended_ms) = (row.run_id.clone(), row.ended_ms);
    let files = crate::blocking::blocking(move || files::of(&row))
        .await
        .map_err(|error| error.to_string())?;
    let exported = exporter
        .export(files)
        .await
        .map_err(|error| error.to_string())?;
    let (folder, keep) = (durable_root.to_owned(), exported.clone());
    crate::blocking::blocking(move || kept::keep(&folder, &run_id, ended_ms, &keep))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| format!("where it is could not be kept: {error}"))?;
    Ok(exported)
}
