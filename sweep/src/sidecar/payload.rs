//! What a probe says, read with all the names it may use.
//!
//! A probe prints one JSON object; other lines may stand before it. A figure is a number, or text that is
//! one, with its unit behind it or not. `null`, `""` and `N/A` are unknown.

use serde_json::{Map, Value};

use super::{SidecarFigures, SidecarRecord, SidecarStatus, status};

/// Names of each figure; the first is ours.
const NAMES: [(&str, &[&str]); 14] = [
    (
        "vram_total_mb",
        &[
            "vram_total",
            "memory_total_mb",
            "memory_total",
            "gpu_memory_total_mb",
        ],
    ),
    (
        "vram_used_mb",
        &[
            "vram_used",
            "memory_used_mb",
            "memory_used",
            "gpu_memory_used_mb",
        ],
    ),
    (
        "ttft_ms",
        &["ttft", "time_to_first_token_ms", "first_token_ms"],
    ),
    (
        "prefill_tps",
        &[
            "prompt_tps",
            "prompt_tokens_per_second",
            "prefill_tokens_per_second",
        ],
    ),
    (
        "decode_tps",
        &[
            "generation_tps",
            "generation_tokens_per_second",
            "decode_tokens_per_second",
        ],
    ),
    (
        "thermal_start_c",
        &["temp_start_c", "temperature_start_c", "thermal_start"],
    ),
    (
        "thermal_end_c",
        &["temp_end_c", "temperature_end_c", "thermal_end"],
    ),
    ("kernel_launch_ms", &["kernel_launch", "launch_ms"]),
    ("model_load_ms", &["load_ms", "model_load"]),
    ("gpu_clock_mhz", &["clock_mhz", "gpu_clock"]),
    ("power_draw_watts", &["power_watts", "power_draw"]),
    ("fan_speed_percent", &["fan_percent", "fan_speed"]),
    ("pcie_throughput_gbps", &["pcie_gbps", "pcie_throughput"]),
    (
        "cuda_graph_warmup_ms",
        &["graph_warmup_ms", "cuda_graph_warmup"],
    ),
];

/// The record of a probe that ended so.
#[must_use]
pub fn read(exit_code: Option<i32>, stdout: &str, stderr: &str) -> SidecarRecord {
    if exit_code != Some(0) {
        return failed(exit_code, stdout, stderr);
    }
    match object(stdout) {
        Some(object) => of_object(&object),
        None => broken("invalid_format:sidecar_payload"),
    }
}

fn failed(exit_code: Option<i32>, stdout: &str, stderr: &str) -> SidecarRecord {
    let said = format!("{stdout}\n{stderr}").to_lowercase();
    for program in ["nvidia-smi", "rocm-smi"] {
        if said.contains(program) {
            return not_applicable(&format!("{program} is not there or sees no card"));
        }
    }
    broken(&match exit_code {
        Some(code) => format!("probe_failed:exit {code}"),
        None => "probe_failed:killed".to_owned(),
    })
}

/// A record without figures, because there is nothing to measure.
#[must_use]
pub fn not_applicable(why: &str) -> SidecarRecord {
    SidecarRecord {
        sidecar_parse_status: SidecarStatus::NotApplicable,
        sidecar_parse_errors: vec![format!("not_applicable:{why}")],
        ..SidecarRecord::default()
    }
}

/// A record without figures, because what was said cannot be read.
#[must_use]
pub fn broken(why: &str) -> SidecarRecord {
    SidecarRecord {
        sidecar_parse_status: SidecarStatus::ParseError,
        sidecar_parse_errors: vec![why.to_owned()],
        ..SidecarRecord::default()
    }
}

/// The whole text as an object, or its last line that is one.
fn object(text: &str) -> Option<Map<String, Value>> {
    if let Ok(Value::Object(object)) = serde_json::from_str(text.trim()) {
        return Some(object);
    }
    text.lines()
        .rev()
        .map(str::trim)
        .find(|line| line.starts_with('{'))
        .and_then(|line| match serde_json::from_str(line) {
            Ok(Value::Object(object)) => Some(object),
            Ok(_) | Err(_) => None,
        })
}

fn of_object(object: &Map<String, Value>) -> SidecarRecord {
    let backend = object.get("backend").and_then(Value::as_str);
    let said_status = object.get("sidecar_parse_status").and_then(Value::as_str);
    if said_status == Some("NOT_APPLICABLE") || backend == Some("cpu") {
        let note = object.get("probe_note").and_then(Value::as_str);
        return SidecarRecord {
            backend: backend.map(str::to_owned),
            ..not_applicable(note.unwrap_or("the probe measures nothing here"))
        };
    }
    let mut figures = SidecarFigures::default();
    let mut unreadable = Vec::new();
    for (name, aliases) in NAMES {
        let said = std::iter::once(&name)
            .chain(aliases)
            .filter_map(|name| object.get(*name))
            .find(|value| !is_unknown(value));
        let Some(said) = said else { continue };
        match number(said) {
            Some(value) => set(&mut figures, name, value),
            None => unreadable.push(format!("invalid_format:{name}")),
        }
    }
    let mut record = SidecarRecord {
        backend: backend.map(str::to_owned),
        figures,
        ..SidecarRecord::default()
    };
    status::refresh(&mut record);
    if !unreadable.is_empty() {
        record.sidecar_parse_status = SidecarStatus::ParseError;
        record.sidecar_parse_errors = unreadable;
    }
    record
}

/// Whether a value says that nothing is known.
fn is_unknown(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => is_unknown_text(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Whether a text says that nothing is known, in the words of the vendors' programs.
#[must_use]
pub fn is_unknown_text(text: &str) -> bool {
    let text = text.trim().trim_matches(['[', ']']).to_lowercase();
    matches!(
        text.as_str(),
        "" | "n/a" | "na" | "null" | "none" | "unknown" | "not supported" | "unknown error"
    )
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text_number(text),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The number that a text begins with, if only a unit follows it.
#[must_use]
pub fn text_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text
        .find(|it: char| !(it.is_ascii_digit() || matches!(it, '.' | '-' | '+')))
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    let unit = unit.trim();
    let is_unit = unit.len() <= 5
        && unit
            .chars()
            .all(|it| it.is_alphabetic() || "%/°".contains(it));
    digits
        .parse::<f64>()
        .ok()
        .filter(|it| it.is_finite() && is_unit)
}

fn set(figures: &mut SidecarFigures, name: &str, value: f64) {
    let field = match name {
        "vram_total_mb" => &mut figures.vram_total_mb,
        "vram_used_mb" => &mut figures.vram_used_mb,
        "ttft_ms" => &mut figures.ttft_ms,
        "prefill_tps" => &mut figures.prefill_tps,
        "decode_tps" => &mut figures.decode_tps,
        "thermal_start_c" => &mut figures.thermal_start_c,
        "thermal_end_c" => &mut figures.thermal_end_c,
        "kernel_launch_ms" => &mut figures.kernel_launch_ms,
        "model_load_ms" => &mut figures.model_load_ms,
        "gpu_clock_mhz" => &mut figures.gpu_clock_mhz,
        "power_draw_watts" => &mut figures.power_draw_watts,
        "fan_speed_percent" => &mut figures.fan_speed_percent,
        "pcie_throughput_gbps" => &mut figures.pcie_throughput_gbps,
        "cuda_graph_warmup_ms" => &mut figures.cuda_graph_warmup_ms,
        _ => return,
    };
    *field = Some(value);
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
