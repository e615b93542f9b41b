//! Where a run was exported to, and since when runs are: small files in the data folder, out of agents'
//! reach.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use orket_gitea::Exported;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One export as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// When the run ended that was exported, milliseconds since 1970-01-01 UTC: one that was resumed
    /// ends again.
    ended_ms: Option<i64>,
    #[serde(flatten)]
    exported: Exported,
}

/// Since when runs are exported.
#[derive(Serialize, Deserialize)]
struct Since {
    switched_on_ms: i64,
}

fn path(durable_root: &Path, run_id: &str) -> PathBuf {
    let folder = durable_root.join(super::FOLDER).join("exported");
    folder.join(format!("{run_id}.json"))
}

/// Keeps where the run went that ended then. Blocks.
pub(super) fn keep(
    durable_root: &Path,
    run_id: &str,
    ended_ms: Option<i64>,
    exported: &Exported,
) -> io::Result<()> {
    let kept = Kept {
        ended_ms,
        exported: exported.clone(),
    };
    write(&path(durable_root, run_id), &kept)
}

/// Where a run was exported to last; `None` when it was not, or nobody knows any more. Blocks.
#[must_use]
pub fn kept(durable_root: &Path, run_id: &str) -> Option<Exported> {
    read::<Kept>(&path(durable_root, run_id)).map(|kept| kept.exported)
}

/// Whether this end of the run was exported. Blocks.
pub(super) fn is_kept(durable_root: &Path, run_id: &str, ended_ms: i64) -> bool {
    let kept = read::<Kept>(&path(durable_root, run_id));
    kept.is_some_and(|kept| kept.ended_ms.is_none_or(|kept| kept >= ended_ms))
}

/// When the export was switched on first; now, when it never was. Blocks.
pub(super) fn switched_on_ms(durable_root: &Path, now_ms: i64) -> io::Result<i64> {
    let path = durable_root.join(super::FOLDER).join("since.json");
    if let Some(since) = read::<Since>(&path) {
        return Ok(since.switched_on_ms);
    }
    let since = Since {
        switched_on_ms: now_ms,
    };
    write(&path, &since)?;
    Ok(now_ms)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Writes the whole file or nothing, and lasts. An owner and a command may write the same one at once.
fn write(path: &Path, content: &impl Serialize) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = Uuid::new_v4().simple();
    let temporary = path.with_extension(format!("{name}.new"));
    let written = (|| {
        let mut file = File::create_new(&temporary)?;
        file.write_all(&serde_json::to_vec(content)?)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // It may not be there; the first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exported(commit: &str) -> Exported {
        let text = ["provider", "owner", "repo", "branch", "path", "url"];
        let mut all: serde_json::Map<_, _> = text
            .iter()
            .map(|name| ((*name).to_owned(), (*name).into()))
            .collect();
        all.insert("commit".to_owned(), commit.into());
        serde_json::from_value(all.into()).expect("exported")
    }

    #[test]
    fn an_export_is_of_one_end_of_a_run() {
        let folder = tempfile::tempdir().expect("folder");
        let root = folder.path();
        assert!(!is_kept(root, "R-1", 1));
        keep(root, "R-1", Some(5), &exported("a")).expect("kept");
        assert_eq!(kept(root, "R-1"), Some(exported("a")));
        let seen = [4, 5, 6].map(|ended| is_kept(root, "R-1", ended));
        assert_eq!(seen, [true, true, false]);
        // It was resumed.
        keep(root, "R-1", Some(6), &exported("b")).expect("kept");
        assert!(is_kept(root, "R-1", 6));
        fs::write(path(root, "R-1"), "{").expect("written");
        assert!(!is_kept(root, "R-1", 5) && kept(root, "R-1").is_none());
    }

    #[test]
    fn several_may_keep_the_same_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().expect("folder");
        let root = folder.path();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        keep(root, "R-1", Some(1), &exported("a")).expect("kept");
                    }
                });
            }
        });
        let below = path(root, "R-1");
        let files = fs::read_dir(below.parent().expect("folder")).expect("read");
        assert_eq!(files.count(), 1);
        assert_eq!(kept(root, "R-1"), Some(exported("a")));
    }

    #[test]
    fn the_export_was_switched_on_once() {
        let folder = tempfile::tempdir().expect("folder");
        let seen = [7, 9].map(|now| switched_on_ms(folder.path(), now).expect("kept"));
        assert_eq!(seen, [7, 7]);
    }
}
