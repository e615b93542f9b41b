//! Looking at runs: the list, one of them, and whether its record holds.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use orket_actors::port::store::RunStatus;
use orket_core::ids::RunId;
use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::control::run_of;
use super::run_shapes::{RunDetail, session};
use super::seen::Seen;
use super::shapes::Session;
use crate::api::Api;
use crate::api::caller::{Caller, Read};
use crate::api::check::Check;
use crate::api::problem::Problem;
use crate::api::state::blocking;
use crate::evidence::{Evidence, verify_run};
use crate::storage::reader::{SessionFilter, SessionRow};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_runs)
        .service(run_detail)
        .service(run_evidence);
}

/// Stands for the newest run.
const LAST: &str = "last";
/// Checks of evidence at once: each holds a reader of the journal for as long as it takes.
static CHECKS: Semaphore = Semaphore::const_new(2);

/// There is no such run.
pub(super) fn unknown_run(reference: &str) -> Problem {
    Problem::new(
        actix_web::http::StatusCode::NOT_FOUND,
        "E_RUN_UNKNOWN",
        format!("Run '{reference}' not found"),
    )
    .hint("orket runs")
}

/// The run of a path, if there is one: its id, the beginning of it, or `last`.
pub(super) async fn known_run(api: &Api, reference: &str) -> Result<Option<RunId>, Problem> {
    match run_of(&api.service, reference).await {
        Ok(run) => Ok(Some(run)),
        Err(problem) if problem.status() == 404 => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// The run of a path: its id, the beginning of it, or `last`.
pub(super) async fn run_named(api: &Api, reference: &str) -> Result<RunId, Problem> {
    let known = known_run(api, reference).await?;
    known.ok_or_else(|| unknown_run(reference))
}

/// The status that a word of a query means: ours, or the reference's `Started`.
fn status_of(word: &str) -> Option<Vec<RunStatus>> {
    let word = word.trim().to_ascii_lowercase();
    if word == "started" {
        return Some(vec![RunStatus::Queued, RunStatus::Running]);
    }
    RunStatus::parse(&word).map(|status| vec![status])
}

/// The place after a run in the list, as a text that clients hand back.
fn cursor_after(row: &SessionRow) -> String {
    format!("{}-{}", row.started_ms, row.run_id)
}

fn cursor_of(text: &str) -> Option<(i64, String)> {
    let (started_ms, run_id) = text.split_once('-')?;
    let run_id = RunId::new(run_id).ok()?;
    Some((started_ms.parse().ok()?, run_id.to_string()))
}

/// Runs, newest first.
///
/// `X-Next-Cursor` in the answer goes on after the last of them, as `cursor`; it is missing at the
/// end. Transcripts are left out (null); the run itself and its session have them.
#[utoipa::path(tag = "runs", params(
        ("limit" = Option<u64>, Query, description = "At most so many; 10 when left out", minimum = 1, maximum = 1000),
        ("offset" = Option<u64>, Query, description = "Without the first so many", minimum = 0, maximum = 1000000),
        ("cursor" = Option<String>, Query, description = "Those after this place: `X-Next-Cursor` of the answer before"),
        ("status" = Option<String>, Query, description = "`queued`, `running`, `done`, `incomplete`, `terminal_failure`, `failed`, `halted`, `interrupted`, `skipped`; or `Started` for the first two"),
        ("epic" = Option<String>, Query, description = "Of this epic"),
        ("build_id" = Option<String>, Query, description = "Of this build")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])),
    responses((status = 200, body = Vec<Session>, headers(("x-next-cursor" = String, description = "To go on; missing at the end")))))]
#[get("/v1/runs")]
pub async fn list_runs(
    _caller: Caller<Read>,
    api: Data<Api>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Check::query(&request)?;
    let limit = u32::try_from(query.count("limit", 10, 1, 1_000)).unwrap_or(1_000);
    let offset = u32::try_from(query.count("offset", 0, 0, 1_000_000)).unwrap_or(u32::MAX);
    let mut filter = SessionFilter {
        // One more says whether there are more.
        limit: limit.saturating_add(1),
        offset,
        epic: query.text("epic"),
        build_id: query.text("build_id"),
        ..SessionFilter::default()
    };
    if let Some(word) = query.text("status") {
        match status_of(&word) {
            Some(status) => filter.status = status,
            None => {
                let known = RunStatus::ALL.map(RunStatus::as_str).join(", ");
                query.problem(
                    "status",
                    "enum",
                    &format!("must be one of {known} or Started"),
                    None,
                );
            }
        }
    }
    if let Some(text) = query.text("cursor") {
        filter.after = cursor_of(&text);
        if filter.after.is_none() {
            query.problem(
                "cursor",
                "value_error",
                "must be a cursor that this list gave",
                None,
            );
        }
    }
    query.finish()?;
    let mut rows = api.read(move |reader| reader.sessions(&filter)).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_more = rows.len() > limit;
    rows.truncate(limit);
    let sessions: Vec<Session> = rows
        .iter()
        .map(|row| session(row, &api.zone, None))
        .collect();
    let mut response = HttpResponse::Ok();
    if let Some(last) = rows.last().filter(|_| is_more) {
        response.insert_header(("x-next-cursor", cursor_after(last)));
    }
    Ok(response.json(sessions))
}

/// A run with its cards, its ledger and where its files lie.
#[utoipa::path(tag = "runs", params(("id" = String, Path, description = "The run, the beginning of its id, or `last`")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = RunDetail)))]
#[get("/v1/runs/{id}")]
pub async fn run_detail(
    _caller: Caller<Read>,
    api: Data<Api>,
    id: Path<String>,
) -> Result<Json<RunDetail>, Problem> {
    // Mostly it is the whole id, which needs not be looked up first.
    if let Ok(run) = RunId::new(id.as_str())
        && run.as_str() != LAST
        && let Some(seen) = Seen::of(&api, &run).await?
    {
        return Ok(Json(RunDetail::of(seen, &api.zone)));
    }
    let run = run_named(&api, &id).await?;
    let seen = Seen::of(&api, &run).await?;
    let seen = seen.ok_or_else(|| unknown_run(&id))?;
    Ok(Json(RunDetail::of(seen, &api.zone)))
}

/// Whether the record of a run holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunEvidence {
    /// The run.
    run_id: String,
    /// What was found out.
    evidence: Evidence,
}

/// Check the whole record of a run: chain, decisions, transitions, files. Takes as long as the run is
/// large; at most two are checked at once, more are told to come again.
#[utoipa::path(tag = "runs", params(("id" = String, Path, description = "The run, the beginning of its id, or `last`")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = RunEvidence)))]
#[get("/v1/runs/{id}/verify")]
pub async fn run_evidence(
    _caller: Caller<Read>,
    api: Data<Api>,
    id: Path<String>,
) -> Result<Json<RunEvidence>, Problem> {
    let run = run_named(&api, &id).await?;
    let permit = CHECKS
        .try_acquire()
        .map_err(|_| Problem::busy("E_BUSY", "two runs are being checked already", 2))?;
    let reader = api.reader.clone();
    // The permit goes with the work: a client that leaves does not make room for another.
    let (run_id, evidence) = blocking(move || {
        let evidence = verify_run(&reader, &run);
        drop(permit);
        (run.to_string(), evidence)
    })
    .await?;
    Ok(Json(RunEvidence {
        run_id,
        evidence: evidence?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_place_and_nothing_else_is_one() {
        assert_eq!(cursor_of("17-ab-cd"), Some((17, "ab-cd".to_owned())));
        for bad in ["", "17", "x-ab", "17-", "17-../x", "-17"] {
            assert_eq!(cursor_of(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn statuses_are_meant_in_our_words_and_the_reference_s() {
        assert_eq!(status_of("Done"), Some(vec![RunStatus::Done]));
        assert_eq!(
            status_of("Started"),
            Some(vec![RunStatus::Queued, RunStatus::Running])
        );
        assert_eq!(status_of("begun"), None);
    }
}
