//! Server-sent events as frames, after the WHATWG HTML standard, section 9.2.6; ids and retry
//! times are of no use here and are passed over.

use super::lines::{Ending, Frame, FrameError, Frames, Lines, MAX_FRAME};

/// Reads server-sent events.
#[derive(Debug)]
pub(super) struct SseReader {
    lines: Lines,
    /// A byte order mark may stand before the first line.
    at_start: bool,
    event: String,
    /// `None` until a `data` line comes.
    data: Option<String>,
}

impl SseReader {
    pub(super) fn new() -> Self {
        Self {
            lines: Lines::new(Ending::Any),
            at_start: true,
            event: String::new(),
            data: None,
        }
    }

    /// Takes a line; an empty one ends the event.
    fn line(&mut self, line: &str) -> Result<Option<Frame>, FrameError> {
        let line = if std::mem::take(&mut self.at_start) {
            line.strip_prefix('\u{feff}').unwrap_or(line)
        } else {
            line
        };
        if line.is_empty() {
            return Ok(self.take());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            _ => {}
        }
        if self
            .data
            .as_ref()
            .is_some_and(|data| data.len() > MAX_FRAME)
        {
            return Err(FrameError::TooLong);
        }
        Ok(None)
    }

    fn take(&mut self) -> Option<Frame> {
        let event = std::mem::take(&mut self.event);
        let data = self.data.take()?;
        Some(Frame { event, data })
    }
}

impl Frames for SseReader {
    fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        while let Some(line) = self.lines.next_line()? {
            if let Some(frame) = self.line(&line)? {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    fn last_frame(&mut self) -> Option<Frame> {
        let rest = self.lines.rest();
        if !rest.is_empty() {
            self.line(&rest).ok()?;
        }
        self.take()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::lines::{cut_at, frames_of};
    use super::*;

    fn shown(bytes: &[u8]) -> Vec<(String, String)> {
        let (mut frames, last) = frames_of(&mut SseReader::new(), &[bytes]).unwrap();
        frames.extend(last);
        frames.into_iter().map(|f| (f.event, f.data)).collect()
    }

    fn pairs(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(event, data): &(&str, &str)| (String::from(*event), String::from(*data));
        wanted.iter().map(owned).collect()
    }

    #[test]
    fn events_are_read_as_the_standard_says() {
        let stream = "\u{feff}: keep-alive\n\nevent: ping\ndata: {\"a\":1}\n\ndata:x\ndata: y\nid: 7\n\r\n\
                      event: lost\n\ndata\n\ndata: c\r\rretry: 5\rdata: [DONE]";
        assert_eq!(
            shown(stream.as_bytes()),
            pairs(&[
                ("ping", "{\"a\":1}"),
                ("", "x\ny"),
                ("", ""),
                ("", "c"),
                ("", "[DONE]")
            ])
        );
    }

    #[test]
    fn many_data_lines_are_bounded_like_one() {
        let line = format!("data: {}\n", "x".repeat(1024 * 1024));
        let pieces = vec![line.as_bytes(); 5];
        assert_eq!(
            frames_of(&mut SseReader::new(), &pieces),
            Err(FrameError::TooLong)
        );
    }

    proptest! {
        #[test]
        fn where_the_pieces_are_cut_changes_nothing(
            text in "(data: [aä😀{}]{0,3}|event: e|: c|\n|\r\n|\r){0,40}",
            cuts in prop::collection::vec(0usize..300, 0..12),
        ) {
            let whole = frames_of(&mut SseReader::new(), &[text.as_bytes()]);
            let cut = frames_of(&mut SseReader::new(), &cut_at(text.as_bytes(), &cuts));
            prop_assert_eq!(whole, cut);
        }
    }
}
