//! What there is no record of, and rightly so: runs that were imported, and steps that retention
//! removed.

use std::collections::HashMap;

use orket_actors::port::store::StoreError;
use orket_core::artifact::rfc3339;

use crate::storage::Reader;

/// Of a run that another program carried out.
pub(super) const IMPORTED: &str =
    "imported from the Python Orket 0.3: there is no record of its turns";

/// Whether a run was imported.
pub(super) fn is_imported(reader: &Reader, run_id: &str) -> Result<bool, StoreError> {
    Ok(!reader.run_events(run_id, &["run_imported"])?.is_empty())
}

/// What was removed, by run; each is read once.
pub(super) struct Removed<'a> {
    reader: &'a Reader,
    notes: HashMap<String, Option<String>>,
}

impl<'a> Removed<'a> {
    pub(super) fn of(reader: &'a Reader) -> Self {
        Self {
            reader,
            notes: HashMap::new(),
        }
    }

    /// In words: the steps of this run were removed.
    pub(super) fn note(&mut self, run_id: &str) -> Result<Option<String>, StoreError> {
        if let Some(known) = self.notes.get(run_id) {
            return Ok(known.clone());
        }
        let note = self.reader.removed_record(run_id)?.map(|(at_ms, _)| {
            format!(
                "removed by orket gc at {}: the steps of its turns",
                rfc3339(at_ms)
            )
        });
        self.notes.insert(run_id.to_owned(), note.clone());
        Ok(note)
    }
}
