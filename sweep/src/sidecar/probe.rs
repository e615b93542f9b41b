//! Our own probe: what the vendor's program says of the cards now.
//!
//! One look knows one temperature. Who looks before and after gives both to [`Payload::between`]; a single
//! look leaves the temperature at the start unknown, as it is.

use std::fmt;
use std::io;
use std::process::Command;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{SidecarFigures, SidecarRecord, SidecarStatus, amd, command, nvidia, payload, status};

/// Whose cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// `nvidia-smi` is asked.
    Nvidia,
    /// `rocm-smi` is asked.
    Amd,
    /// None: nothing is measured.
    Cpu,
}

impl Backend {
    /// As it stands in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nvidia => "nvidia",
            Self::Amd => "amd",
            Self::Cpu => "cpu",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Backend {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Nvidia, Self::Amd, Self::Cpu]
            .into_iter()
            .find(|backend| backend.as_str() == text)
            .ok_or_else(|| format!("{text} is none of nvidia, amd and cpu"))
    }
}

/// One look at the cards.
#[derive(Debug, Clone, PartialEq)]
pub enum Look {
    /// What they said; the temperature is at the end.
    Seen(SidecarFigures),
    /// There is nothing to look at, and why.
    Nothing(String),
    /// They said what cannot be read, or nothing in time.
    Unreadable(String),
}

/// Looks at the cards, for at most so long.
#[must_use]
pub fn look(backend: Backend, limit: Duration) -> Look {
    type Read = fn(&str) -> Option<SidecarFigures>;
    let (command, program, read): (Command, &str, Read) = match backend {
        Backend::Nvidia => (nvidia::command(), "nvidia-smi", nvidia::read),
        Backend::Amd => (amd::command(), "rocm-smi", amd::read),
        Backend::Cpu => return Look::Nothing("there is no graphics card to measure".to_owned()),
    };
    let ended = match command::run(command, limit) {
        Ok(ended) => ended,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Look::Nothing(format!("{program} is not installed"));
        }
        Err(error) => return Look::Unreadable(format!("probe_failed:{program}: {error}")),
    };
    if ended.timed_out {
        return Look::Unreadable(format!("probe_failed:{program} took too long"));
    }
    if ended.exit_code != Some(0) {
        let first = ended.stderr.lines().chain(ended.stdout.lines()).next();
        return Look::Nothing(format!(
            "{program} sees no card: {}",
            first.unwrap_or("it says nothing").trim()
        ));
    }
    match read(&ended.stdout) {
        Some(figures) => Look::Seen(figures),
        None => Look::Unreadable("invalid_format:sidecar_payload".to_owned()),
    }
}

/// What the probe prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    /// When, UTC.
    pub probe_generated_at: String,
    /// Whose cards.
    pub backend: Backend,
    /// The model that was at work.
    pub model: String,
    /// Its quantization.
    pub quant: String,
    /// What the figures are worth by themselves.
    pub sidecar_parse_status: SidecarStatus,
    /// Why.
    pub sidecar_parse_errors: Vec<String>,
    /// The figures.
    #[serde(flatten)]
    pub figures: SidecarFigures,
    /// Why there are none.
    #[serde(default)]
    pub probe_note: Option<String>,
}

/// What a probe is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Whose cards.
    pub backend: Backend,
    /// The model that is at work.
    pub model: &'a str,
    /// Its quantization.
    pub quant: &'a str,
    /// Now, UTC.
    pub now: &'a str,
}

impl Payload {
    /// The payload of a look after, and of one before if there was one: memory is the larger of both, the
    /// rest is what is seen after.
    #[must_use]
    pub fn between(subject: &Subject<'_>, before: Option<&SidecarFigures>, after: &Look) -> Self {
        let (record, note) = match after {
            Look::Seen(after) => (seen(before, after), None),
            Look::Nothing(why) => (payload::not_applicable(why), Some(why.clone())),
            Look::Unreadable(why) => (payload::broken(why), Some(why.clone())),
        };
        Self {
            probe_generated_at: subject.now.to_owned(),
            backend: subject.backend,
            model: subject.model.to_owned(),
            quant: subject.quant.to_owned(),
            sidecar_parse_status: record.sidecar_parse_status,
            sidecar_parse_errors: record.sidecar_parse_errors,
            figures: record.figures,
            probe_note: note,
        }
    }

    /// As it stands in a row.
    #[must_use]
    pub fn into_record(self) -> SidecarRecord {
        SidecarRecord {
            sidecar_parse_status: self.sidecar_parse_status,
            sidecar_parse_errors: self.sidecar_parse_errors,
            backend: Some(self.backend.to_string()),
            path: None,
            figures: self.figures,
        }
    }

    /// Whether there is something to measure that could not be.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.sidecar_parse_status == SidecarStatus::ParseError
    }
}

fn seen(before: Option<&SidecarFigures>, after: &SidecarFigures) -> SidecarRecord {
    let mut figures = *after;
    if let Some(before) = before {
        figures.thermal_start_c = before.thermal_end_c;
        figures.vram_used_mb = match (before.vram_used_mb, after.vram_used_mb) {
            (Some(before), Some(after)) => Some(before.max(after)),
            (before, after) => after.or(before),
        };
    }
    let mut record = SidecarRecord {
        figures,
        ..SidecarRecord::default()
    };
    status::refresh(&mut record);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: Subject<'_> = Subject {
        backend: Backend::Nvidia,
        model: "qwen",
        quant: "Q6_K",
        now: "2026-02-21T00:00:00Z",
    };

    fn figures(used: f64, temperature: f64) -> SidecarFigures {
        SidecarFigures {
            vram_total_mb: Some(24_576.0),
            vram_used_mb: Some(used),
            thermal_end_c: Some(temperature),
            ..SidecarFigures::default()
        }
    }

    #[test]
    fn two_looks_know_both_temperatures_and_one_does_not() {
        let after = Look::Seen(figures(8000.0, 61.0));
        let both = Payload::between(&SUBJECT, Some(&figures(9000.0, 40.0)), &after);
        let both = both.figures;
        assert_eq!(
            (both.thermal_start_c, both.thermal_end_c),
            (Some(40.0), Some(61.0))
        );
        assert_eq!(both.vram_used_mb, Some(9000.0));
        let one = Payload::between(&SUBJECT, None, &after);
        assert_eq!(one.figures.thermal_start_c, None);
        assert!(
            one.sidecar_parse_errors
                .contains(&"missing:thermal_start_c".to_owned())
        );
    }

    #[test]
    fn a_processor_measures_nothing_and_says_so() {
        let look = look(Backend::Cpu, Duration::from_secs(1));
        let subject = Subject {
            backend: Backend::Cpu,
            ..SUBJECT
        };
        let said = Payload::between(&subject, None, &look);
        insta::assert_json_snapshot!(said, @r#"
        {
          "probe_generated_at": "2026-02-21T00:00:00Z",
          "backend": "cpu",
          "model": "qwen",
          "quant": "Q6_K",
          "sidecar_parse_status": "NOT_APPLICABLE",
          "sidecar_parse_errors": [
            "not_applicable:there is no graphics card to measure"
          ],
          "vram_total_mb": null,
          "vram_used_mb": null,
          "ttft_ms": null,
          "prefill_tps": null,
          "decode_tps": null,
          "thermal_start_c": null,
          "thermal_end_c": null,
          "kernel_launch_ms": null,
          "model_load_ms": null,
          "gpu_clock_mhz": null,
          "power_draw_watts": null,
          "fan_speed_percent": null,
          "pcie_throughput_gbps": null,
          "cuda_graph_warmup_ms": null,
          "probe_note": "there is no graphics card to measure"
        }
        "#);
        let read = payload::read(Some(0), &serde_json::to_string(&said).unwrap(), "");
        assert_eq!(read.sidecar_parse_status, SidecarStatus::NotApplicable);
    }
}
