//! Between a worker of the server, the rate limiter and the writer of the store. What comes to a worker at
//! about the same time goes on together, and comes back as it is done: waking another thread for each
//! request alone takes longer than all that is done for it.
//!
//! A request goes from its worker to the limiter, from there to the writer, and back to its worker.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use orket_actors::rate_limiter::{AskMany, Leave, Standing};
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

struct Asked {
    repository: Option<String>,
    arrival: Option<Box<Arrival>>,
    tell: Tell,
}

type Slots = Rc<RefCell<HashMap<u64, oneshot::Sender<Outcome>>>>;

/// One of a worker.
pub(crate) struct Desk {
    receiver: Arc<Receiver>,
    asked: RefCell<Vec<Asked>>,
    slots: Slots,
    next: Cell<u64>,
    answers: RefCell<Option<mpsc::UnboundedSender<Answer>>>,
}

impl Desk {
    pub(crate) fn new(receiver: Arc<Receiver>) -> Rc<Self> {
        Rc::new(Self {
            receiver,
            asked: RefCell::default(),
            slots: Slots::default(),
            next: Cell::new(0),
            answers: RefCell::default(),
        })
    }

    /// Asks whether a repository may tell something, and has it stored if it may. Must be called on the
    /// worker's own thread.
    pub(crate) async fn ask(
        self: &Rc<Self>,
        repository: Option<String>,
        arrival: Option<Box<Arrival>>,
    ) -> Outcome {
        let slot = self.next.get();
        self.next.set(slot.wrapping_add(1));
        let (told, wait) = oneshot::channel();
        self.slots.borrow_mut().insert(slot, told);
        let tell = Tell {
            slot,
            to: self.answers(),
            is_told: false,
        };
        let is_first = {
            let mut asked = self.asked.borrow_mut();
            asked.push(Asked {
                repository,
                arrival,
                tell,
            });
            asked.len() == 1
        };
        if is_first {
            let desk = Rc::clone(self);
            actix_rt::spawn(async move {
                // Behind all that is ready to ask too.
                tokio::task::yield_now().await;
                desk.hand_over();
            });
        }
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

    fn hand_over(&self) {
        let mut asked = self.asked.take();
        let repositories = asked.iter_mut().map(|one| one.repository.take()).collect();
        let receiver = Arc::clone(&self.receiver);
        let then = move |answers: Vec<Result<Leave, Standing>>| {
            for (answer, one) in answers.into_iter().zip(asked) {
                go_on(&receiver, answer, one);
            }
        };
        self.receiver.limiter.address().do_send(AskMany {
            repositories,
            then: Box::new(then),
        });
    }
}

/// On the limiter's thread: on to the store, or back.
fn go_on(receiver: &Receiver, answer: Result<Leave, Standing>, asked: Asked) {
    let leave = match answer {
        Ok(leave) => leave,
        Err(standing) => return asked.tell.tell(Outcome::Limited(standing)),
    };
    receiver.remember(&leave.tats);
    let standing = leave.standing;
    match asked.arrival {
        None => asked.tell.tell(Outcome::Admitted(standing)),
        Some(mut arrival) => {
            arrival.tats = leave.tats;
            let tell = asked.tell;
            receiver.store.receive_then(arrival, move |stored| {
                tell.tell(Outcome::Stored(standing, stored));
            });
        }
    }
}
