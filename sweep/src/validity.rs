//! Which rows may be chosen.

use crate::row::QuantRow;
use crate::telemetry::{RunQuality, TokenStatus};

/// Clean, with tokens and times known, and a sidecar that is in order or has nothing to say.
#[must_use]
pub fn is_valid(row: &QuantRow) -> bool {
    row.run_quality_status == RunQuality::Clean
        && row.token_metrics_status == TokenStatus::Ok
        && row.hardware_sidecar.sidecar_parse_status.is_acceptable()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sidecar::{SidecarRecord, SidecarStatus};

    #[test]
    fn quality_tokens_and_sidecar_each_decide() {
        let row = |quality, tokens, sidecar| QuantRow {
            run_quality_status: quality,
            token_metrics_status: tokens,
            hardware_sidecar: SidecarRecord {
                sidecar_parse_status: sidecar,
                ..SidecarRecord::default()
            },
            ..QuantRow::default()
        };
        let (clean, ok) = (RunQuality::Clean, TokenStatus::Ok);
        let valid = [
            row(clean, ok, SidecarStatus::Ok),
            row(clean, ok, SidecarStatus::OptionalFieldMissing),
            row(clean, ok, SidecarStatus::NotApplicable),
        ];
        let invalid = [
            row(RunQuality::Polluted, ok, SidecarStatus::Ok),
            row(clean, TokenStatus::TimingUnavailable, SidecarStatus::Ok),
            row(clean, TokenStatus::TokenCountUnavailable, SidecarStatus::Ok),
            row(
                clean,
                TokenStatus::TokenAndTimingUnavailable,
                SidecarStatus::Ok,
            ),
            row(clean, ok, SidecarStatus::RequiredFieldMissing),
            row(clean, ok, SidecarStatus::ParseError),
        ];
        assert!(valid.iter().all(is_valid));
        assert!(!invalid.iter().any(is_valid));
    }
}
