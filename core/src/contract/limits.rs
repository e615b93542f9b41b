//! Limits that the contract itself goes beyond: no answer could meet both.

use super::Contract;
use super::scope::Looked;

impl Contract {
    /// The limits that are too low for what is demanded, each with its name and how much is needed.
    #[must_use]
    pub fn too_low(&self) -> Vec<(&'static str, usize)> {
        let mut looked = Looked::default();
        for path in &self.required_read_paths {
            looked.read(path);
        }
        for path in self.demanded_writes() {
            looked.touch(path);
        }
        let (writes, reads) = self.free_files();
        let limits = &self.limits;
        [
            (
                "max_workspace_items",
                limits.max_workspace_items,
                looked.touched.len() + writes + reads,
            ),
            (
                "max_active_context_items",
                limits.max_active_context_items,
                looked.read.len() + reads,
            ),
            (
                "max_total_context_items",
                limits.max_total_context_items,
                looked.total().len() + reads,
            ),
        ]
        .into_iter()
        .filter(|(_, most, needed)| {
            most.is_some_and(|most| usize::try_from(most).is_ok_and(|most| most < *needed))
        })
        .map(|(name, _, needed)| (name, needed))
        .collect()
    }
}
