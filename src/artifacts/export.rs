//! Writing the files of a run again, from the journal.

use orket_actors::port::record::TurnRecord;
use orket_core::artifact::folder;

use super::meta;
use super::write::Writer;

/// What an export came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ExportReport {
    /// Attempts whose files are there now.
    pub turns: u64,
    /// Files written.
    pub files: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Attempts whose files could not be written: folder and reason.
    pub failed: Vec<(String, String)>,
}

/// Writes the files of each record, on this thread, by the record's own mode (an export asks for
/// [`orket_core::plan::ArtifactMode::Full`]). The bytes are those that the running owner wrote. An
/// attempt that cannot be written is reported and the others go on.
pub fn export(records: impl IntoIterator<Item = TurnRecord>) -> ExportReport {
    let mut writer = Writer::default();
    let mut report = ExportReport::default();
    for record in records {
        match writer.write(&record) {
            Ok(written) => {
                report.turns += 1;
                report.files += written.files;
                report.bytes = report.bytes.saturating_add(written.bytes);
            }
            Err(error) => report
                .failed
                .push((folder(&meta(&record)), error.to_string())),
        }
    }
    report
}
