//! What transactions on a repository record, and whether what they run may use the network.

use super::settings::Reader;

/// See the file's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionSettings {
    /// As it was written; whether it is a mode, the command says with a code of its own.
    pub network_mode: String,
    /// Whether what was asked for and what came of it is recorded.
    pub replay_artifacts: bool,
    /// Whether failures of verification are recorded, and told before the next change like it.
    pub failure_lessons: bool,
    /// Whether what these say is missing stops a transaction.
    pub strict_preflight: bool,
}

impl Reader<'_> {
    pub(super) fn transactions(&mut self) -> TransactionSettings {
        TransactionSettings {
            network_mode: self.text("ORKET_NETWORK_MODE").unwrap_or_default(),
            replay_artifacts: self.is_on("ORKET_REPLAY_ARTIFACTS"),
            failure_lessons: self.is_on("ORKET_FAILURE_LESSONS"),
            strict_preflight: self.is_on("ORKET_FAILURE_LESSONS_STRICT_PREFLIGHT"),
        }
    }

    /// Any text but these is on.
    fn is_on(&mut self, name: &str) -> bool {
        let text = self.text(name).unwrap_or_default().to_ascii_lowercase();
        !matches!(text.as_str(), "" | "0" | "false" | "off" | "no")
    }
}
