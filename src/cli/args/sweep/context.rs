//! `orket sweep context`.

use clap::Args;

use super::run::MatrixArgs;

/// `orket sweep context`.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "One sweep for each context, with num_ctx set to it, then the ceiling: the largest context\nbelow the first that fails. --vram-profile chooses contexts and thresholds.\nExit codes: 0 a ceiling is there, 1 none or not done, 2 wrong usage, 130 interrupted.\n\nExamples:\n  orket sweep context --model-id scripted:sweep --quant-tags Q8_0 --task-limit 1 \\\n      --contexts 4096 --include-invalid"
)]
pub struct SweepContextArgs {
    /// What is asked for.
    #[command(flatten)]
    pub matrix: MatrixArgs,
    /// Tokens, ascending [default: by --vram-profile]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub contexts: Vec<u32>,
    /// At least this adherence [default: by --vram-profile]
    #[arg(long, value_name = "SHARE")]
    pub adherence_min: Option<f64>,
    /// At most these milliseconds to the first token, 0 for any [default: by --vram-profile]
    #[arg(long, value_name = "MS")]
    pub ttft_ceiling_ms: Option<f64>,
    /// At least these tokens a second, 0 for any [default: by --vram-profile]
    #[arg(long, value_name = "TPS")]
    pub decode_floor_tps: Option<f64>,
    /// Where the ceiling goes [default: OUT_DIR/context_ceiling.json]
    #[arg(long, value_name = "FILE")]
    pub out: Option<String>,
    /// persistent keeps a history, ephemeral does not
    #[arg(long, value_name = "MODE", default_value = "persistent", value_parser = ["persistent", "ephemeral"])]
    pub storage_mode: String,
    /// The folder of the history [default: OUT_DIR/history]
    #[arg(long, value_name = "FOLDER", hide_short_help = true)]
    pub storage_root: Option<String>,
    /// Where the figures come from
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "local",
        hide_short_help = true
    )]
    pub provenance_ref: String,
    /// Go on with sweeps that were stopped
    #[arg(long)]
    pub resume: bool,
}
