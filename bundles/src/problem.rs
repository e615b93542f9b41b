//! What can be wrong with a bundle.

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// What is wrong, as a word for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// `E_…`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

codes! {
    /// No manifest in the folder.
    ManifestNotFound = "E_MANIFEST_NOT_FOUND",
    /// The manifest is neither YAML nor JSON.
    ManifestParse = "E_MANIFEST_PARSE",
    /// A field is missing, unknown or of the wrong kind.
    ManifestSchema = "E_MANIFEST_SCHEMA",
    /// The file of the state machine is not there.
    StateMachineMissing = "E_STATE_MACHINE_MISSING",
    /// The file of an agent is not there.
    AgentFileMissing = "E_AGENT_FILE_MISSING",
    /// The prompt of an agent is not there.
    PromptFileMissing = "E_PROMPT_FILE_MISSING",
    /// The file of a guard is not there.
    GuardFileMissing = "E_GUARD_FILE_MISSING",
    /// The bundle is for another version of Orket.
    EngineIncompatible = "E_ENGINE_INCOMPATIBLE",
    /// The manifest lets nobody choose another model.
    ModelOverrideNotAllowed = "E_MODEL_OVERRIDE_NOT_ALLOWED",
    /// The model that was chosen is not available.
    ModelOverrideUnavailable = "E_MODEL_OVERRIDE_UNAVAILABLE",
    /// None of the manifest's models is available.
    ModelCandidateUnavailable = "E_MODEL_CANDIDATE_UNAVAILABLE",
    /// What is not whole is not packed.
    PackValidateFailed = "E_PACK_VALIDATE_FAILED",
    /// Only folders are packed.
    PackSourceNotDirectory = "E_PACK_SOURCE_NOT_DIRECTORY",
    /// A name that would mean something else where it is unpacked.
    PackUnsafeArchivePath = "E_PACK_UNSAFE_ARCHIVE_PATH",
    /// The manifest names a file that is never packed.
    PackFileExcluded = "E_PACK_FILE_EXCLUDED",
    /// Too much to be a bundle.
    PackTooLarge = "E_PACK_TOO_LARGE",
    /// A file cannot be read or written.
    PackIo = "E_PACK_IO",
    /// What is to be looked into is not there.
    InspectTargetNotFound = "E_INSPECT_TARGET_NOT_FOUND",
    /// No manifest in the archive.
    InspectManifestNotFound = "E_INSPECT_MANIFEST_NOT_FOUND",
    /// No archive, or a damaged one.
    InspectArchiveInvalid = "E_INSPECT_ARCHIVE_INVALID",
    /// An archive that would do harm where it is unpacked.
    InspectArchiveUnsafe = "E_INSPECT_ARCHIVE_UNSAFE",
    /// An archive that holds more than a bundle may.
    InspectArchiveTooLarge = "E_INSPECT_ARCHIVE_TOO_LARGE",
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What.
    pub code: Code,
    /// Where: a field of the manifest, or a file.
    pub location: String,
    /// In words.
    pub message: String,
}

impl Problem {
    /// See the fields.
    pub fn new(code: Code, location: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            location: location.into(),
            message: message.into(),
        }
    }
}

/// By code, then place, then words, each once.
#[must_use]
pub fn sorted(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by(|left, right| {
        let key = |it: &Problem| (it.code.as_str(), it.location.clone(), it.message.clone());
        key(left).cmp(&key(right))
    });
    problems.dedup();
    problems
}
