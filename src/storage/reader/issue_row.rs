//! A card as lists show it, and what of the journal it is made of.

use std::borrow::Cow;

use orket_core::artifact::rfc3339;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::storage::schema::{card_definitions, cards};

/// A card in a list: what the table `issues` of the reference has, and what ours knows beyond it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IssueRow {
    /// The card.
    pub id: String,
    /// The run that it belongs to now.
    pub session_id: String,
    /// Its build.
    pub build_id: String,
    /// Its seat.
    pub seat: String,
    /// Its title.
    pub summary: String,
    /// `issue`, `epic`, `rock`, `utility` or `app`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Larger is sooner; a number as text.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String, example = "2.0")]
    pub priority: f64,
    /// Not kept; always null.
    pub sprint: Option<String>,
    /// How it stands.
    pub status: String,
    /// The seat that has it, once it was begun.
    pub assignee: Option<String>,
    /// Why it is not done, else the operator's remark.
    pub note: Option<String>,
    /// Not kept; always null.
    pub resolution: Option<String>,
    /// Not kept; always 0. `tokens` says what was spent.
    pub credits_spent: f64,
    /// Failed attempts forgiven so far.
    pub retry_count: u32,
    /// How many are forgiven.
    pub max_retries: i64,
    /// `verification` as JSON text.
    pub verification_json: String,
    /// `metrics` as JSON text.
    pub metrics_json: &'static str,
    /// `depends_on` as JSON text.
    pub depends_on_json: String,
    /// When it was made.
    #[serde(serialize_with = "as_time")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: i64,
    /// Its fixture: `{fixture_path, scenarios, last_run}`.
    #[schema(value_type = Object)]
    pub verification: Box<RawValue>,
    /// Not kept; always empty.
    #[schema(value_type = Object)]
    pub metrics: serde_json::Map<String, serde_json::Value>,
    /// Cards of the same build that must be done before.
    pub depends_on: Vec<String>,
    /// Why it waits.
    pub wait_reason: Option<String>,
    /// The code of what blocked it.
    pub code: Option<String>,
    /// The turn it is at, from 1; 0 before the first.
    pub turn: i64,
    /// Tokens spent on it.
    pub tokens: i64,
    /// When it last changed.
    #[serde(serialize_with = "as_time")]
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn as_text<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{number:?}"))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn as_time<S: Serializer>(unix_ms: &i64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&rfc3339(*unix_ms))
}

/// What a list reads of a card.
pub(super) type Listed = (CardColumns, DefinitionColumns);
/// Row, run, build, card, status, wait reason, turn, tokens, updated, life.
type CardColumns = (
    i64,
    String,
    String,
    String,
    String,
    Option<String>,
    i64,
    i64,
    i64,
    String,
);
/// Created, kind, seat, summary, note, priority, retries, dependencies, verification.
type DefinitionColumns = (
    i64,
    String,
    String,
    String,
    String,
    f64,
    i64,
    String,
    String,
);

type Columns = (
    (
        cards::row,
        cards::run_id,
        cards::build_id,
        cards::card_id,
        cards::status,
        cards::wait_reason,
        cards::turn,
        cards::tokens,
        cards::updated_at,
        cards::life_json,
    ),
    (
        card_definitions::created_at,
        card_definitions::kind,
        card_definitions::seat,
        card_definitions::summary,
        card_definitions::note,
        card_definitions::priority,
        card_definitions::max_retries,
        card_definitions::depends_on_json,
        card_definitions::verification_json,
    ),
);

/// The columns of [`Listed`].
pub(super) const LISTED: Columns = (
    (
        cards::row,
        cards::run_id,
        cards::build_id,
        cards::card_id,
        cards::status,
        cards::wait_reason,
        cards::turn,
        cards::tokens,
        cards::updated_at,
        cards::life_json,
    ),
    (
        card_definitions::created_at,
        card_definitions::kind,
        card_definitions::seat,
        card_definitions::summary,
        card_definitions::note,
        card_definitions::priority,
        card_definitions::max_retries,
        card_definitions::depends_on_json,
        card_definitions::verification_json,
    ),
);

/// What a list reads of `life_json`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Life<'a> {
    #[serde(borrow)]
    note: Cow<'a, str>,
    code: Option<String>,
    retries: u32,
}

/// A card as it is listed. What cannot be read of its JSON is left empty: one damaged card does not
/// hide the others.
pub(super) fn issue_row(stored: Listed) -> IssueRow {
    let (card, definition) = stored;
    let (_, session_id, build_id, id, status, wait_reason, turn, tokens, updated_at, life) = card;
    let (created_at, kind, seat, summary, note, priority, max_retries, depends_on, verification) =
        definition;
    let life: Life<'_> = serde_json::from_str(&life).unwrap_or_default();
    let note = if life.note.is_empty() {
        note
    } else {
        life.note.into_owned()
    };
    let (depends_on_json, depends_on) = match depends_on.as_str() {
        "[]" => (depends_on, Vec::new()),
        text => match serde_json::from_str(text) {
            Ok(list) => (depends_on, list),
            Err(_) => ("[]".to_owned(), Vec::new()),
        },
    };
    let (verification_json, verification) = object(verification);
    IssueRow {
        assignee: (turn > 0).then(|| seat.clone()),
        id,
        session_id,
        build_id,
        seat,
        summary,
        kind,
        priority,
        sprint: None,
        status,
        note: Some(note).filter(|note| !note.is_empty()),
        resolution: None,
        credits_spent: 0.0,
        retry_count: life.retries,
        max_retries,
        verification_json,
        metrics_json: "{}",
        depends_on_json,
        created_at,
        verification,
        metrics: serde_json::Map::new(),
        depends_on,
        wait_reason,
        code: life.code,
        turn,
        tokens,
        updated_at,
    }
}

/// A text that is a JSON object, as text and as JSON; the empty object when it is none.
fn object(text: String) -> (String, Box<RawValue>) {
    match serde_json::from_str::<Box<RawValue>>(&text) {
        Ok(raw) if raw.get().starts_with('{') => (text, raw),
        _ => {
            let empty = "{}".to_owned();
            let raw = RawValue::from_string(empty.clone()).unwrap_or_default();
            (empty, raw)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(depends_on: &str, verification: &str, life: &str) -> Listed {
        let text = str::to_owned;
        (
            (
                7,
                text("R"),
                text("B"),
                text("C"),
                text("blocked"),
                None,
                1,
                5,
                0,
                text(life),
            ),
            (
                0,
                text("issue"),
                text("coder"),
                text("Do C"),
                text("mind"),
                3.0,
                2,
                text(depends_on),
                text(verification),
            ),
        )
    }

    #[test]
    fn a_card_whose_json_is_damaged_is_listed_without_it() {
        let row = issue_row(listed("[\"A\",", "]", "{"));
        let shown = serde_json::to_value(&row).unwrap();
        assert_eq!(shown["depends_on"], serde_json::json!([]));
        assert_eq!(shown["depends_on_json"], "[]");
        assert_eq!(shown["verification"], serde_json::json!({}));
        assert_eq!(shown["verification_json"], "{}");
        assert_eq!(
            (&shown["note"], &shown["retry_count"]),
            (&"mind".into(), &0.into())
        );
    }

    #[test]
    fn a_card_shows_what_stopped_it_before_the_operator_s_remark() {
        let life = r#"{"status":"blocked","note":"no \"luck\"","code":"E_X","retries":2}"#;
        let row = issue_row(listed(r#"["A","B"]"#, r#"{"fixture_path":null}"#, life));
        let shown = serde_json::to_value(&row).unwrap();
        assert_eq!(shown["note"], "no \"luck\"");
        assert_eq!(shown["priority"], "3.0");
        assert_eq!(shown["created_at"], "1970-01-01T00:00:00.000+00:00");
        assert_eq!(shown["depends_on"], serde_json::json!(["A", "B"]));
        assert_eq!(
            shown["verification"],
            serde_json::json!({"fixture_path": null})
        );
        assert_eq!(row.retry_count, 2);
    }
}
