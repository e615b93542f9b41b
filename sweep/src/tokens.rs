//! Tokens and times of a run, summed over its turns.
//!
//! A sum is known only when every part is: nine turns of ten would be a figure for something else.

use crate::round::{three, two};
use crate::statistics::count;
use crate::telemetry::{
    TokenAudit, TokenCounts, TokenLatencies, TokenMetrics, TokenStatus, TokenThroughput,
};

/// What the model's server said of one turn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TurnTokens {
    /// Tokens asked.
    pub prompt_tokens: Option<u64>,
    /// Tokens answered.
    pub output_tokens: Option<u64>,
    /// Seconds of reading the prompt.
    pub prefill_seconds: Option<f64>,
    /// Seconds of writing the answer.
    pub decode_seconds: Option<f64>,
    /// Seconds from question to the end of the answer.
    pub total_seconds: Option<f64>,
}

/// The status of what is known.
#[must_use]
pub const fn status(counts_known: bool, timings_known: bool) -> TokenStatus {
    match (counts_known, timings_known) {
        (true, true) => TokenStatus::Ok,
        (true, false) => TokenStatus::TimingUnavailable,
        (false, true) => TokenStatus::TokenCountUnavailable,
        (false, false) => TokenStatus::TokenAndTimingUnavailable,
    }
}

/// The metrics of a run. One without turns has none.
#[must_use]
pub fn of_turns(turns: &[TurnTokens], audit: TokenAudit) -> TokenMetrics {
    let prompt_tokens = whole_sum(turns.iter().map(|turn| turn.prompt_tokens));
    let output_tokens = whole_sum(turns.iter().map(|turn| turn.output_tokens));
    let prefill = seconds(turns.iter().map(|turn| turn.prefill_seconds));
    let decode = seconds(turns.iter().map(|turn| turn.decode_seconds));
    let total = seconds(turns.iter().map(|turn| turn.total_seconds));
    TokenMetrics {
        status: status(
            prompt_tokens.is_some() && output_tokens.is_some(),
            prefill.is_some() && decode.is_some(),
        ),
        counts: TokenCounts {
            prompt_tokens,
            output_tokens,
            total_tokens: prompt_tokens
                .zip(output_tokens)
                .map(|(prompt, output)| prompt.saturating_add(output)),
        },
        latencies: TokenLatencies {
            prefill_seconds: prefill.map(three),
            decode_seconds: decode.map(three),
            total_turn_seconds: total.map(three),
        },
        throughput: TokenThroughput {
            prompt_tokens_per_second: throughput(prompt_tokens, prefill),
            generation_tokens_per_second: throughput(output_tokens, decode),
        },
        audit,
    }
}

/// Seconds that the model worked: prefill and decode, three places.
#[must_use]
pub fn model_seconds(turns: &[TurnTokens]) -> Option<f64> {
    let prefill = seconds(turns.iter().map(|turn| turn.prefill_seconds))?;
    let decode = seconds(turns.iter().map(|turn| turn.decode_seconds))?;
    Some(three(prefill + decode))
}

/// Tokens per second, two places; `None` without a time to divide by.
#[must_use]
pub fn throughput(tokens: Option<u64>, seconds: Option<f64>) -> Option<f64> {
    let (tokens, seconds) = (tokens?, seconds?);
    (seconds > 0.0).then(|| two(count(tokens) / seconds))
}

fn whole_sum(values: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    let mut values = values.peekable();
    values.peek()?;
    values.try_fold(0_u64, |sum, value| Some(sum.saturating_add(value?)))
}

fn seconds(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut values = values.peekable();
    values.peek()?;
    values.try_fold(0.0, |sum, value| {
        value
            .filter(|it| it.is_finite() && *it >= 0.0)
            .map(|value| sum + value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(tokens: Option<u64>, seconds: Option<f64>) -> TurnTokens {
        TurnTokens {
            prompt_tokens: tokens,
            output_tokens: tokens,
            prefill_seconds: seconds,
            decode_seconds: seconds,
            total_seconds: seconds,
        }
    }

    #[test]
    fn turns_add_up() {
        let turns = [turn(Some(10), Some(0.5)), turn(Some(5), Some(0.25))];
        let metrics = of_turns(&turns, TokenAudit::default());
        insta::assert_json_snapshot!(metrics, @r#"
        {
          "status": "OK",
          "counts": {
            "prompt_tokens": 15,
            "output_tokens": 15,
            "total_tokens": 30
          },
          "latencies": {
            "prefill_seconds": 0.75,
            "decode_seconds": 0.75,
            "total_turn_seconds": 0.75
          },
          "throughput": {
            "prompt_tokens_per_second": 20.0,
            "generation_tokens_per_second": 20.0
          },
          "audit": {
            "raw_usage": null,
            "raw_timings": null
          }
        }
        "#);
        assert_eq!(model_seconds(&turns), Some(1.5));
    }

    #[test]
    fn a_turn_that_says_nothing_leaves_the_sum_unknown() {
        let said = turn(Some(10), Some(0.5));
        let of = |turns: &[TurnTokens]| of_turns(turns, TokenAudit::default());
        let statuses = [
            of(&[said.clone(), turn(None, Some(0.5))]),
            of(&[said.clone(), turn(Some(1), None)]),
            of(&[said, turn(None, None)]),
            of(&[]),
        ]
        .map(|metrics| (metrics.status, metrics.counts.total_tokens));
        assert_eq!(
            statuses,
            [
                (TokenStatus::TokenCountUnavailable, None),
                (TokenStatus::TimingUnavailable, Some(22)),
                (TokenStatus::TokenAndTimingUnavailable, None),
                (TokenStatus::TokenAndTimingUnavailable, None),
            ]
        );
    }

    #[test]
    fn no_time_is_no_speed() {
        assert_eq!(throughput(Some(10), Some(0.0)), None);
        assert_eq!(throughput(Some(10), Some(3.0)), Some(3.33));
    }
}
