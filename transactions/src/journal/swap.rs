//! The new contents, laid beside the old ones and flushed; then the exchange, file by file.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use super::{DONE, FileIntent, INTENT, Intent, Journal, VERSION, step};
use crate::change::{Change, changed};
use crate::refusal::Refusal;
use crate::tree::{FileState, Found, Tree, sha256};

impl Journal {
    /// Does all of these changes, or none. Once this is `Ok`, they are on the disk.
    ///
    /// # Errors
    ///
    /// `E_WORKTREE_CHANGED` when a file is not what it was when the change was planned; `E_INTERNAL`
    /// when the system refuses something. Nothing is changed then.
    pub fn swap(&self, tree: &Tree, command: &str, changes: &[Change]) -> Result<(), Refusal> {
        let intent = self.stage(tree, command, changes)?;
        step();
        self.write_durably(INTENT, &intent)
            .map_err(|error| Refusal::of_io(self.path.display(), &error))?;
        match self.apply(tree, &intent) {
            Ok(()) => Ok(()),
            Err(refusal) => {
                let conflicts = self.undo(tree, &intent);
                if conflicts.is_empty() {
                    // No process needs to look at this again.
                    let _ = std::fs::rename(self.path.join(INTENT), self.path.join(DONE));
                }
                Err(refusal)
            }
        }
    }

    /// Writes the new contents beside the old ones.
    fn stage(&self, tree: &Tree, command: &str, changes: &[Change]) -> Result<Intent, Refusal> {
        let mut files = Vec::new();
        let mut folders: Vec<String> = Vec::new();
        for (number, change) in changes.iter().enumerate() {
            let path = Path::new(&change.path);
            let found = tree
                .look(path)
                .map_err(|error| Refusal::of_io(&change.path, &error))?;
            let is_as_planned = match (&change.before, found) {
                (Some(before), Found::File(state)) => before.state == state,
                (None, Found::Nothing) => true,
                _ => false,
            };
            if !is_as_planned {
                return Err(changed(&change.path));
            }
            let slot = number.to_string();
            let after = self
                .write_slot(tree, &slot, change)
                .map_err(|error| Refusal::of_io(&change.path, &error))?;
            for folder in missing_folders(tree, path) {
                if !folders.contains(&folder) {
                    folders.push(folder);
                }
            }
            files.push(FileIntent {
                path: change.path.clone(),
                slot,
                before: change.before.as_ref().map(|before| before.state.clone()),
                after,
            });
        }
        Ok(Intent {
            version: VERSION,
            command: command.to_owned(),
            folders,
            files,
        })
    }

    fn write_slot(&self, tree: &Tree, slot: &str, change: &Change) -> io::Result<FileState> {
        step();
        let mut options = OpenOptions::new();
        // The umask takes its part of a new file's mode, as for every new file.
        let mode = if change.before.is_some() {
            0o600
        } else {
            0o666
        };
        options.write(true).create_new(true).mode(mode);
        let mut file = options.open(self.path.join(slot))?;
        file.write_all(&change.after)?;
        if let Some(before) = &change.before {
            let made = file.metadata()?;
            if (made.uid(), made.gid()) != before.owner {
                fchown(&file, Some(before.owner.0), Some(before.owner.1))?;
            }
            copy_attributes(tree, Path::new(&change.path), &file)?;
            // After the owner, since changing that takes bits away.
            file.set_permissions(Permissions::from_mode(before.state.mode))?;
        }
        file.sync_all()?;
        Ok(FileState {
            sha256: sha256(&change.after),
            mode: file.metadata()?.permissions().mode() & 0o7777,
        })
    }

    fn apply(&self, tree: &Tree, intent: &Intent) -> Result<(), Refusal> {
        for folder in &intent.folders {
            step();
            tree.make_folder(Path::new(folder))
                .map_err(|error| Refusal::of_io(folder, &error))?;
        }
        for file in &intent.files {
            step();
            self.apply_one(tree, file)?;
        }
        for file in &intent.files {
            tree.settle(Path::new(&file.path))
                .map_err(|error| Refusal::of_io(&file.path, &error))?;
        }
        step();
        self.finish()
            .map_err(|error| Refusal::of_io(self.path.display(), &error))
    }

    fn apply_one(&self, tree: &Tree, file: &FileIntent) -> Result<(), Refusal> {
        let path = Path::new(&file.path);
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists => changed(&file.path),
            _ => Refusal::of_io(&file.path, &error),
        };
        let Some(before) = &file.before else {
            return tree.put(path, &self.slots, &file.slot).map_err(failed);
        };
        tree.exchange(path, &self.slots, &file.slot)
            .map_err(failed)?;
        let came_out = self.slot(&file.slot).map_err(failed)?;
        if came_out == Found::File(before.clone()) {
            return Ok(());
        }
        tree.exchange(path, &self.slots, &file.slot)
            .map_err(failed)?;
        Err(changed(&file.path))
    }
}

/// Folders that must be made for this file, outermost first.
fn missing_folders(tree: &Tree, path: &Path) -> Vec<String> {
    let mut missing: Vec<String> = path
        .ancestors()
        .skip(1)
        .filter(|folder| !folder.as_os_str().is_empty())
        .take_while(|folder| matches!(tree.look(folder), Ok(Found::Nothing)))
        .map(|folder| folder.to_string_lossy().into_owned())
        .collect();
    missing.reverse();
    missing
}

/// Extended attributes, access control lists among them, as far as this user may.
fn copy_attributes(tree: &Tree, path: &Path, to: &File) -> io::Result<()> {
    use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
    let Some(from) = tree.read(path)? else {
        return Ok(());
    };
    let mut names = vec![0_u8; 64 * 1024];
    let Ok(length) = flistxattr(&from.file, &mut names[..]) else {
        return Ok(());
    };
    let names = names.get(..length).unwrap_or_default();
    for name in names.split(|byte| *byte == 0).filter(|it| !it.is_empty()) {
        let mut value = vec![0_u8; 64 * 1024];
        if let Ok(length) = fgetxattr(&from.file, name, &mut value[..]) {
            // Labels of the system are its own to give.
            let value = value.get(..length).unwrap_or_default();
            let _ = fsetxattr(to, name, value, XattrFlags::empty());
        }
    }
    Ok(())
}
