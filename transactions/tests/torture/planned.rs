//! What a tree must be once a change is done.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use orket_transactions::tree::sha256;

use crate::scenario::Scene;
use crate::snapshot::{Node, Snapshot, differences, take};

impl Scene {
    /// Everything else is as before, to the inode.
    pub fn is_as_planned(&self, what: &str) -> Result<(), String> {
        let mut expected = self.before.clone();
        let found = take(&self.root);
        for file in &self.files {
            let path = PathBuf::from(&file.path);
            for folder in path.ancestors().skip(1) {
                if !folder.as_os_str().is_empty() && !expected.contains_key(folder) {
                    let mode = self.root.join(folder).metadata().map(|it| it.permissions());
                    let mode = mode.map_err(|it| format!("{what}: {folder:?}: {it}"))?;
                    expected.insert(folder.to_owned(), Node::Folder { mode: mode.mode() });
                }
            }
            let Some(Node::File {
                modified,
                inode,
                mode,
                ..
            }) = found.get(&path)
            else {
                return Err(format!("{what}: {path:?} is not there"));
            };
            let old = expected.get(&path).cloned();
            if let Some(Node::File { inode, links, .. }) = &old
                && *links > 1
            {
                // Its other name stays with the old content, and is alone now.
                for node in expected.values_mut() {
                    if let Node::File {
                        inode: other,
                        links,
                        ..
                    } = node
                        && other == inode
                    {
                        *links -= 1;
                    }
                }
            }
            let old_mode = match old {
                Some(Node::File { mode, .. }) => mode,
                _ => 0o100_666 & !umask(),
            };
            if *mode != old_mode {
                return Err(format!(
                    "{what}: {path:?} has mode {mode:o} instead of {old_mode:o}"
                ));
            }
            expected.insert(
                path,
                Node::File {
                    sha256: sha256(&file.after),
                    mode: old_mode,
                    modified: *modified,
                    inode: *inode,
                    links: 1,
                },
            );
        }
        same(&expected, &found, what)
    }
}

pub fn same(expected: &Snapshot, found: &Snapshot, what: &str) -> Result<(), String> {
    let differences = differences(expected, found);
    if differences.is_empty() {
        Ok(())
    } else {
        Err(format!("{what}: {}", differences.join("; ")))
    }
}

/// As new files of this process get it.
fn umask() -> u32 {
    use std::sync::LazyLock;
    static UMASK: LazyLock<u32> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(folder.path().join("x")).unwrap();
        0o666 & !file.metadata().unwrap().permissions().mode()
    });
    *UMASK
}
