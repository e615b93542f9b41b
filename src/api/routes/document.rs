//! The description of this API, for programs and for people.

use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::server::Document;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(openapi).service(docs);
}

/// The OpenAPI 3.1 document of this server. Needs no key.
#[utoipa::path(tag = "health", responses((status = 200, description = "The document", body = serde_json::Value)))]
#[get("/openapi.json")]
pub async fn openapi(document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(document.text.clone())
}

/// A page to read and try this API, from the server itself. Needs no key.
#[utoipa::path(tag = "health", responses((status = 303, description = "To the page")))]
#[get("/docs")]
pub async fn docs() -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, "/docs/"))
        .finish()
}
