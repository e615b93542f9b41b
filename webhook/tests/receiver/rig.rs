//! A receiver on a free port, a fake Gitea, and an outside that remembers what it was asked.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use orket_actors::clock::{SystemClock, VirtualClock};
use orket_actors::port::clock::{Clock as _, SharedClock};
use orket_actors::rate_limiter::Limit;
use orket_core::webhook::review_policy::ReviewPolicy;
use orket_fake_gitea::FakeGitea;
use orket_gitea::client::{Credentials, Gitea, GiteaOptions};
use orket_gitea::secret::Secret;
use orket_webhook::outside::{Deployed, Merged, Outside, OutsideError};
use orket_webhook::peers::TrustedProxies;
use orket_webhook::receiver::{Limits, Receiver, ReceiverOptions, TestEndpoint};
use orket_webhook::signature::Secrets;
use orket_webhook::store::{Store, StoreOptions};
use serde_json::Value;

use crate::http::{Reply, request};
use crate::payloads::SHA;

pub const SECRET: &str = "a-secret-of-the-tests";
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Where cards, phases and sandboxes would be.
#[derive(Default)]
pub struct Elsewhere {
    pub asked: Mutex<Vec<String>>,
    /// What is answered next; done when nothing is planned.
    pub answers: Mutex<VecDeque<Result<String, OutsideError>>>,
    pub told: Mutex<Vec<(String, Value)>>,
    pub changed: tokio::sync::Notify,
}

impl Elsewhere {
    fn ask(&self, what: String) -> Result<String, OutsideError> {
        self.asked.lock().unwrap().push(what);
        self.changed.notify_waiters();
        let planned = self.answers.lock().unwrap().pop_front();
        planned.unwrap_or_else(|| Ok("done".to_owned()))
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// What of it the receiver knows.
pub struct Door(pub Arc<Elsewhere>);

impl Outside for Door {
    fn run_card(&self, card: &str, _key: &str) -> BoxFuture<'static, Result<String, OutsideError>> {
        let answer = self.0.ask(format!("run {card}"));
        async { answer }.boxed()
    }

    fn start_phase(&self, merged: Merged) -> BoxFuture<'static, Result<String, OutsideError>> {
        let answer = self.0.ask(format!("phase {}", merged.rock_id()));
        async { answer }.boxed()
    }

    fn deploy(&self, merged: Merged) -> BoxFuture<'static, Result<Deployed, OutsideError>> {
        let answer = self.0.ask(format!(
            "deploy {} at {}",
            merged.rock_id(),
            merged.commit.as_deref().unwrap_or("?")
        ));
        async {
            answer.map(|_| Deployed {
                sandbox: "sandbox-1".to_owned(),
                comment: "It is up: http://127.0.0.1:8001".to_owned(),
            })
        }
        .boxed()
    }

    fn tell(&self, event: &str, data: Value) {
        self.0.told.lock().unwrap().push((event.to_owned(), data));
    }
}

pub struct Choices {
    pub policy: ReviewPolicy,
    pub each: u32,
    pub all: u32,
    pub wrong: u32,
    pub proxies: &'static str,
    pub test: TestEndpoint,
    pub is_durable: bool,
    /// The machine's clock in place of the virtual one.
    pub is_real_time: bool,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            policy: ReviewPolicy::default(),
            each: 10_000,
            all: 100_000,
            wrong: 100_000,
            proxies: "",
            test: TestEndpoint::default(),
            is_durable: false,
            is_real_time: false,
        }
    }
}

pub struct Rig {
    pub folder: tempfile::TempDir,
    pub gitea: FakeGitea,
    pub elsewhere: Arc<Elsewhere>,
    pub clock: Arc<VirtualClock>,
    pub choices: Choices,
    up: Option<Up>,
}

struct Up {
    receiver: Arc<Receiver>,
    address: SocketAddr,
    handle: ServerHandle,
}

/// Runs a test on an actix system of its own.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    actix_rt::System::new().block_on(test)
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Rig {
    pub async fn start(choices: Choices) -> Self {
        let gitea = FakeGitea::start();
        gitea.add_repository("acme/site");
        gitea.add_pull("acme/site", 7, SHA, "ada");
        let mut rig = Self {
            folder: tempfile::tempdir().unwrap(),
            gitea,
            elsewhere: Arc::default(),
            clock: Arc::default(),
            choices,
            up: None,
        };
        rig.begin().await;
        rig
    }

    pub async fn begin(&mut self) {
        let store = Store::open(
            self.folder.path(),
            StoreOptions {
                is_durable: self.choices.is_durable,
            },
        );
        let clock = Arc::clone(&self.clock);
        let options = GiteaOptions {
            url: self.gitea.url().to_owned(),
            credentials: Credentials::Token(Secret::new(self.gitea.token())),
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
        };
        let gitea = Gitea::with_clock(options, move || clock.now_ms());
        let limit = |count: u32| Limit {
            per_minute: NonZeroU32::new(count).unwrap(),
            burst: NonZeroU32::new(count).unwrap(),
        };
        let options = ReceiverOptions {
            secrets: Secrets::new(Some(SECRET), Some("the-secret-before-it")).unwrap(),
            policy: self.choices.policy.clone(),
            limits: Limits {
                all: limit(self.choices.all),
                each: limit(self.choices.each),
                wrong_per_minute: NonZeroU32::new(self.choices.wrong).unwrap(),
            },
            proxies: TrustedProxies::read(self.choices.proxies).unwrap(),
            test: self.choices.test.clone(),
            patience: Duration::from_secs(4),
            give_up: Duration::from_secs(24 * 3_600),
            grace: Duration::from_secs(30),
        };
        let outside = Arc::new(Door(Arc::clone(&self.elsewhere)));
        let clock: SharedClock = if self.choices.is_real_time {
            Arc::new(SystemClock::default())
        } else {
            self.clock.clone()
        };
        let receiver = Receiver::start(options, store.unwrap(), gitea.unwrap(), outside, clock);
        let receiver = receiver.await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (server, handle) =
            orket_webhook::server::serve(listener, Arc::clone(&receiver), 2).unwrap();
        actix_rt::spawn(server);
        self.up = Some(Up {
            receiver,
            address,
            handle,
        });
    }

    pub async fn stop(&mut self) {
        let up = self.up.take().unwrap();
        up.handle.stop(true).await;
        up.receiver.store.close();
    }

    pub async fn restart(&mut self) {
        self.stop().await;
        self.begin().await;
    }

    pub fn receiver(&self) -> &Receiver {
        &self.up.as_ref().unwrap().receiver
    }

    pub fn address(&self) -> SocketAddr {
        self.up.as_ref().unwrap().address
    }

    pub async fn get(&self, path: &str) -> Reply {
        request(None, self.address(), "GET", path, &[], b"")
            .await
            .unwrap()
    }

    /// Any request to the route of deliveries.
    pub async fn post(&self, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        request(
            None,
            self.address(),
            "POST",
            "/webhook/gitea",
            headers,
            body,
        )
        .await
        .unwrap()
    }

    /// A signed delivery with an id of its own.
    pub async fn deliver(&self, event: &str, body: &Value) -> Reply {
        let id = format!("delivery-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        // No two bodies are the same, as the times in them see to with Gitea.
        let mut body = body.clone();
        body["test_id"] = id.clone().into();
        self.reviewed(&body);
        self.deliver_as(&id, event, body.to_string().as_bytes())
            .await
    }

    /// What an event of a review tells, the fake Gitea knows too, as the real one does.
    pub fn reviewed(&self, body: &Value) {
        let kind = body["review"]["type"]
            .as_str()
            .or(body["review"]["state"].as_str());
        let state = match kind {
            Some("pull_request_review_approved" | "approved") => "APPROVED",
            Some("pull_request_review_rejected" | "changes_requested") => "REQUEST_CHANGES",
            _ => return,
        };
        let reviewer = body["review"]["user"]["login"]
            .as_str()
            .or(body["sender"]["login"].as_str());
        let number = body["pull_request"]["number"].as_u64().unwrap_or(0);
        let is_there = |state: &orket_fake_gitea::State| state.pull("acme/site", number).is_some();
        if let Some(reviewer) = reviewer
            && self.gitea.with(|state| is_there(state))
        {
            self.gitea.review("acme/site", number, reviewer, state);
        }
    }

    pub async fn deliver_as(&self, id: &str, event: &str, body: &[u8]) -> Reply {
        let headers = [
            ("X-Gitea-Delivery", id),
            ("X-Gitea-Event", event),
            ("X-Gitea-Signature", &sign(body)),
        ];
        self.post(&headers, body).await
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &'static str) -> i64 {
        use diesel::prelude::*;
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            count: i64,
        }
        let read = move |connection: &mut SqliteConnection| {
            let row: Count = diesel::sql_query(format!("SELECT count(*) AS count FROM {table}"))
                .get_result(connection)?;
            Ok(row.count)
        };
        self.receiver().store.write(read).await.unwrap()
    }

    /// How a pull request stands: its status and its cycles.
    pub async fn stands(&self, key: &'static str) -> Option<(String, i32)> {
        use diesel::prelude::*;
        #[derive(QueryableByName)]
        struct Stands {
            #[diesel(sql_type = diesel::sql_types::Text)]
            status: String,
            #[diesel(sql_type = diesel::sql_types::Integer)]
            cycle_count: i32,
        }
        let read = move |connection: &mut SqliteConnection| {
            diesel::sql_query(format!(
                "SELECT status, cycle_count FROM pr_review_cycles WHERE pr_key = '{key}'"
            ))
            .get_result::<Stands>(connection)
            .optional()
        };
        let stands = self.receiver().store.write(read).await.unwrap();
        stands.map(|stands| (stands.status, stands.cycle_count))
    }

    /// Moves time on, again and again, until the calls of a delivery are all over.
    pub async fn settled(&self, delivery: i64) -> Vec<(String, String)> {
        let end = std::time::Instant::now() + DEADLINE;
        loop {
            let rows = self.receiver().store.calls_of(delivery).await.unwrap();
            let is_open = |status: &str| status == "pending" || status == "sending";
            if !rows.iter().any(|row| is_open(&row.status)) {
                return rows.into_iter().map(|row| (row.kind, row.status)).collect();
            }
            assert!(std::time::Instant::now() < end, "it does not end: {rows:?}");
            self.clock.advance(Duration::from_secs(1));
            // The sender works on a thread of its own.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// The signature of a body.
pub fn sign(body: &[u8]) -> String {
    sign_with(SECRET, body)
}

pub use orket_webhook::signature::sign as sign_with;
