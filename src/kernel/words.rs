//! The words of the contract: stages, codes, outcomes.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

/// Whether something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = KernelOutcome)]
pub enum Outcome {
    /// It does.
    Pass,
    /// It does not.
    Fail,
}

impl Outcome {
    /// From its word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "PASS" => Some(Self::Pass),
            "FAIL" => Some(Self::Fail),
            _ => None,
        }
    }
}

/// Where in the kernel something was found. Some are kept for hosts that find things there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = KernelStage)]
pub enum Stage {
    /// Whether a request has its shape.
    BaseShape,
    /// Links between bodies.
    DtoLinks,
    /// Names of relationships.
    RelationshipVocabulary,
    /// Policies.
    Policy,
    /// Whether the same comes out again.
    Determinism,
    /// Continuous integration.
    Ci,
    /// The local index, staging.
    Lsi,
    /// The local index, what is committed.
    Promotion,
    /// What a tool call may.
    Capability,
    /// Runs against each other.
    Replay,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BaseShape => "base_shape",
            Self::DtoLinks => "dto_links",
            Self::RelationshipVocabulary => "relationship_vocabulary",
            Self::Policy => "policy",
            Self::Determinism => "determinism",
            Self::Ci => "ci",
            Self::Lsi => "lsi",
            Self::Promotion => "promotion",
            Self::Capability => "capability",
            Self::Replay => "replay",
        })
    }
}

/// What was found, as a code. `E…` fail, `I…` only tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = KernelCode)]
pub enum Code {
    /// A field is not what it must be.
    EBaseShapeInvalidManifestValue,
    /// There is no run id.
    EBaseShapeMissingRunId,
    /// Links are not what they must be.
    EBaseShapeInvalidLinksValue,
    /// A value has no canonical form: a float, or an integer beyond ±(2^53 − 1).
    ECanonicalizationError,
    /// A link leads to nothing.
    ELsiOrphanTarget,
    /// What was to be staged could not be written.
    ELsiStagingFailed,
    /// Nobody knows which capability a tool call needs.
    ECapabilityNotResolved,
    /// A tool call has side effects that it does not declare.
    ESideEffectUndeclared,
    /// A tool call asks for more than it declares.
    EPermissionDenied,
    /// The policy does not allow a tool call.
    ECapabilityDenied,
    /// The turn was promoted before.
    EPromotionAlreadyApplied,
    /// A turn before it was not promoted.
    EPromotionOutOfOrder,
    /// The turn could not be promoted; what is committed is as it was.
    EPromotionFailed,
    /// A tombstone is not what it must be.
    ETombstoneInvalid,
    /// A tombstone is for another stem than its file is.
    ETombstoneStemMismatch,
    /// A descriptor lacks something.
    EReplayInputMissing,
    /// A descriptor is of another contract.
    EReplayVersionMismatch,
    /// Two runs do not report the same.
    EReplayEquivalenceFailed,
    /// The turn came through.
    IGatekeeperPass,
    /// Capabilities are not enforced here.
    ICapabilitySkipped,
    /// The request asked for leave that its key cannot give; it was not heeded.
    ICapabilityOverrideIgnored,
    /// The turn is promoted.
    IPromotionPass,
    /// The turn is promoted; there was nothing to it.
    INoopPromotion,
    /// Several bodies refer to the same one.
    IRefMultisource,
    /// All that the turn refers to is there.
    IRefVisible,
    /// Only the shape of a descriptor was looked at.
    IReplayShapeOnly,
}

impl Code {
    /// As text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EBaseShapeInvalidManifestValue => "E_BASE_SHAPE_INVALID_MANIFEST_VALUE",
            Self::EBaseShapeMissingRunId => "E_BASE_SHAPE_MISSING_RUN_ID",
            Self::EBaseShapeInvalidLinksValue => "E_BASE_SHAPE_INVALID_LINKS_VALUE",
            Self::ECanonicalizationError => "E_CANONICALIZATION_ERROR",
            Self::ELsiOrphanTarget => "E_LSI_ORPHAN_TARGET",
            Self::ELsiStagingFailed => "E_LSI_STAGING_FAILED",
            Self::ECapabilityNotResolved => "E_CAPABILITY_NOT_RESOLVED",
            Self::ESideEffectUndeclared => "E_SIDE_EFFECT_UNDECLARED",
            Self::EPermissionDenied => "E_PERMISSION_DENIED",
            Self::ECapabilityDenied => "E_CAPABILITY_DENIED",
            Self::EPromotionAlreadyApplied => "E_PROMOTION_ALREADY_APPLIED",
            Self::EPromotionOutOfOrder => "E_PROMOTION_OUT_OF_ORDER",
            Self::EPromotionFailed => "E_PROMOTION_FAILED",
            Self::ETombstoneInvalid => "E_TOMBSTONE_INVALID",
            Self::ETombstoneStemMismatch => "E_TOMBSTONE_STEM_MISMATCH",
            Self::EReplayInputMissing => "E_REPLAY_INPUT_MISSING",
            Self::EReplayVersionMismatch => "E_REPLAY_VERSION_MISMATCH",
            Self::EReplayEquivalenceFailed => "E_REPLAY_EQUIVALENCE_FAILED",
            Self::IGatekeeperPass => "I_GATEKEEPER_PASS",
            Self::ICapabilitySkipped => "I_CAPABILITY_SKIPPED",
            Self::ICapabilityOverrideIgnored => "I_CAPABILITY_OVERRIDE_IGNORED",
            Self::IPromotionPass => "I_PROMOTION_PASS",
            Self::INoopPromotion => "I_NOOP_PROMOTION",
            Self::IRefMultisource => "I_REF_MULTISOURCE",
            Self::IRefVisible => "I_REF_VISIBLE",
            Self::IReplayShapeOnly => "I_REPLAY_SHAPE_ONLY",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_the_same_as_text_and_as_json() {
        for code in [
            Code::EBaseShapeInvalidManifestValue,
            Code::ELsiOrphanTarget,
            Code::EReplayEquivalenceFailed,
            Code::IRefMultisource,
            Code::ICapabilityOverrideIgnored,
        ] {
            assert_eq!(json!(code), json!(code.as_str()));
        }
        for stage in [Stage::BaseShape, Stage::RelationshipVocabulary, Stage::Lsi] {
            assert_eq!(json!(stage), json!(stage.to_string()));
        }
        assert_eq!(json!(Outcome::Pass), json!("PASS"));
    }
}
