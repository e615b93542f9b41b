//! Begins to serve a client that was let in.

use std::collections::VecDeque;
use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::web::Data;
use actix_ws::{MessageStream, Session};

use super::body::EventsBody;
use super::client::{Client, Stage};
use super::listen::listen;
use super::worker::Worker;
use super::{LONGEST, Sockets};
use crate::api::Api;
use crate::api::seats::Seat;
use crate::events::EventLog;
use crate::events::filter::Filter;

/// What a client wants.
#[derive(Debug)]
pub struct Wish {
    /// Which events.
    pub filter: Filter,
    /// The last one that it has seen.
    pub after: Option<u64>,
}

/// The answer to the handshake, with events behind it.
#[must_use]
pub fn open(
    (response, session, messages): (HttpResponse, Session, MessageStream),
    seat: Seat,
    wish: Wish,
    worker: &Rc<Worker>,
    api: &Api,
    sockets: Data<Sockets>,
) -> HttpResponse {
    let (stage, after) = beginning(&api.events, wish.after);
    let client = Rc::new(Client::new(wish.filter, stage, after, sockets.options.ping));
    worker.add(Rc::clone(&client), &api.events, &sockets);
    let messages = messages.max_frame_size(LONGEST);
    actix_rt::spawn(listen(Rc::clone(&client), session.clone(), messages));
    let (log, zone) = (api.events.clone(), api.zone.clone());
    response.map_body(|_, answers| {
        BoxBody::new(EventsBody {
            client,
            log,
            sockets,
            zone,
            answers,
            _session: session,
            _seat: seat,
            out: VecDeque::new(),
            lookup: None,
            is_over: false,
        })
    })
}

/// Where a new client begins, and the number of the last event before that. `after` is the last event
/// that it has seen.
fn beginning(log: &EventLog, after: Option<u64>) -> (Stage, u64) {
    let (newest, seq) = log.feed().newest();
    match after {
        // Nothing has a higher number yet: it was given by another data folder.
        Some(after) if after < seq => match log.feed().place_after(after) {
            Some(place) => (Stage::Live(place), after),
            None => (Stage::Behind, after),
        },
        _ => (Stage::Live(newest), seq),
    }
}
