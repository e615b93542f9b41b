//! Webhook deliveries: signed pushes, each another one, and the proof that each that was accepted is kept
//! once.

mod kept;
mod push;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use hmac::{Hmac, Mac as _};
use serde::Deserialize;
use sha2::Sha256;

use crate::drive::{Job, is_success};
use crate::http::{Answer, Target, post};
use crate::kind::ErrorKind;
use crate::measurement::Attempt;

/// Whether an answer must name the delivery. A bare receiver that is measured beside ours does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// It must say under which number it is kept, and that it was not there before.
    Numbered,
    /// Any success will do.
    AnySuccess,
}

/// Sends a delivery with each request.
#[derive(Debug)]
pub struct Deliveries {
    target: Target,
    secret: String,
    prefix: String,
    before: String,
    demand: Demand,
    noted: RefCell<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    /// The number of the row that each was said to be kept in, by the number of the request.
    accepted: BTreeMap<u64, i64>,
    /// Requests without an answer: their deliveries may be kept or not.
    unanswered: BTreeSet<u64>,
}

#[derive(Deserialize)]
struct Reply {
    delivery: i64,
    #[serde(default)]
    duplicate: bool,
}

impl Deliveries {
    /// To a receiver, signed with its secret.
    #[must_use]
    pub fn new(target: &Target, secret: &str, demand: Demand) -> Self {
        let mut before = push::body().to_string();
        // The closing brace: each body has a number of its own at its end.
        before.pop();
        Self {
            target: target.clone(),
            secret: secret.to_owned(),
            prefix: uuid::Uuid::new_v4().simple().to_string(),
            before,
            demand,
            noted: RefCell::default(),
        }
    }

    /// How many were accepted.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.noted.borrow().accepted.len()
    }

    fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.prefix)
    }

    /// The bytes of one; the same number is the same delivery.
    fn bytes(&self, number: u64) -> Vec<u8> {
        let id = self.id(number);
        let body = format!("{},\"load\":\"{id}\"}}", self.before);
        let signature = sign(&self.secret, body.as_bytes());
        let headers = [
            ("X-Gitea-Event", "push"),
            ("X-Gitea-Delivery", id.as_str()),
            ("X-Gitea-Signature", signature.as_str()),
        ];
        post(&self.target, "/webhook/gitea", &headers, body.as_bytes())
    }
}

impl Job for Deliveries {
    fn request(&self, number: u64) -> Cow<'_, [u8]> {
        self.bytes(number).into()
    }

    fn judge(&self, number: u64, answer: &Answer<'_>) -> Attempt {
        is_success(answer)?;
        if self.demand == Demand::AnySuccess {
            return Ok(());
        }
        let reply: Reply = serde_json::from_slice(answer.body).map_err(|_| ErrorKind::Body)?;
        if reply.duplicate {
            return Err(ErrorKind::Body);
        }
        let mut noted = self.noted.borrow_mut();
        noted.accepted.insert(number, reply.delivery);
        Ok(())
    }

    fn unanswered(&self, number: u64, _: ErrorKind) {
        self.noted.borrow_mut().unanswered.insert(number);
    }
}

/// HMAC-SHA256 (RFC 2104, FIPS 180-4) in small hexadecimal digits, as Gitea signs.
#[must_use]
pub fn sign(secret: &str, body: &[u8]) -> String {
    // Any length is a key of HMAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(body);
    let bytes = mac.finalize().into_bytes();
    let mut text = String::with_capacity(64);
    for byte in bytes {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        // Test case 2 of RFC 4231.
        assert_eq!(
            super::sign("Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
