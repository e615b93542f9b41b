//! Bytes to events: one reply, from its first byte to its end. No socket is known here.

use orket_core::failure::Failure;
use orket_core::model::ModelEvent;

use super::dialect::{Decoder, Dialect, Progress};
use super::lines::{Frame, Frames};
use super::refusal;

/// A reply being read.
pub(super) struct Reading {
    frames: Box<dyn Frames>,
    decoder: Box<dyn Decoder>,
    frames_seen: u64,
}

impl Reading {
    pub(super) fn new(dialect: &dyn Dialect) -> Self {
        Self {
            frames: dialect.frames(),
            decoder: dialect.decoder(),
            frames_seen: 0,
        }
    }

    /// What a piece of the stream brings; at least a beat. After `Done` or `Failed` the reading is
    /// over.
    pub(super) fn piece(&mut self, bytes: &[u8]) -> Vec<ModelEvent> {
        self.frames.push(bytes);
        let mut events = Vec::new();
        match self.read(&mut events) {
            Ok(Progress::More) if events.is_empty() => events.push(ModelEvent::Beat),
            Ok(Progress::More) => {}
            Ok(Progress::Whole) => events.push(ModelEvent::Done),
            Err(failure) => events.push(ModelEvent::Failed(failure)),
        }
        events
    }

    /// What the end of the stream brings; `broken` says how it ended if not in good order.
    pub(super) fn end(&mut self, broken: Option<Failure>) -> Vec<ModelEvent> {
        let mut events = Vec::new();
        match self.read_end(broken, &mut events) {
            Ok(()) => events.push(ModelEvent::Done),
            Err(failure) => events.push(ModelEvent::Failed(failure)),
        }
        events
    }

    fn read(&mut self, events: &mut Vec<ModelEvent>) -> Result<Progress, Failure> {
        let unreadable = |cause| refusal::broken(format!("the reply is no valid stream: {cause}"));
        while let Some(frame) = self.frames.next_frame().map_err(unreadable)? {
            self.frames_seen += 1;
            if self.decoder.frame(&frame, events)? == Progress::Whole {
                return Ok(Progress::Whole);
            }
        }
        Ok(Progress::More)
    }

    fn read_end(
        &mut self,
        broken: Option<Failure>,
        events: &mut Vec<ModelEvent>,
    ) -> Result<(), Failure> {
        // A last frame may lack its ending; half of a frame is no frame.
        let last = self.frames.last_frame().filter(is_complete);
        if let Some(frame) = last
            && self.decoder.frame(&frame, events)? == Progress::Whole
        {
            return Ok(());
        }
        if self.decoder.is_whole() {
            return Ok(());
        }
        Err(broken.unwrap_or_else(|| {
            refusal::broken(if self.frames_seen == 0 {
                "the model's server answered without a stream; does the address speak this protocol?"
            } else {
                "the reply ended before its end marker"
            })
        }))
    }
}

fn is_complete(frame: &Frame) -> bool {
    frame.data == "[DONE]" || serde_json::from_str::<serde::de::IgnoredAny>(&frame.data).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::lines::cut_at;
    use super::super::{anthropic::Anthropic, ollama::Ollama, openai::OpenAi};
    use super::*;

    const OLLAMA: &str = "{\"message\":{\"content\":\"ä\"},\"done\":false}\n\
        {\"message\":{\"content\":\"😀\",\"tool_calls\":[{\"function\":{\"name\":\"t\",\"arguments\":{\"a\":\"ö\"}}}]}}\n\
        {\"done\":true,\"eval_count\":2}\n";
    const OPENAI: &str = ": hi\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"ä😀\"}}]}\r\n\r\n\
        data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"t\",\"arguments\":\"{\\\"a\\\":\"}}]}}]}\n\n\
        data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1}\"}}]},\"finish_reason\":\"stop\"}],\"usage\":{\"completion_tokens\":2}}\n\n\
        data: [DONE]\n\n";
    const ANTHROPIC: &str = "event: ping\ndata: {\"type\":\"ping\"}\n\n\
        data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"ä😀\"}}\n\n\
        data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"name\":\"t\"}}\n\n\
        data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":1}\"}}\n\n\
        data: {\"type\":\"content_block_stop\",\"index\":1}\n\ndata: {\"type\":\"message_stop\"}\n\n";

    /// Every event of a stream given in pieces, beats left out.
    fn events_of(dialect: &dyn Dialect, pieces: &[&[u8]]) -> Vec<ModelEvent> {
        let mut reading = Reading::new(dialect);
        let mut all: Vec<ModelEvent> = Vec::new();
        let is_over = |all: &[ModelEvent]| {
            matches!(all.last(), Some(ModelEvent::Done | ModelEvent::Failed(_)))
        };
        for piece in pieces {
            if !is_over(&all) {
                let events = reading.piece(piece);
                assert!(!events.is_empty(), "bytes came and nothing was told");
                all.extend(events);
            }
        }
        if !is_over(&all) {
            all.extend(reading.end(None));
        }
        all.retain(|event| *event != ModelEvent::Beat);
        all
    }

    fn streams() -> [(Box<dyn Dialect>, &'static str); 3] {
        let open_ai = OpenAi {
            constrained: true,
            authorization: None,
            is_hosted: false,
        };
        [
            (Box::new(Ollama { constrained: true }), OLLAMA),
            (Box::new(open_ai), OPENAI),
            (Box::new(Anthropic { key: None }), ANTHROPIC),
        ]
    }

    #[test]
    fn a_reply_cut_anywhere_is_the_same_reply() {
        for (dialect, stream) in streams() {
            let bytes = stream.as_bytes();
            let whole = events_of(dialect.as_ref(), &[bytes]);
            assert_eq!(whole.last(), Some(&ModelEvent::Done), "{whole:?}");
            for place in 0..bytes.len() {
                let (left, right) = bytes.split_at(place);
                assert_eq!(events_of(dialect.as_ref(), &[left, right]), whole);
            }
        }
    }

    #[test]
    fn a_reply_that_stops_before_its_end_marker_is_never_taken_for_whole() {
        let [(ollama, lines), _, (anthropic, events)] = streams();
        for (dialect, stream) in [(ollama, lines), (anthropic, events)] {
            // The closing brace of the end marker is what makes it one.
            let end = stream.rfind('}').unwrap();
            for length in 0..end {
                let told = events_of(dialect.as_ref(), &[&stream.as_bytes()[..length]]);
                let failed = matches!(told.last(), Some(ModelEvent::Failed(_)));
                assert!(failed, "{length}: {told:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_there_is_one_end_and_no_panic(
            noise in prop::collection::vec(any::<u8>(), 0..64),
            place in 0usize..400,
            cuts in prop::collection::vec(0usize..500, 0..6),
        ) {
            for (dialect, stream) in streams() {
                let mut bytes = stream.as_bytes().to_vec();
                let place = place.min(bytes.len());
                bytes.splice(place..place, noise.clone());
                let whole = events_of(dialect.as_ref(), &[&bytes]);
                let cut = events_of(dialect.as_ref(), &cut_at(&bytes, &cuts));
                let ends = whole.iter().filter(|event| matches!(event, ModelEvent::Done | ModelEvent::Failed(_)));
                prop_assert_eq!(ends.count(), 1);
                prop_assert_eq!(whole, cut);
            }
        }
    }
}
