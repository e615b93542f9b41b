//! What the turns of a run spent, by role and model.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::attempts::{Attempt, page};

/// See the file's head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TokenSummary {
    /// The run.
    pub session_id: String,
    /// All tokens of its attempts, failed ones too.
    pub total_tokens: u64,
    /// How many attempts have ended.
    pub turn_count: usize,
    /// By role.
    pub by_role: Vec<RoleTokens>,
    /// By model.
    pub by_model: Vec<ModelTokens>,
    /// By role and model.
    pub by_role_model: Vec<RoleModelTokens>,
    /// Attempt by attempt.
    pub turns: Vec<TurnTokens>,
    /// To go on with `turns` after the last of these; null at the end.
    pub next_cursor: Option<i64>,
}

/// Tokens of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RoleTokens {
    /// The role.
    pub role: String,
    /// Tokens read and written.
    pub tokens_total: u64,
}

/// Tokens of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ModelTokens {
    /// The model, lower-case; `unknown` where none was asked.
    pub model: String,
    /// Tokens read and written.
    pub tokens_total: u64,
}

/// Tokens of a model in a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RoleModelTokens {
    /// The role.
    pub role: String,
    /// The model, lower-case; `unknown` where none was asked.
    pub model: String,
    /// Tokens read and written.
    pub tokens_total: u64,
}

/// Tokens of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TurnTokens {
    /// What log events call the turn.
    pub turn_trace_id: String,
    /// The card.
    pub issue_id: String,
    /// The card's turn, from 1.
    pub turn_index: u32,
    /// The try, from 1.
    pub attempt: u32,
    /// The role.
    pub role: String,
    /// The model, lower-case; `unknown` where none was asked.
    pub model: String,
    /// `succeeded`, `failed`, `stalled` or `abandoned`.
    pub status: String,
    /// Tokens read and written.
    pub tokens_total: u64,
}

fn model_word(attempt: &Attempt) -> String {
    let model = attempt.model.as_deref().unwrap_or("unknown");
    model.to_lowercase()
}

/// Sums up attempts that have ended, in the order of lists. Nothing when `after` is none of them.
#[must_use]
pub fn token_summary(
    session_id: &str,
    attempts: &[Attempt],
    after: Option<i64>,
    limit: usize,
) -> Option<TokenSummary> {
    let mut by_role: BTreeMap<&str, u64> = BTreeMap::new();
    let mut by_model: BTreeMap<String, u64> = BTreeMap::new();
    let mut by_role_model: BTreeMap<(&str, String), u64> = BTreeMap::new();
    let mut total_tokens = 0_u64;
    for attempt in attempts {
        let model = model_word(attempt);
        let sums = [
            by_role.entry(&attempt.role).or_default(),
            by_model.entry(model.clone()).or_default(),
            by_role_model.entry((&attempt.role, model)).or_default(),
            &mut total_tokens,
        ];
        for sum in sums {
            *sum = sum.saturating_add(attempt.tokens);
        }
    }
    let (shown, next_cursor) = page(attempts, after, limit)?;
    Some(TokenSummary {
        session_id: session_id.to_owned(),
        total_tokens,
        turn_count: attempts.len(),
        by_role: by_role
            .into_iter()
            .map(|(role, tokens_total)| RoleTokens {
                role: role.to_owned(),
                tokens_total,
            })
            .collect(),
        by_model: by_model
            .into_iter()
            .map(|(model, tokens_total)| ModelTokens {
                model,
                tokens_total,
            })
            .collect(),
        by_role_model: by_role_model
            .into_iter()
            .map(|((role, model), tokens_total)| RoleModelTokens {
                role: role.to_owned(),
                model,
                tokens_total,
            })
            .collect(),
        turns: shown
            .iter()
            .map(|attempt| TurnTokens {
                turn_trace_id: attempt.trace_id(),
                issue_id: attempt.issue_id.clone(),
                turn_index: attempt.turn_index,
                attempt: attempt.attempt,
                role: attempt.role.clone(),
                model: model_word(attempt),
                status: attempt.status.clone(),
                tokens_total: attempt.tokens,
            })
            .collect(),
        next_cursor,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::attempts::in_order;
    use super::*;

    fn attempt(row: i64, turn: u32, role: &str, model: Option<&str>, tokens: u64) -> Attempt {
        Attempt {
            row,
            run_id: "TOK-1".to_owned(),
            issue_id: "ISS-1".to_owned(),
            turn_index: turn,
            attempt: 1,
            role: role.to_owned(),
            model: model.map(str::to_owned),
            status: "succeeded".to_owned(),
            tokens,
            at_ms: row,
        }
    }

    #[test]
    fn case_42_two_turns_are_summed_by_role_and_model() {
        let mut attempts = [
            attempt(2, 2, "integrity_guard", Some("Llama3.1:8b"), 10),
            attempt(1, 1, "coder", Some("qwen2.5-coder:14b"), 25),
        ];
        in_order(&mut attempts);
        let summary = json!(token_summary("TOK-1", &attempts, None, 1_000).unwrap());
        assert_eq!(summary["total_tokens"], 35);
        assert_eq!(summary["turn_count"], 2);
        assert_eq!(
            summary["by_role"],
            json!([{"role": "coder", "tokens_total": 25}, {"role": "integrity_guard", "tokens_total": 10}])
        );
        assert_eq!(
            summary["by_model"],
            json!([{"model": "llama3.1:8b", "tokens_total": 10},
                   {"model": "qwen2.5-coder:14b", "tokens_total": 25}])
        );
        assert_eq!(
            summary["by_role_model"],
            json!([{"role": "coder", "model": "qwen2.5-coder:14b", "tokens_total": 25},
                   {"role": "integrity_guard", "model": "llama3.1:8b", "tokens_total": 10}])
        );
        assert_eq!(
            summary["turns"][0],
            json!({"turn_trace_id": "TOK-1:ISS-1:coder:1", "issue_id": "ISS-1", "turn_index": 1,
                   "attempt": 1, "role": "coder", "model": "qwen2.5-coder:14b", "status": "succeeded",
                   "tokens_total": 25})
        );
        assert_eq!(summary["turns"][1]["model"], "llama3.1:8b");
    }

    #[test]
    fn a_turn_that_asked_nobody_has_an_unknown_model() {
        let attempts = [attempt(1, 1, "coder", None, 0)];
        let summary = token_summary("TOK-1", &attempts, None, 10).unwrap();
        assert_eq!(summary.turns[0].model, "unknown");
        assert_eq!(summary.by_model[0].model, "unknown");
    }

    #[test]
    fn pages_go_on_where_the_last_one_ended_and_sums_are_of_all() {
        let mut attempts: Vec<Attempt> = (1..=5)
            .map(|row| attempt(6 - row, 1, "coder", None, 1))
            .collect();
        in_order(&mut attempts);
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let summary = token_summary("TOK-1", &attempts, after, 2).unwrap();
            assert_eq!((summary.total_tokens, summary.turn_count), (5, 5));
            rows.push(summary.turns.len());
            after = summary.next_cursor;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(rows, [2, 2, 1]);
        assert!(token_summary("TOK-1", &attempts, Some(77), 2).is_none());
    }
}
