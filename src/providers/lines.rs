//! Bytes to lines, piece by piece and within bounds. What a line means is not known here.

/// The longest line or frame, in bytes. A frame carries a few tokens; one that is longer is no
/// frame at all, and must not be kept in memory.
pub(super) const MAX_FRAME: usize = 4 * 1024 * 1024;

/// Why bytes are no frames.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    /// No end within [`MAX_FRAME`].
    #[error("a frame is longer than {} MiB", MAX_FRAME / 1024 / 1024)]
    TooLong,
    /// Not UTF-8.
    #[error("a frame is not UTF-8: {0:?}")]
    NotUtf8(String),
}

/// One frame of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// Its kind, where the framing has such a thing.
    pub(super) event: String,
    /// What it carries.
    pub(super) data: String,
}

/// Cuts a stream of bytes into frames, wherever the pieces it is given begin and end.
pub(super) trait Frames: Send {
    /// Takes the next piece.
    fn push(&mut self, bytes: &[u8]);

    /// The next whole frame, if there is one.
    fn next_frame(&mut self) -> Result<Option<Frame>, FrameError>;

    /// The stream is over: what is left, as if it had been ended properly.
    fn last_frame(&mut self) -> Option<Frame>;
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// `\n`; a `\r` before it belongs to it.
    Newline,
    /// `\n`, `\r` or both in this order, as server-sent events have it.
    Any,
}

/// Cuts a stream of bytes into lines.
#[derive(Debug)]
pub(super) struct Lines {
    ending: Ending,
    buffer: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to where no ending was found: a byte is looked at once.
    looked: usize,
    /// The last line ended with `\r`; a `\n` that follows belongs to it.
    after_return: bool,
}

impl Lines {
    pub(super) fn new(ending: Ending) -> Self {
        Self {
            ending,
            buffer: Vec::new(),
            start: 0,
            looked: 0,
            after_return: false,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.looked -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    pub(super) fn next_line(&mut self) -> Result<Option<String>, FrameError> {
        if self.after_return
            && let Some(byte) = self.buffer.get(self.start)
        {
            self.after_return = false;
            if *byte == b'\n' {
                self.start += 1;
                self.looked = self.start;
            }
        }
        let any = self.ending == Ending::Any;
        let fresh = self.buffer.get(self.looked..).unwrap_or_default();
        let found = fresh
            .iter()
            .position(|byte| *byte == b'\n' || (any && *byte == b'\r'));
        let Some(offset) = found else {
            self.looked = self.buffer.len();
            let pending = self.buffer.len() - self.start;
            return if pending > MAX_FRAME {
                Err(FrameError::TooLong)
            } else {
                Ok(None)
            };
        };
        let end = self.looked + offset;
        let line = self.buffer.get(self.start..end).unwrap_or_default();
        let line = match self.ending {
            Ending::Newline => line.strip_suffix(b"\r").unwrap_or(line),
            Ending::Any => line,
        };
        if line.len() > MAX_FRAME {
            return Err(FrameError::TooLong);
        }
        let text = text_of(line)?;
        self.after_return = self.buffer.get(end) == Some(&b'\r');
        self.start = end + 1;
        self.looked = self.start;
        Ok(Some(text))
    }

    /// What is left without an ending; empty when it is no text.
    pub(super) fn rest(&mut self) -> String {
        let rest = self.buffer.split_off(self.start);
        self.buffer.clear();
        self.start = 0;
        self.looked = 0;
        String::from_utf8(rest).unwrap_or_default()
    }
}

fn text_of(line: &[u8]) -> Result<String, FrameError> {
    match std::str::from_utf8(line) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => {
            let shown = line.get(..200).unwrap_or(line);
            let shown = String::from_utf8_lossy(shown).into_owned();
            Err(FrameError::NotUtf8(shown))
        }
    }
}

/// All frames of `pieces`, for the tests of the framings.
#[cfg(test)]
pub(super) fn frames_of(
    reader: &mut dyn Frames,
    pieces: &[&[u8]],
) -> Result<(Vec<Frame>, Option<Frame>), FrameError> {
    let mut frames = Vec::new();
    for piece in pieces {
        reader.push(piece);
        while let Some(frame) = reader.next_frame()? {
            frames.push(frame);
        }
    }
    Ok((frames, reader.last_frame()))
}

/// `bytes` cut at `cuts`.
#[cfg(test)]
pub(super) fn cut_at<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2)
        .map(|pair| &bytes[pair[0]..pair[1]])
        .collect()
}
