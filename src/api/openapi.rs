//! `/openapi.json`: put together from the handlers themselves.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, Ref,
    ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use super::problem::ProblemBody;

/// What every operation shares: title, keys, and that whatever goes wrong is a problem.
#[must_use]
pub fn finish(mut collected: OpenApi) -> OpenApi {
    let mut schemas = Vec::new();
    ProblemBody::schemas(&mut schemas);
    schemas.push((ProblemBody::name().into_owned(), ProblemBody::schema()));
    let components = ComponentsBuilder::from(collected.components.take().unwrap_or_default())
        .schemas_from_iter(schemas)
        .security_scheme(
            "api_key",
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key"))),
        )
        .security_scheme(
            "bearer",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        )
        .build();
    let problem = ResponseBuilder::new()
        .description("It was not done; `detail` says why, `code` says it as a code")
        .content(
            "application/json",
            ContentBuilder::new()
                .schema(Some(Ref::from_schema_name(ProblemBody::name())))
                .build(),
        )
        .build();
    for item in collected.paths.paths.values_mut() {
        for operation in [
            &mut item.get,
            &mut item.post,
            &mut item.patch,
            &mut item.delete,
            &mut item.put,
        ]
        .into_iter()
        .flatten()
        {
            operation
                .responses
                .responses
                .entry("default".to_owned())
                .or_insert_with(|| problem.clone().into());
        }
    }
    OpenApiBuilder::from(collected)
        .info(
            InfoBuilder::new()
                .title("Orket")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Card-based work done by language models: runs, cards, gates, events.",
                ))
                .license(Some(License::new("MIT OR Apache-2.0")))
                .build(),
        )
        .components(Some(components))
        .build()
}
