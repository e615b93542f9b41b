//! Shares: of turns that failed, of cards that the guard refused. Nothing counted is no share, not a
//! share of nothing.

use serde::Serialize;

/// Shares of a report, from 0 to 1, rounded to six places; `null` where nothing of the kind happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Rates {
    /// Failed attempts at turns, of all that were begun.
    pub turn_failure: Option<f64>,
    /// Stalled attempts at turns, of all that were begun.
    pub turn_stall: Option<f64>,
    /// Turns that came to no end in the log, of all that were begun: under way, or of a process that died.
    pub turn_unfinished: Option<f64>,
    /// Retries, of all turns that were begun.
    pub retry: Option<f64>,
    /// Guard decisions other than `guard_approved`, of all guard decisions.
    pub guard_refusal: Option<f64>,
    /// Runs that ended other than `done`, of all that ended.
    pub run_failure: Option<f64>,
}

/// `part` of `whole`.
pub(super) fn share(part: u64, whole: u64) -> Option<f64> {
    if whole == 0 {
        return None;
    }
    // Counts of log lines lie far below 2^53.
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "see above"
    )]
    let share = part as f64 / whole as f64;
    Some((share * 1e6).round() / 1e6)
}
