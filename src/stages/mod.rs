//! Carries out what is laid out before the first card: through the workspace's handle, each file
//! whole or not at all, and none over one that is there. Doing it again changes nothing.
//!
//! # Layout
//!
//! - this file: a stage from its folders to its checks.
//! - `lay`: one folder, one file.
//! - `look`: what must hold afterwards.
//! - [`unlock`]: whether microservices are unlocked.

mod lay;
mod look;
pub mod unlock;

use orket_core::stages::{Check, StagePlan, StageReport};

use crate::tools::workspace::{PathError, Workspace};
pub use unlock::with_unlock;

/// Why a stage could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A path of the plan leads out of the workspace.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Something else is where a file or a folder must be.
    #[error("`{path}` is {found} where a {wanted} must be; move it away")]
    InTheWay {
        /// The path.
        path: String,
        /// What is there.
        found: &'static str,
        /// What must be there.
        wanted: &'static str,
    },
    /// A link on the way leads out of the workspace.
    #[error(
        "`{0}` leads out of the workspace through a link; replace the link by what it stands for"
    )]
    Escapes(String),
    /// Files of a forbidden type are there.
    #[error("{} among the sources, of a type that is forbidden there: {}", count(.0), named(.0))]
    Forbidden(Vec<String>),
    /// More files than are looked at.
    #[error(
        "`{root}` holds more than {most} entries; name narrower folders in scaffolder_scan_roots"
    )]
    TooMany {
        /// The folder.
        root: String,
        /// How many are looked at.
        most: usize,
    },
    /// Versions that are not exact.
    #[error("{} (dependency_manager_require_pinned_versions)", .0.join("; "))]
    Loose(Vec<String>),
    /// The file system refused.
    #[error("`{path}`: {source}; check permissions and free space of the workspace")]
    System {
        /// The path.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
}

/// The most files that a message names.
const NAMED: usize = 10;

fn named(files: &[String]) -> String {
    let shown: Vec<&str> = files.iter().take(NAMED).map(String::as_str).collect();
    let more = if files.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

fn count(files: &[String]) -> String {
    match files.len() {
        1 => "a file is".to_owned(),
        many => format!("{many} files are"),
    }
}

/// Carries a stage out. Blocks on the file system.
///
/// # Errors
///
/// [`StageError`]; what was laid out before stays, and doing it again goes on from there.
pub fn carry_out(workspace: &Workspace, plan: &StagePlan) -> Result<StageReport, StageError> {
    let mut report = StageReport::default();
    for folder in &plan.folders {
        if lay::folder(workspace.dir(), folder)? {
            report.folders.push(folder.clone());
        }
    }
    for file in &plan.files {
        if lay::file(workspace.dir(), file)? {
            report.created.push(file.path.clone());
        } else {
            report.kept.push(file.path.clone());
        }
    }
    for check in &plan.checks {
        match check {
            Check::NoFileOfType { roots, endings } => {
                look::no_file_of_type(workspace.dir(), roots, endings)?;
            }
            Check::Pinned { paths } => look::pinned(workspace.dir(), paths)?,
        }
    }
    Ok(report)
}
