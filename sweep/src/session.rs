//! The rows of one model made into a session: baseline, deltas, frontier, words.

use crate::frontier::{self, Demands};
use crate::row::QuantRow;
use crate::summary::{RecommendationDetail, Session};
use crate::vibe_delta;

/// The quantization of the highest rank; the first of equal ones, `""` for no rows.
#[must_use]
pub fn baseline(rows: &[QuantRow]) -> &str {
    let mut best: Option<&QuantRow> = None;
    for row in rows {
        if best.is_none_or(|best| row.quant_rank > best.quant_rank) {
            best = Some(row);
        }
    }
    best.map_or("", |row| &row.quant_tag)
}

/// A session of rows that stand in the order of the matrix. In it they stand by rank, the highest first.
#[must_use]
pub fn of(model_id: &str, mut rows: Vec<QuantRow>, demands: &Demands) -> Session {
    let baseline_quant = baseline(&rows).to_owned();
    rows.sort_by_key(|row| std::cmp::Reverse(row.quant_rank));
    if let Some(base) = rows
        .iter()
        .find(|row| row.quant_tag == baseline_quant)
        .cloned()
    {
        for row in &mut rows {
            (row.vibe_delta, row.vibe_delta_status) = vibe_delta::of(row, &base);
        }
    }
    let efficiency_frontier = frontier::of(&rows, &baseline_quant, demands);
    let minimum = efficiency_frontier.minimum_viable_quant_tag.clone();
    let best = efficiency_frontier.best_value_quant_tag.clone();
    let recommendation = match (&minimum, &best) {
        (Some(minimum), Some(best)) if minimum == best => {
            format!("{minimum}: the smallest that will do, and the best value here")
        }
        (Some(minimum), Some(best)) => format!(
            "{minimum} is the smallest that will do here; {best} gives the most for a second"
        ),
        _ => format!("none: {}", efficiency_frontier.reason),
    };
    Session {
        model_id: model_id.to_owned(),
        baseline_quant,
        per_quant: rows,
        recommendation_detail: RecommendationDetail {
            minimum_viable_quant: minimum,
            best_value_quant: best,
        },
        efficiency_frontier,
        recommendation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank;
    use crate::telemetry::{RunQuality, TokenStatus};

    fn row(tag: &str, adherence: f64, memory: f64) -> QuantRow {
        QuantRow {
            quant_tag: tag.to_owned(),
            quant_rank: rank::of(tag),
            adherence_score: Some(adherence),
            peak_memory_rss: Some(memory),
            total_latency: Some(1.0),
            run_quality_status: RunQuality::Clean,
            token_metrics_status: TokenStatus::Ok,
            valid: true,
            ..QuantRow::default()
        }
    }

    #[test]
    fn rows_are_compared_with_the_one_of_the_highest_rank() {
        let rows = vec![
            row("Q4_K_M", 0.75, 1600.0),
            row("Q6_K", 0.98, 2300.0),
            row("Q8_0", 1.0, 3000.0),
        ];
        let demands = Demands {
            adherence_threshold: 0.95,
            latency_ceiling: 10.0,
            include_invalid: false,
        };
        let session = of("qwen", rows, &demands);
        let deltas: Vec<_> = session
            .per_quant
            .iter()
            .map(|row| (row.quant_tag.as_str(), row.vibe_delta))
            .collect();
        assert_eq!(
            deltas,
            [
                ("Q8_0", Some(0.0)),
                ("Q6_K", Some(0.029)),
                ("Q4_K_M", Some(0.183))
            ]
        );
        assert_eq!(session.baseline_quant, "Q8_0");
        assert_eq!(
            session.recommendation,
            "Q6_K is the smallest that will do here; Q8_0 gives the most for a second"
        );
    }

    #[test]
    fn of_equal_ranks_the_first_is_the_baseline() {
        let rows = [
            row("F16", 1.0, 1.0),
            row("BF16", 1.0, 1.0),
            row("mystery", 1.0, 1.0),
        ];
        assert_eq!(baseline(&rows), "F16");
        assert_eq!(baseline(&rows[2..]), "mystery");
        assert_eq!(baseline(&[]), "");
    }
}
