//! Whether rows were measured on a cool machine, and within the memory that their profile allows.
//!
//! This looks at a summary afterwards and says which rows not to trust; the sweep itself waits for nothing.

use serde::{Deserialize, Serialize};

use crate::lane::{Lane, VramProfile};
use crate::round::six;
use crate::row::QuantRow;
use crate::summary::Summary;

/// What rows must meet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demands {
    /// The highest temperature to begin at, °C.
    pub cooldown_target_c: f64,
    /// How much of the memory may be in use.
    pub profile: VramProfile,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What it came to.
    pub status: Status,
    /// The summary.
    pub summary_path: String,
    /// Where it ran.
    pub execution_lane: Lane,
    /// The profile it was checked against.
    pub profile: VramProfile,
    /// What rows had to meet.
    pub thresholds: Thresholds,
    /// How many things were checked.
    pub checks: u64,
    /// The codes of all violations, each once, sorted.
    pub polluted_status_reasons: Vec<String>,
    /// What was not met.
    pub violations: Vec<Finding>,
    /// What could not be checked.
    pub skips: Vec<Finding>,
    /// Violations as `<model>:<quant>:<code>:<detail>`.
    pub failures: Vec<String>,
    /// Skips as `<model>:<quant>:<code>`.
    pub skip_reasons: Vec<String>,
}

/// What it came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Everything that was checked is met.
    Pass,
    /// Something is not.
    Fail,
    /// Nothing could be checked.
    Skip,
}

impl Status {
    /// As it stands in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Skip => "SKIP",
        }
    }
}

/// What rows had to meet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// °C.
    pub cooldown_target_c: f64,
    /// A share of the memory, 0 to 1.
    pub vram_ratio_limit: f64,
}

/// Something about a row, or about the summary when it names no model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The model.
    pub model_id: String,
    /// Its quantization.
    pub quant_tag: String,
    /// What.
    pub code: String,
    /// With figures.
    pub detail: String,
}

/// The report of a summary.
#[must_use]
pub fn check(summary: &Summary, path: &str, demands: &Demands) -> Report {
    let mut report = Report {
        status: Status::Skip,
        summary_path: path.to_owned(),
        execution_lane: summary.execution_lane,
        profile: demands.profile,
        thresholds: Thresholds {
            cooldown_target_c: demands.cooldown_target_c,
            vram_ratio_limit: demands.profile.ratio_limit(),
        },
        checks: 0,
        polluted_status_reasons: Vec::new(),
        violations: Vec::new(),
        skips: Vec::new(),
        failures: Vec::new(),
        skip_reasons: Vec::new(),
    };
    if summary.vram_profile != demands.profile {
        report.checks += 1;
        report.violations.push(Finding {
            model_id: String::new(),
            quant_tag: String::new(),
            code: "VRAM_PROFILE_MISMATCH".to_owned(),
            detail: format!(
                "{} was measured, {} is asked",
                summary.vram_profile, demands.profile
            ),
        });
    }
    for session in &summary.sessions {
        for row in &session.per_quant {
            cooldown(
                &mut report,
                &session.model_id,
                row,
                demands.cooldown_target_c,
            );
            memory(
                &mut report,
                &session.model_id,
                row,
                demands.profile.ratio_limit(),
            );
        }
    }
    finish(report)
}

fn finish(mut report: Report) -> Report {
    report.status = if !report.violations.is_empty() {
        Status::Fail
    } else if report.checks == 0 {
        Status::Skip
    } else {
        Status::Pass
    };
    let mut codes: Vec<_> = report.violations.iter().map(|it| it.code.clone()).collect();
    codes.sort();
    codes.dedup();
    report.polluted_status_reasons = codes;
    report.failures = report
        .violations
        .iter()
        .map(|it| format!("{}:{}:{}:{}", it.model_id, it.quant_tag, it.code, it.detail))
        .collect();
    report.skip_reasons = report
        .skips
        .iter()
        .map(|it| format!("{}:{}:{}", it.model_id, it.quant_tag, it.code))
        .collect();
    report
}

fn finding(model: &str, row: &QuantRow, code: impl Into<String>, detail: String) -> Finding {
    Finding {
        model_id: model.to_owned(),
        quant_tag: row.quant_tag.clone(),
        code: code.into(),
        detail,
    }
}

fn cooldown(report: &mut Report, model: &str, row: &QuantRow, target: f64) {
    let Some(start) = row.hardware_sidecar.figures.thermal_start_c else {
        let detail = "the temperature at the start is not known".to_owned();
        let skip = finding(model, row, "COOLDOWN_SKIPPED_MISSING_THERMAL_START", detail);
        report.skips.push(skip);
        return;
    };
    report.checks += 1;
    if start > target {
        let detail = format!("{start} °C > {target} °C");
        let violation = finding(model, row, "COOLDOWN_TARGET_NOT_MET", detail);
        report.violations.push(violation);
    }
}

fn memory(report: &mut Report, model: &str, row: &QuantRow, limit: f64) {
    let sidecar = &row.hardware_sidecar;
    let status = sidecar.sidecar_parse_status;
    if !status.is_acceptable() || status == crate::sidecar::SidecarStatus::NotApplicable {
        let detail = sidecar.sidecar_parse_errors.join(", ");
        let code = format!("VRAM_GUARD_SKIPPED_{}", status.as_str());
        report.skips.push(finding(model, row, code, detail));
        return;
    }
    let figures = sidecar.figures;
    let ratio = figures
        .vram_used_mb
        .zip(figures.vram_total_mb)
        .filter(|(_, total)| *total > 0.0)
        .map(|(used, total)| used / total);
    let Some(ratio) = ratio else {
        let detail = "memory in use, or in all, is not known".to_owned();
        report.skips.push(finding(
            model,
            row,
            "VRAM_GUARD_SKIPPED_MISSING_METRICS",
            detail,
        ));
        return;
    };
    report.checks += 1;
    if ratio > limit {
        let detail = format!("{} of the memory > {limit}", six(ratio));
        let violation = finding(model, row, "VRAM_RATIO_EXCEEDED", detail);
        report.violations.push(violation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sidecar::{SidecarFigures, SidecarStatus};
    use crate::summary::Session;

    const DEMANDS: Demands = Demands {
        cooldown_target_c: 50.0,
        profile: VramProfile::Safe,
    };

    /// Status, temperature at the start, memory in use and in all.
    type Seen = (SidecarStatus, Option<f64>, Option<f64>, Option<f64>);

    fn summary(rows: &[Seen]) -> Summary {
        let row = |(status, start, used, total): &Seen| {
            let mut row = QuantRow {
                quant_tag: "Q6_K".to_owned(),
                ..QuantRow::default()
            };
            row.hardware_sidecar.sidecar_parse_status = *status;
            row.hardware_sidecar.figures = SidecarFigures {
                thermal_start_c: *start,
                vram_used_mb: *used,
                vram_total_mb: *total,
                ..SidecarFigures::default()
            };
            row
        };
        let session = Session {
            model_id: "qwen".to_owned(),
            per_quant: rows.iter().map(row).collect(),
            ..Session::default()
        };
        Summary {
            sessions: vec![session],
            ..Summary::default()
        }
    }

    #[test]
    fn limits_are_met_by_what_is_equal_to_them() {
        let ok = SidecarStatus::Ok;
        let good = summary(&[(ok, Some(50.0), Some(12_000.0), Some(24_000.0))]);
        let report = check(&good, "s.json", &DEMANDS);
        assert_eq!((report.status, report.checks), (Status::Pass, 2));
        let bad = summary(&[(ok, Some(50.5), Some(12_001.0), Some(24_000.0))]);
        let stress = Demands {
            profile: VramProfile::Stress,
            ..DEMANDS
        };
        assert_eq!(
            [
                check(&bad, "s.json", &DEMANDS),
                check(&bad, "s.json", &stress)
            ]
            .map(|report| report.failures),
            [
                vec![
                    "qwen:Q6_K:COOLDOWN_TARGET_NOT_MET:50.5 °C > 50 °C".to_owned(),
                    "qwen:Q6_K:VRAM_RATIO_EXCEEDED:0.500042 of the memory > 0.5".to_owned(),
                ],
                vec![
                    "::VRAM_PROFILE_MISMATCH:safe was measured, stress is asked".to_owned(),
                    "qwen:Q6_K:COOLDOWN_TARGET_NOT_MET:50.5 °C > 50 °C".to_owned(),
                ]
            ]
        );
    }

    #[test]
    fn what_cannot_be_checked_is_no_pass() {
        let nothing = summary(&[
            (SidecarStatus::NotApplicable, None, None, None),
            (SidecarStatus::ParseError, None, None, None),
            (
                SidecarStatus::OptionalFieldMissing,
                None,
                Some(1.0),
                Some(0.0),
            ),
        ]);
        let report = check(&nothing, "s.json", &DEMANDS);
        assert_eq!((report.status, report.checks), (Status::Skip, 0));
        insta::assert_snapshot!(report.skip_reasons.join("\n"), @r"
        qwen:Q6_K:COOLDOWN_SKIPPED_MISSING_THERMAL_START
        qwen:Q6_K:VRAM_GUARD_SKIPPED_NOT_APPLICABLE
        qwen:Q6_K:COOLDOWN_SKIPPED_MISSING_THERMAL_START
        qwen:Q6_K:VRAM_GUARD_SKIPPED_PARSE_ERROR
        qwen:Q6_K:COOLDOWN_SKIPPED_MISSING_THERMAL_START
        qwen:Q6_K:VRAM_GUARD_SKIPPED_MISSING_METRICS
        ");
    }
}
