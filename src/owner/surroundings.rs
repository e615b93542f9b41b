//! What an owner was born with: where its assets lie and what is set. A command that was given in
//! other surroundings is told so, since the owner's are the ones that count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::service::Refusal;
use super::wire::StartRequest;

/// See the file's head.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The folder for runs that name none, absolute.
    pub workspace: PathBuf,
    /// Where `config/` and `model/` are looked for, absolute.
    pub asset_root: PathBuf,
    /// Runs under way at once.
    pub max_runs: usize,
    /// A digest of the value of each setting, by its name.
    pub settings: BTreeMap<String, String>,
}

impl Surroundings {
    /// Refuses a request that means the assets of another folder. One that does not say means ours.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with both folders.
    pub fn check(&self, request: &StartRequest) -> Result<(), Refusal> {
        let Some(asked) = &request.asset_root else {
            return Ok(());
        };
        if real(Path::new(asked)) == real(&self.asset_root) {
            return Ok(());
        }
        Err(Refusal::other_folder(
            &self.asset_root.display().to_string(),
            asked,
        ))
    }

    /// Which settings are others where the request comes from, in words.
    #[must_use]
    pub fn differing(&self, theirs: Option<&BTreeMap<String, String>>) -> Option<String> {
        let theirs = theirs?;
        let names: BTreeSet<&String> = self.settings.keys().chain(theirs.keys()).collect();
        let others: Vec<&str> = names
            .into_iter()
            .filter(|name| self.settings.get(*name) != theirs.get(*name))
            .map(String::as_str)
            .collect();
        (!others.is_empty()).then(|| {
            format!(
                "warning: process {}, which does the work, has other values of {}; `orket serve --stop` lets the next command bring its own",
                std::process::id(),
                others.join(", ")
            )
        })
    }
}

/// Without links, where that can be had.
fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
