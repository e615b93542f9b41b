//! What a record is worth: which figures must be there.
//!
//! Required are those that say whether a row fits and how it ran: memory, temperatures before and after,
//! time to the first token, and both speeds. The Python Orket required kernel launch and model load too,
//! which nothing on a command line measures, and filled them with 0.0.

use super::{SidecarFigures, SidecarRecord, SidecarStatus};
use crate::row::QuantRow;

/// A figure by its name.
pub type Named = (&'static str, Option<f64>);

impl SidecarFigures {
    /// What must be known.
    #[must_use]
    pub const fn required(&self) -> [Named; 7] {
        [
            ("vram_total_mb", self.vram_total_mb),
            ("vram_used_mb", self.vram_used_mb),
            ("ttft_ms", self.ttft_ms),
            ("prefill_tps", self.prefill_tps),
            ("decode_tps", self.decode_tps),
            ("thermal_start_c", self.thermal_start_c),
            ("thermal_end_c", self.thermal_end_c),
        ]
    }

    /// What may be.
    #[must_use]
    pub const fn optional(&self) -> [Named; 7] {
        [
            ("kernel_launch_ms", self.kernel_launch_ms),
            ("model_load_ms", self.model_load_ms),
            ("gpu_clock_mhz", self.gpu_clock_mhz),
            ("power_draw_watts", self.power_draw_watts),
            ("fan_speed_percent", self.fan_speed_percent),
            ("pcie_throughput_gbps", self.pcie_throughput_gbps),
            ("cuda_graph_warmup_ms", self.cuda_graph_warmup_ms),
        ]
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = Named> {
        self.required().into_iter().chain(self.optional())
    }
}

/// The status that figures come to, and `missing:<field>` for each that decides it.
#[must_use]
pub fn of(figures: &SidecarFigures) -> (SidecarStatus, Vec<String>) {
    let missing = |fields: &[Named]| -> Vec<String> {
        fields
            .iter()
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| format!("missing:{name}"))
            .collect()
    };
    let required = missing(&figures.required());
    if !required.is_empty() {
        return (SidecarStatus::RequiredFieldMissing, required);
    }
    let optional = missing(&figures.optional());
    if optional.is_empty() {
        (SidecarStatus::Ok, optional)
    } else {
        (SidecarStatus::OptionalFieldMissing, optional)
    }
}

/// Puts what the runs measured themselves where the hardware's probe could not: time to the first token,
/// speeds, and loading the model. Then the status is taken again.
pub fn complete_from_row(row: &mut QuantRow) {
    let record = &mut row.hardware_sidecar;
    match record.sidecar_parse_status {
        SidecarStatus::NotApplicable | SidecarStatus::ParseError => return,
        SidecarStatus::Ok
        | SidecarStatus::OptionalFieldMissing
        | SidecarStatus::RequiredFieldMissing => {}
    }
    let figures = &mut record.figures;
    figures.ttft_ms = figures.ttft_ms.or(row.ttft_ms);
    figures.prefill_tps = figures.prefill_tps.or(row.prompt_tokens_per_second);
    figures.decode_tps = figures.decode_tps.or(row.generation_tokens_per_second);
    figures.model_load_ms = figures.model_load_ms.or(row
        .init_latency
        .map(|seconds| crate::round::three(seconds * 1000.0)));
    refresh(record);
}

/// Takes the status of a record again, from its figures.
pub fn refresh(record: &mut SidecarRecord) {
    (record.sidecar_parse_status, record.sidecar_parse_errors) = of(&record.figures);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hardware() -> SidecarFigures {
        SidecarFigures {
            vram_total_mb: Some(24_576.0),
            vram_used_mb: Some(9000.0),
            thermal_start_c: Some(40.0),
            thermal_end_c: Some(61.0),
            ..SidecarFigures::default()
        }
    }

    #[test]
    fn the_runs_say_what_the_hardware_cannot() {
        let mut row = QuantRow {
            ttft_ms: Some(120.0),
            prompt_tokens_per_second: Some(900.0),
            generation_tokens_per_second: Some(30.0),
            init_latency: Some(1.5),
            ..QuantRow::default()
        };
        row.hardware_sidecar.figures = hardware();
        refresh(&mut row.hardware_sidecar);
        assert_eq!(
            row.hardware_sidecar.sidecar_parse_errors,
            [
                "missing:ttft_ms",
                "missing:prefill_tps",
                "missing:decode_tps"
            ]
        );
        complete_from_row(&mut row);
        let record = row.hardware_sidecar;
        assert_eq!(
            record.sidecar_parse_status,
            SidecarStatus::OptionalFieldMissing
        );
        assert_eq!(record.figures.model_load_ms, Some(1500.0));
        assert_eq!(record.figures.decode_tps, Some(30.0));
    }

    #[test]
    fn what_is_not_applicable_stays_unknown() {
        let mut row = QuantRow {
            ttft_ms: Some(1.0),
            ..QuantRow::default()
        };
        complete_from_row(&mut row);
        assert_eq!(row.hardware_sidecar, SidecarRecord::default());
    }
}
