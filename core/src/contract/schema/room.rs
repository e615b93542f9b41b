//! How many more files and looks the limits of a contract leave.

use super::super::Contract;
use super::super::scope::Looked;
use super::ReplyScope;
use crate::tool_catalogue::{GET_ISSUE_CONTEXT, LIST_DIRECTORY, READ_FILE};

/// What is left beside what was done and what is due.
pub(super) struct Room {
    /// Other files that may still be named.
    pub(super) files: usize,
    reads: usize,
    lists: usize,
    cards: usize,
}

impl Room {
    pub(super) fn of(contract: &Contract, scope: &ReplyScope<'_>) -> Self {
        let limits = &contract.limits;
        let mut looked = Looked::at(scope.earlier);
        for path in contract.demanded_reads(scope.missing_reads) {
            looked.read(path);
        }
        for path in contract.demanded_writes() {
            looked.touch(path);
        }
        let left = |most: Option<u32>, gone: usize| match most {
            None => usize::MAX,
            Some(most) => usize::try_from(most)
                .unwrap_or(usize::MAX)
                .saturating_sub(gone),
        };
        // Files of its own choice that are due.
        let (writes, reads) = contract.free_files();
        let total = left(limits.max_total_context_items, looked.total().len() + reads);
        let files = looked.touched.len() + writes + reads;
        let files = left(limits.max_workspace_items, files);
        Self {
            files,
            reads: left(limits.max_active_context_items, looked.read.len() + reads)
                .min(files)
                .min(total),
            lists: left(limits.max_passive_context_items, looked.listed.len()).min(total),
            cards: left(limits.max_archived_context_items, looked.cards.len()).min(total),
        }
    }

    /// How many more calls of a tool there may be.
    pub(super) fn looks_of(&self, tool: &str) -> usize {
        match tool {
            READ_FILE => self.reads,
            LIST_DIRECTORY | "list_dir" => self.lists,
            GET_ISSUE_CONTEXT => self.cards,
            _ => usize::MAX,
        }
    }
}
