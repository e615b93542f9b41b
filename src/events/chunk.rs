//! Some events in a row as WebSocket frames, made once for all who listen, with what filters and the
//! table need to know of each.

use std::hash::BuildHasher as _;
use std::ops::Range;

use actix_web::web::Bytes;
use orket_actors::port::event::RuntimeEvent;
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::{frame, is_fleeting};
use crate::log::line;

/// A chunk is full with so many bytes.
const FULL: usize = 64 * 1_024;
/// A chunk is full with so many frames.
const MOST: usize = 1_024;

/// See the file's head.
#[derive(Debug)]
pub struct Chunk {
    /// Its place among all chunks of this process, from 0.
    pub number: u64,
    /// How many events of this process were before it.
    pub ordinal: u64,
    /// The frames, one after another.
    pub bytes: Bytes,
    /// What is known of each.
    pub frames: Box<[Frame]>,
    /// The names of the events.
    pub events: Names,
    /// Who speaks.
    pub roles: Names,
    /// The sessions that they belong to.
    pub sessions: Names,
}

/// One frame of a chunk.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The event's number.
    pub seq: u64,
    /// When, milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    place: Range<u32>,
    fields: Range<u32>,
    event: u16,
    role: u16,
    session: Option<u16>,
    /// It is told and not stored.
    pub is_fleeting: bool,
}

impl Frame {
    /// Where it is in the chunk.
    #[must_use]
    pub fn place(&self) -> Range<usize> {
        wide(&self.place)
    }

    /// Where the fields of its data are: an object without its closing brace.
    #[must_use]
    pub fn fields(&self) -> Range<usize> {
        wide(&self.fields)
    }

    /// Its name, in [`Chunk::events`].
    #[must_use]
    pub fn event(&self) -> usize {
        usize::from(self.event)
    }

    /// Its role, in [`Chunk::roles`].
    #[must_use]
    pub fn role(&self) -> usize {
        usize::from(self.role)
    }

    /// Its session, in [`Chunk::sessions`].
    #[must_use]
    pub fn session(&self) -> Option<usize> {
        self.session.map(usize::from)
    }
}

fn wide(range: &Range<u32>) -> Range<usize> {
    let wide = |place: u32| usize::try_from(place).unwrap_or(usize::MAX);
    wide(range.start)..wide(range.end)
}

fn narrow(range: Range<usize>) -> Option<Range<u32>> {
    Some(u32::try_from(range.start).ok()?..u32::try_from(range.end).ok()?)
}

impl Chunk {
    /// The number of its first event.
    #[must_use]
    pub fn first_seq(&self) -> u64 {
        self.frames.first().map_or(0, |frame| frame.seq)
    }

    /// The number of its last event.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.frames.last().map_or(0, |frame| frame.seq)
    }

    /// About how much memory it takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let names = [&self.events, &self.roles, &self.sessions];
        let texts: usize = names.iter().map(|names| names.texts.len()).sum();
        self.bytes.len() + self.frames.len() * size_of::<Frame>() + texts * 64 + 512
    }

    /// How many events there were up to its end.
    #[must_use]
    pub fn end(&self) -> u64 {
        (self.ordinal).saturating_add(u64::try_from(self.frames.len()).unwrap_or(u64::MAX))
    }
}

/// Texts that are often the same, each once.
#[derive(Debug, Default)]
pub struct Names {
    texts: Vec<Box<str>>,
    /// The hash of each with its place, sorted.
    sorted: Vec<(u64, usize)>,
}

impl Names {
    /// The text at a place.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&str> {
        self.texts.get(place).map(AsRef::as_ref)
    }

    /// The place of a text with this [`hash`].
    #[must_use]
    pub fn find(&self, hash: u64, text: &str) -> Option<usize> {
        let from = self.sorted.partition_point(|(known, _)| *known < hash);
        self.sorted
            .iter()
            .skip(from)
            .take_while(|(known, _)| *known == hash)
            .map(|(_, place)| *place)
            .find(|place| self.get(*place) == Some(text))
    }
}

/// The hash that [`Names::find`] wants.
#[must_use]
pub fn hash(text: &str) -> u64 {
    FxBuildHasher.hash_one(text)
}

#[derive(Default)]
struct NamesMaker {
    places: FxHashMap<Box<str>, usize>,
}

impl NamesMaker {
    fn place(&mut self, text: &str) -> usize {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = self.places.len();
        self.places.insert(text.into(), place);
        place
    }

    fn take(&mut self) -> Names {
        let mut texts: Vec<(usize, Box<str>)> = (self.places.drain())
            .map(|(text, place)| (place, text))
            .collect();
        texts.sort_unstable_by_key(|(place, _)| *place);
        let texts: Vec<Box<str>> = texts.into_iter().map(|(_, text)| text).collect();
        let mut sorted: Vec<(u64, usize)> = texts
            .iter()
            .enumerate()
            .map(|(place, text)| (hash(text), place))
            .collect();
        sorted.sort_unstable();
        Names { texts, sorted }
    }
}

/// Makes chunks.
#[derive(Default)]
pub struct ChunkMaker {
    buffer: Vec<u8>,
    frames: Vec<Frame>,
    events: NamesMaker,
    roles: NamesMaker,
    sessions: NamesMaker,
    number: u64,
    ordinal: u64,
}

impl ChunkMaker {
    /// Adds an event; false when its values cannot be printed.
    pub fn add(&mut self, timestamp: &str, event: &RuntimeEvent) -> bool {
        let begin = self.buffer.len();
        let written = frame::text(&mut self.buffer, |buffer| {
            let from = buffer.len();
            let fields = line::numbered(buffer, timestamp, event)?;
            Ok::<_, serde_json::Error>(fields.start - from..fields.end - from)
        });
        let frame = written.ok().and_then(|(fields, payload)| {
            let session = line::session_of(event).map(|session| self.sessions.place(session));
            Some(Frame {
                seq: event.seq,
                at_ms: event.at_ms,
                place: narrow(begin..self.buffer.len())?,
                fields: narrow(payload + fields.start..payload + fields.end)?,
                event: u16::try_from(self.events.place(&event.event)).ok()?,
                role: u16::try_from(self.roles.place(&event.role)).ok()?,
                session: session.map(u16::try_from).transpose().ok()?,
                is_fleeting: is_fleeting(&event.event),
            })
        });
        match frame {
            Some(frame) => {
                self.frames.push(frame);
                true
            }
            None => {
                self.buffer.truncate(begin);
                false
            }
        }
    }

    /// Forgets what was added since the last time.
    pub fn give_up(&mut self) {
        drop(self.take());
    }

    /// Bytes of what was added since the last time.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Whether it should be taken now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.buffer.len() >= FULL || self.frames.len() >= MOST
    }

    /// What was added since the last time; `None` when that is nothing.
    pub fn take(&mut self) -> Option<Chunk> {
        if self.frames.is_empty() {
            return None;
        }
        let chunk = Chunk {
            number: self.number,
            ordinal: self.ordinal,
            bytes: Bytes::copy_from_slice(&self.buffer),
            frames: self.frames.drain(..).collect(),
            events: self.events.take(),
            roles: self.roles.take(),
            sessions: self.sessions.take(),
        };
        self.buffer.clear();
        // One huge event should not be remembered for ever.
        self.buffer.shrink_to(2 * FULL);
        self.number += 1;
        self.ordinal = chunk.end();
        Some(chunk)
    }
}
