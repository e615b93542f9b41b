//! Whether the server lives, and which one it is.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::Api;
use crate::api::caller::{Caller, Read};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(health).service(version);
}

/// That the server lives.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
    /// Always `Orket`.
    #[schema(example = "Orket")]
    organization: &'static str,
}

/// Whether the server lives. Needs no key.
#[utoipa::path(tag = "health", responses((status = 200, body = Health)))]
#[get("/health")]
pub async fn health() -> Json<Health> {
    Json(Health {
        status: "ok",
        organization: "Orket",
    })
}

/// Which server it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Version {
    /// Orket's version.
    version: &'static str,
    /// The version of the routes.
    #[schema(example = "v1")]
    api: &'static str,
}

/// Which version of Orket this is.
#[utoipa::path(tag = "health", security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = Version)))]
#[get("/v1/version")]
pub async fn version(_caller: Caller<Read>, _api: Data<Api>) -> Json<Version> {
    Json(Version {
        version: env!("CARGO_PKG_VERSION"),
        api: "v1",
    })
}
