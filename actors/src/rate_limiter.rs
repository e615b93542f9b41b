//! How often repositories may tell something: one quota over all and one for each repository, and the
//! actor that looks after them. They are asked after the signature, so that unsigned traffic spends
//! nothing here.
//!
//! Whoever has a request in hand asks the [`Quotas`] on its own thread, under a lock that is held for less
//! than a microsecond: to wake the actor for each request took longer than everything else that was done
//! for it. They outlive the actor, so that one that is made anew goes on where the last one was.
//!
//! The algorithm is GCRA (ITU-T I.371), by the crate `governor`: for each key there is one number, the
//! theoretical arrival time (TAT) of the next request. These are handed out with each leave, to be
//! stored together with what was let in, and are given back to the next process.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::ops::Add;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix::prelude::*;
use governor::clock::{Clock as GovernorClock, Reference};
use governor::middleware::{NoOpMiddleware, StateInformationMiddleware};
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter as Governor};

use crate::port::clock::SharedClock;

/// The key of the quota over all repositories; no repository is called so.
pub const ALL: &str = "*";
/// Keys that are kept before those that nothing depends on any more are dropped.
const MANY: usize = 4_096;
const NANOS_PER_MS: u64 = 1_000_000;

/// A quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Requests a minute, in the long run.
    pub per_minute: NonZeroU32,
    /// Requests at once, after a time of silence.
    pub burst: NonZeroU32,
}

impl Limit {
    fn quota(self) -> Quota {
        Quota::per_minute(self.per_minute).allow_burst(self.burst)
    }
}

/// The theoretical arrival time of the next request for a key, in nanoseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tat {
    /// [`ALL`], or `owner/name`.
    pub key: String,
    /// The time.
    pub at_ns: i64,
}

/// What is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Requests at once that the narrower quota allows.
    pub limit: u32,
    /// How many of them are left now.
    pub remaining: u32,
    /// How long until another one may come, when none is left; else nothing.
    pub wait: Duration,
}

/// May this repository tell something now? One request is spent when it may.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Leave, Standing>")]
pub struct Ask {
    /// `owner/name`; none for what is of no repository.
    pub repository: Option<String>,
}

/// It may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leave {
    /// What is left.
    pub standing: Standing,
    /// To be stored with what was let in.
    pub tats: Vec<Tat>,
}

/// Gives leave back: what it was for was not stored.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct GiveBack {
    /// Whose.
    pub repository: Option<String>,
}

type Snapshots = StateInformationMiddleware;

/// The quotas. Cheap to clone: all clones are the same ones.
#[derive(Clone)]
pub struct Quotas(Arc<Mutex<Both>>);

impl std::fmt::Debug for Quotas {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Quotas")
    }
}

impl Quotas {
    /// One over all and one for each repository, with what earlier processes left.
    #[must_use]
    pub fn new(all: Limit, each: Limit, clock: SharedClock, left: &[Tat]) -> Self {
        Self(Arc::new(Mutex::new(Both::new(all, each, clock, left))))
    }

    /// Whoever broke while it held them had nothing half done: what is spent is set last.
    fn both(&self) -> MutexGuard<'_, Both> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// May this repository tell something now? One request is spent when it may. `repository` is
    /// `owner/name`; none for what is of no repository.
    ///
    /// # Errors
    ///
    /// How it stands, when there is nothing left.
    pub fn ask(&self, repository: Option<&str>) -> Result<Leave, Standing> {
        self.both().ask(repository)
    }

    /// Gives leave back: what it was for was not stored.
    pub fn give_back(&self, repository: Option<&str>) {
        self.both().give_back(repository);
    }
}

struct Both {
    all: Governor<String, Tats, Ticks, Snapshots>,
    each: Governor<String, Tats, Ticks, Snapshots>,
    limits: (Limit, Limit),
    tats: Tats,
    clock: Ticks,
    /// The wall clock when the tick was 0.
    zero_ns: i64,
}

impl Both {
    fn new(all: Limit, each: Limit, clock: SharedClock, left: &[Tat]) -> Self {
        let zero_ns = clock.wall_ms().saturating_mul(1_000_000);
        let ticks = Ticks {
            zero_ms: clock.now_ms(),
            clock,
        };
        let tats = Tats::default();
        for tat in left {
            // A TAT is never further away than the whole burst: a wall clock that was set back between
            // two processes must not shut anybody out.
            let limit = if tat.key == ALL { all } else { each };
            let ahead = tat.at_ns.saturating_sub(zero_ns);
            if let Ok(ahead) = u64::try_from(ahead) {
                let most = window(limit);
                tats.set(&tat.key, Some(ahead.min(most)));
            }
        }
        let governor = |limit: Limit| {
            Governor::<_, _, _, NoOpMiddleware<Tick>>::new(
                limit.quota(),
                tats.clone(),
                ticks.clone(),
            )
            .with_middleware::<Snapshots>()
        };
        Self {
            all: governor(all),
            each: governor(each),
            limits: (all, each),
            tats,
            clock: ticks,
            zero_ns,
        }
    }

    fn ask(&self, repository: Option<&str>) -> Result<Leave, Standing> {
        let now = self.clock.now();
        let refused = |limit: Limit, wait: Duration| Standing {
            limit: limit.burst.get(),
            remaining: 0,
            wait,
        };
        let mut keys = vec![ALL.to_owned()];
        let mut left = (self.limits.0, u32::MAX);
        if let Some(repository) = repository {
            let key = repository.to_ascii_lowercase();
            let before = self.tats.get(&key);
            match self.each.check_key(&key) {
                Ok(snapshot) => left = (self.limits.1, snapshot.remaining_burst_capacity()),
                Err(not_until) => {
                    return Err(refused(self.limits.1, not_until.wait_time_from(now)));
                }
            }
            if let Err(standing) = self.ask_all(now, &mut left) {
                // Nothing is spent of one quota when the other one has none.
                self.tats.set(&key, before);
                return Err(refused(self.limits.0, standing));
            }
            keys.push(key);
        } else if let Err(wait) = self.ask_all(now, &mut left) {
            return Err(refused(self.limits.0, wait));
        }
        self.tidy(now);
        Ok(Leave {
            standing: Standing {
                limit: left.0.burst.get(),
                remaining: left.1,
                wait: Duration::ZERO,
            },
            tats: keys
                .into_iter()
                .filter_map(|key| {
                    let at = i64::try_from(self.tats.get(&key)?).ok()?;
                    let at_ns = self.zero_ns.saturating_add(at);
                    Some(Tat { key, at_ns })
                })
                .collect(),
        })
    }

    fn ask_all(&self, now: Tick, left: &mut (Limit, u32)) -> Result<(), Duration> {
        match self.all.check_key(&ALL.to_owned()) {
            Ok(snapshot) => {
                if snapshot.remaining_burst_capacity() < left.1 {
                    *left = (self.limits.0, snapshot.remaining_burst_capacity());
                }
                Ok(())
            }
            Err(not_until) => Err(not_until.wait_time_from(now)),
        }
    }

    fn give_back(&self, repository: Option<&str>) {
        let one = |key: &str, limit: Limit| {
            let interval = Duration::from_secs(60).as_nanos() / u128::from(limit.per_minute.get());
            let interval = u64::try_from(interval).unwrap_or(u64::MAX);
            if let Some(at) = self.tats.get(key) {
                self.tats.set(key, Some(at.saturating_sub(interval)));
            }
        };
        one(ALL, self.limits.0);
        if let Some(repository) = repository {
            one(&repository.to_ascii_lowercase(), self.limits.1);
        }
    }

    /// Drops keys whose time has passed: they are as if they had never come.
    fn tidy(&self, now: Tick) {
        let mut known = self.tats.known();
        if known.len() > MANY {
            known.retain(|_, at| *at > now.0);
        }
    }
}

/// How far ahead a TAT can be: the whole burst.
fn window(limit: Limit) -> u64 {
    let interval = 60_000_000_000 / u64::from(limit.per_minute.get());
    interval.saturating_mul(u64::from(limit.burst.get()))
}

/// The actor.
#[derive(Debug)]
pub struct RateLimiter {
    quotas: Quotas,
}

impl RateLimiter {
    /// Looks after these.
    #[must_use]
    pub fn new(quotas: Quotas) -> Self {
        Self { quotas }
    }
}

impl Actor for RateLimiter {
    type Context = Context<Self>;
}

impl Supervised for RateLimiter {}

impl Handler<Ask> for RateLimiter {
    type Result = Result<Leave, Standing>;

    fn handle(&mut self, ask: Ask, _: &mut Self::Context) -> Self::Result {
        self.quotas.ask(ask.repository.as_deref())
    }
}

impl Handler<GiveBack> for RateLimiter {
    type Result = ();

    fn handle(&mut self, back: GiveBack, _: &mut Self::Context) {
        self.quotas.give_back(back.repository.as_deref());
    }
}

/// The TATs, in ticks. The two governors share them: their keys differ.
#[derive(Clone, Default)]
struct Tats(Arc<Mutex<HashMap<String, u64>>>);

impl Tats {
    fn known(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, key: &str) -> Option<u64> {
        self.known().get(key).copied()
    }

    fn set(&self, key: &str, at: Option<u64>) {
        let mut known = self.known();
        match at {
            Some(at) => match known.get_mut(key) {
                Some(known) => *known = at,
                None => {
                    known.insert(key.to_owned(), at);
                }
            },
            None => {
                known.remove(key);
            }
        }
    }
}

impl StateStore for Tats {
    type Key = String;

    fn measure_and_replace<T, F, E>(&self, key: &String, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let before = self.get(key).map(Nanos::from);
        let (outcome, after) = measure(before)?;
        self.set(key, Some(after.into()));
        Ok(outcome)
    }
}

/// Nanoseconds since the actor was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Tick(u64);

impl Add<Nanos> for Tick {
    type Output = Self;

    fn add(self, more: Nanos) -> Self {
        Self(self.0.saturating_add(more.into()))
    }
}

impl Reference for Tick {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.checked_sub(duration.into()).unwrap_or(self.0))
    }
}

#[derive(Clone)]
struct Ticks {
    clock: SharedClock,
    zero_ms: u64,
}

impl GovernorClock for Ticks {
    type Instant = Tick;

    fn now(&self) -> Tick {
        let ms = self.clock.now_ms().saturating_sub(self.zero_ms);
        Tick(ms.saturating_mul(NANOS_PER_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;

    fn limit(per_minute: u32, burst: u32) -> Limit {
        Limit {
            per_minute: NonZeroU32::new(per_minute).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        }
    }

    fn ask(repository: &str) -> Ask {
        Ask {
            repository: Some(repository.to_owned()),
        }
    }

    fn limiter(
        all: Limit,
        each: Limit,
        clock: &Arc<VirtualClock>,
        left: &[Tat],
    ) -> Addr<RateLimiter> {
        let clock = Arc::clone(clock);
        RateLimiter::new(Quotas::new(all, each, clock, left)).start()
    }

    #[test]
    fn threads_that_ask_at_once_get_as_much_as_there_is() {
        let clock = Arc::new(VirtualClock::default());
        let quotas = Quotas::new(limit(60, 50), limit(60, 20), clock, &[]);
        let let_in = |repository: &'static str| {
            let quotas = quotas.clone();
            std::thread::spawn(move || {
                (0..40)
                    .filter(|_| quotas.ask(Some(repository)).is_ok())
                    .count()
            })
        };
        let threads = ["a/a", "A/A", "b/b", "b/b", "c/c", "c/c"].map(let_in);
        let counts = threads.map(|thread| thread.join().unwrap());
        assert_eq!(counts.iter().sum::<usize>(), 50, "{counts:?}");
        for pair in counts.chunks(2) {
            assert!(pair.iter().sum::<usize>() <= 20, "{counts:?}");
        }
    }

    /// 64 senders ask at once, `each` times one after another; how many were let in.
    async fn storm(limiter: &Addr<RateLimiter>, repository: &str, each: usize) -> usize {
        let senders = (0..64).map(|_| {
            let (limiter, repository) = (limiter.clone(), repository.to_owned());
            actix_rt::spawn(async move {
                let mut let_in = 0;
                for _ in 0..each {
                    let answer = limiter.send(ask(&repository)).await.unwrap();
                    let_in += usize::from(answer.is_ok());
                }
                let_in
            })
        });
        let mut sum = 0;
        for sender in senders.collect::<Vec<_>>() {
            sum += sender.await.unwrap();
        }
        sum
    }

    #[test]
    fn exactly_as_many_are_let_in_as_may_be_also_over_a_restart() {
        actix_rt::System::new().block_on(async {
            let clock = Arc::new(VirtualClock::default());
            let make = |left: &[Tat]| limiter(limit(6_000, 500), limit(60, 20), &clock, left);
            let limiter = make(&[]);
            assert_eq!(storm(&limiter, "acme/site", 4).await, 20);
            // One a second comes back.
            clock.advance(Duration::from_millis(999));
            assert_eq!(storm(&limiter, "acme/site", 1).await, 0);
            clock.advance(Duration::from_millis(1));
            assert_eq!(storm(&limiter, "acme/site", 1).await, 1);
            clock.advance(Duration::from_secs(7));
            // Six of the seven, then another process takes over with what was stored.
            let mut left = Vec::new();
            for _ in 0..6 {
                left = limiter.send(ask("Acme/Site")).await.unwrap().unwrap().tats;
            }
            let limiter = make(&left);
            assert_eq!(storm(&limiter, "acme/site", 2).await, 1);
            clock.advance(Duration::from_secs(3));
            assert_eq!(storm(&limiter, "acme/site", 2).await, 3);
            // After a long silence the burst is whole again, and not more.
            clock.advance(Duration::from_secs(3_600));
            assert_eq!(storm(&limiter, "acme/site", 2).await, 20);
        });
    }

    #[test]
    fn what_one_quota_refuses_spends_nothing_of_the_other() {
        actix_rt::System::new().block_on(async {
            let clock = Arc::new(VirtualClock::default());
            let limiter = limiter(limit(60, 10), limit(60, 6), &clock, &[]);
            assert_eq!(storm(&limiter, "a/a", 1).await, 6);
            // The first repository could not spend what is left for the second.
            assert_eq!(storm(&limiter, "b/b", 1).await, 4);
            clock.advance(Duration::from_secs(1));
            // One more over all; `b` still has two of its own.
            assert_eq!(storm(&limiter, "b/b", 1).await, 1);
            let refused = limiter.send(ask("b/b")).await.unwrap().unwrap_err();
            assert_eq!(
                (refused.remaining, refused.limit, refused.wait),
                (0, 10, Duration::from_secs(1))
            );
            clock.advance(Duration::from_secs(2));
            assert_eq!(storm(&limiter, "b/b", 1).await, 2);
        });
    }

    #[test]
    fn what_was_given_back_may_be_asked_for_again() {
        actix_rt::System::new().block_on(async {
            let clock = Arc::new(VirtualClock::default());
            let limiter = limiter(limit(1, 1), limit(1, 1), &clock, &[]);
            let leave = limiter.send(ask("a/a")).await.unwrap().unwrap();
            assert_eq!(leave.standing.remaining, 0);
            let refused = limiter.send(ask("a/a")).await.unwrap().unwrap_err();
            assert_eq!(refused.wait, Duration::from_secs(60));
            let repository = Some("a/a".to_owned());
            limiter.send(GiveBack { repository }).await.unwrap();
            assert!(limiter.send(ask("a/a")).await.unwrap().is_ok());
            assert!(limiter.send(ask("a/a")).await.unwrap().is_err());
        });
    }

    #[test]
    fn a_wall_clock_that_was_set_back_shuts_nobody_out_for_long() {
        actix_rt::System::new().block_on(async {
            let clock = Arc::new(VirtualClock::default());
            let far = Tat {
                key: ALL.to_owned(),
                at_ns: i64::MAX,
            };
            let limiter = limiter(limit(60, 5), limit(60, 5), &clock, &[far]);
            assert_eq!(storm(&limiter, "a/a", 1).await, 0);
            clock.advance(Duration::from_secs(5));
            assert_eq!(storm(&limiter, "a/a", 1).await, 5);
        });
    }
}
