//! Bodies of unknown length, kept until the answer is sent. actix closes the connection when there is
//! something left of one then; what is dropped before, as by a handler that refuses, it would go on
//! reading for as long as the client likes.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage as _;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::TRANSFER_ENCODING;
use actix_web::web::Bytes;
use futures_util::Stream;

/// What is left of a body.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "payloads have none")]
pub struct Unread(Rc<RefCell<Payload>>);

impl Unread {
    /// Takes hold of the body of a request, which is read as before. None when its length is known:
    /// actix sees to those.
    pub fn hold(request: &mut ServiceRequest) -> Option<Self> {
        if !request.headers().contains_key(TRANSFER_ENCODING) {
            return None;
        }
        let unread = Self(Rc::new(RefCell::new(request.take_payload())));
        request.set_payload(Payload::Stream {
            payload: Box::pin(unread.clone()),
        });
        Some(unread)
    }

    /// The body of the answer, which lets go of it when it is sent.
    #[must_use]
    pub fn until_sent(self, body: BoxBody) -> Held {
        Held {
            body,
            _unread: self,
        }
    }
}

impl Stream for Unread {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

/// The answer to a request whose body may not have been read.
#[expect(missing_debug_implementations, reason = "payloads have none")]
pub struct Held {
    body: BoxBody,
    _unread: Unread,
}

impl MessageBody for Held {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
