//! How far the figures of a sweep can be trusted.
//!
//! A row weighs as much as it has runs, at least 1. Rates have six places, and are `None` where there is
//! nothing to take a share of.

use crate::frontier::{self, Demands};
use crate::round::six;
use crate::row::QuantRow;
use crate::statistics::count;
use crate::summary::{Session, StabilityKpis, Summary};
use crate::telemetry::TokenStatus;
use crate::validity;

/// The figures of a summary.
#[must_use]
pub fn of(summary: &Summary) -> StabilityKpis {
    of_sessions(&summary.sessions)
}

/// The figures of sessions.
#[must_use]
pub fn of_sessions(sessions: &[Session]) -> StabilityKpis {
    let rows: Vec<&QuantRow> = sessions.iter().flat_map(|it| &it.per_quant).collect();
    let all = weight_of(&rows, |_| true);
    let share = |part: u64, whole: u64| (whole > 0).then(|| six(count(part) / count(whole)));
    let successful = sessions.iter().filter(|it| succeeds(it)).count();
    let number = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    StabilityKpis {
        determinism_rate: determinism(&rows),
        missing_telemetry_rate: share(
            weight_of(&rows, |row| row.token_metrics_status != TokenStatus::Ok),
            all,
        ),
        polluted_run_rate: share(weight_of(&rows, |row| !validity::is_valid(row)), all),
        frontier_success_rate: share(number(successful), number(sessions.len())),
        quant_rows: number(rows.len()),
        sessions: number(sessions.len()),
        weighted_runs: all,
    }
}

fn weight(row: &QuantRow) -> u64 {
    row.test_runs.max(1)
}

fn weight_of(rows: &[&QuantRow], counts: impl Fn(&QuantRow) -> bool) -> u64 {
    rows.iter()
        .filter(|row| counts(row))
        .map(|row| weight(row))
        .fold(0, u64::saturating_add)
}

/// The weighted mean over rows where it is known.
fn determinism(rows: &[&QuantRow]) -> Option<f64> {
    let mut sum = 0.0;
    let mut weights = 0_u64;
    for row in rows {
        if let Some(rate) = row.determinism_rate {
            sum += rate * count(weight(row));
            weights = weights.saturating_add(weight(row));
        }
    }
    (weights > 0).then(|| six(sum / count(weights)))
}

/// Whether a valid row of it is eligible; one that invalid rows alone could be chosen from is not.
fn succeeds(session: &Session) -> bool {
    let frontier = &session.efficiency_frontier;
    let (Some(adherence_threshold), Some(latency_ceiling)) =
        (frontier.adherence_threshold, frontier.latency_ceiling)
    else {
        // A summary that does not say what was demanded: what it chose is all there is.
        return session.per_quant.iter().any(|row| {
            frontier.minimum_viable_quant_tag.as_deref() == Some(&row.quant_tag)
                && validity::is_valid(row)
        });
    };
    let demands = Demands {
        adherence_threshold,
        latency_ceiling,
        include_invalid: false,
    };
    let rows = &session.per_quant;
    let target = frontier::target(rows, &session.baseline_quant, adherence_threshold);
    rows.iter()
        .any(|row| frontier::is_eligible(row, target, &demands))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session;
    use crate::telemetry::RunQuality;

    const DEMANDS: Demands = Demands {
        adherence_threshold: 0.95,
        latency_ceiling: 10.0,
        include_invalid: true,
    };

    fn row(tag: &str, runs: u64, determinism: Option<f64>, quality: RunQuality) -> QuantRow {
        QuantRow {
            quant_tag: tag.to_owned(),
            quant_rank: crate::rank::of(tag),
            adherence_score: Some(1.0),
            total_latency: Some(1.0),
            test_runs: runs,
            determinism_rate: determinism,
            run_quality_status: quality,
            token_metrics_status: TokenStatus::Ok,
            ..QuantRow::default()
        }
    }

    #[test]
    fn rows_weigh_as_much_as_they_have_runs() {
        let mut silent = row("Q4_0", 1, Some(1.0), RunQuality::Clean);
        silent.token_metrics_status = TokenStatus::TimingUnavailable;
        let sessions = [
            session::of(
                "a",
                vec![
                    row("Q8_0", 3, Some(1.0), RunQuality::Clean),
                    row("Q6_K", 2, Some(0.5), RunQuality::Polluted),
                    row("Q5_0", 0, None, RunQuality::Clean),
                ],
                &DEMANDS,
            ),
            session::of("b", vec![silent], &DEMANDS),
        ];
        insta::assert_json_snapshot!(of_sessions(&sessions), @r#"
        {
          "determinism_rate": 0.833333,
          "missing_telemetry_rate": 0.142857,
          "polluted_run_rate": 0.428571,
          "frontier_success_rate": 0.5,
          "quant_rows": 4,
          "sessions": 2,
          "weighted_runs": 7
        }
        "#);
    }

    #[test]
    fn of_nothing_nothing_is_known() {
        assert_eq!(of_sessions(&[]), StabilityKpis::default());
        let once = [session::of(
            "a",
            vec![row("Q8_0", 1, None, RunQuality::Clean)],
            &DEMANDS,
        )];
        assert_eq!(of_sessions(&once).determinism_rate, None);
    }
}
