//! Everything about a tree that must not change.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use orket_transactions::tree::sha256;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    File {
        sha256: String,
        mode: u32,
        modified: (i64, i64),
        inode: u64,
        links: u64,
    },
    Link(PathBuf),
    Folder {
        mode: u32,
    },
}

/// A tree, git's own folder and its index included, all but the folder of transactions.
pub type Snapshot = BTreeMap<PathBuf, Node>;

pub fn take(root: &Path) -> Snapshot {
    let mut all = Snapshot::new();
    walk(root, Path::new(""), &mut all);
    all
}

fn walk(root: &Path, at: &Path, all: &mut Snapshot) {
    for entry in std::fs::read_dir(root.join(at)).unwrap() {
        let path = at.join(entry.unwrap().file_name());
        if path == Path::new(".orket/transactions") {
            continue;
        }
        let facts = root.join(&path).symlink_metadata().unwrap();
        let node = if facts.is_symlink() {
            Node::Link(std::fs::read_link(root.join(&path)).unwrap())
        } else if facts.is_dir() {
            walk(root, &path, all);
            Node::Folder { mode: facts.mode() }
        } else {
            Node::File {
                sha256: sha256(&std::fs::read(root.join(&path)).unwrap()),
                mode: facts.mode(),
                modified: (facts.mtime(), facts.mtime_nsec()),
                inode: facts.ino(),
                links: facts.nlink(),
            }
        };
        all.insert(path, node);
    }
}

/// The first things in which two differ.
pub fn differences(expected: &Snapshot, found: &Snapshot) -> Vec<String> {
    let paths = expected.keys().chain(found.keys());
    let mut paths: Vec<&PathBuf> = paths.collect();
    paths.sort();
    paths.dedup();
    paths
        .into_iter()
        .filter(|path| expected.get(*path) != found.get(*path))
        .map(|path| {
            format!(
                "{path:?}: {:?} became {:?}",
                expected.get(path),
                found.get(path)
            )
        })
        .take(5)
        .collect()
}
