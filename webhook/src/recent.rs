//! Deliveries that were stored lately, by the digests of their bodies: a repeat of one is answered without
//! spending anything of what its repository may tell.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::store::Answer;

/// Deliveries of one generation; two are kept.
const MANY: usize = 4_096;

/// The digest of a body: SHA-256.
pub type Digest = [u8; 32];

/// See the file's head.
#[derive(Debug, Default)]
pub struct Recent(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    new: HashMap<Digest, (i64, Answer)>,
    old: HashMap<Digest, (i64, Answer)>,
}

impl Recent {
    /// The row and the answer of a delivery that is known.
    #[must_use]
    pub fn get(&self, digest: &Digest) -> Option<(i64, Answer)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .new
            .get(digest)
            .or_else(|| known.old.get(digest))
            .cloned()
    }

    /// Remembers a delivery that is stored.
    pub fn put(&self, digest: Digest, row: i64, answer: Answer) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.new.len() >= MANY {
            known.old = std::mem::take(&mut known.new);
        }
        known.new.insert(digest, (row, answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_known_and_memory_is_bounded() {
        let recent = Recent::default();
        let digest = |number: usize| {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&number.to_le_bytes());
            digest
        };
        let answer = Answer {
            status: "ignored".to_owned(),
            message: String::new(),
        };
        for number in 0..3 * MANY {
            recent.put(
                digest(number),
                i64::try_from(number).unwrap(),
                answer.clone(),
            );
        }
        assert_eq!(recent.get(&digest(3 * MANY - 1)).unwrap().0, 12_287);
        assert!(recent.get(&digest(2 * MANY)).is_some());
        assert!(recent.get(&digest(0)).is_none());
    }
}
