//! What is answered when something is not done: `{"detail", "code", "request_id", "hint"?}`.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::request_id;
use crate::owner::service::Refusal;

/// An error as it is answered. `detail` is text, or a list of what is wrong with the request (422),
/// or an object where the route says so.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProblemBody {
    /// What is wrong.
    #[schema(value_type = ProblemDetail)]
    pub detail: Value,
    /// As a code: `E_…`; docs/errors has a page on each.
    #[schema(example = "E_NOT_FOUND")]
    pub code: String,
    /// Finds the request in the server's log; also in the header `X-Request-Id`.
    pub request_id: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What a [`ProblemBody`] says; for the schema only.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum ProblemDetail {
    /// In words.
    Words(String),
    /// Each field that is wrong.
    Fields(Vec<FieldProblem>),
    /// More than words.
    More(serde_json::Map<String, Value>),
}

/// One field of a request that is not what it must be.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// Its kind: `missing`, `string_type`, `greater_than_equal`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Where: `["query", "limit"]`, `["body", "path"]`.
    #[schema(value_type = Vec<Value>)]
    pub loc: Vec<Value>,
    /// In words.
    pub msg: String,
    /// What was given.
    pub input: Value,
    /// The bound that was missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctx: Option<Value>,
}

/// Fields that one answer lists as wrong.
pub const MOST_FIELDS: usize = 50;
/// Bytes that are shown of what was given, about.
const MOST_INPUT: usize = 512;

/// What was given, or what it is when that is long.
#[must_use]
pub fn glimpse(value: &Value) -> Value {
    if weight(value, MOST_INPUT).is_some() {
        return value.clone();
    }
    match value {
        Value::String(text) => {
            let end = text.floor_char_boundary(MOST_INPUT);
            Value::String(format!("{}…", text.get(..end).unwrap_or_default()))
        }
        Value::Array(items) => Value::String(format!("a list of {}", items.len())),
        Value::Object(fields) => Value::String(format!("an object of {} fields", fields.len())),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// What is left of `budget`; `None` when the value is longer.
fn weight(value: &Value, budget: usize) -> Option<usize> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => budget.checked_sub(8),
        Value::String(text) => budget.checked_sub(text.len()),
        Value::Array(items) => items
            .iter()
            .try_fold(budget.checked_sub(2)?, |left, item| weight(item, left)),
        Value::Object(fields) => {
            let mut fields = fields.iter();
            fields.try_fold(budget.checked_sub(2)?, |left, (name, item)| {
                weight(item, left.checked_sub(name.len())?)
            })
        }
    }
}

/// Why a request was not served. One word wide: most requests have none.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    code: String,
    detail: Value,
    hint: Option<String>,
    retry_after_s: Option<u64>,
    /// For the server's log only.
    cause: Option<String>,
    /// The request's id, where it is answered outside of it.
    request_id: Option<String>,
}

impl Problem {
    /// With a status, a code and words.
    pub fn new(status: StatusCode, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            code: code.into(),
            detail: Value::String(detail.into()),
            hint: None,
            retry_after_s: None,
            cause: None,
            request_id: None,
        }))
    }

    /// 404: there is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "E_NOT_FOUND", detail)
    }

    /// 400: the request cannot mean anything.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "E_BAD_REQUEST", detail)
    }

    /// 403: this may not be done.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "E_FORBIDDEN", detail)
    }

    /// 409: things stand otherwise.
    pub fn conflict(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 503: not now; the client should try again after so many seconds.
    pub fn busy(code: impl Into<String>, detail: impl Into<String>, retry_after_s: u64) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail);
        problem.0.retry_after_s = Some(retry_after_s);
        problem
    }

    /// 500: something broke. `cause` goes to the log, not to the client.
    pub fn internal(cause: impl fmt::Display) -> Self {
        let mut problem = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "E_INTERNAL",
            "something broke on the server; its log says what, under this request_id",
        );
        problem.0.cause = Some(cause.to_string());
        problem
    }

    /// 422 with a list of fields.
    ///
    /// At most [`MOST_FIELDS`] of them are listed, and of what was given no more than a glimpse: an answer
    /// is not to be larger than what was asked.
    #[must_use]
    pub fn fields(fields: &[FieldProblem]) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "E_VALIDATION", "");
        let listed = fields.iter().take(MOST_FIELDS).map(|field| {
            json!(FieldProblem {
                input: glimpse(&field.input),
                ..field.clone()
            })
        });
        let mut listed: Vec<Value> = listed.collect();
        if let Some(more) = fields.get(MOST_FIELDS) {
            listed.push(json!(FieldProblem {
                kind: "too_many_problems".to_owned(),
                loc: more.loc.iter().take(1).cloned().collect(),
                msg: format!("and more: only {MOST_FIELDS} are listed"),
                input: Value::Null,
                ctx: None,
            }));
        }
        problem.0.detail = Value::Array(listed);
        problem
    }

    /// With an object, or anything else, as detail.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        self.0.detail = detail;
        self
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// With a time after which trying again makes sense.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// Keeps the id of the request that is being served, for an answer that is made outside of it.
    #[must_use]
    pub fn of_this_request(mut self) -> Self {
        self.0.request_id = Some(request_id::current());
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// As a response of its own, for where there is no handler to return it from. `allow` are the
    /// verbs that a 405 names.
    #[must_use]
    pub fn response(&self, allow: Option<&str>) -> HttpResponse {
        let id = self
            .0
            .request_id
            .clone()
            .unwrap_or_else(request_id::current);
        let is_a_fault =
            self.0.status.is_server_error() && self.0.status != StatusCode::SERVICE_UNAVAILABLE;
        if is_a_fault || self.0.cause.is_some() {
            let cause = self.0.cause.as_deref().unwrap_or("");
            tracing::error!(request_id = %id, code = %self.0.code, status = self.0.status.as_u16(),
                detail = %self.0.detail, cause, "a request was not served");
        } else {
            tracing::debug!(request_id = %id, code = %self.0.code, status = self.0.status.as_u16(),
                detail = %self.0.detail, "refused");
        }
        let mut response = HttpResponse::build(self.0.status);
        if let Some(seconds) = self.0.retry_after_s {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if let Some(verbs) = allow {
            response.insert_header((ALLOW, verbs));
        }
        response
            .insert_header((CONTENT_TYPE, "application/json"))
            .insert_header((HeaderName::from_static("x-content-type-options"), "nosniff"));
        response.json(ProblemBody {
            detail: self.0.detail.clone(),
            code: self.0.code.clone(),
            request_id: id,
            hint: self.0.hint.clone(),
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.detail {
            Value::String(words) => write!(f, "{}: {words}", self.0.code),
            other => write!(f, "{}: {other}", self.0.code),
        }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        self.response(None)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status =
            StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut problem = Self::new(status, refusal.code, refusal.detail);
        problem.0.hint = refusal.hint;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            problem.0.retry_after_s = Some(1);
        }
        problem
    }
}

impl From<orket_actors::port::store::StoreError> for Problem {
    fn from(error: orket_actors::port::store::StoreError) -> Self {
        let mut problem = Self::busy("E_STORAGE", "the journal cannot be read at the moment", 1);
        problem.0.cause = Some(error.to_string());
        problem
    }
}

impl From<crate::owner::ports::RecordsError> for Problem {
    fn from(error: crate::owner::ports::RecordsError) -> Self {
        let mut problem = Self::busy("E_STORAGE", "the journal cannot be read at the moment", 1);
        problem.0.cause = Some(error.to_string());
        problem
    }
}
