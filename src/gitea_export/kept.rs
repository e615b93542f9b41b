//! Where a run was exported to: a small file in the data folder, out of agents' reach.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use orket_gitea::Exported;

fn path(durable_root: &Path, run_id: &str) -> PathBuf {
    let folder = durable_root.join(super::FOLDER).join("exported");
    folder.join(format!("{run_id}.json"))
}

/// Keeps it. Blocks.
pub(super) fn keep(durable_root: &Path, run_id: &str, exported: &Exported) -> io::Result<()> {
    let path = path(durable_root, run_id);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let temporary = path.with_extension("json.new");
    fs::write(&temporary, serde_json::to_vec(exported)?)?;
    fs::rename(temporary, path)
}

/// Where a run was exported to last; `None` when it was not, or nobody knows any more. Blocks.
#[must_use]
pub fn kept(durable_root: &Path, run_id: &str) -> Option<Exported> {
    let bytes = fs::read(path(durable_root, run_id)).ok()?;
    serde_json::from_slice(&bytes).ok()
}
