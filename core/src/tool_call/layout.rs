//! Splits a reply into its pieces: prose, reasoning, JSON blocks.
//!
//! Where reasoning begins and ends decides which calls count, so a tag is honoured wherever it
//! stands outside a whole JSON block, also in the middle of a broken one.

use std::ops::Range;

use super::block::{Block, End, walk};
use super::reasoning::{next_closing, next_tag, tag_at};

/// How often a broken block may be re-read from a reasoning tag inside it. Each re-reading could
/// cost the length of the text, so their number is bounded.
const REREADS: u32 = 16;

/// One piece of a reply; the ranges are byte offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text that is neither of the others.
    Prose(Range<usize>),
    /// Inside reasoning tags, the tags left out.
    Reasoning(Range<usize>),
    /// A balanced JSON block.
    Json {
        /// Where it begins.
        start: usize,
        /// Its end and what must be repaired.
        block: Block,
    },
}

/// A block that looked like JSON and was none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rejected {
    /// From its beginning to the character that could not be.
    pub range: Range<usize>,
    /// What was expected there.
    pub expected: &'static str,
}

/// A reply, split.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The pieces in order.
    pub pieces: Vec<Piece>,
    /// Broken blocks outside reasoning, at most [`Layout::REJECTED_KEPT`].
    pub rejected: Vec<Rejected>,
    /// Where a block begins that the text does not end.
    pub unfinished: Option<usize>,
}

impl Layout {
    /// How many broken blocks are remembered.
    const REJECTED_KEPT: usize = 32;

    /// Splits `text`. Linear in its length.
    pub(super) fn of(text: &str) -> Self {
        let mut splitter = Splitter {
            bytes: text.as_bytes(),
            at: 0,
            plain_from: 0,
            rereads: REREADS,
            layout: Self::default(),
        };
        splitter.run();
        splitter.layout
    }
}

struct Splitter<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the current run of prose began.
    plain_from: usize,
    rereads: u32,
    layout: Layout,
}

impl Splitter<'_> {
    fn run(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'{' | b'[' | b'<' => {
                    if self.tag() {
                        continue;
                    }
                    if byte == b'<' {
                        self.at += 1;
                    } else if !self.block() {
                        return;
                    }
                }
                _ => self.at += 1,
            }
        }
        self.end_prose(self.bytes.len());
    }

    fn end_prose(&mut self, end: usize) {
        if self.plain_from < end {
            self.layout.pieces.push(Piece::Prose(self.plain_from..end));
        }
    }

    /// Takes a reasoning tag at `at`, with the block it opens.
    fn tag(&mut self) -> bool {
        let Some(tag) = tag_at(self.bytes, self.at) else {
            return false;
        };
        if tag.closing {
            // Nothing opened it: chat templates swallow the opening tag, so all before is thought.
            self.all_is_reasoning(self.at);
            self.at += tag.len;
        } else {
            self.end_prose(self.at);
            let from = self.at + tag.len;
            let (to, behind) = match next_closing(self.bytes, from) {
                Some((to, closing)) => (to, to + closing.len),
                None => (self.bytes.len(), self.bytes.len()),
            };
            self.layout.pieces.push(Piece::Reasoning(from..to));
            self.at = behind;
        }
        self.plain_from = self.at;
        true
    }

    fn all_is_reasoning(&mut self, end: usize) {
        self.layout.pieces.clear();
        self.layout.rejected.clear();
        self.layout.unfinished = None;
        if end > 0 {
            self.layout.pieces.push(Piece::Reasoning(0..end));
        }
    }

    /// Takes the block at `at`; false when the text ends in it.
    fn block(&mut self) -> bool {
        let start = self.at;
        match walk(self.bytes, start) {
            End::Complete(block) => {
                self.end_prose(start);
                self.at = block.end;
                self.plain_from = self.at;
                self.layout.pieces.push(Piece::Json { start, block });
                true
            }
            End::Broken {
                at,
                expected,
                meant,
            } => {
                if meant && self.layout.rejected.len() < Layout::REJECTED_KEPT {
                    self.layout.rejected.push(Rejected {
                        range: start..at,
                        expected,
                    });
                }
                self.behind_broken(start, at.max(start + 1));
                true
            }
            End::Unfinished => {
                self.end_prose(start);
                self.plain_from = start;
                self.layout.unfinished.get_or_insert(start);
                if self.behind_broken(start, self.bytes.len()) {
                    return true;
                }
                self.plain_from = self.bytes.len();
                false
            }
        }
    }

    /// Goes on behind `start..end`, or at the first reasoning tag inside; says whether it did the
    /// latter.
    fn behind_broken(&mut self, start: usize, end: usize) -> bool {
        self.at = end;
        let Some((tag, _)) = next_tag(self.bytes, start, end) else {
            return false;
        };
        if self.rereads == 0 {
            // Not worth the time: whoever writes such a text gets none of its calls.
            self.all_is_reasoning(end);
            self.plain_from = end;
            return false;
        }
        self.rereads -= 1;
        self.at = tag;
        true
    }
}
