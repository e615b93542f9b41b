//! The chain over a card's steps: each link is a digest of the link before it and of everything the
//! journal holds of the step, so that a step changed, left out, added or moved later is found.
//!
//! A link is `BLAKE3(before ‖ content)`, where `content` is `BLAKE3(turn ‖ seq ‖ at ‖ body)`,
//! numbers as 64-bit little-endian: the long part can be digested before it is known what comes
//! before, and the short one is a single block. The first step of a card is linked to [`Link::root`].

use std::fmt;

use crate::canonical::hex;

/// What the root of every chain begins with; a change of the formula changes it.
const DOMAIN: &[u8] = b"orket.chain.v1";

/// One link: 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Link([u8; 32]);

/// All of a step's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linked<'a> {
    /// The attempt's row.
    pub turn: i64,
    /// Its place in the attempt.
    pub seq: u32,
    /// When, milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// Its JSON text, as stored.
    pub body: &'a str,
}

/// The digest of a step's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content([u8; 32]);

impl Content {
    /// Of this row.
    #[must_use]
    pub fn of(step: &Linked<'_>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for number in [step.turn, i64::from(step.seq), step.at_ms] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(step.body.as_bytes());
        Self(*hasher.finalize().as_bytes())
    }
}

impl Link {
    /// Where the chain of a card begins: a digest of its row's number.
    #[must_use]
    pub fn root(card: i64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(DOMAIN);
        hasher.update(&card.to_le_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// The link of the step that follows.
    #[must_use]
    pub fn next(&self, content: Content) -> Self {
        let mut bytes = [0_u8; 64];
        for (to, from) in bytes.iter_mut().zip(self.0.iter().chain(&content.0)) {
            *to = *from;
        }
        Self(*blake3::hash(&bytes).as_bytes())
    }

    /// The link with these bytes; `None` unless there are 32.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Hexadecimal.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn step(seq: u32, body: &str) -> Content {
        Content::of(&Linked {
            turn: 7,
            seq,
            at_ms: 1_750_000_000_000,
            body,
        })
    }

    #[test]
    fn a_link_is_the_documented_digest() {
        let mut row = Vec::new();
        for number in [7_i64, 3, 1_750_000_000_000] {
            row.extend(number.to_le_bytes());
        }
        row.extend(b"{\"round\":0}");
        let mut bytes = Link::root(5).as_bytes().to_vec();
        bytes.extend(blake3::hash(&row).as_bytes());
        assert_eq!(
            Link::root(5).next(step(3, "{\"round\":0}")).as_bytes(),
            blake3::hash(&bytes).as_bytes(),
            "the formula of the module's head"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100_000))]

        /// Whatever one byte of a chain of steps is changed to, the last link tells.
        #[test]
        fn any_changed_byte_changes_the_last_link(
            bodies in prop::collection::vec("[a-z]{1,6}", 1..4),
            at in any::<prop::sample::Index>(),
            place in any::<prop::sample::Index>(),
            to in b'A'..=b'Z',
        ) {
            let link = |bodies: &[String]| {
                bodies.iter().zip(0..).fold(Link::root(1), |before, (body, seq)| {
                    before.next(step(seq, body))
                })
            };
            let whole = link(&bodies);
            let mut changed = bodies.clone();
            let which = at.index(changed.len());
            let place = place.index(changed[which].len());
            let mut bytes = changed[which].clone().into_bytes();
            bytes[place] = to;
            changed[which] = String::from_utf8(bytes).unwrap();
            prop_assert_ne!(link(&changed), whole);
            let mut shortened = bodies.clone();
            shortened.pop();
            prop_assert_ne!(link(&shortened), whole);
        }
    }
}
