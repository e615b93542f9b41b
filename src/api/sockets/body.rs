//! What is sent to a client. The connection asks for it when it has room; so nothing is queued for a
//! client but its place in the feed, however slow it is.

use std::collections::VecDeque;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::{Bytes, Data};
use actix_ws::Session;
use orket_actors::port::event::RuntimeEvent;
use serde_json::json;

use super::Sockets;
use super::client::{Client, Stage, Waits};
use crate::api::seats::Seat;
use crate::events::chunk::Chunk;
use crate::events::feed::{Behind, behind};
use crate::events::filter::Filter;
use crate::events::table::Replay;
use crate::events::{EventLog, frame};
use crate::log::Zone;
use crate::log::line;
use crate::log::zone::Stamp;

/// Bytes of the feed that are looked at in one go.
const AT_ONCE: usize = 128 * 1_024;
/// The connection is given pieces of about this size, so that it need not hold more.
const PIECE: usize = 16 * 1_024;

type Lookup = Pin<Box<dyn Future<Output = Option<Arc<Replay>>>>>;

/// See the file's head.
pub struct EventsBody {
    pub(super) client: Rc<Client>,
    pub(super) log: EventLog,
    pub(super) sockets: Data<Sockets>,
    pub(super) zone: Zone,
    /// Answers of the library to what the client sends.
    pub(super) answers: BoxBody,
    /// Keeps them coming.
    pub(super) _session: Session,
    pub(super) _seat: Seat,
    /// Whole frames.
    pub(super) out: VecDeque<Bytes>,
    /// A lookup of stored events under way.
    pub(super) lookup: Option<Lookup>,
    pub(super) is_over: bool,
}

/// How it goes on after everything was given out.
enum Next {
    /// There is more to give out.
    More,
    /// There is nothing until something happens.
    Wait(Waits),
    /// That was all.
    End(u16, &'static str),
}

impl MessageBody for EventsBody {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        this.client.waits.set(Waits::Not);
        if this.is_over {
            return Poll::Ready(None);
        }
        // Every piece is whole frames, so that these can go between any two.
        if let Some(close) = this.client.take_close() {
            this.is_over = true;
            return Poll::Ready(Some(Ok(close)));
        }
        match Pin::new(&mut this.answers).poll_next(context) {
            Poll::Ready(None) => {
                this.is_over = true;
                return Poll::Ready(None);
            }
            Poll::Ready(answer) => return Poll::Ready(answer),
            Poll::Pending => {}
        }
        if this.client.take_ping() {
            return Poll::Ready(Some(Ok(Bytes::from_static(frame::PING))));
        }
        loop {
            if let Some(piece) = this.out.pop_front() {
                return Poll::Ready(Some(Ok(piece)));
            }
            match this.next(context) {
                Next::More => {}
                Next::Wait(what) => {
                    this.client.wait(context.waker(), what);
                    return Poll::Pending;
                }
                Next::End(code, words) => {
                    this.is_over = true;
                    return Poll::Ready(Some(Ok(frame::close(code, words).into())));
                }
            }
        }
    }
}

impl Drop for EventsBody {
    fn drop(&mut self) {
        self.client.is_gone.set(true);
    }
}

impl EventsBody {
    fn next(&mut self, context: &mut Context<'_>) -> Next {
        match self.client.stage.get() {
            Stage::Live(place) => {
                // Asked first: what is pushed in between is seen the next time.
                let is_over = self.log.feed().head().is_over;
                match self.log.feed().behind(place, AT_ONCE) {
                    Behind::Chunks(chunks) => {
                        self.give(place.frame, &chunks);
                        Next::More
                    }
                    Behind::Nothing if is_over => Next::End(1001, "the server stops"),
                    Behind::Nothing => Next::Wait(Waits::News),
                    Behind::Gone { missed } => {
                        self.sockets.lagged.fetch_add(1, Ordering::Relaxed);
                        self.tell_lagged(Some(missed));
                        self.client.stage.set(Stage::Behind);
                        Next::More
                    }
                }
            }
            Stage::Behind => self.catch_up(context),
        }
    }

    /// Gives out what is wanted of some chunks; of the first one, from a frame on.
    fn give(&mut self, from: usize, chunks: &[Arc<Chunk>]) {
        let mut from = from;
        for chunk in chunks {
            give(&mut self.out, &self.client.filter, chunk, from);
            from = 0;
            self.client.stage.set(Stage::Live(behind(chunk)));
            self.client.after.set(chunk.last_seq());
        }
    }

    /// Says that events went by; `None`: nobody knows how many.
    fn tell_lagged(&mut self, missed: Option<u64>) {
        let at_ms = crate::owner::host::wall_ms();
        let event = RuntimeEvent {
            // Everything behind this one comes again.
            seq: self.client.after.get(),
            at_ms,
            event: "lagged".to_owned(),
            role: "system".to_owned(),
            run_id: None,
            issue_id: None,
            workspace: None,
            data: json!({ "missed": missed }),
            shown: orket_actors::port::event::Shown::default(),
        };
        let mut bytes = Vec::new();
        let written = frame::text(&mut bytes, |buffer| {
            line::bare(buffer, Stamp::new(&self.zone).at(at_ms), &event)
        });
        if written.is_ok() {
            self.out.push_back(bytes.into());
        }
    }

    /// Stored events, until the memory has the next one.
    fn catch_up(&mut self, context: &mut Context<'_>) -> Next {
        let after = self.client.after.get();
        if let Some(mut lookup) = self.lookup.take() {
            return match lookup.as_mut().poll(context) {
                Poll::Pending => {
                    self.lookup = Some(lookup);
                    Next::Wait(Waits::Orders)
                }
                Poll::Ready(Some(replay)) => {
                    if replay.pruned > after && after > 0 {
                        self.tell_lagged(None);
                    }
                    if let Some(chunk) = &replay.chunk {
                        let from = chunk.frames.partition_point(|frame| frame.seq <= after);
                        give(&mut self.out, &self.client.filter, chunk, from);
                    }
                    self.client.after.set(replay.up_to.max(after));
                    Next::More
                }
                Poll::Ready(None) => Next::End(1013, "stored events cannot be read now"),
            };
        }
        if let Some(place) = self.log.feed().place_after(after) {
            self.client.stage.set(Stage::Live(place));
            return Next::More;
        }
        let Some(pages) = self.log.pages().map(Arc::clone) else {
            // Nothing is stored: what the memory has is all there is.
            let floor = self.log.feed().floor();
            self.client.after.set(floor.max(after));
            return Next::More;
        };
        let settled = self.log.counts().settled.load(Ordering::Acquire);
        if settled <= after {
            // The table is behind, and soon will not be.
            return Next::Wait(Waits::Anything);
        }
        let filter = self.client.filter.clone();
        self.lookup = Some(Box::pin(async move {
            pages.behind(after, settled, &filter).await
        }));
        Next::More
    }
}

/// Whatever is wanted of a chunk from a frame on, as pieces of whole frames.
fn give(out: &mut VecDeque<Bytes>, filter: &Filter, chunk: &Chunk, from: usize) {
    let chosen = match filter.of(chunk) {
        Some(chosen) => chosen,
        None => return,
    };
    if filter.is_open() && from == 0 && chunk.bytes.len() <= PIECE {
        out.push_back(chunk.bytes.clone());
        return;
    }
    let mut piece = 0..0;
    let mut flush = |piece: std::ops::Range<usize>| {
        if !piece.is_empty() {
            out.push_back(chunk.bytes.slice(piece));
        }
    };
    for frame in chunk.frames.iter().skip(from) {
        if !chosen.has(frame) {
            continue;
        }
        let place = frame.place();
        if place.start != piece.end || piece.len() >= PIECE {
            flush(std::mem::replace(&mut piece, place));
        } else {
            piece.end = place.end;
        }
    }
    flush(piece);
}
