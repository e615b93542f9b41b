//! The driver, asked over HTTP.

use actix_web::http::StatusCode;
use actix_web::post;
use actix_web::web::{Data, Json};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::Api;
use crate::api::body::Object;
use crate::api::caller::{Caller, Run};
use crate::api::problem::Problem;
use crate::driver::{LONGEST_MESSAGE, Reply, Said, Unserved};

/// The largest body, in bytes: a message of the greatest length, with every byte escaped.
const LARGEST: usize = 128 * 1024;
/// The longest name of a conversation or department, in bytes.
const LONGEST_NAME: usize = 128;
/// When to try again, in seconds.
const RETRY_S: u64 = 5;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(chat);
}

/// A message to the driver.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ChatRequest {
    /// Its text: a command, or plain words. At most 16 KiB.
    #[schema(max_length = 16384)]
    pub message: String,
    /// Names the conversation: a plan that was shown in one is confirmed in it. One for each key when
    /// it is left out.
    #[schema(max_length = 128)]
    pub conversation: Option<String>,
    /// The department that is meant when the message names none; `core` when it is left out.
    #[schema(max_length = 128)]
    pub department: Option<String>,
    /// Carry out a command that changes something at once, instead of showing it as a plan first.
    pub confirm: Option<bool>,
}

/// Say something to the driver. What would change something is shown as a plan first; the message
/// `yes`, or `confirm` with the plan's id, carries it out. Assets are changed only for keys with `admin`.
#[utoipa::path(tag = "system", request_body = ChatRequest, security(("api_key" = ["run"]), ("bearer" = ["run"])),
    responses((status = 200, body = Reply)))]
#[post("/v1/system/chat-driver")]
pub async fn chat(
    caller: Caller<Run>,
    api: Data<Api>,
    body: Object<LARGEST>,
) -> Result<Json<Reply>, Problem> {
    let mut body = body.check();
    let request = ChatRequest {
        message: body.required_text("message"),
        conversation: body.text("conversation"),
        department: body.text("department"),
        confirm: body.flag("confirm"),
    };
    for (name, text, most) in [
        ("message", Some(&request.message), LONGEST_MESSAGE),
        ("conversation", request.conversation.as_ref(), LONGEST_NAME),
        ("department", request.department.as_ref(), LONGEST_NAME),
    ] {
        if text.is_some_and(|text| text.len() > most) {
            let msg = format!("must have at most {most} bytes");
            body.problem(
                name,
                "string_too_long",
                &msg,
                Some(json!({"max_length": most})),
            );
        }
    }
    body.finish()?;
    let said = Said {
        text: request.message,
        // Nobody confirms what was shown to somebody else.
        conversation: format!(
            "{}:{}",
            caller.name,
            request.conversation.unwrap_or_default()
        ),
        by: if caller.is_local {
            "operator (driver)".to_owned()
        } else {
            format!("{} (driver)", caller.name)
        },
        may_write_assets: caller.is_admin,
        department: request.department.filter(|name| !name.is_empty()),
        is_confirmed: request.confirm.unwrap_or(false),
        is_at_desk: false,
        listener: None,
    };
    match api.driver.answer(said).await {
        Ok(reply) => Ok(Json(reply)),
        Err(busy @ Unserved::Busy) => {
            Err(Problem::busy("E_DRIVER_BUSY", busy.to_string(), RETRY_S))
        }
        Err(long @ Unserved::TooLong) => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "E_VALIDATION",
            long.to_string(),
        )),
    }
}
