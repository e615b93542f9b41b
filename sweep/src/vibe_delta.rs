//! What a quantization costs: adherence lost for each GiB of memory saved, against the baseline.

use crate::round::three;
use crate::row::QuantRow;
use crate::telemetry::VibeDeltaStatus;

/// `max(0, base adherence − adherence) / ((base MiB − MiB) / 1024)`, three places, and what it means:
/// 0 for the baseline itself, `None` where no memory is saved or something is not known.
#[must_use]
pub fn of(row: &QuantRow, baseline: &QuantRow) -> (Option<f64>, VibeDeltaStatus) {
    if row.quant_tag == baseline.quant_tag {
        return (Some(0.0), VibeDeltaStatus::Baseline);
    }
    let known = row
        .adherence_score
        .zip(baseline.adherence_score)
        .zip(row.peak_memory_rss.zip(baseline.peak_memory_rss));
    let Some(((adherence, base_adherence), (memory, base_memory))) = known else {
        return (None, VibeDeltaStatus::Unknown);
    };
    let saved_gib = (base_memory - memory) / 1024.0;
    if saved_gib <= 0.0 {
        return (None, VibeDeltaStatus::NoMemorySaved);
    }
    let lost = (base_adherence - adherence).max(0.0);
    (Some(three(lost / saved_gib)), VibeDeltaStatus::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(tag: &str, adherence: Option<f64>, memory: Option<f64>) -> QuantRow {
        QuantRow {
            quant_tag: tag.to_owned(),
            adherence_score: adherence,
            peak_memory_rss: memory,
            ..QuantRow::default()
        }
    }

    #[test]
    fn the_reference_s_vector() {
        let base = row("Q8_0", Some(1.0), Some(3000.0));
        let rows = [
            row("Q8_0", Some(1.0), Some(3000.0)),
            row("Q6_K", Some(0.98), Some(2300.0)),
            row("Q4_K_M", Some(0.75), Some(1600.0)),
            row("Q5_0", Some(1.0), Some(2000.0)),
            row("Q4_0", Some(0.9), Some(3000.0)),
            row("Q3_K", None, Some(1000.0)),
            row("Q2_K", Some(0.1), None),
        ];
        assert_eq!(
            rows.map(|row| of(&row, &base)),
            [
                (Some(0.0), VibeDeltaStatus::Baseline),
                (Some(0.029), VibeDeltaStatus::Ok),
                (Some(0.183), VibeDeltaStatus::Ok),
                (Some(0.0), VibeDeltaStatus::Ok),
                (None, VibeDeltaStatus::NoMemorySaved),
                (None, VibeDeltaStatus::Unknown),
                (None, VibeDeltaStatus::Unknown),
            ]
        );
    }
}
