//! What is asked, and whether an answer is what was asked for.

use std::borrow::Cow;

use crate::http::Answer;
use crate::kind::ErrorKind;
use crate::measurement::Attempt;

/// See the file's head. Several requests are out at once, so a job keeps by number what it must know of
/// each.
pub trait Job {
    /// The bytes of request number `number`, from 0.
    fn request(&self, number: u64) -> Cow<'_, [u8]>;

    /// Whether its answer counts as a success; here a job notes what the answer says.
    fn judge(&self, number: u64, answer: &Answer<'_>) -> Attempt {
        let _ = number;
        is_success(answer)
    }

    /// Told of a request that had no whole answer, which may have been heard all the same.
    fn unanswered(&self, number: u64, kind: ErrorKind) {
        let _ = (number, kind);
    }
}

/// Success is a status of the two hundreds.
pub fn is_success(answer: &Answer<'_>) -> Attempt {
    match answer.status {
        200..=299 => Ok(()),
        status => Err(ErrorKind::Status(status)),
    }
}

/// Asks the same again and again.
#[derive(Debug)]
pub struct Get {
    request: Vec<u8>,
}

impl Get {
    /// Of the bytes of a request.
    #[must_use]
    pub const fn new(request: Vec<u8>) -> Self {
        Self { request }
    }
}

impl Job for Get {
    fn request(&self, _: u64) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.request)
    }
}
