//! Which quantizations of a model are worth their memory.
//!
//! - *Target*: the baseline's adherence times the threshold.
//! - *Eligible*: valid (unless invalid rows are let in), adherence at least the target, latency at most the
//!   ceiling. What is not known meets no demand.
//! - *Minimum viable*: the eligible row of the lowest rank; where ranks are equal the one of less memory.
//! - *Best value*: the eligible row with the most adherence for a second; where that is equal the one of
//!   more adherence, then of less latency, then of the higher rank.
//!
//! Where all of that is equal the row that stands first wins. Latencies have three places, so one below a
//! millisecond counts as a millisecond.

use std::cmp::Ordering;

use crate::round::six;
use crate::row::QuantRow;
use crate::summary::EfficiencyFrontier;
use crate::validity;

/// What a row must meet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demands {
    /// The share of the baseline's adherence.
    pub adherence_threshold: f64,
    /// The most seconds.
    pub latency_ceiling: f64,
    /// Whether rows that are not valid may be chosen.
    pub include_invalid: bool,
}

/// The adherence that a row needs, six places; `None` when the baseline's is not known.
#[must_use]
pub fn target(rows: &[QuantRow], baseline: &str, adherence_threshold: f64) -> Option<f64> {
    let baseline = rows.iter().find(|row| row.quant_tag == baseline)?;
    Some(six(baseline.adherence_score? * adherence_threshold))
}

/// Whether a row meets the demands.
#[must_use]
pub fn is_eligible(row: &QuantRow, target: Option<f64>, demands: &Demands) -> bool {
    let adherent = row
        .adherence_score
        .zip(target)
        .is_some_and(|(adherence, target)| adherence >= target);
    let quick = row
        .total_latency
        .is_some_and(|latency| latency <= demands.latency_ceiling);
    (demands.include_invalid || validity::is_valid(row)) && adherent && quick
}

/// The frontier of rows that stand in the order of the matrix.
#[must_use]
pub fn of(rows: &[QuantRow], baseline: &str, demands: &Demands) -> EfficiencyFrontier {
    let target = target(rows, baseline, demands.adherence_threshold);
    let eligible: Vec<&QuantRow> = rows
        .iter()
        .filter(|row| is_eligible(row, target, demands))
        .collect();
    let minimum = first_least(&eligible, smaller).map(|row| row.quant_tag.clone());
    let best = first_least(&eligible, better_value).map(|row| row.quant_tag.clone());
    EfficiencyFrontier {
        adherence_threshold: Some(demands.adherence_threshold),
        latency_ceiling: Some(demands.latency_ceiling),
        reason: reason(rows, target, &eligible, demands),
        optimal_quant_tag: minimum.clone(),
        minimum_viable_quant_tag: minimum,
        best_value_quant_tag: best,
        target_adherence: target,
    }
}

/// The first of those than which none is less.
fn first_least<'a>(
    rows: &[&'a QuantRow],
    order: fn(&QuantRow, &QuantRow) -> Ordering,
) -> Option<&'a QuantRow> {
    // Of equal elements `min_by` returns the first.
    rows.iter().copied().min_by(|a, b| order(a, b))
}

fn smaller(a: &QuantRow, b: &QuantRow) -> Ordering {
    let memory = |row: &QuantRow| row.peak_memory_rss.unwrap_or(f64::INFINITY);
    a.quant_rank
        .cmp(&b.quant_rank)
        .then(memory(a).total_cmp(&memory(b)))
}

fn better_value(a: &QuantRow, b: &QuantRow) -> Ordering {
    let adherence = |row: &QuantRow| row.adherence_score.unwrap_or(0.0);
    let latency = |row: &QuantRow| row.total_latency.unwrap_or(f64::INFINITY).max(0.001);
    let value = |row: &QuantRow| adherence(row) / latency(row);
    value(b)
        .total_cmp(&value(a))
        .then(adherence(b).total_cmp(&adherence(a)))
        .then(latency(a).total_cmp(&latency(b)))
        .then(b.quant_rank.cmp(&a.quant_rank))
}

fn reason(
    rows: &[QuantRow],
    target: Option<f64>,
    eligible: &[&QuantRow],
    demands: &Demands,
) -> String {
    let Some(target) = target else {
        return "the baseline's adherence is not known, so there is nothing to compare with"
            .to_owned();
    };
    let ceiling = demands.latency_ceiling;
    match (eligible.is_empty(), demands.include_invalid) {
        (false, false) => {
            format!("the lowest valid rank with adherence >= {target} and latency <= {ceiling} s")
        }
        (false, true) => format!(
            "the lowest rank with adherence >= {target} and latency <= {ceiling} s, invalid rows included"
        ),
        (true, include_invalid) => {
            let let_in: Vec<_> = rows
                .iter()
                .filter(|row| include_invalid || validity::is_valid(row))
                .collect();
            if let_in.is_empty() {
                return "no row is valid".to_owned();
            }
            let adherent = let_in
                .iter()
                .any(|row| row.adherence_score.is_some_and(|it| it >= target));
            if adherent {
                format!("no row with adherence >= {target} has latency <= {ceiling} s")
            } else {
                format!("no row reaches adherence {target}")
            }
        }
    }
}

#[cfg(test)]
#[path = "frontier_tests.rs"]
mod tests;
