//! Between a worker of the server and the writer of the store. The quotas are asked here, on the worker's
//! own thread; what they let in goes to the writer, and comes back to its worker together with the rest of
//! its transaction: waking another thread for each request alone takes longer than all that is done for it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use orket_actors::rate_limiter::Standing;
use tokio::sync::{mpsc, oneshot};

use crate::receiver::Receiver;
use crate::store::{Arrival, Received, StoreError};

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// There is nothing left of a quota.
    Limited(Standing),
    /// It spent some of a quota; it had nothing to be stored.
    Admitted(Standing),
    /// It spent some of a quota, and was stored or not.
    Stored(Standing, Result<Received, StoreError>),
    /// Whoever had it broke off.
    Lost,
}

type Answer = (u64, Outcome);

/// Tells a worker what became of a request; that it is lost, when nobody says more.
struct Tell {
    slot: u64,
    to: mpsc::UnboundedSender<Answer>,
    is_told: bool,
}

impl Tell {
    fn tell(mut self, outcome: Outcome) {
        self.is_told = true;
        // The worker may be gone.
        let _ = self.to.send((self.slot, outcome));
    }
}

impl Drop for Tell {
    fn drop(&mut self) {
        if !self.is_told {
            let _ = self.to.send((self.slot, Outcome::Lost));
        }
    }
}

type Slots = Rc<RefCell<HashMap<u64, oneshot::Sender<Outcome>>>>;

/// One of a worker.
pub(crate) struct Desk {
    receiver: Arc<Receiver>,
    slots: Slots,
    next: Cell<u64>,
    answers: RefCell<Option<mpsc::UnboundedSender<Answer>>>,
}

impl Desk {
    pub(crate) fn new(receiver: Arc<Receiver>) -> Rc<Self> {
        Rc::new(Self {
            receiver,
            slots: Slots::default(),
            next: Cell::new(0),
            answers: RefCell::default(),
        })
    }

    /// Asks whether a repository may tell something, and has it stored if it may. Must be called on the
    /// worker's own thread.
    pub(crate) async fn ask(
        &self,
        repository: Option<&str>,
        arrival: Option<Box<Arrival>>,
    ) -> Outcome {
        let leave = match self.receiver.quotas.ask(repository) {
            Ok(leave) => leave,
            Err(standing) => return Outcome::Limited(standing),
        };
        let standing = leave.standing;
        let Some(mut arrival) = arrival else {
            return Outcome::Admitted(standing);
        };
        arrival.tats = leave.tats;
        let slot = self.next.get();
        self.next.set(slot.wrapping_add(1));
        let (told, wait) = oneshot::channel();
        self.slots.borrow_mut().insert(slot, told);
        let tell = Tell {
            slot,
            to: self.answers(),
            is_told: false,
        };
        self.receiver.store.receive_then(arrival, move |stored| {
            tell.tell(Outcome::Stored(standing, stored));
        });
        wait.await.unwrap_or(Outcome::Lost)
    }

    /// Where answers go to; the first time, somebody is set to take them in.
    fn answers(&self) -> mpsc::UnboundedSender<Answer> {
        let mut answers = self.answers.borrow_mut();
        answers
            .get_or_insert_with(|| {
                let (sender, mut inbox) = mpsc::unbounded_channel::<Answer>();
                let slots = Rc::clone(&self.slots);
                actix_rt::spawn(async move {
                    while let Some((slot, outcome)) = inbox.recv().await {
                        let waiting = slots.borrow_mut().remove(&slot);
                        if let Some(waiting) = waiting {
                            // The client may be gone.
                            let _ = waiting.send(outcome);
                        }
                    }
                });
                sender
            })
            .clone()
    }
}
