//! Wakes the clients of one thread when there is something for them, all of them in one go: to be woken
//! for each event would cost more than the events.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix_web::web::Data;

use super::client::Client;
use super::{SocketOptions, Sockets};
use crate::events::EventLog;
use crate::events::feed::{Behind, Place, behind};

/// How long nobody is woken again, for each client that was: about twice what waking and serving it
/// costs.
const REST_EACH: Duration = Duration::from_micros(20);
/// And at the most.
const LONGEST_REST: Duration = Duration::from_millis(50);

/// The clients that one thread serves.
#[derive(Debug, Default)]
pub struct Worker {
    clients: RefCell<Vec<Rc<Client>>>,
    is_looking: Cell<bool>,
}

impl Worker {
    /// Looks after one more client, until it is gone.
    pub(super) fn add(
        self: &Rc<Self>,
        client: Rc<Client>,
        log: &EventLog,
        sockets: &Data<Sockets>,
    ) {
        self.clients.borrow_mut().push(client);
        if !self.is_looking.replace(true) {
            let looking = look(Rc::clone(self), log.clone(), Data::clone(sockets));
            actix_rt::spawn(looking);
        }
    }
}

/// Looks after the clients until there are none.
async fn look(worker: Rc<Worker>, log: EventLog, sockets: Data<Sockets>) {
    let pace = pace(&sockets.options);
    let mut head = log.feed().watch();
    // Whoever came before this is told of what it may know already, which does no harm.
    let mut place = log.feed().newest().0;
    let mut looked = Instant::now();
    for client in worker.clients.borrow().iter() {
        client.wake();
    }
    loop {
        let is_over = head.borrow_and_update().is_over;
        let Some(woken) = round(&worker, &log, &sockets, is_over, &mut place, &mut looked) else {
            return;
        };
        // The more there are to be woken, the more is gathered for them.
        let rest = REST_EACH.saturating_mul(u32::try_from(woken).unwrap_or(u32::MAX));
        if rest >= Duration::from_millis(1) {
            tokio::time::sleep(rest.min(LONGEST_REST)).await;
        }
        // An error would mean that the feed is gone, which this task holds.
        let _ = tokio::time::timeout(pace, head.changed()).await;
    }
}

/// Often enough for pings and patience to be kept.
fn pace(options: &SocketOptions) -> Duration {
    (options.ping.min(options.patience) / 10)
        .clamp(Duration::from_millis(10), Duration::from_secs(1))
}

/// Tells every client what is new and looks after those that are silent. How many were woken; `None`
/// when there are no clients any more.
fn round(
    worker: &Worker,
    log: &EventLog,
    sockets: &Sockets,
    is_over: bool,
    place: &mut Place,
    looked: &mut Instant,
) -> Option<usize> {
    let options = sockets.options;
    let mut clients = worker.clients.borrow_mut();
    clients.retain(|client| !client.is_gone.get());
    if clients.is_empty() {
        worker.is_looking.set(false);
        return None;
    }
    let woken = match log.feed().behind(*place, usize::MAX) {
        Behind::Chunks(news) => {
            if let Some(last) = news.last() {
                *place = behind(last);
            }
            clients.iter().filter(|client| client.tell(&news)).count()
        }
        Behind::Nothing => 0,
        Behind::Gone { .. } => {
            *place = log.feed().newest().0;
            clients.iter().filter(|client| client.wake()).count()
        }
    };
    let now = Instant::now();
    if is_over {
        for client in clients.iter() {
            client.wake();
        }
    }
    if now.saturating_duration_since(*looked) >= pace(&options) {
        *looked = now;
        // Those that wait for the table to catch up, too.
        let news = [];
        for client in clients.iter() {
            client.tell(&news);
            if client.look(now, options.ping, options.patience) {
                sockets.evicted.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    Some(woken)
}
