//! Takes events from the actors: queues them, or counts that there was no room.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::{Receiver, Sender};
use futures_util::future::{BoxFuture, FutureExt as _};
use orket_actors::port::event::{EventSink, RuntimeEvent};
use tokio::sync::oneshot;

use super::Counts;
use super::encoder::Control;
use super::feed::Feed;

/// See the file's head.
pub(super) struct Sink {
    events: Sender<Arc<RuntimeEvent>>,
    /// Whoever gives an order waits for its answer, so no more wait here than callers do.
    control: Sender<Control>,
    feed: Arc<Feed>,
    counts: Arc<Counts>,
}

/// Where the encoder's work comes from.
pub(super) struct Inbox {
    pub(super) events: Receiver<Arc<RuntimeEvent>>,
    pub(super) control: Receiver<Control>,
}

impl Sink {
    /// With room for so many events.
    pub(super) fn new(room: usize, feed: Arc<Feed>, counts: Arc<Counts>) -> (Self, Inbox) {
        let (events, queued) = crossbeam_channel::bounded(room.max(1));
        let (control, orders) = crossbeam_channel::unbounded();
        let sink = Self {
            events,
            control,
            feed,
            counts,
        };
        let inbox = Inbox {
            events: queued,
            control: orders,
        };
        (sink, inbox)
    }

    /// Gives an order; false when nobody is there to take it.
    pub(super) fn order(&self, order: Control) -> bool {
        self.control.send(order).is_ok()
    }
}

impl EventSink for Sink {
    fn take(&self, event: &Arc<RuntimeEvent>) {
        if self.events.try_send(Arc::clone(event)).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) -> BoxFuture<'static, ()> {
        let (done, answer) = oneshot::channel();
        let asked = self.order(Control::Flush(done));
        async move {
            if asked {
                // An error means that the threads are gone, which store everything before they go.
                let _ = answer.await;
            }
        }
        .boxed()
    }

    fn end(&self) {
        self.feed.end();
    }
}
