//! What is committed, and how it changes: all of a promotion or nothing, whenever the process dies.
//!
//! 1. Prepared: the files that change are written to `promotion.__new`, with a list of what goes
//!    where, and are on disk; the versions they replace get second names in `promotion.__undo`.
//! 2. Decided: `promotion.__new` becomes `promotion.__apply`. One rename, which is on disk.
//! 3. Applied: each file gets its place in `committed`; the ledger is the last.
//! 4. Cleared: `promotion.__apply` becomes `promotion.__done`, and goes.
//!
//! When a file cannot get its place in 3, the old ones are put back. After a crash [`recover`] does the
//! rest of what was decided, and forgets what was not. The cost is that of what changes, however
//! large the index is.

use std::io;

use cap_std::fs::Dir;
use orket_actors::fault;
use serde::{Deserialize, Serialize};

use super::read::object;
use super::{StoreError, files, text};
use crate::kernel::ledger::Ledger;
use crate::kernel::promotion::Plan;

/// What is committed.
pub const COMMITTED: &str = "committed";
const NEW: &str = "promotion.__new";
const APPLY: &str = "promotion.__apply";
const UNDO: &str = "promotion.__undo";
const DONE: &str = "promotion.__done";
/// In `NEW` and `APPLY`: what goes where.
const CHANGES: &str = "changes.json";
const LEDGER: &str = "index/run_ledger.json";
/// What the reference leaves when it is cut off between its two renames.
const REFERENCE_BAK: &str = "committed.__bak";

/// Paths below `committed`.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Changes {
    put: Vec<String>,
    remove: Vec<String>,
}

impl Changes {
    fn paths(&self) -> impl Iterator<Item = &String> {
        self.put.iter().chain(&self.remove)
    }
}

/// Does what is left of a promotion that was decided; forgets one that was not.
///
/// # Errors
///
/// When that cannot be done yet; it can be tried again.
pub fn recover(index: &Dir) -> Result<(), StoreError> {
    if !files::is_there(index, COMMITTED)? && files::is_there(index, REFERENCE_BAK)? {
        index.rename(REFERENCE_BAK, index, COMMITTED)?;
        files::flush(index)?;
    }
    if let Some(list) = files::read(index, &format!("{APPLY}/{CHANGES}"))? {
        apply(index, &serde_json::from_slice(&list)?)?;
        clear(index)?;
    }
    for left in [NEW, UNDO, DONE] {
        files::remove(index, left)?;
    }
    Ok(())
}

/// Reads the ledger. Where anything is committed there is one.
///
/// # Errors
///
/// When it is damaged, or gone.
pub fn ledger(index: &Dir) -> Result<Ledger, StoreError> {
    if let Some(text) = files::read(index, &format!("{COMMITTED}/{LEDGER}"))? {
        return Ledger::read(&text).map_err(|why| StoreError::Damaged(format!("the ledger {why}")));
    }
    if files::tree(index, COMMITTED)?.files.is_empty() {
        return Ok(Ledger::default());
    }
    Err(StoreError::Damaged("the ledger is gone".to_owned()))
}

/// Carries out a plan with what is staged below `staged`; without a plan only the ledger changes.
///
/// # Errors
///
/// What is committed is as it was, unless it could not be put back; then [`recover`] completes the
/// promotion.
pub fn carry_out(
    index: &Dir,
    plan: Option<(&Plan, &str)>,
    ledger: &Ledger,
) -> Result<(), StoreError> {
    let changes = prepare(index, plan, ledger)?;
    fault::point("kernel.prepared");
    index.rename(NEW, index, APPLY)?;
    files::flush(index)?;
    fault::point("kernel.decided");
    if let Err(error) = apply(index, &changes) {
        put_back(index, &changes)?;
        clear(index)?;
        return Err(error.into());
    }
    fault::point("kernel.applied");
    Ok(clear(index)?)
}

fn prepare(
    index: &Dir,
    plan: Option<(&Plan, &str)>,
    ledger: &Ledger,
) -> Result<Changes, StoreError> {
    for left in [NEW, UNDO, DONE] {
        files::remove(index, left)?;
    }
    let mut changes = Changes::default();
    if let Some((plan, staged)) = plan {
        for triplet in &plan.put {
            for digest in [
                &triplet.body_digest,
                &triplet.links_digest,
                &triplet.manifest_digest,
            ] {
                let path = object("", digest);
                let path = path.trim_start_matches('/');
                // An object has the same content wherever it is.
                let is_known = files::is_there(index, &format!("{COMMITTED}/{path}"))?
                    || files::is_there(index, &format!("{NEW}/{path}"))?;
                if !is_known {
                    files::link(index, &object(staged, digest), &format!("{NEW}/{path}"))?;
                    changes.put.push(path.to_owned());
                }
            }
            let path = text::triplet_path(&triplet.stem);
            files::write(index, &format!("{NEW}/{path}"), &text::triplet(triplet)?)?;
            changes.put.push(path);
        }
        changes
            .remove
            .extend(plan.remove.iter().map(text::triplet_path));
        for (target, sources) in &plan.references {
            let path = text::references_path(target)?;
            if sources.is_empty() {
                changes.remove.push(path);
            } else {
                let text = text::references(target, sources)?;
                files::write(index, &format!("{NEW}/{path}"), &text)?;
                changes.put.push(path);
            }
        }
    }
    files::write(index, &format!("{NEW}/{LEDGER}"), &ledger.write()?)?;
    changes.put.push(LEDGER.to_owned());
    for path in changes.paths() {
        let old = format!("{COMMITTED}/{path}");
        if files::is_there(index, &old)? {
            files::link(index, &old, &format!("{UNDO}/{path}"))?;
        }
    }
    files::write(
        index,
        &format!("{NEW}/{CHANGES}"),
        &serde_json::to_vec(&changes)?,
    )?;
    files::flush(index)?;
    Ok(changes)
}

/// May be done again, from the start: `APPLY` stays whole.
fn apply(index: &Dir, changes: &Changes) -> io::Result<()> {
    for path in &changes.put {
        files::place(
            index,
            &format!("{APPLY}/{path}"),
            &format!("{COMMITTED}/{path}"),
        )?;
        fault::point("kernel.applying");
    }
    for path in &changes.remove {
        files::remove(index, &format!("{COMMITTED}/{path}"))?;
    }
    files::flush(index)
}

fn put_back(index: &Dir, changes: &Changes) -> io::Result<()> {
    for path in changes.paths() {
        let (old, to) = (format!("{UNDO}/{path}"), format!("{COMMITTED}/{path}"));
        if files::is_there(index, &old)? {
            files::place(index, &old, &to)?;
        } else if files::is_there(index, &to)? {
            files::remove(index, &to)?;
        }
    }
    files::flush(index)
}

/// A promotion is over. The rename makes that so at once, however long removing takes.
fn clear(index: &Dir) -> io::Result<()> {
    files::remove(index, DONE)?;
    index.rename(APPLY, index, DONE)?;
    files::remove(index, DONE)?;
    files::remove(index, UNDO)
}

#[cfg(test)]
mod tests;
