//! What the hardware beside a row was seen doing: the record that stands in a row.
//!
//! # Layout
//!
//! - this file: the record and its figures.
//! - [`status`]: what a record is worth.
//! - [`payload`]: what a probe says, read with all the names it may use.
//! - [`probe`], `nvidia`, `amd`: our own probe.
//! - [`watch`]: before and after the runs of a row.
//! - [`policy`]: whether records keep their contract.

mod amd;
pub(crate) mod command;
mod nvidia;
pub mod payload;
pub mod policy;
pub mod probe;
pub mod status;
pub mod watch;

use serde::{Deserialize, Serialize};

pub use status::complete_from_row;

/// The hardware's figures for one row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SidecarRecord {
    /// What they are worth.
    pub sidecar_parse_status: SidecarStatus,
    /// Why: `missing:<field>`, `invalid_format:<what>`, `not_applicable:<why>`.
    pub sidecar_parse_errors: Vec<String>,
    /// Who was asked: `nvidia`, `amd`, `cpu`.
    pub backend: Option<String>,
    /// Where the probe's own words are.
    pub path: Option<String>,
    /// The figures.
    #[serde(flatten)]
    pub figures: SidecarFigures,
}

/// What a probe measures. MB here are MiB, as the vendors' programs mean them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SidecarFigures {
    /// Graphics memory, all cards together.
    pub vram_total_mb: Option<f64>,
    /// Of it in use.
    pub vram_used_mb: Option<f64>,
    /// Milliseconds to the first token.
    pub ttft_ms: Option<f64>,
    /// Tokens read in a second.
    pub prefill_tps: Option<f64>,
    /// Tokens written in a second.
    pub decode_tps: Option<f64>,
    /// The hottest card before, °C.
    pub thermal_start_c: Option<f64>,
    /// The hottest card after, °C.
    pub thermal_end_c: Option<f64>,
    /// Milliseconds to start a kernel.
    pub kernel_launch_ms: Option<f64>,
    /// Milliseconds to load the model.
    pub model_load_ms: Option<f64>,
    /// The slowest card's clock.
    pub gpu_clock_mhz: Option<f64>,
    /// Power, all cards together.
    pub power_draw_watts: Option<f64>,
    /// The fastest fan.
    pub fan_speed_percent: Option<f64>,
    /// Traffic of the bus.
    pub pcie_throughput_gbps: Option<f64>,
    /// Milliseconds to warm CUDA graphs.
    pub cuda_graph_warmup_ms: Option<f64>,
}

/// What a sidecar's figures are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SidecarStatus {
    /// Everything is known.
    Ok,
    /// What must be known is.
    OptionalFieldMissing,
    /// What must be known is not.
    RequiredFieldMissing,
    /// What the probe said cannot be read.
    ParseError,
    /// There is nothing to measure, or nobody asked.
    #[default]
    NotApplicable,
}

impl SidecarStatus {
    /// As it stands in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::OptionalFieldMissing => "OPTIONAL_FIELD_MISSING",
            Self::RequiredFieldMissing => "REQUIRED_FIELD_MISSING",
            Self::ParseError => "PARSE_ERROR",
            Self::NotApplicable => "NOT_APPLICABLE",
        }
    }

    /// Whether a row may count with it.
    #[must_use]
    pub const fn is_acceptable(self) -> bool {
        match self {
            Self::Ok | Self::OptionalFieldMissing | Self::NotApplicable => true,
            Self::RequiredFieldMissing | Self::ParseError => false,
        }
    }
}
