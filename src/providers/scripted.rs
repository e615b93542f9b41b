//! The embedded model: it answers what its scenario says, with the scenario's delays and faults.
//!
//! An answer without delays is a ready-made list of events: it costs no timer and no task.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use orket_actors::port::model::ModelProvider;
use orket_core::failure::{Failure, FailureClass};
use orket_core::model::{ModelEvent, ModelRequest, Origin};
use orket_core::scenario::{Answer, Fault, Script};

/// How many questions at once when nobody says otherwise.
const DEFAULT_PERMITS: usize = 256;
/// How much garbage a model that talks garbage gives, in characters.
const GARBAGE_CHARS: usize = 512;

/// A model that answers by scenario.
#[derive(Debug)]
pub struct ScriptedProvider {
    script: Script,
}

impl ScriptedProvider {
    /// The model of a script.
    #[must_use]
    pub const fn new(script: Script) -> Self {
        Self { script }
    }
}

impl ModelProvider for ScriptedProvider {
    fn endpoint(&self) -> &str {
        "scripted"
    }

    fn default_permits(&self) -> usize {
        DEFAULT_PERMITS
    }

    fn ask(&self, request: Arc<ModelRequest>) -> BoxStream<'static, ModelEvent> {
        match self.script.answer(&request.origin, &request.messages) {
            Ok(answer) => play(answer, &request.origin),
            Err(failure) => stream::iter([ModelEvent::Failed(failure.unheard())]).boxed(),
        }
    }
}

/// What follows the events of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// The stream ends.
    End,
    /// Silence for ever.
    Silence,
}

fn play(answer: Answer, origin: &Origin) -> BoxStream<'static, ModelEvent> {
    let first_delay = Duration::from_millis(answer.first_chunk_delay_ms);
    let chunk_delay = Duration::from_millis(answer.chunk_delay_ms);
    let (connected, events, after) = events_of(answer, origin);
    let connected = stream::iter(connected.then_some(ModelEvent::Connected));
    let played = if first_delay.is_zero() && chunk_delay.is_zero() {
        connected.chain(stream::iter(events)).boxed()
    } else {
        connected
            .chain(timed(events, first_delay, chunk_delay))
            .boxed()
    };
    match after {
        After::End => played,
        After::Silence => played.chain(stream::pending()).boxed(),
    }
}

/// Whether there is a connection, what comes over it, and what comes after.
fn events_of(answer: Answer, origin: &Origin) -> (bool, VecDeque<ModelEvent>, After) {
    let failure = |class, message: &str| {
        let wait = answer.retry_after_ms.map(Duration::from_millis);
        Failure::new(class, message).retry_after(wait)
    };
    let refused = |class, message: &str| ModelEvent::Failed(failure(class, message).unheard());
    let (chars, delay) = (answer.chunk_chars, answer.chunk_delay_ms);
    let texts = |text: &str| chunks(text, chars, delay);
    match answer.fault {
        None => {
            let mut events = whole(answer.text, chars, delay);
            events.extend(answer.usage.map(ModelEvent::Usage));
            if !answer.measured.is_empty() {
                events.push_back(ModelEvent::Measured(answer.measured));
            }
            events.push_back(ModelEvent::Done);
            (true, events, After::End)
        }
        Some(Fault::Connect) => {
            let failure = refused(
                FailureClass::ModelConnect,
                "no connection: the scenario says so (fault connect)",
            );
            (false, [failure].into(), After::End)
        }
        Some(Fault::Http500) => {
            let failure = refused(
                FailureClass::ModelServer,
                "HTTP 500: the scenario says so (fault http_500)",
            );
            (true, [failure].into(), After::End)
        }
        Some(Fault::Http429) => {
            let failure = refused(
                FailureClass::ModelRateLimited,
                "HTTP 429: the scenario says so (fault http_429)",
            );
            (true, [failure].into(), After::End)
        }
        Some(Fault::StallBeforeFirst) => (true, VecDeque::new(), After::Silence),
        Some(Fault::StallMid) => (true, texts(half(&answer.text)), After::Silence),
        Some(Fault::Truncate) => {
            let mut events = texts(half(&answer.text));
            events.push_back(ModelEvent::Failed(failure(
                FailureClass::ModelBroken,
                "the reply broke off: the scenario says so (fault truncate)",
            )));
            (true, events, After::End)
        }
        Some(Fault::Garbage) => {
            let mut events = texts(&garbage(origin));
            events.push_back(ModelEvent::Done);
            (true, events, After::End)
        }
    }
}

/// A text as it is said: in one piece when nothing is to be waited for between two.
fn whole(text: String, chars: NonZeroUsize, delay_ms: u64) -> VecDeque<ModelEvent> {
    match delay_ms {
        _ if text.is_empty() => VecDeque::new(),
        0 => [ModelEvent::Text(text)].into(),
        _ => chunks(&text, chars, delay_ms),
    }
}

fn chunks(text: &str, chars: NonZeroUsize, delay_ms: u64) -> VecDeque<ModelEvent> {
    if delay_ms == 0 {
        return whole(text.to_owned(), chars, 0);
    }
    let mut events = VecDeque::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.char_indices().nth(chars.get());
        let (chunk, after) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
        events.push_back(ModelEvent::Text(chunk.to_owned()));
        rest = after;
    }
    events
}

/// The first half of a text, the larger one.
fn half(text: &str) -> &str {
    let chars = text.chars().count().div_ceil(2);
    let end = text.char_indices().nth(chars);
    text.split_at(end.map_or(text.len(), |(at, _)| at)).0
}

/// The same garbage for the same question: a run can be repeated.
fn garbage(origin: &Origin) -> String {
    let place = format!(
        "{} {} {} {}",
        origin.issue_id, origin.turn, origin.attempt, origin.round
    );
    // FNV-1a for the seed, xorshift64 for what follows.
    let seed = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut state = place.bytes().fold(0xcbf2_9ce4_8422_2325, seed) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let [byte, ..] = state.to_le_bytes();
        char::from(byte)
    };
    (0..GARBAGE_CHARS).map(|_| next()).collect()
}

/// Events with a delay before the first and before each further text.
fn timed(
    events: VecDeque<ModelEvent>,
    first_delay: Duration,
    chunk_delay: Duration,
) -> impl stream::Stream<Item = ModelEvent> + Send {
    let state = (events, first_delay);
    stream::unfold(state, move |(mut events, delay)| async move {
        let event = events.pop_front()?;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let next_delay = match events.front() {
            Some(ModelEvent::Text(_)) => chunk_delay,
            _ => Duration::ZERO,
        };
        Some((event, (events, next_delay)))
    })
}
