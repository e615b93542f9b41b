//! The chain over a card's steps: each link is a digest of the link before it and of everything the
//! journal holds of the step, so that a step changed, left out, added or moved later is found.
//!
//! A link is `BLAKE3(before ‖ turn ‖ seq ‖ at ‖ content)`, numbers as 64-bit little-endian, where
//! `content` is `BLAKE3(kind ‖ 0 ‖ body)`: the long part can be digested before it is known what
//! comes before. The first step of a card is linked to [`Link::root`].

use std::fmt;

use crate::canonical::hex;

/// What the root of every chain begins with; a change of the formula changes it.
const DOMAIN: &[u8] = b"orket.chain.v1";

/// One link: 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Link([u8; 32]);

/// The digest of a step's kind and JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content([u8; 32]);

impl Content {
    /// Of a kind, and of the text as stored.
    #[must_use]
    pub fn of(kind: &str, body: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(kind.as_bytes());
        hasher.update(&[0]);
        hasher.update(body.as_bytes());
        Self(*hasher.finalize().as_bytes())
    }
}

/// What of a step is linked: all of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linked {
    /// The attempt's row.
    pub turn: i64,
    /// Its place in the attempt.
    pub seq: u32,
    /// When, milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// Its kind and text.
    pub content: Content,
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
    pub fn next(&self, step: &Linked) -> Self {
        let mut bytes = [0_u8; 88];
        let parts: [&[u8]; 5] = [
            &self.0,
            &step.turn.to_le_bytes(),
            &i64::from(step.seq).to_le_bytes(),
            &step.at_ms.to_le_bytes(),
            &step.content.0,
        ];
        for (to, from) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
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

    fn step(seq: u32, body: &str) -> Linked {
        Linked {
            turn: 7,
            seq,
            at_ms: 1_750_000_000_000,
            content: Content::of("model_replied", body),
        }
    }

    #[test]
    fn a_link_is_the_documented_digest() {
        let mut bytes = Link::root(5).as_bytes().to_vec();
        for number in [7_i64, 3, 1_750_000_000_000] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(blake3::hash(b"model_replied\0{\"round\":0}").as_bytes());
        assert_eq!(
            Link::root(5).next(&step(3, "{\"round\":0}")).as_bytes(),
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
                    before.next(&step(seq, body))
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
