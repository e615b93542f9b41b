//! Newline-delimited JSON as frames: one line, one frame; empty lines are none.

use super::lines::{Ending, Frame, FrameError, Frames, Lines};

/// Reads newline-delimited JSON.
#[derive(Debug)]
pub(super) struct NdjsonReader {
    lines: Lines,
}

impl NdjsonReader {
    pub(super) fn new() -> Self {
        Self {
            lines: Lines::new(Ending::Newline),
        }
    }
}

fn frame_of(line: String) -> Option<Frame> {
    let empty = line.trim().is_empty();
    (!empty).then(|| Frame {
        event: String::new(),
        data: line,
    })
}

impl Frames for NdjsonReader {
    fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        while let Some(line) = self.lines.next_line()? {
            if let Some(frame) = frame_of(line) {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    fn last_frame(&mut self) -> Option<Frame> {
        frame_of(self.lines.rest())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::lines::{MAX_FRAME, cut_at, frames_of};
    use super::*;

    fn data(frames: Vec<Frame>) -> Vec<String> {
        frames.into_iter().map(|frame| frame.data).collect()
    }

    #[test]
    fn lines_are_frames_and_the_last_needs_no_ending() {
        let (frames, last) = frames_of(
            &mut NdjsonReader::new(),
            &["{\"a\":1}\r\n\n  \n{\"ä\":2}\n{\"c\"".as_bytes(), b":3}"],
        )
        .unwrap();
        assert_eq!(data(frames), ["{\"a\":1}", "{\"ä\":2}"]);
        assert_eq!(last.unwrap().data, "{\"c\":3}");
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let piece = vec![b'x'; 64 * 1024];
        let pieces = vec![piece.as_slice(); MAX_FRAME / piece.len() + 1];
        assert_eq!(
            frames_of(&mut NdjsonReader::new(), &pieces),
            Err(FrameError::TooLong)
        );
        assert_eq!(
            frames_of(&mut NdjsonReader::new(), &[b"ok\n\xff\xfe\n"]),
            Err(FrameError::NotUtf8("\u{fffd}\u{fffd}".into()))
        );
    }

    proptest! {
        #[test]
        fn where_the_pieces_are_cut_changes_nothing(
            text in "([aä😀{}]|\n|\r\n){0,40}",
            cuts in prop::collection::vec(0usize..200, 0..12),
        ) {
            let whole = frames_of(&mut NdjsonReader::new(), &[text.as_bytes()]);
            let cut = frames_of(&mut NdjsonReader::new(), &cut_at(text.as_bytes(), &cuts));
            prop_assert_eq!(whole, cut);
        }
    }
}
