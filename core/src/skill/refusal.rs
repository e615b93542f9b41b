//! What the loader says of a manifest that it does not admit. Of several faults the first row of
//! [`ROWS`] decides.

use serde::Serialize;

use super::finding::{Fault, Finding};
use crate::status::words;

words! {
    /// Why a manifest is not admitted.
    ErrorCode, "skill error code" {
        /// A field is missing or of the wrong kind.
        SchemaInvalid = "ERR_SCHEMA_INVALID",
        /// The contract's version is not understood.
        ContractUnsupportedVersion = "ERR_CONTRACT_UNSUPPORTED_VERSION",
        /// The manifest contradicts the contract or itself.
        ContractInvalid = "ERR_CONTRACT_INVALID",
        /// A runtime without a version.
        RuntimeUnpinned = "ERR_RUNTIME_UNPINNED",
        /// Arguments or results without a fingerprint.
        FingerprintIncomplete = "ERR_FINGERPRINT_INCOMPLETE",
        /// Side effects without a fingerprint.
        SideEffectUndeclared = "ERR_SIDE_EFFECT_UNDECLARED",
        /// A required permission that is not requested.
        PermissionUndeclared = "ERR_PERMISSION_UNDECLARED",
        /// The manifest could not be read or decoded.
        ValidationInternal = "ERR_VALIDATION_INTERNAL",
    }
}

/// One row: which findings it is about, the code, the stage.
type Row = (fn(&Finding) -> bool, ErrorCode, &'static str);

/// In this order. What could not be decoded has no other finding, so its place does not matter.
const ROWS: &[Row] = &[
    (
        |it| matches!(it, Finding::Schema { .. }),
        ErrorCode::SchemaInvalid,
        "schema",
    ),
    (
        |it| matches!(it, Finding::UnsupportedVersion),
        ErrorCode::ContractUnsupportedVersion,
        "contract_version",
    ),
    (
        |it| matches!(it, Finding::DigestWithoutAlgorithm | Finding::DigestNotHex),
        ErrorCode::ContractInvalid,
        "contract",
    ),
    (
        |it| it.fault() == Some(Fault::RuntimeUnpinned),
        ErrorCode::RuntimeUnpinned,
        "runtime",
    ),
    (
        |it| it.fault() == Some(Fault::FingerprintIncomplete),
        ErrorCode::FingerprintIncomplete,
        "fingerprint",
    ),
    (
        |it| it.fault() == Some(Fault::SideEffectUndeclared),
        ErrorCode::SideEffectUndeclared,
        "side_effect",
    ),
    (
        |it| it.fault() == Some(Fault::PermissionUndeclared),
        ErrorCode::PermissionUndeclared,
        "permissions",
    ),
    (
        |it| it.fault() == Some(Fault::ToolDuplicated),
        ErrorCode::ContractInvalid,
        "loader",
    ),
    (
        |it| matches!(it, Finding::Internal(_)),
        ErrorCode::ValidationInternal,
        "-",
    ),
];

/// See the file's head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The code.
    pub error_code: ErrorCode,
    /// All findings in one text.
    pub message: String,
    /// The skill.
    pub skill_id: String,
    /// Its version.
    pub skill_version: String,
    /// The contract's version that the manifest gives.
    pub skill_contract_version_seen: String,
    /// Where it failed.
    pub validation_stage: &'static str,
    /// Always `false`: the same manifest fails again.
    pub retryable: bool,
    /// The first entrypoint that any finding is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint_id: Option<String>,
}

impl Refusal {
    /// The refusal that these findings mean; `ids` are skill, version, contract version.
    pub(super) fn of(findings: &[Finding], ids: [&str; 3]) -> Option<Self> {
        let (_, error_code, stage) = ROWS
            .iter()
            .find(|(concerns, ..)| findings.iter().any(concerns))?;
        let [skill_id, skill_version, seen] = ids.map(str::to_owned);
        let texts: Vec<_> = findings.iter().map(Finding::to_string).collect();
        let entrypoint_id = findings.iter().find_map(|finding| match finding {
            Finding::Entrypoint { id, .. } => Some(id.clone()),
            Finding::Schema { .. }
            | Finding::UnsupportedVersion
            | Finding::DigestWithoutAlgorithm
            | Finding::DigestNotHex
            | Finding::Internal(_) => None,
        });
        Some(Self {
            error_code: *error_code,
            message: texts.join("; "),
            skill_id,
            skill_version,
            skill_contract_version_seen: seen,
            validation_stage: stage,
            retryable: false,
            entrypoint_id,
        })
    }
}
