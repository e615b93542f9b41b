//! What happened to a card, as lines in `ORKET_TIMEZONE`.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, get};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use orket_core::artifact::rfc3339;
use orket_core::card_life::GUARD_TERMINAL;
use serde_json::Value;
use utoipa_actix_web::service_config::ServiceConfig;

use super::cards::{Part, Which};
use super::cards_shapes::{CardHistory, GuardEntry, GuardHistory};
use crate::api::Api;
use crate::api::caller::{Caller, Read};
use crate::api::check::Check;
use crate::api::problem::Problem;
use crate::log::Zone;
use crate::storage::reader::{HistoryKind, HistoryRow};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(history).service(guard_history);
}

/// What happened to a card, oldest first.
#[utoipa::path(tag = "cards", params(
        ("id" = String, Path, description = "The card"),
        ("build_id" = Option<String>, Query, description = "Its build, where not the newest is meant"),
        ("session_id" = Option<String>, Query, description = "A run of its build"),
        ("limit" = Option<u64>, Query, description = "At most so many (500)", minimum = 1, maximum = 1000),
        ("cursor" = Option<i64>, Query, description = "Those after this `next_cursor`", minimum = 0)),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = CardHistory)))]
#[get("/v1/cards/{id}/history")]
pub async fn history(
    _caller: Caller<Read>,
    api: Data<Api>,
    id: Path<String>,
    request: HttpRequest,
) -> Result<Json<CardHistory>, Problem> {
    let mut query = Check::query(&request)?;
    let which = Which::of(&mut query);
    let part = Part::of(&mut query);
    query.finish()?;
    let (after, wanted) = (part.after, part.wanted());
    let mut found = which
        .read(&api, &id, move |reader, row| {
            reader.card_history(row, HistoryKind::Everything, after, wanted)
        })
        .await?;
    let next_cursor = part.cut(&mut found, |entry| entry.seq);
    Ok(Json(CardHistory {
        card_id: id.into_inner(),
        history: found.iter().map(|entry| line(entry, &api.zone)).collect(),
        next_cursor,
    }))
}

/// What happened between a card and its guard, oldest first.
#[utoipa::path(tag = "cards", params(
        ("id" = String, Path, description = "The card"),
        ("build_id" = Option<String>, Query, description = "Its build, where not the newest is meant"),
        ("session_id" = Option<String>, Query, description = "A run of its build"),
        ("limit" = Option<u64>, Query, description = "At most so many (500)", minimum = 1, maximum = 1000),
        ("cursor" = Option<i64>, Query, description = "Those after this `next_cursor`", minimum = 0)),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = GuardHistory)))]
#[get("/v1/cards/{id}/guard-history")]
pub async fn guard_history(
    _caller: Caller<Read>,
    api: Data<Api>,
    id: Path<String>,
    request: HttpRequest,
) -> Result<Json<GuardHistory>, Problem> {
    let mut query = Check::query(&request)?;
    let which = Which::of(&mut query);
    let part = Part::of(&mut query);
    query.finish()?;
    let (after, wanted) = (part.after, part.wanted());
    let (mut found, counts) = which
        .read(&api, &id, move |reader, row| {
            let entries = reader.card_history(row, HistoryKind::Guard, after, wanted)?;
            Ok((entries, reader.guard_counts(row)?))
        })
        .await?;
    let next_cursor = part.cut(&mut found, |entry| entry.seq);
    let items: Vec<GuardEntry> = found
        .iter()
        .map(|entry| guard_entry(entry, &api.zone))
        .collect();
    Ok(Json(GuardHistory {
        card_id: id.into_inner(),
        count: items.len(),
        items,
        summary: counts.into(),
        next_cursor,
    }))
}

fn guard_entry(entry: &HistoryRow, zone: &Zone) -> GuardEntry {
    let data = data(entry);
    let terminal_failure = entry.reason.as_deref() == Some(GUARD_TERMINAL);
    GuardEntry {
        timestamp: Some(minute(zone, entry.at_ms)),
        actor: Some(actor(entry, &data)),
        action: action(entry, &data),
        guard_status: entry.to.clone().filter(|_| !terminal_failure),
        terminal_failure,
        at: rfc3339(entry.at_ms),
    }
}

fn line(entry: &HistoryRow, zone: &Zone) -> String {
    let data = data(entry);
    let (actor, action) = (actor(entry, &data), action(entry, &data));
    format!("{}: {actor} -> {action}", minute(zone, entry.at_ms))
}

fn data(entry: &HistoryRow) -> Value {
    let text = entry.data_json.as_deref().unwrap_or("null");
    serde_json::from_str(text).unwrap_or_default()
}

/// A role, `scheduler`, `operator`, or who else it was.
fn actor(entry: &HistoryRow, data: &Value) -> String {
    let named = || data.get("by").and_then(Value::as_str);
    entry
        .by
        .as_deref()
        .or_else(named)
        .unwrap_or("system")
        .to_owned()
}

fn action(entry: &HistoryRow, data: &Value) -> String {
    match (entry.kind.as_str(), &entry.to) {
        ("status", Some(to)) => {
            let mut text = format!("Set Status to '{to}'");
            if let Some(from) = &entry.from {
                text.push_str(&format!(" (from '{from}')"));
            }
            if let Some(reason) = entry.reason.as_deref().filter(|reason| !reason.is_empty()) {
                text.push_str(&format!(" reason='{reason}'"));
            }
            text
        }
        ("card_archived", _) => match data.get("reason").and_then(Value::as_str) {
            Some(reason) if !reason.is_empty() => format!("Archived card ({reason})"),
            Some(_) | None => "Archived card".to_owned(),
        },
        ("card_unarchived", _) => match data.get("reason").and_then(Value::as_str) {
            Some(reason) if !reason.is_empty() => format!("Unarchived card ({reason})"),
            Some(_) | None => "Unarchived card".to_owned(),
        },
        (kind, _) if data.is_null() => kind.to_owned(),
        (kind, _) => format!("{kind} meta={data}"),
    }
}

/// `MM/DD/YYYY hh:mmAM` in a zone.
fn minute(zone: &Zone, unix_ms: i64) -> String {
    let east_ms = i64::from(zone.minutes_at(unix_ms.div_euclid(1_000))) * 60_000;
    let local = Timestamp::from_millisecond(unix_ms.saturating_add(east_ms)).unwrap_or_default();
    TimeZone::UTC
        .to_datetime(local)
        .strftime("%m/%d/%Y %I:%M%p")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: &str) -> HistoryRow {
        HistoryRow {
            seq: 1,
            kind: kind.to_owned(),
            from: None,
            to: None,
            reason: None,
            by: None,
            data_json: None,
            at_ms: 1_795_334_690_500,
        }
    }

    #[test]
    fn a_line_says_when_who_and_what() {
        let status = HistoryRow {
            from: Some("ready".to_owned()),
            to: Some("in_progress".to_owned()),
            reason: Some("turn_dispatch".to_owned()),
            by: Some("coder".to_owned()),
            ..entry("status")
        };
        assert_eq!(
            line(&status, &Zone::Utc),
            "11/22/2026 08:04AM: coder -> Set Status to 'in_progress' (from 'ready') reason='turn_dispatch'"
        );
        let archived = HistoryRow {
            data_json: Some(r#"{"by":"Ada","reason":"too old"}"#.to_owned()),
            ..entry("card_archived")
        };
        let east = Zone::Fixed {
            minutes: 5 * 60 + 30,
        };
        assert_eq!(
            line(&archived, &east),
            "11/22/2026 01:34PM: Ada -> Archived card (too old)"
        );
        let west = Zone::Fixed { minutes: -9 * 60 };
        assert_eq!(
            line(&entry("odd"), &west),
            "11/21/2026 11:04PM: system -> odd"
        );
    }
}
