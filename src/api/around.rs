//! What happens round every request: it gets an id, a panic below becomes a coded answer, it is
//! counted. A connection whose client still sends a body that nobody reads is closed.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use orket_http::unread::{Held, Unread};

use super::metrics::HttpMetrics;
use super::problem::Problem;
use super::request_id;

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The first half of the ids that this process gives.
static PROCESS: LazyLock<u32> = LazyLock::new(|| {
    let (high, _) = uuid::Uuid::new_v4().as_u64_pair();
    u32::try_from(high >> 32).unwrap_or(0)
});
/// Numbers are given to threads in blocks, so that they do not wait for each other.
static BLOCKS: AtomicU32 = AtomicU32::new(0);
const BLOCK: u32 = 1 << 12;

fn next_number() -> u32 {
    thread_local! {
        static NUMBERS: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
    }
    NUMBERS.with(|numbers| {
        let (next, end) = match numbers.get() {
            (next, end) if next < end => (next, end),
            _ => {
                let from = BLOCKS.fetch_add(BLOCK, Ordering::Relaxed);
                (from, from.wrapping_add(BLOCK - 1))
            }
        };
        numbers.set((next.wrapping_add(1), end));
        next
    })
}

/// The client's own id when it is a plain one, else a new one: sixteen hexadecimal digits.
fn id_of(request: &ServiceRequest) -> HeaderValue {
    if let Some(given) = request.headers().get(&X_REQUEST_ID) {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
        let bytes = given.as_bytes();
        if (8..=64).contains(&bytes.len()) && bytes.iter().all(is_plain) {
            return given.clone();
        }
    }
    let mut digits = [0_u8; 16];
    let number = (u64::from(*PROCESS) << 32) | u64::from(next_number());
    for (place, digit) in digits.iter_mut().rev().enumerate() {
        let value = u8::try_from((number >> (place * 4)) & 0xf).unwrap_or(0);
        *digit = if value < 10 {
            b'0' + value
        } else {
            b'a' + value - 10
        };
    }
    HeaderValue::from_bytes(&digits).unwrap_or(HeaderValue::from_static("0000000000000000"))
}

/// See the file's head.
///
/// # Errors
///
/// What the service below says.
pub async fn around(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody, Held>>, actix_web::Error> {
    let began = Instant::now();
    let id = id_of(&request);
    let unread = Unread::hold(&mut request);
    let metrics = request.app_data::<Data<HttpMetrics>>().cloned();
    let method = request.method().clone();
    let answered = Within {
        id: id.clone(),
        inner: Box::pin(next.call(request)),
    }
    .await;
    let mut response = match answered {
        Ok(answered) => answered?,
        // The request is gone with what panicked: the answer is made without it.
        Err(panic) => {
            let problem = request_id::within(&id, || {
                Problem::internal(format!("a panic: {}", words(panic.as_ref()))).of_this_request()
            });
            if let Some(metrics) = metrics {
                metrics.count(&method, problem.status(), began.elapsed());
            }
            return Err(problem.into());
        }
    };
    if let Some(metrics) = metrics {
        metrics.count(&method, response.status(), began.elapsed());
    }
    response.headers_mut().insert(X_REQUEST_ID.clone(), id);
    Ok(match unread {
        None => response.map_into_left_body(),
        Some(unread) => response
            .map_body(|_, body| unread.until_sent(body.boxed()))
            .map_into_right_body(),
    })
}

fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without words")
}

/// Polls a request as the one with this id; a panic is its result.
struct Within<F> {
    id: HeaderValue,
    inner: Pin<Box<F>>,
}

impl<F: Future> Future for Within<F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let id = self.id.clone();
        let inner = &mut self.inner;
        // What panicked is dropped and never polled again.
        let polled = catch_unwind(AssertUnwindSafe(|| {
            request_id::within(&id, || inner.as_mut().poll(context))
        }));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}
