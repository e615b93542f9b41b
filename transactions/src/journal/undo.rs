//! The exchange back.

use std::io;
use std::path::Path;

use super::{FileIntent, Intent, Journal, step};
use crate::tree::{Found, Tree};

impl Journal {
    /// Whether every file is as the intent says.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn is_applied(&self, tree: &Tree, intent: &Intent) -> io::Result<bool> {
        for file in &intent.files {
            let expected = match &file.before {
                Some(before) => Found::File(before.clone()),
                None => Found::Nothing,
            };
            let is_there = tree.look(Path::new(&file.path))? == Found::File(file.after.clone());
            if !is_there || self.slot(&file.slot)? != expected {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Puts back what was there, and names the files that somebody else changed since: these are
    /// left as they are, and what they were stays in the folder.
    pub fn undo(&self, tree: &Tree, intent: &Intent) -> Vec<String> {
        let mut conflicts = Vec::new();
        for file in intent.files.iter().rev() {
            step();
            match self.undo_one(tree, file) {
                Ok(true) => {}
                Ok(false) => conflicts.push(file.path.clone()),
                Err(error) => conflicts.push(format!("{} ({error})", file.path)),
            }
            // When the disk refuses even that, the next start looks again.
            let _ = tree.settle(Path::new(&file.path));
        }
        for folder in intent.folders.iter().rev() {
            step();
            tree.remove_empty_folder(Path::new(folder));
        }
        conflicts.reverse();
        conflicts
    }

    /// `false` when somebody else changed the file.
    fn undo_one(&self, tree: &Tree, file: &FileIntent) -> io::Result<bool> {
        let path = Path::new(&file.path);
        let after = Found::File(file.after.clone());
        let slot = self.slot(&file.slot)?;
        if slot == after {
            // It was not done, so whatever is there is none of our doing.
            return Ok(true);
        }
        let target = tree.look(path)?;
        let Some(before) = &file.before else {
            if slot != Found::Nothing {
                return Ok(false);
            }
            if target == Found::Nothing {
                return Ok(true);
            }
            if target != after {
                return Ok(false);
            }
            tree.take(path, &self.slots, &file.slot)?;
            if self.slot(&file.slot)? == after {
                return Ok(true);
            }
            tree.put(path, &self.slots, &file.slot)?;
            return Ok(false);
        };
        if target != after || !matches!(slot, Found::File(_)) {
            return Ok(false);
        }
        // Whatever the slot holds came from there, if not what the plan was made from, then what
        // somebody else wrote at the last instant.
        tree.exchange(path, &self.slots, &file.slot)?;
        if self.slot(&file.slot)? == after {
            return Ok(slot == Found::File(before.clone()));
        }
        tree.exchange(path, &self.slots, &file.slot)?;
        Ok(false)
    }
}
