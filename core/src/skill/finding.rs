//! One thing that is wrong with a manifest. Its text is part of the contract: operators and tools
//! search for it.

use std::fmt;

use serde::{Serialize, Serializer};

/// What can be wrong with one entrypoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The runtime's version is not given.
    RuntimeUnpinned,
    /// No arguments or no results are fingerprinted.
    FingerprintIncomplete,
    /// Side effects are named and not fingerprinted.
    SideEffectUndeclared,
    /// A permission is required and not requested.
    PermissionUndeclared,
    /// Two entrypoints are the same tool.
    ToolDuplicated,
}

impl Fault {
    const fn token(self) -> &'static str {
        match self {
            Self::RuntimeUnpinned => "runtime_unpinned",
            Self::FingerprintIncomplete => "fingerprint_incomplete",
            Self::SideEffectUndeclared => "side_effect_undeclared",
            Self::PermissionUndeclared => "permission_undeclared",
            Self::ToolDuplicated => "tool_profile_duplicated",
        }
    }
}

/// See the file's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A field is missing or of the wrong kind.
    Schema {
        /// Where: `entrypoints.0.runtime`.
        place: String,
        /// What would be right.
        message: String,
    },
    /// Another version of the contract.
    UnsupportedVersion,
    /// The digest does not say how it was made.
    DigestWithoutAlgorithm,
    /// What stands for the digest is none.
    DigestNotHex,
    /// One entrypoint.
    Entrypoint {
        /// Its id.
        id: String,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The manifest could not be judged at all.
    Internal(String),
}

impl Finding {
    pub(super) fn schema(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Schema {
            place: place.into(),
            message: message.into(),
        }
    }

    pub(super) fn entrypoint(id: &str, fault: Fault) -> Self {
        Self::Entrypoint {
            id: id.to_owned(),
            fault,
        }
    }

    /// The fault, when it is one of an entrypoint.
    #[must_use]
    pub const fn fault(&self) -> Option<Fault> {
        match self {
            Self::Entrypoint { fault, .. } => Some(*fault),
            Self::Schema { .. }
            | Self::UnsupportedVersion
            | Self::DigestWithoutAlgorithm
            | Self::DigestNotHex
            | Self::Internal(_) => None,
        }
    }

    /// Whether nothing can be said about the rest of the manifest.
    #[must_use]
    pub const fn is_unreadable(&self) -> bool {
        match self {
            Self::Schema { .. } | Self::Internal(_) => true,
            Self::UnsupportedVersion
            | Self::DigestWithoutAlgorithm
            | Self::DigestNotHex
            | Self::Entrypoint { .. } => false,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema { place, message } => write!(f, "schema:{place}: {message}"),
            Self::UnsupportedVersion => f.write_str("contract:unsupported_version"),
            Self::DigestWithoutAlgorithm => {
                f.write_str("contract:manifest_digest_missing_algorithm_prefix")
            }
            Self::DigestNotHex => f.write_str("contract:manifest_digest_not_hex"),
            Self::Entrypoint { id, fault } => write!(f, "entrypoint:{id}:{}", fault.token()),
            Self::Internal(reason) => write!(f, "internal:{reason}"),
        }
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
