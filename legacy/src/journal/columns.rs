//! Our rows as they are written, and as they are read again: one type for both, so that comparing is
//! `==`.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Nullable, Text};

/// A row of `runs`.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub(super) struct RunColumns {
    #[diesel(sql_type = Text)]
    pub(super) run_id: String,
    #[diesel(sql_type = Text)]
    pub(super) build_id: String,
    #[diesel(sql_type = Text)]
    pub(super) epic: String,
    #[diesel(sql_type = Text)]
    pub(super) status: String,
    #[diesel(sql_type = BigInt)]
    pub(super) started_at: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) ended_at: Option<i64>,
    #[diesel(sql_type = Text)]
    pub(super) summary_json: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) rock: Option<String>,
}

/// A row of `cards` with its row of `card_definitions`.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub(super) struct CardColumns {
    #[diesel(sql_type = BigInt)]
    pub(super) card_row: i64,
    #[diesel(sql_type = Text)]
    pub(super) run_id: String,
    #[diesel(sql_type = Text)]
    pub(super) build_id: String,
    #[diesel(sql_type = Text)]
    pub(super) card_id: String,
    #[diesel(sql_type = BigInt)]
    pub(super) position: i64,
    #[diesel(sql_type = Text)]
    pub(super) status: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) wait_reason: Option<String>,
    #[diesel(sql_type = BigInt)]
    pub(super) updated_at: i64,
    #[diesel(sql_type = Text)]
    pub(super) life_json: String,
    #[diesel(sql_type = BigInt)]
    pub(super) created_at: i64,
    #[diesel(sql_type = Text)]
    pub(super) kind: String,
    #[diesel(sql_type = Text)]
    pub(super) seat: String,
    #[diesel(sql_type = Text)]
    pub(super) summary: String,
    #[diesel(sql_type = Text)]
    pub(super) note: String,
    #[diesel(sql_type = Double)]
    pub(super) priority: f64,
    #[diesel(sql_type = BigInt)]
    pub(super) max_retries: i64,
    #[diesel(sql_type = Text)]
    pub(super) depends_on_json: String,
    #[diesel(sql_type = Text)]
    pub(super) verification_json: String,
    #[diesel(sql_type = Text)]
    pub(super) plan_json: String,
}

/// A row of `comments`.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub(super) struct CommentColumns {
    #[diesel(sql_type = BigInt)]
    pub(super) card: i64,
    #[diesel(sql_type = Text)]
    pub(super) key: String,
    #[diesel(sql_type = Text)]
    pub(super) author: String,
    #[diesel(sql_type = Text)]
    pub(super) content: String,
    #[diesel(sql_type = BigInt)]
    pub(super) at: i64,
}

/// A row of `card_events`.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub(super) struct EventColumns {
    #[diesel(sql_type = BigInt)]
    pub(super) seq: i64,
    #[diesel(sql_type = Text)]
    pub(super) run_id: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) card: Option<i64>,
    #[diesel(sql_type = Text)]
    pub(super) kind: String,
    #[diesel(sql_type = Text)]
    pub(super) data_json: String,
    #[diesel(sql_type = BigInt)]
    pub(super) at: i64,
}

/// A row of `gates`.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub(super) struct GateColumns {
    #[diesel(sql_type = BigInt)]
    pub(super) id: i64,
    #[diesel(sql_type = Text)]
    pub(super) run_id: String,
    #[diesel(sql_type = BigInt)]
    pub(super) card: i64,
    #[diesel(sql_type = Text)]
    pub(super) card_id: String,
    #[diesel(sql_type = Text)]
    pub(super) seat: String,
    #[diesel(sql_type = Text)]
    pub(super) request_type: String,
    #[diesel(sql_type = Text)]
    pub(super) reason: String,
    #[diesel(sql_type = Text)]
    pub(super) payload_json: String,
    #[diesel(sql_type = Text)]
    pub(super) status: String,
    #[diesel(sql_type = Text)]
    pub(super) resolution_json: String,
    #[diesel(sql_type = BigInt)]
    pub(super) created_at: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) resolved_at: Option<i64>,
}

/// A number.
#[derive(QueryableByName)]
pub(super) struct Count {
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
}

/// Everything that was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) runs: Vec<RunColumns>,
    pub(super) cards: Vec<CardColumns>,
    pub(super) comments: Vec<CommentColumns>,
    pub(super) events: Vec<EventColumns>,
    pub(super) gates: Vec<GateColumns>,
}
