//! The chain over a card's steps: each link is a digest of the link before it and of everything the
//! journal holds of the step, so that a step changed, left out, added or moved later is found.
//!
//! A link is `BLAKE3(before ‖ content)`, where `content` is `BLAKE3(turn ‖ seq ‖ at ‖ body)`,
//! numbers as 64-bit little-endian: the long part can be digested before it is known what comes
//! before, and the short one is a single block. The first step of a card is linked to [`Link::root`].
//! Every step has a link, and every attempt that has ended keeps its last one as its head.

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
    pub seq: i64,
    /// When, milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// Its JSON text, as stored: bytes, since a damaged one need not be a text.
    pub body: &'a [u8],
}

/// The digest of a step's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content([u8; 32]);

impl Content {
    /// Of this row.
    #[must_use]
    pub fn of(step: &Linked<'_>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for number in [step.turn, step.seq, step.at_ms] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(step.body);
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

/// A step as the journal holds it: its row, and the bytes of its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredLink<'a> {
    /// All of its row.
    pub row: Linked<'a>,
    /// What stands where its link should be.
    pub link: Option<&'a [u8]>,
}

/// What is wrong at one place of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// The step, its link, or that of a step which is gone, was changed.
    #[error("the step, or one before it, is not what was written: its link does not follow")]
    NotFollowing,
    /// The link is not there.
    #[error("the step has no link")]
    Unlinked,
    /// What stands where the link should be is none.
    #[error("the step's link does not have 32 bytes")]
    NoLink,
    /// The attempt has ended and does not say with which link.
    #[error("the attempt has ended, and its last link is not kept")]
    Headless,
    /// The attempt ended with another step.
    #[error("steps at the end of the attempt are missing, or its last link was changed")]
    OtherEnd,
    /// A head where the attempt has not ended.
    #[error("the attempt is open, and yet a last link is kept")]
    EarlyHead,
}

/// A walk along the chain of one card. After a break it goes on from what is stored, so that each
/// break is named once and where it is.
#[derive(Debug, Clone)]
pub struct Walk {
    before: Link,
}

impl Walk {
    /// Begins at the card's root.
    #[must_use]
    pub fn of(card: i64) -> Self {
        Self {
            before: Link::root(card),
        }
    }

    /// The next step of the card.
    ///
    /// # Errors
    ///
    /// A [`Break`] at this step.
    pub fn step(&mut self, step: &StoredLink<'_>) -> Result<(), Break> {
        let due = self.before.next(Content::of(&step.row));
        let found = match step.link {
            None => Err(Break::Unlinked),
            Some(bytes) => Link::from_bytes(bytes).ok_or(Break::NoLink),
        };
        match found {
            Ok(link) => {
                self.before = link;
                if link == due {
                    Ok(())
                } else {
                    Err(Break::NotFollowing)
                }
            }
            // The step after it was linked to the link that was due, if this step is untouched.
            Err(broken) => {
                self.before = due;
                Err(broken)
            }
        }
    }

    /// The end of an attempt after its last step.
    ///
    /// # Errors
    ///
    /// A [`Break`] at this end.
    pub fn end(&mut self, ended: bool, head: Option<&[u8]>) -> Result<(), Break> {
        match (ended, head) {
            (false, None) => Ok(()),
            (false, Some(_)) => Err(Break::EarlyHead),
            (true, None) => Err(Break::Headless),
            (true, Some(bytes)) if bytes == self.before.as_bytes().as_slice() => Ok(()),
            (true, Some(bytes)) => {
                if let Some(link) = Link::from_bytes(bytes) {
                    self.before = link;
                }
                Err(Break::OtherEnd)
            }
        }
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

    fn step(seq: i64, body: &str) -> Content {
        Content::of(&Linked {
            turn: 7,
            seq,
            at_ms: 1_750_000_000_000,
            body: body.as_bytes(),
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

    /// A step's row with its link, as the journal would hold it.
    #[derive(Debug, Clone)]
    struct Row {
        numbers: [i64; 3],
        body: Vec<u8>,
        link: Option<Vec<u8>>,
    }

    /// One card's attempts: steps and, where it has ended, the head.
    type Chain = Vec<(Vec<Row>, Option<Vec<u8>>)>;

    const CARD: i64 = 3;

    fn linked(row: &Row) -> Linked<'_> {
        let [turn, seq, at_ms] = row.numbers;
        Linked {
            turn,
            seq,
            at_ms,
            body: &row.body,
        }
    }

    fn written(attempts: Vec<Vec<Vec<u8>>>) -> Chain {
        let mut before = Link::root(CARD);
        let mut chain = Vec::new();
        for (turn, bodies) in attempts.into_iter().enumerate() {
            let mut rows = Vec::new();
            for (seq, body) in bodies.into_iter().enumerate() {
                let numbers = [turn, seq, turn * 100 + seq].map(|it| i64::try_from(it).unwrap());
                let mut row = Row {
                    numbers,
                    body,
                    link: None,
                };
                before = before.next(Content::of(&linked(&row)));
                row.link = Some(before.as_bytes().to_vec());
                rows.push(row);
            }
            chain.push((rows, Some(before.as_bytes().to_vec())));
        }
        chain
    }

    /// Attempt, step (or none for the attempt's end) and what is wrong there.
    type Found = (usize, Option<usize>, Break);

    fn breaks(chain: &Chain) -> Vec<Found> {
        let mut walk = Walk::of(CARD);
        let mut found = Vec::new();
        for (attempt, (rows, head)) in chain.iter().enumerate() {
            for (place, row) in rows.iter().enumerate() {
                let stored = StoredLink {
                    row: linked(row),
                    link: row.link.as_deref(),
                };
                if let Err(broken) = walk.step(&stored) {
                    found.push((attempt, Some(place), broken));
                }
            }
            if let Err(broken) = walk.end(true, head.as_deref()) {
                found.push((attempt, None, broken));
            }
        }
        found
    }

    #[test]
    fn a_link_that_is_not_there_is_no_earlier_version() {
        let whole = written(vec![
            vec![b"a".to_vec(), b"b".to_vec()],
            vec![b"c".to_vec()],
        ]);
        assert_eq!(breaks(&whole), []);
        let mut bare = whole.clone();
        for (rows, head) in &mut bare {
            *head = None;
            rows.iter_mut().for_each(|row| row.link = None);
        }
        assert_eq!(
            breaks(&bare),
            [
                (0, Some(0), Break::Unlinked),
                (0, Some(1), Break::Unlinked),
                (0, None, Break::Headless),
                (1, Some(0), Break::Unlinked),
                (1, None, Break::Headless),
            ]
        );
        let mut short = whole.clone();
        short[0].0[1].link = Some(vec![0]);
        assert_eq!(breaks(&short), [(0, Some(1), Break::NoLink)]);
        let mut cut = whole.clone();
        cut[1].0.pop();
        assert_eq!(breaks(&cut), [(1, None, Break::OtherEnd)]);
        let mut walk = Walk::of(CARD);
        assert_eq!(walk.end(false, Some(&[0; 32])), Err(Break::EarlyHead));
        assert_eq!(walk.end(false, None), Ok(()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100_000))]

        /// Whichever bit of a step's row or link is turned over, that step is named, and no other
        /// but the one after it where the link itself was hit.
        #[test]
        fn a_bit_turned_over_in_any_step_is_found_there(
            attempts in prop::collection::vec(
                prop::collection::vec(prop::collection::vec(any::<u8>(), 1..6), 1..4),
                1..4,
            ),
            at in any::<prop::sample::Index>(),
            part in 0_usize..5,
            bit in any::<prop::sample::Index>(),
        ) {
            let whole = written(attempts);
            prop_assert_eq!(breaks(&whole), vec![]);
            let places: Vec<(usize, usize)> = whole
                .iter()
                .enumerate()
                .flat_map(|(attempt, (rows, _))| (0..rows.len()).map(move |place| (attempt, place)))
                .collect();
            let (attempt, place) = *at.get(&places);
            let mut changed = whole.clone();
            let row = &mut changed[attempt].0[place];
            match part {
                number @ 0..3 => row.numbers[number] ^= 1 << bit.index(64),
                3 => {
                    let bit = bit.index(row.body.len() * 8);
                    row.body[bit / 8] ^= 1 << (bit % 8);
                }
                _ => {
                    let bit = bit.index(32 * 8);
                    row.link.as_mut().unwrap()[bit / 8] ^= 1 << (bit % 8);
                }
            }
            let found = breaks(&changed);
            let here = (attempt, Some(place), Break::NotFollowing);
            prop_assert_eq!(found.first(), Some(&here));
            // The next step, or the end, was made from the link that was there.
            prop_assert_eq!(found.len(), if part < 4 { 1 } else { 2 });
            // A step that is gone shows at the next one, or at the end of its attempt.
            let mut shortened = whole.clone();
            shortened[attempt].0.remove(place);
            let next = (place < shortened[attempt].0.len()).then_some(place);
            let broken = next.map_or(Break::OtherEnd, |_| Break::NotFollowing);
            prop_assert_eq!(breaks(&shortened), vec![(attempt, next, broken)]);
        }
    }
}
