//! The log: what happened, and beginning its file anew.

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, get, post};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::Api;
use crate::api::caller::{Admin, Caller, Read};
use crate::api::check::Check;
use crate::api::datetime::{first_ms, instant, last_ms};
use crate::api::problem::Problem;
use crate::api::state::blocking;
use crate::events::filter::{Filter, Wanted};
use crate::events::table::{Page, Stored, TableError, Wish};
use crate::log::Zone;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(logs).service(clear_logs);
}

/// The largest number that every client can read exactly.
const HIGHEST: u64 = (1 << 53) - 1;

/// One event, for the schema of [`Stored`].
#[derive(Debug, Serialize, ToSchema)]
pub struct LogRecord {
    /// When, in the zone of `ORKET_TIMEZONE`.
    #[schema(example = "2026-11-22T08:06:09.170+00:00")]
    timestamp: String,
    /// Who speaks.
    role: String,
    /// What.
    #[schema(example = "turn_complete")]
    event: String,
    /// Everything else; `runtime_event` is always there.
    #[schema(value_type = Object)]
    data: Value,
    /// The event's number; it rises over restarts.
    seq: u64,
}

/// What was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogFilters {
    /// Only of this run.
    session_id: Option<String>,
    /// Only of this name.
    event: Option<String>,
    /// Only what this role says.
    role: Option<String>,
    /// Not earlier.
    start_time: Option<String>,
    /// Not later.
    end_time: Option<String>,
}

/// Some of the log, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogPage {
    /// The events.
    #[schema(value_type = Vec<LogRecord>)]
    items: Vec<Stored>,
    /// How many are here.
    count: u64,
    /// How many there are in all.
    total: u64,
    /// As asked for.
    limit: u64,
    /// As asked for.
    offset: u64,
    /// As asked for.
    filters: LogFilters,
    /// To go on behind the last one; null at the end.
    next_cursor: Option<u64>,
}

/// What happened, newest first. Times are ISO 8601; without a zone of their own they are in that of
/// `ORKET_TIMEZONE`.
#[utoipa::path(tag = "events", params(
        ("session_id" = Option<String>, Query, description = "Only of this run"),
        ("event" = Option<String>, Query, description = "Only of this name"),
        ("role" = Option<String>, Query, description = "Only what this role says"),
        ("start_time" = Option<String>, Query, description = "Not earlier than this"),
        ("end_time" = Option<String>, Query, description = "Not later than this"),
        ("limit" = Option<u64>, Query, description = "At most so many; 200", minimum = 1, maximum = 2000),
        ("offset" = Option<u64>, Query, description = "Leave out so many", minimum = 0, maximum = 1000000000),
        ("cursor" = Option<u64>, Query, description = "Only those before the event of this number", minimum = 0, maximum = 9007199254740991_i64)),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = LogPage)))]
#[get("/v1/logs")]
pub async fn logs(
    _caller: Caller<Read>,
    api: Data<Api>,
    request: HttpRequest,
) -> Result<Json<LogPage>, Problem> {
    let mut query = Check::query(&request)?;
    let filters = LogFilters {
        session_id: query.text("session_id"),
        event: query.text("event"),
        role: query.text("role"),
        start_time: query.text("start_time"),
        end_time: query.text("end_time"),
    };
    let limit = query.count("limit", 200, 1, 2_000);
    let offset = query.count("offset", 0, 0, 1_000_000_000);
    let cursor = query.optional_count("cursor", 0, HIGHEST);
    query.finish()?;
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let wish = Wish {
        filter: Filter {
            sessions: Wanted::one(filters.session_id.as_deref()),
            events: Wanted::one(filters.event.as_deref()),
            roles: Wanted::one(filters.role.as_deref()),
        },
        from_ms: time(filters.start_time.as_deref(), &api.zone)?.map(first_ms),
        to_ms: time(filters.end_time.as_deref(), &api.zone)?.map(last_ms),
        before: cursor.map(signed),
        offset: signed(offset),
        limit: signed(limit),
    };
    let page = page(&api, wish).await?;
    let last = page.events.last().map(Stored::seq);
    Ok(Json(LogPage {
        count: u64::try_from(page.events.len()).unwrap_or(0),
        total: u64::try_from(page.total).unwrap_or(0),
        limit,
        offset,
        filters,
        next_cursor: last.filter(|_| page.is_more),
        items: page.events,
    }))
}

fn time(given: Option<&str>, zone: &Zone) -> Result<Option<jiff::Timestamp>, Problem> {
    let Some(text) = given else {
        return Ok(None);
    };
    match instant(text, zone) {
        Some(instant) => Ok(Some(instant)),
        None => Err(Problem::bad_request(format!("Invalid datetime: '{text}'"))),
    }
}

async fn page(api: &Api, wish: Wish) -> Result<Page, Problem> {
    let Some(table) = api.events.table().cloned() else {
        return Ok(Page {
            events: Vec::new(),
            total: 0,
            is_more: false,
        });
    };
    // So that whoever did something sees what came of it.
    api.events.settle().await;
    let looked = blocking(move || table.page(&wish)).await?;
    looked.map_err(|error: TableError| {
        tracing::warn!(%error, "the log was not read");
        Problem::busy("E_STORAGE", "the log cannot be read at the moment", 1)
    })
}

/// That the log was begun anew, as far as it could be.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cleared {
    /// Always true.
    ok: bool,
    /// Where the old one is now, below the project's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    rotated_to: Option<String>,
}

/// Begin `orket.log` of the default workspace anew; the old one is kept as a rotated file. Where that is
/// not possible the event `clear_logs_skipped` says why.
#[utoipa::path(tag = "events", security(("api_key" = ["admin"]), ("bearer" = ["admin"])), responses((status = 200, body = Cleared)))]
#[post("/v1/system/clear-logs")]
pub async fn clear_logs(_caller: Caller<Admin>, api: Data<Api>) -> Json<Cleared> {
    let rotated = match &api.log {
        Some(log) => log.rotate().await.map_err(|error| error.to_string()),
        None => Ok(None),
    };
    let rotated_to = match rotated {
        Ok(name) => name.map(|name| {
            let path = api.workspace.join(name);
            let shown = path.strip_prefix(&api.root).unwrap_or(&path);
            shown.display().to_string()
        }),
        Err(error) => {
            api.emit("clear_logs_skipped", None, json!({ "error": error }));
            None
        }
    };
    Json(Cleared {
        ok: true,
        rotated_to,
    })
}
