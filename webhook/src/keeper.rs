//! Keeps an actor alive: actix does not restart one that panicked. Whoever wants its address gets one
//! that is connected, until it died too often.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix::prelude::*;
use actix_rt::ArbiterHandle;
use orket_actors::port::clock::SharedClock;

/// Restarts within [`WINDOW`].
const BUDGET: usize = 20;
const WINDOW: Duration = Duration::from_secs(60);

type Make<A> = Arc<dyn Fn() -> A + Send + Sync>;

/// See the file's head. Cheap to clone.
pub struct Keeper<A: Actor<Context = Context<A>>> {
    name: &'static str,
    arbiter: ArbiterHandle,
    clock: SharedClock,
    make: Make<A>,
    state: Arc<Mutex<State<A>>>,
}

struct State<A: Actor> {
    address: Addr<A>,
    restarts: Vec<u64>,
}

impl<A: Actor<Context = Context<A>>> Clone for Keeper<A> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            arbiter: self.arbiter.clone(),
            clock: Arc::clone(&self.clock),
            make: Arc::clone(&self.make),
            state: Arc::clone(&self.state),
        }
    }
}

impl<A: Actor<Context = Context<A>>> Keeper<A> {
    /// Starts an actor on an arbiter; `make` makes it, there, whenever it has to be made anew.
    pub fn start(
        name: &'static str,
        arbiter: ArbiterHandle,
        clock: SharedClock,
        make: impl Fn() -> A + Send + Sync + 'static,
    ) -> Self {
        let make: Make<A> = Arc::new(make);
        let state = State {
            address: begin(&arbiter, &make),
            restarts: Vec::new(),
        };
        Self {
            name,
            arbiter,
            clock,
            make,
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its address: of one that lives, unless it died too often.
    #[must_use]
    pub fn address(&self) -> Addr<A> {
        let mut state = self.state();
        if !state.address.connected() {
            self.restart(&mut state);
        }
        state.address.clone()
    }

    /// Asks it; one that breaks meanwhile is made anew and asked again, once.
    ///
    /// # Errors
    ///
    /// [`MailboxError`] when both broke, or it died too often.
    pub async fn ask<M>(&self, message: M) -> Result<M::Result, MailboxError>
    where
        M: Message + Clone + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        Context<A>: actix::dev::ToEnvelope<A, M>,
    {
        let address = self.address();
        match address.send(message.clone()).await {
            Ok(answer) => Ok(answer),
            Err(_) => {
                {
                    let mut state = self.state();
                    // It may still seem connected while it is being taken apart.
                    if state.address == address {
                        self.restart(&mut state);
                    }
                }
                self.address().send(message).await
            }
        }
    }

    fn restart(&self, state: &mut State<A>) {
        let now = self.clock.now_ms();
        let window = u64::try_from(WINDOW.as_millis()).unwrap_or(u64::MAX);
        state.restarts.retain(|at| now.saturating_sub(*at) < window);
        if state.restarts.len() < BUDGET {
            state.restarts.push(now);
            tracing::warn!(actor = self.name, "an actor died and is restarted");
            state.address = begin(&self.arbiter, &self.make);
        } else {
            tracing::error!(actor = self.name, "an actor died too often");
        }
    }

    /// Whether it lives, or does when its address is asked for.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.address().connected()
    }
}

fn begin<A: Actor<Context = Context<A>>>(arbiter: &ArbiterHandle, make: &Make<A>) -> Addr<A> {
    let make = Arc::clone(make);
    A::start_in_arbiter(arbiter, move |_| make())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use orket_actors::clock::VirtualClock;

    use super::*;

    struct Brittle;

    impl Actor for Brittle {
        type Context = Context<Self>;
    }

    /// Breaks what it is told to break.
    #[derive(Clone, Message)]
    #[rtype(result = "u8")]
    struct Do(Arc<AtomicUsize>);

    impl Handler<Do> for Brittle {
        type Result = u8;

        fn handle(&mut self, message: Do, _: &mut Self::Context) -> u8 {
            let left = message.0.load(Ordering::SeqCst);
            message.0.store(left.saturating_sub(1), Ordering::SeqCst);
            assert_eq!(left, 0, "told to break");
            7
        }
    }

    #[test]
    fn what_broke_is_made_anew_until_it_broke_too_often() {
        actix_rt::System::new().block_on(async {
            let made = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&made);
            let clock = Arc::new(VirtualClock::default());
            let arbiter = actix_rt::Arbiter::new();
            let keeper = Keeper::start("brittle", arbiter.handle(), clock.clone(), move || {
                count.fetch_add(1, Ordering::SeqCst);
                Brittle
            });
            let ask = |breaks: usize| keeper.ask(Do(Arc::new(AtomicUsize::new(breaks))));
            for _ in 0..BUDGET {
                assert_eq!(ask(1).await, Ok(7));
            }
            assert_eq!(made.load(Ordering::SeqCst), BUDGET + 1);
            assert!(ask(1).await.is_err());
            assert!(ask(0).await.is_err());
            assert!(!keeper.is_alive());
            clock.advance(WINDOW);
            assert_eq!(ask(0).await, Ok(7));
            assert!(ask(2).await.is_err());
            assert_eq!(ask(0).await, Ok(7));
        });
    }
}
