//! What one run of one task measured. Seconds, MiB, and shares from 0 to 1; `None` is unknown.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lane::{Lane, VramProfile};

/// The telemetry of one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Telemetry {
    /// Where it ran.
    pub execution_lane: Lane,
    /// How much graphics memory it might take.
    pub vram_profile: VramProfile,
    /// Seconds until the model was ready.
    pub init_latency: Option<f64>,
    /// Seconds of the whole run.
    pub total_latency: Option<f64>,
    /// The most memory that the model took, MiB.
    pub peak_memory_rss: Option<f64>,
    /// Constraint checks and examples that passed, of all of them; `None` when there were none.
    pub adherence_score: Option<f64>,
    /// Seconds that the model worked: prefill and decode.
    pub internal_model_seconds: Option<f64>,
    /// The share of the run in which the model did not work.
    pub orchestration_overhead_ratio: Option<f64>,
    /// Whether the figures may be compared with others.
    pub run_quality_status: RunQuality,
    /// Why not, sorted.
    pub run_quality_reasons: Vec<QualityReason>,
    /// The machine before it.
    pub system_load_start: SystemLoad,
    /// The machine after it.
    pub system_load_end: SystemLoad,
    /// What was held still.
    pub experimental_controls: Controls,
    /// Whether tokens and times are known.
    pub token_metrics_status: TokenStatus,
    /// Tokens and times.
    pub token_metrics: TokenMetrics,
    /// What is known of the answer's making.
    pub vibe_metrics: VibeMetrics,
}

/// Whether figures may be compared with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RunQuality {
    /// Nothing is known that speaks against it.
    Clean,
    /// Something speaks against it. What was not looked at is not clean.
    #[default]
    Polluted,
}

impl RunQuality {
    /// As it stands in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "CLEAN",
            Self::Polluted => "POLLUTED",
        }
    }
}

/// Why figures are polluted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum QualityReason {
    /// `MISSING_TOKEN_TIMINGS`: the token status is not OK.
    MissingTokenTimings,
    /// `MISSING_EXPERIMENTAL_CONTROLS`: seed, threads or affinity are not set.
    MissingExperimentalControls,
    /// `HIGH_CPU_SATURATION`: the processor was busy for 90 % of the time or more.
    HighCpuSaturation,
    /// `HIGH_SYSTEM_LOAD`: more work was waiting than there are cores.
    HighSystemLoad,
    /// `HIGH_ORCHESTRATION_OVERHEAD`: more than a quarter of the time was not the model's.
    HighOrchestrationOverhead,
    /// `MISSING_TELEMETRY`: the run said nothing that could be read.
    MissingTelemetry,
    /// What another runner said.
    Other(String),
}

impl QualityReason {
    /// As it stands in files.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::MissingTokenTimings => "MISSING_TOKEN_TIMINGS",
            Self::MissingExperimentalControls => "MISSING_EXPERIMENTAL_CONTROLS",
            Self::HighCpuSaturation => "HIGH_CPU_SATURATION",
            Self::HighSystemLoad => "HIGH_SYSTEM_LOAD",
            Self::HighOrchestrationOverhead => "HIGH_ORCHESTRATION_OVERHEAD",
            Self::MissingTelemetry => "MISSING_TELEMETRY",
            Self::Other(text) => text,
        }
    }
}

impl From<String> for QualityReason {
    fn from(text: String) -> Self {
        match text.as_str() {
            "MISSING_TOKEN_TIMINGS" => Self::MissingTokenTimings,
            "MISSING_EXPERIMENTAL_CONTROLS" => Self::MissingExperimentalControls,
            "HIGH_CPU_SATURATION" => Self::HighCpuSaturation,
            "HIGH_SYSTEM_LOAD" => Self::HighSystemLoad,
            "HIGH_ORCHESTRATION_OVERHEAD" => Self::HighOrchestrationOverhead,
            "MISSING_TELEMETRY" => Self::MissingTelemetry,
            _ => Self::Other(text),
        }
    }
}

impl From<QualityReason> for String {
    fn from(reason: QualityReason) -> Self {
        reason.as_str().to_owned()
    }
}

impl fmt::Display for QualityReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl PartialOrd for QualityReason {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for QualityReason {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

/// How busy the machine was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SystemLoad {
    /// Percent of all cores, 0 to 100.
    pub cpu_percent: Option<f64>,
    /// Processes that ran or waited, over a minute.
    pub load_1m: Option<f64>,
    /// Cores.
    pub core_count: Option<u32>,
}

/// What was held still between runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Controls {
    /// The seed of sampling.
    pub seed: Option<u64>,
    /// Threads of the model server.
    pub threads: Option<u32>,
    /// Which cores may be used; `none` says that the system chooses.
    pub affinity_policy: Option<String>,
    /// Questions asked before measuring begins.
    pub warmup_steps: Option<u32>,
    /// Tokens of context.
    pub context_window: Option<u32>,
    /// The temperature of sampling.
    pub temperature: Option<f64>,
}

impl Controls {
    /// Whether seed, threads and affinity are set. Zero threads and an empty policy are how files of the
    /// Python Orket say that they are not.
    #[must_use]
    pub fn are_complete(&self) -> bool {
        self.seed.is_some()
            && self.threads.is_some_and(|threads| threads > 0)
            && self
                .affinity_policy
                .as_deref()
                .is_some_and(|policy| !policy.trim().is_empty())
    }
}

/// Whether tokens and times of a run are known. Later ones are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TokenStatus {
    /// Both.
    Ok,
    /// Tokens are, times are not.
    TimingUnavailable,
    /// Times are, tokens are not.
    TokenCountUnavailable,
    /// Neither.
    #[default]
    TokenAndTimingUnavailable,
}

impl TokenStatus {
    /// As it stands in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::TimingUnavailable => "TIMING_UNAVAILABLE",
            Self::TokenCountUnavailable => "TOKEN_COUNT_UNAVAILABLE",
            Self::TokenAndTimingUnavailable => "TOKEN_AND_TIMING_UNAVAILABLE",
        }
    }
}

/// Tokens and times, summed over the turns of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenMetrics {
    /// What is known.
    pub status: TokenStatus,
    /// Tokens.
    pub counts: TokenCounts,
    /// Seconds.
    pub latencies: TokenLatencies,
    /// Tokens per second, two places.
    pub throughput: TokenThroughput,
    /// As the model's server put it.
    pub audit: TokenAudit,
}

/// Tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenCounts {
    /// Asked.
    pub prompt_tokens: Option<u64>,
    /// Answered.
    pub output_tokens: Option<u64>,
    /// Both.
    pub total_tokens: Option<u64>,
}

/// Seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenLatencies {
    /// Reading the prompt.
    pub prefill_seconds: Option<f64>,
    /// Writing the answer.
    pub decode_seconds: Option<f64>,
    /// From question to the end of the answer.
    pub total_turn_seconds: Option<f64>,
}

/// Tokens per second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenThroughput {
    /// Reading.
    pub prompt_tokens_per_second: Option<f64>,
    /// Writing.
    pub generation_tokens_per_second: Option<f64>,
}

/// What the model's server said, word for word.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenAudit {
    /// Of tokens.
    pub raw_usage: serde_json::Value,
    /// Of times.
    pub raw_timings: serde_json::Value,
}

/// What is known of the answer's making.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VibeMetrics {
    /// Population variance of the seconds of its turns.
    pub latency_variance: Option<f64>,
    /// The share of lines that are code.
    pub code_density: Option<f64>,
    /// Times that the model was asked again.
    pub gen_retries: Option<u64>,
    /// Always unknown for one run: it compares rows.
    pub vibe_delta: Option<f64>,
    /// Says so.
    pub vibe_delta_status: VibeDeltaStatus,
}

/// What a vibe delta means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum VibeDeltaStatus {
    /// It is a number to compare.
    Ok,
    /// It is zero because the row is what others are compared with.
    Baseline,
    /// There is none: the row takes no less memory.
    NoMemorySaved,
    /// There is none: adherence or memory is not known.
    #[default]
    #[serde(alias = "")]
    Unknown,
}
