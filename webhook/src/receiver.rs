//! What the receiver works with: the store, the quotas, the sender, and who may do what.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use actix_rt::Arbiter;
use orket_actors::port::clock::SharedClock;
use orket_actors::rate_limiter::{Limit, Quotas, RateLimiter};
use orket_core::webhook::review_policy::ReviewPolicy;
use orket_gitea::client::Gitea;
use serde_json::json;

use crate::keeper::Keeper;
use crate::metrics::Metrics;
use crate::outside::Outside;
use crate::peers::{Peers, TrustedProxies};
use crate::recent::Recent;
use crate::sender::{Parts, Policy, Sender, Wake};
use crate::signature::Secrets;
use crate::store::{Store, StoreError};

/// Who may send test events.
#[derive(Clone, Default)]
pub struct TestEndpoint {
    /// Whether there is one at all.
    pub is_enabled: bool,
    /// What `X-Webhook-Test-Token` must be.
    pub token: Option<String>,
    /// What `X-API-Key` must be where there is no token.
    pub api_key: Option<String>,
}

impl std::fmt::Debug for TestEndpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("TestEndpoint")
            .field("is_enabled", &self.is_enabled)
            .field("has_token", &self.token.is_some())
            .field("has_api_key", &self.api_key.is_some())
            .finish()
    }
}

/// How much may come.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of all repositories together.
    pub all: Limit,
    /// Of each repository.
    pub each: Limit,
    /// Wrong requests of an address a minute.
    pub wrong_per_minute: NonZeroU32,
}

/// Everything that is chosen from outside.
pub struct ReceiverOptions {
    /// What deliveries are signed with.
    pub secrets: Secrets,
    /// The rules about reviews.
    pub policy: ReviewPolicy,
    /// How much may come.
    pub limits: Limits,
    /// Whose word about addresses is taken.
    pub proxies: TrustedProxies,
    /// Who may send test events.
    pub test: TestEndpoint,
    /// How long an answer waits for what follows from the event.
    pub patience: Duration,
    /// How long a call is tried before it has failed.
    pub give_up: Duration,
    /// How long the code host may take to do what it gave no answer to.
    pub grace: Duration,
}

/// See the file's head.
pub struct Receiver {
    /// What deliveries are signed with.
    pub(crate) secrets: Secrets,
    pub(crate) proxies: TrustedProxies,
    pub(crate) test: TestEndpoint,
    pub(crate) patience: Duration,
    /// `webhook.db`.
    pub store: Store,
    /// Addresses that were wrong.
    pub(crate) peers: Peers,
    pub(crate) recent: Recent,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// How much may still come.
    pub(crate) quotas: Quotas,
    pub(crate) limiter: Keeper<RateLimiter>,
    pub(crate) sender: Keeper<Sender>,
    pub(crate) clock: SharedClock,
    policy: Policy,
    is_broken: AtomicBool,
}

impl Receiver {
    /// Starts the rate limiter and the sender, on arbiters of their own. Needs an actix system.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when what earlier processes left cannot be read.
    pub async fn start(
        options: ReceiverOptions,
        store: Store,
        gitea: Gitea,
        outside: Arc<dyn Outside>,
        clock: SharedClock,
    ) -> Result<Arc<Self>, StoreError> {
        let metrics = Arc::new(Metrics::default());
        let limits = options.limits;
        let left = store.tats().await?;
        let quotas = Quotas::new(limits.all, limits.each, Arc::clone(&clock), &left);
        let limiter = {
            let (arbiter, clock) = (Arbiter::new().handle(), Arc::clone(&clock));
            let quotas = quotas.clone();
            Keeper::start("RateLimiter", arbiter, clock, move || {
                RateLimiter::new(quotas.clone())
            })
        };
        let policy: Policy = Arc::new(RwLock::new(Arc::new(options.policy)));
        let parts = Parts {
            store: store.clone(),
            gitea,
            outside: Arc::clone(&outside),
            clock: Arc::clone(&clock),
            metrics: Arc::clone(&metrics),
            give_up: options.give_up,
            grace: options.grace,
            policy: Arc::clone(&policy),
        };
        let sender = Keeper::start(
            "Sender",
            Arbiter::new().handle(),
            Arc::clone(&clock),
            move || Sender::new(parts.clone()),
        );
        tell_posture(outside.as_ref(), &options.test);
        Ok(Arc::new(Self {
            secrets: options.secrets,
            proxies: options.proxies,
            test: options.test,
            patience: options.patience,
            store,
            peers: Peers::new(limits.wrong_per_minute),
            recent: Recent::default(),
            metrics,
            quotas,
            limiter,
            sender,
            clock,
            policy,
            is_broken: AtomicBool::new(false),
        }))
    }

    /// The rules about reviews that hold now.
    #[must_use]
    pub fn policy(&self) -> Arc<ReviewPolicy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on these rules hold.
    pub fn set_policy(&self, policy: ReviewPolicy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    /// Has the outbox looked at.
    pub fn wake(&self) {
        self.sender.address().do_send(Wake);
    }

    /// Whether it can store what comes and do what follows. Where something could not be stored, it is tried
    /// whether it could be by now.
    pub async fn is_healthy(&self) -> bool {
        if self.is_broken.load(Ordering::Relaxed) {
            let written = self.store.write(|_| Ok(())).await;
            self.wrote(written.is_ok());
        }
        !self.is_broken.load(Ordering::Relaxed) && self.limiter.is_alive() && self.sender.is_alive()
    }

    /// Notes whether the last write went well.
    pub(crate) fn wrote(&self, went_well: bool) {
        if self.is_broken.load(Ordering::Relaxed) == went_well {
            self.is_broken.store(!went_well, Ordering::Relaxed);
        }
    }
}

/// Says in the log how the receiver is guarded.
fn tell_posture(outside: &dyn Outside, test: &TestEndpoint) {
    let is_guarded = test.token.is_some() || test.api_key.is_some();
    outside.tell(
        "webhook_security_posture",
        json!({
            "test_endpoint_enabled": test.is_enabled,
            "test_token_configured": test.token.is_some(),
            "api_key_configured": test.api_key.is_some(),
        }),
    );
    if test.is_enabled {
        let message = if is_guarded {
            "test events need no signature; switch them off where they are not needed"
        } else {
            "test events are switched on, and refused: neither a token nor an API key is set"
        };
        outside.tell("webhook_security_warning", json!({ "message": message }));
    }
}
