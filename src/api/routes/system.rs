//! About the machine and the calendar.

use actix_web::get;
use actix_web::web::{Data, Json};
use orket_core::artifact::rfc3339;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::Api;
use crate::api::calendar::Sprint;
use crate::api::caller::{Caller, Read};
use crate::api::problem::Problem;
use crate::owner::host::wall_ms;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(machine_metrics).service(sprint_calendar);
}

/// How busy the machine is.
#[derive(Debug, Serialize, ToSchema)]
pub struct MachineMetrics {
    /// The share of processor time in use since the last time somebody asked, all processors
    /// together.
    #[schema(minimum = 0, maximum = 100)]
    cpu_percent: f64,
    /// The share of memory in use.
    #[schema(minimum = 0, maximum = 100)]
    ram_percent: f64,
    /// Graphics memory in use, GiB; 0 where there is none to be asked.
    #[schema(minimum = 0)]
    vram_gb_used: f64,
    /// Graphics memory, GiB; 0 where there is none to be asked.
    #[schema(minimum = 0)]
    vram_total_gb: f64,
    /// UTC.
    timestamp: String,
    /// The same as `cpu_percent`.
    cpu: f64,
    /// The same as `ram_percent`.
    memory: f64,
}

/// How busy the machine is.
#[utoipa::path(tag = "system", security(("api_key" = ["read"]), ("bearer" = ["read"])),
    responses((status = 200, body = MachineMetrics)))]
#[get("/v1/system/metrics")]
pub async fn machine_metrics(_caller: Caller<Read>, api: Data<Api>) -> Json<MachineMetrics> {
    let machine = &api.machine;
    let (cpu, memory, graphics) =
        tokio::join!(machine.processors(), machine.memory(), machine.graphics());
    Json(MachineMetrics {
        cpu_percent: cpu,
        ram_percent: memory,
        vram_gb_used: graphics.used,
        vram_total_gb: graphics.total,
        timestamp: rfc3339(wall_ms()),
        cpu,
        memory,
    })
}

/// The sprint of today.
#[derive(Debug, Serialize, ToSchema)]
pub struct Calendar {
    /// Quarter and sprint.
    #[schema(example = "Q1 S7")]
    current_sprint: String,
    /// Its Monday.
    #[schema(example = "2026-02-09")]
    sprint_start: String,
    /// Its Friday.
    #[schema(example = "2026-02-13")]
    sprint_end: String,
    /// The year of its week (ISO 8601).
    year: i16,
    /// From 1 to 4.
    quarter: u8,
    /// From 1 to 13; 14 in the last quarter of a year of 53 weeks.
    sprint: u8,
}

/// The sprint of today, in the zone of `ORKET_TIMEZONE`: a week of the ISO calendar, thirteen a
/// quarter.
#[utoipa::path(tag = "system", security(("api_key" = ["read"]), ("bearer" = ["read"])),
    responses((status = 200, body = Calendar)))]
#[get("/v1/system/calendar")]
pub async fn sprint_calendar(
    _caller: Caller<Read>,
    api: Data<Api>,
) -> Result<Json<Calendar>, Problem> {
    let day = api.zone.day(wall_ms());
    let sprint = Sprint::of(day).ok_or_else(|| Problem::internal(format!("no week has {day}")))?;
    Ok(Json(Calendar {
        current_sprint: sprint.to_string(),
        sprint_start: sprint.start.to_string(),
        sprint_end: sprint.end.to_string(),
        year: sprint.year,
        quarter: sprint.quarter,
        sprint: sprint.number,
    }))
}
