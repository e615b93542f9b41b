//! A row of `pending_gate_requests` as a gate that is over: nothing of ours waits for it.

use serde_json::{Value, json};

use crate::finding::Findings;
use crate::row::Row;
use crate::time;

/// The table.
pub const TABLE: &str = "pending_gate_requests";

/// A gate, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// The row's key.
    pub key: String,
    /// The card's key in `issues`.
    pub issue: String,
    /// The seat.
    pub seat: String,
    /// What is asked for.
    pub request_type: String,
    /// Why.
    pub reason: String,
    /// More of it.
    pub payload: Value,
    /// `approved`, `rejected` or `expired`.
    pub status: &'static str,
    /// What was said.
    pub resolution: Value,
    /// When it was asked.
    pub created_ms: Option<i64>,
    /// When it was decided.
    pub resolved_ms: Option<i64>,
}

/// The gate of a row; nothing when it names no card.
pub fn gate(row: &Row, findings: &mut Findings) -> Option<Gate> {
    let place = (TABLE, row.key.as_str());
    let issue = row.text("issue_id")?.to_owned();
    let word = row.text("status").unwrap_or_default().trim();
    let status = match word.to_ascii_lowercase().as_str() {
        "approved" | "approve" => "approved",
        "rejected" | "reject" => "rejected",
        "expired" => "expired",
        _ => {
            findings.note(
                place,
                "status",
                word,
                "expired: no turn waits for it any more",
            );
            "expired"
        }
    };
    let json_of = |column: &str| {
        row.text(column)
            .map(|text| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)))
    };
    let at = |column: &str| row.text(column).and_then(time::parse);
    let words = |column: &str| row.text(column).unwrap_or_default().to_owned();
    Some(Gate {
        key: row.key.clone(),
        issue,
        seat: words("seat_name"),
        request_type: words("request_type"),
        reason: words("reason"),
        payload: json_of("payload_json").unwrap_or_else(|| json!({})),
        status,
        resolution: json!({
            "reason": "imported from the Python Orket 0.3",
            "status": word,
            "resolution": json_of("resolution_json"),
        }),
        created_ms: at("created_at"),
        resolved_ms: at("resolved_at").or_else(|| at("updated_at")),
    })
}
