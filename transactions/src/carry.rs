//! Carries changes out: scratch copy, verification, swap. Whatever ends it, at whatever point, the
//! repository is as it was or as planned, at the latest after the next look of [`super::recovery`].

use std::path::{Path, PathBuf};

use crate::change::Change;
use crate::git::Repository;
use crate::journal::{Journal, Store};
use crate::profile::Profile;
use crate::refusal::{Code, Refusal};
use crate::scratch::{self, Scratch};
use crate::tree::Tree;
use crate::verify::{Failure, Verifier, Why};

/// What is needed for it. Whoever has it has the lock.
#[derive(Debug)]
pub struct Carrier<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// Its files.
    pub tree: &'a Tree,
    /// Its transactions.
    pub store: &'a Store,
    /// What verifies the changes.
    pub profile: &'a Profile,
    /// What was asked for, for words.
    pub command: &'a str,
}

/// Why nothing was written.
#[derive(Debug)]
pub enum Unwritten {
    /// It could not be done.
    Refused(Refusal),
    /// Verification failed.
    Failed {
        /// How.
        failure: Box<Failure>,
        /// The folder in which it ran, which is gone.
        tree: PathBuf,
        /// What the scratch copy lacked.
        left_out: Vec<String>,
    },
}

impl From<Refusal> for Unwritten {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Carrier<'_> {
    /// Does all of these changes, or none.
    ///
    /// # Errors
    ///
    /// [`Unwritten`]; nothing is changed then.
    pub fn carry(&self, verifier: &dyn Verifier, changes: &[Change]) -> Result<(), Unwritten> {
        let id = new_id();
        let base = scratch::place(&id);
        let journal = self.store.begin(&id, self.command, &base)?;
        let carried = self.verify_and_swap(verifier, &journal, &base, &id, changes);
        journal.remove();
        carried
    }

    fn verify_and_swap(
        &self,
        verifier: &dyn Verifier,
        journal: &Journal,
        base: &Path,
        id: &str,
        changes: &[Change],
    ) -> Result<(), Unwritten> {
        let head = self.repository.head()?;
        let scratch = Scratch::copy(self.repository, base, verifier.is_closed())?;
        scratch.change(changes)?;
        let verified = verifier.verify(id, scratch.root(), &scratch.links, self.profile);
        let (root, left_out) = (scratch.root().to_owned(), scratch.left_out.clone());
        drop(scratch);
        match verified {
            Ok(()) => {}
            Err(failure) if failure.why == Why::Interrupted => {
                let refusal = Refusal::new(Code::Interrupted, "interrupted; nothing was written");
                return Err(refusal.hint("give the same command again").into());
            }
            Err(failure) => {
                return Err(Unwritten::Failed {
                    failure: Box::new(failure),
                    tree: root,
                    left_out,
                });
            }
        }
        if self.repository.head()? != head {
            let refusal = Refusal::new(
                Code::WorktreeChanged,
                "another commit was checked out or made meanwhile, so what was verified is not what \
                 is there; nothing was written",
            );
            return Err(refusal.hint("give the same command again").into());
        }
        Ok(journal.swap(self.tree, self.command, changes)?)
    }
}

fn new_id() -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    id.get(..16).unwrap_or(&id).to_owned()
}
