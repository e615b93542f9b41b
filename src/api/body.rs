//! Reading a body: capped while it is read, within a time, and JSON of bounded depth.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use serde_json::{Map, Value, json};

use super::check::Check;
use super::problem::{FieldProblem, Problem};

/// The largest body of most routes, in bytes.
pub const LARGEST: usize = 1024 * 1024;
/// How long a body may take to arrive.
const SLOWEST: Duration = Duration::from_secs(30);

/// The bytes of a body of at most `MOST` bytes.
#[derive(Debug)]
pub struct Raw<const MOST: usize = LARGEST>(pub Bytes);

/// The JSON object in a body of at most `MOST` bytes, to be read field by field.
#[derive(Debug)]
pub struct Object<const MOST: usize = LARGEST>(pub Map<String, Value>);

impl<const MOST: usize> Object<MOST> {
    /// Reads it field by field.
    #[must_use]
    pub fn check(self) -> Check {
        Check::body(self.0)
    }
}

type Reading<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

async fn read(length: Option<usize>, mut payload: Payload, most: usize) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "E_TOO_LARGE",
            format!("the body may have at most {most} bytes"),
        )
    };
    if length.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    let reading = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk
                .map_err(|error| Problem::bad_request(format!("the body broke off: {error}")))?;
            if body.len().saturating_add(chunk.len()) > most {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(SLOWEST, reading)
        .await
        .unwrap_or_else(|_| {
            Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "E_SLOW_BODY",
                format!("the body did not arrive within {} s", SLOWEST.as_secs()),
            ))
        })
}

fn length(request: &HttpRequest) -> Option<usize> {
    request
        .headers()
        .get(actix_web::http::header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

impl<const MOST: usize> FromRequest for Raw<MOST> {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (length, payload) = (length(request), payload.take());
        Box::pin(async move { Ok(Self(read(length, payload, MOST).await?)) })
    }
}

impl<const MOST: usize> FromRequest for Object<MOST> {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (length, payload) = (length(request), payload.take());
        Box::pin(async move {
            let body = read(length, payload, MOST).await?;
            object(&body).map(Self)
        })
    }
}

/// The object in a body. A body that is empty, that is no JSON or something else than an object is
/// refused as the reference refuses it.
///
/// # Errors
///
/// 422.
pub fn object(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    let refuse = |kind: &str, msg: String, input: Value| {
        Err(Problem::fields(&[FieldProblem {
            kind: kind.to_owned(),
            loc: vec![json!("body")],
            msg,
            input,
            ctx: None,
        }]))
    };
    if body.is_empty() {
        return refuse("missing", "must be given".to_owned(), Value::Null);
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(other) => refuse("dict_type", "must be an object".to_owned(), other),
        Err(error) => refuse("json_invalid", format!("is no JSON: {error}"), Value::Null),
    }
}
