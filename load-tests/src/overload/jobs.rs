//! What is asked for too often.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use serde_json::json;

use crate::drive::Job;
use crate::http::{Answer, post};
use crate::kind::ErrorKind;
use crate::measurement::Attempt;
use crate::site::Site;

/// Another job, with an eye on whether refusals say when to come back.
pub struct Watched {
    job: Rc<dyn Job>,
    refused: Cell<u64>,
    silent: Cell<u64>,
}

impl Watched {
    /// Around a job.
    pub fn new(job: Rc<dyn Job>) -> Rc<Self> {
        Rc::new(Self {
            job,
            refused: Cell::new(0),
            silent: Cell::new(0),
        })
    }

    /// How many were refused as a server does that has too much to do.
    pub fn refused(&self) -> u64 {
        self.refused.get()
    }

    /// How many of those did not say when to come back.
    pub fn silent(&self) -> u64 {
        self.silent.get()
    }
}

/// Whether a status is that of a server that has too much to do.
#[must_use]
pub const fn is_refusal(status: u16) -> bool {
    matches!(status, 429 | 503)
}

impl Job for Watched {
    fn request(&self, number: u64) -> Cow<'_, [u8]> {
        self.job.request(number)
    }

    fn judge(&self, number: u64, answer: &Answer<'_>) -> Attempt {
        if is_refusal(answer.status) {
            self.refused.set(self.refused.get() + 1);
            let wait = answer.header("retry-after").map(str::parse::<u64>);
            if !matches!(wait, Some(Ok(_))) {
                self.silent.set(self.silent.get() + 1);
            }
        }
        self.job.judge(number, answer)
    }

    fn unanswered(&self, number: u64, kind: ErrorKind) {
        self.job.unanswered(number, kind);
    }
}

/// A command: archives a card that is done, and gives it back, in turn. Each is a write of the journal.
pub struct Commands {
    both: [Vec<u8>; 2],
}

impl Commands {
    /// At this card, `BUILD/CARD`.
    ///
    /// # Errors
    ///
    /// When the site has no API.
    pub fn new(site: &Site, card: &str) -> Result<Self, crate::error::LoadError> {
        let api = site.api()?;
        let body = json!({"card_ids": [card]}).to_string();
        Ok(Self {
            both: ["/v1/cards/archive", "/v1/cards/unarchive"]
                .map(|path| post(api, path, &site.headers(), body.as_bytes())),
        })
    }
}

impl Job for Commands {
    fn request(&self, number: u64) -> Cow<'_, [u8]> {
        let [archive, unarchive] = &self.both;
        Cow::Borrowed(match number % 2 {
            0 => archive,
            _ => unarchive,
        })
    }
}
