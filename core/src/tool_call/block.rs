//! Walks one JSON block, from its opening brace or bracket to the matching one, without building
//! anything. It knows strings and escapes, so a brace inside a text does not count.
//!
//! It follows the grammar closely enough to stop at the first character that cannot be JSON; the
//! caller goes on from there, which keeps the whole parse linear. It is more patient than JSON in
//! two things that models do: raw line breaks inside strings, and `JSON.stringify(…)` where a
//! string belongs. Such a block says so, and [`super::repair`] makes JSON of it.

use std::ops::Range;

/// The wrapper that is read as a string.
pub(super) const STRINGIFY: &[u8] = b"JSON.stringify(";

/// How a walk ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The block is whole.
    Complete(Block),
    /// The character at `at` cannot follow what stands before it.
    Broken {
        /// Its offset; always behind the start.
        at: usize,
        /// What was expected there.
        expected: &'static str,
        /// Enough was read to say that JSON was meant.
        meant: bool,
    },
    /// The text ends inside the block.
    Unfinished,
}

/// A whole block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Block {
    /// The offset behind it.
    pub end: usize,
    /// Strings hold raw control characters.
    pub raw_controls: bool,
    /// The `JSON.stringify(…)` wrappers in it.
    pub wraps: Vec<Wrap>,
}

/// One `JSON.stringify(…)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrap {
    /// All of it.
    pub whole: Range<usize>,
    /// Its first argument.
    pub argument: Range<usize>,
    /// It has further arguments, which ask for indentation.
    pub indented: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    Object,
    Array,
    Wrap,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrClose,
    Key,
    KeyOrClose,
    Colon,
    CommaOrClose,
}

impl Expect {
    const fn words(self) -> &'static str {
        match self {
            Self::Value => "expected a value",
            Self::ValueOrClose => "expected a value or `]`",
            Self::Key => "expected a key in double quotes",
            Self::KeyOrClose => "expected a key in double quotes or `}`",
            Self::Colon => "expected `:`",
            Self::CommaOrClose => "expected `,` or the end of the block",
        }
    }
}

/// Walks the block that begins at `start`, which must be `{` or `[`.
pub(super) fn walk(bytes: &[u8], start: usize) -> End {
    let mut walker = Walker {
        bytes,
        at: start,
        frames: Vec::with_capacity(8),
        expect: Expect::Value,
        meant: false,
        block: Block::default(),
    };
    walker.run()
}

struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
    frames: Vec<Frame>,
    expect: Expect,
    meant: bool,
    block: Block,
}

/// Why a walk cannot go on.
enum Stop {
    Broken,
    Unfinished,
}

impl Walker<'_> {
    fn run(&mut self) -> End {
        loop {
            let Some(&byte) = self.bytes.get(self.at) else {
                return End::Unfinished;
            };
            if byte.is_ascii_whitespace() {
                self.at += 1;
                continue;
            }
            match self.token(byte) {
                Ok(()) if self.frames.is_empty() => {
                    let mut block = std::mem::take(&mut self.block);
                    block.end = self.at;
                    return End::Complete(block);
                }
                Ok(()) => {}
                Err(Stop::Unfinished) => return End::Unfinished,
                Err(Stop::Broken) => {
                    return End::Broken {
                        at: self.at,
                        expected: self.expect.words(),
                        meant: self.meant,
                    };
                }
            }
        }
    }

    /// Reads the token that begins with `byte`.
    fn token(&mut self, byte: u8) -> Result<(), Stop> {
        match self.expect {
            Expect::Value | Expect::ValueOrClose => self.value(byte),
            Expect::Key | Expect::KeyOrClose => match byte {
                b'"' => {
                    self.string()?;
                    self.expect = Expect::Colon;
                    Ok(())
                }
                b'}' if self.expect == Expect::KeyOrClose => self.close(Frame::Object),
                _ => Err(Stop::Broken),
            },
            Expect::Colon => {
                if byte != b':' {
                    return Err(Stop::Broken);
                }
                self.at += 1;
                self.meant = true;
                self.expect = Expect::Value;
                Ok(())
            }
            Expect::CommaOrClose => match byte {
                b',' => self.comma(),
                b'}' => self.close(Frame::Object),
                b']' => self.close(Frame::Array),
                b')' => self.close(Frame::Wrap),
                _ => Err(Stop::Broken),
            },
        }
    }

    fn value(&mut self, byte: u8) -> Result<(), Stop> {
        match byte {
            b'{' => self.open(Frame::Object, Expect::KeyOrClose),
            b'[' => self.open(Frame::Array, Expect::ValueOrClose),
            b']' if self.expect == Expect::ValueOrClose => return self.close(Frame::Array),
            b'"' => {
                self.string()?;
                self.expect = Expect::CommaOrClose;
            }
            b'J' => return self.wrap(),
            _ => {
                self.scalar()?;
                self.expect = Expect::CommaOrClose;
            }
        }
        Ok(())
    }

    fn open(&mut self, frame: Frame, expect: Expect) {
        self.frames.push(frame);
        self.expect = expect;
        self.at += 1;
    }

    fn close(&mut self, frame: Frame) -> Result<(), Stop> {
        if self.frames.last() != Some(&frame) {
            return Err(Stop::Broken);
        }
        self.frames.pop();
        if frame == Frame::Wrap {
            self.end_of_argument();
            if let Some(wrap) = self.block.wraps.last_mut() {
                wrap.whole.end = self.at + 1;
            }
        }
        self.at += 1;
        self.expect = Expect::CommaOrClose;
        Ok(())
    }

    fn comma(&mut self) -> Result<(), Stop> {
        self.expect = match self.frames.last() {
            Some(Frame::Object) => Expect::Key,
            Some(Frame::Array) => Expect::Value,
            Some(Frame::Wrap) => {
                self.end_of_argument();
                if let Some(wrap) = self.block.wraps.last_mut() {
                    wrap.indented = true;
                }
                Expect::Value
            }
            None => return Err(Stop::Broken),
        };
        self.at += 1;
        Ok(())
    }

    fn end_of_argument(&mut self) {
        let at = self.at;
        if let Some(wrap) = self.block.wraps.last_mut()
            && !wrap.indented
        {
            wrap.argument.end = at;
        }
    }

    fn wrap(&mut self) -> Result<(), Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(STRINGIFY) {
            return Err(if STRINGIFY.starts_with(rest) {
                Stop::Unfinished
            } else {
                Stop::Broken
            });
        }
        // One wrapper inside another would need its text escaped twice; nobody writes that.
        if self.frames.contains(&Frame::Wrap) {
            return Err(Stop::Broken);
        }
        let argument = self.at + STRINGIFY.len();
        self.block.wraps.push(Wrap {
            whole: self.at..argument,
            argument: argument..argument,
            indented: false,
        });
        self.frames.push(Frame::Wrap);
        self.expect = Expect::Value;
        self.at = argument;
        Ok(())
    }

    /// Goes behind the string whose quote is at `at`.
    fn string(&mut self) -> Result<(), Stop> {
        let mut at = self.at + 1;
        loop {
            match self.bytes.get(at) {
                None => {
                    self.at = at;
                    return Err(Stop::Unfinished);
                }
                Some(b'"') => {
                    self.at = at + 1;
                    return Ok(());
                }
                Some(b'\\') => at += 2,
                Some(byte) => {
                    self.block.raw_controls |= *byte < 0x20;
                    at += 1;
                }
            }
        }
    }

    /// Goes behind a number, `true`, `false` or `null`.
    fn scalar(&mut self) -> Result<(), Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            .count();
        let word = rest.get(..length).unwrap_or_default();
        let number = matches!(word.first(), Some(b'-' | b'0'..=b'9'));
        let words: [&[u8]; 3] = [b"true", b"false", b"null"];
        if number || words.contains(&word) {
            self.at += length;
            Ok(())
        } else if length > 0
            && length == rest.len()
            && words.iter().any(|whole| whole.starts_with(word))
        {
            Err(Stop::Unfinished)
        } else {
            Err(Stop::Broken)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end_of(text: &str) -> Option<usize> {
        match walk(text.as_bytes(), 0) {
            End::Complete(block) => Some(block.end),
            End::Broken { .. } | End::Unfinished => None,
        }
    }

    #[test]
    fn braces_in_strings_do_not_count() {
        let text = r#"{"a":"}{ \" ] \\","b":[{"c":null}]} tail"#;
        assert_eq!(end_of(text), text.find(" tail"));
    }

    #[test]
    fn a_break_is_found_where_it_is() {
        let broken = |text: &str| match walk(text.as_bytes(), 0) {
            End::Broken { at, meant, .. } => (at, meant),
            other => panic!("{other:?}"),
        };
        assert_eq!(broken("{x}"), (1, false));
        assert_eq!(broken("[note]"), (1, false));
        assert_eq!(broken(r#"{"a":1,}"#), (7, true));
        assert_eq!(broken(r#"{"a":[1}"#), (7, true));
        assert_eq!(broken(r#"{"a" {"#), (5, false));
    }

    #[test]
    fn an_end_inside_the_block_is_unfinished() {
        let whole =
            r#"{"tool":"x","args":{"a":[true,-1.5e3,"é\"",JSON.stringify({"q":null}, null, 2)]}}"#;
        assert_eq!(end_of(whole), Some(whole.len()));
        for cut in (1..whole.len()).filter(|cut| whole.is_char_boundary(*cut)) {
            assert_eq!(
                walk(&whole.as_bytes()[..cut], 0),
                End::Unfinished,
                "cut at {cut}"
            );
        }
    }
}
