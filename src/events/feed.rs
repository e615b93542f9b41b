//! The latest chunks. Those who listen keep their place in it and take what is behind that; nobody is
//! waited for, and who falls behind its beginning is told so. What is stored and older than a minute is
//! not kept, however little there is: it is in the table, and memory that fills for as long as half an
//! hour cannot be told from memory that leaks.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::Counts;
use super::chunk::Chunk;

/// How long what is stored is kept here too, in milliseconds.
const KEPT_MS: i64 = 60_000;

/// How far the events are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The chunk that comes next.
    pub next: u64,
    /// The number of the last event.
    pub seq: u64,
    /// No event will come any more.
    pub is_over: bool,
}

/// A place in the feed: before a frame of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The chunk.
    pub chunk: u64,
    /// The frame in it.
    pub frame: usize,
    /// How many events of this process come before it.
    pub ordinal: u64,
}

/// What is behind a place.
#[derive(Debug)]
pub enum Behind {
    /// These chunks, the place's own first.
    Chunks(Vec<Arc<Chunk>>),
    /// Nothing yet.
    Nothing,
    /// The place is before the beginning of what is kept: so many events are missed.
    Gone {
        /// Whether or not they were wanted.
        missed: u64,
    },
}

/// See the file's head.
#[derive(Debug)]
pub struct Feed {
    ring: Mutex<Ring>,
    head: watch::Sender<Head>,
    most: usize,
    most_bytes: usize,
    /// How far the table is, if there is one.
    stored: Option<Arc<Counts>>,
}

#[derive(Debug)]
struct Ring {
    chunks: VecDeque<Arc<Chunk>>,
    frames: usize,
    bytes: usize,
    /// All events of this process with a higher number are here.
    floor: u64,
}

impl Feed {
    /// Without events; the first one has a higher number than `after`. At most so many events and bytes are
    /// kept, and of what is `stored` what is younger than a minute.
    #[must_use]
    pub fn new(after: u64, most: usize, most_bytes: usize, stored: Option<Arc<Counts>>) -> Self {
        Self {
            ring: Mutex::new(Ring {
                chunks: VecDeque::new(),
                frames: 0,
                bytes: 0,
                floor: after,
            }),
            head: watch::Sender::new(Head {
                next: 0,
                seq: after,
                is_over: false,
            }),
            most,
            most_bytes,
            stored,
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a chunk; the oldest ones fall out.
    pub fn push(&self, chunk: &Arc<Chunk>) {
        {
            let mut ring = self.ring();
            ring.frames += chunk.frames.len();
            ring.bytes += chunk.weight();
            ring.chunks.push_back(Arc::clone(chunk));
            while ring.chunks.len() > 1
                && (ring.frames > self.most
                    || ring.bytes > self.most_bytes
                    || self.is_aged(&ring, chunk))
                && let Some(oldest) = ring.chunks.pop_front()
            {
                ring.frames -= oldest.frames.len();
                ring.bytes -= oldest.weight();
                ring.floor = oldest.last_seq();
            }
        }
        self.head.send_modify(|head| {
            head.next = chunk.number + 1;
            head.seq = chunk.last_seq();
        });
    }

    /// Whether the oldest chunk is stored, as all before it, and so much older than the newest that nobody
    /// looks for it here.
    fn is_aged(&self, ring: &Ring, newest: &Chunk) -> bool {
        let (Some(counts), Some(oldest)) = (&self.stored, ring.chunks.front()) else {
            return false;
        };
        let at = |chunk: &Chunk| chunk.frames.last().map_or(0, |frame| frame.at_ms);
        at(newest).saturating_sub(at(oldest)) > KEPT_MS
            && counts.unstored.load(Ordering::Relaxed) == 0
            && oldest.last_seq() <= counts.settled.load(Ordering::Acquire)
    }

    /// No event will come any more.
    pub fn end(&self) {
        self.head.send_if_modified(|head| {
            let is_news = !head.is_over;
            head.is_over = true;
            is_news
        });
    }

    /// How far the events are.
    #[must_use]
    pub fn head(&self) -> Head {
        *self.head.borrow()
    }

    /// To be told of news.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Head> {
        self.head.subscribe()
    }

    /// All events of this process with a higher number than this are here.
    #[must_use]
    pub fn floor(&self) -> u64 {
        self.ring().floor
    }

    /// The place behind everything, and the number of the last event before it.
    #[must_use]
    pub fn newest(&self) -> (Place, u64) {
        let ring = self.ring();
        ring.chunks.back().map_or_else(
            || (START, ring.floor),
            |last| (behind(last), last.last_seq()),
        )
    }

    /// The place behind the event with this number; `None` when events behind it are gone already.
    #[must_use]
    pub fn place_after(&self, seq: u64) -> Option<Place> {
        let ring = self.ring();
        if seq < ring.floor {
            return None;
        }
        let at = ring.chunks.partition_point(|chunk| chunk.last_seq() <= seq);
        match ring.chunks.get(at) {
            None => Some(ring.chunks.back().map_or(START, |last| behind(last))),
            Some(chunk) => {
                let frame = chunk.frames.partition_point(|frame| frame.seq <= seq);
                Some(Place {
                    chunk: chunk.number,
                    frame,
                    ordinal: (chunk.ordinal)
                        .saturating_add(u64::try_from(frame).unwrap_or(u64::MAX)),
                })
            }
        }
    }

    /// Some of what is behind a place: at least a chunk, at most about so many bytes.
    #[must_use]
    pub fn behind(&self, place: Place, most_bytes: usize) -> Behind {
        let ring = self.ring();
        let Some(oldest) = ring.chunks.front() else {
            return Behind::Nothing;
        };
        if place.chunk < oldest.number {
            return Behind::Gone {
                missed: oldest.ordinal.saturating_sub(place.ordinal),
            };
        }
        let skipped = (ring.chunks).partition_point(|chunk| chunk.number < place.chunk);
        let mut bytes = 0;
        let chunks: Vec<Arc<Chunk>> = ring
            .chunks
            .iter()
            .skip(skipped)
            .take_while(|chunk| {
                let has_room = bytes < most_bytes;
                bytes += chunk.bytes.len();
                has_room
            })
            .cloned()
            .collect();
        if chunks.is_empty() {
            Behind::Nothing
        } else {
            Behind::Chunks(chunks)
        }
    }
}

const START: Place = Place {
    chunk: 0,
    frame: 0,
    ordinal: 0,
};

/// The place behind a chunk.
#[must_use]
pub fn behind(chunk: &Chunk) -> Place {
    Place {
        chunk: chunk.number + 1,
        frame: 0,
        ordinal: chunk.end(),
    }
}

#[cfg(test)]
mod tests {
    use orket_actors::port::event::{RuntimeEvent, Shown};
    use serde_json::json;

    use super::super::chunk::ChunkMaker;
    use super::*;

    /// Adds chunks of one event each, with these numbers and at these seconds.
    fn fill(feed: &Feed, events: &[(u64, i64)]) {
        let mut maker = ChunkMaker::default();
        for (seq, at_s) in events {
            let event = RuntimeEvent {
                seq: *seq,
                at_ms: at_s * 1_000,
                event: "note".to_owned(),
                role: "system".to_owned(),
                run_id: None,
                issue_id: None,
                workspace: None,
                data: json!({}),
                shown: Shown::default(),
            };
            assert!(maker.add("", &event));
            feed.push(&Arc::new(maker.take().unwrap()));
        }
    }

    #[test]
    fn what_is_stored_is_kept_for_a_minute_and_the_rest_as_long_as_there_is_room() {
        let events = [(1, 0), (2, 30), (3, 60), (4, 61), (5, 200)];
        let counts = Arc::new(Counts::default());
        let feed = Feed::new(0, 100, 1 << 20, Some(Arc::clone(&counts)));
        fill(&feed, &events);
        assert_eq!(feed.floor(), 0, "the table has none of them yet");
        counts.settled.store(2, Ordering::Release);
        let feed = Feed::new(0, 100, 1 << 20, Some(Arc::clone(&counts)));
        fill(&feed, &events[..3]);
        assert_eq!(feed.floor(), 0, "a minute is not over");
        counts.unstored.store(1, Ordering::Release);
        let feed = Feed::new(0, 100, 1 << 20, Some(Arc::clone(&counts)));
        fill(&feed, &events);
        assert_eq!(feed.floor(), 0, "the table lacks one of them");
        counts.unstored.store(0, Ordering::Release);
        let feed = Feed::new(0, 100, 1 << 20, Some(counts));
        fill(&feed, &events);
        assert_eq!(feed.floor(), 2);
        assert!(feed.place_after(1).is_none() && feed.place_after(2).is_some());
        let alone = Feed::new(0, 100, 1 << 20, None);
        fill(&alone, &events);
        assert_eq!(alone.floor(), 0);
        let short = Feed::new(0, 2, 1 << 20, None);
        fill(&short, &events);
        assert_eq!(short.floor(), 3);
    }
}
