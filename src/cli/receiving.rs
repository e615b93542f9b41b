//! The webhook receiver: what it needs, checked before anything is started, and how it is brought up and
//! taken down.

use std::net::{TcpListener, ToSocketAddrs};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use orket_actors::clock::SystemClock;
use orket_actors::port::clock::SharedClock;
use orket_actors::rate_limiter::Limit;
use orket_core::webhook::review_policy::ReviewPolicy;
use orket_gitea::{Gitea, GiteaOptions};
use orket_webhook::peers::TrustedProxies;
use orket_webhook::receiver::{Limits, Receiver, ReceiverOptions, TestEndpoint};
use orket_webhook::server;
use orket_webhook::signature::{SecretError, Secrets};
use orket_webhook::store::{FILE_NAME, Retention, Store, StoreError, StoreOptions};
use serde_json::{Map, Value};

use super::assemble;
use super::context::Context;
use super::elsewhere::Elsewhere;
use super::failure::Failure;
use super::out;
use super::serving::Serving;
use crate::blocking::blocking;
use crate::config::webhook::WebhookSettings;
use crate::owner::host::wall_ms;

/// How long an answer waits for what follows from the event; Gitea's own default is 5 s.
const PATIENCE: Duration = Duration::from_secs(4);
/// Where the Python Orket had its database before it had a data folder.
const LEGACY: &str = ".orket/webhook.db";
/// Held by the one receiver of a data folder.
const LOCK_FILE: &str = "webhook.lock";
/// Gitea is given at least so long for an answer.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);
const CONNECT: Duration = Duration::from_secs(5);
/// How often the organization's rules are read again.
const RULES_EVERY: Duration = Duration::from_secs(30);
/// How often deliveries are let go of that were kept long enough.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);

/// A receiver that may start: an address is bound, and everything it needs is there.
pub struct Hearing {
    /// Where.
    pub url: String,
    listener: TcpListener,
    options: ReceiverOptions,
    gitea: Gitea,
    root: PathBuf,
    folder: PathBuf,
    lock: std::fs::File,
    keep: Retention,
    workers: usize,
    /// Whether there are rules about reviews.
    has_rules: bool,
}

/// Checks all that a receiver needs and binds its address.
///
/// # Errors
///
/// What is missing, by the name of its variable.
pub fn hear(context: &Context, host: Option<&str>, port: Option<u16>) -> Result<Hearing, Failure> {
    let own = &context.settings.webhook;
    let options = ReceiverOptions {
        secrets: secrets(own)?,
        policy: policy(&context.sources.organization).map_err(|wrong| policy_failure(&wrong))?,
        limits: limits(own),
        proxies: TrustedProxies::read(&own.proxies).map_err(|entry| {
            Failure::new(
                "E_CONFIG",
                format!("ORKET_TRUSTED_PROXIES: `{entry}` is no address and no network"),
            )
            .hint("such as 10.0.0.1 or 10.0.0.0/8; several are separated by commas")
        })?,
        test: TestEndpoint {
            is_enabled: own.takes_test_events,
            token: own.test_token.clone(),
            api_key: context.settings.api.key.clone(),
        },
        patience: PATIENCE,
        give_up: own.give_up,
        grace: own.gitea_timeout.max(SHORTEST_TIMEOUT) * 3,
    };
    let gitea = gitea(context)?;
    let (listener, url) = bind(host.unwrap_or(&own.host).trim(), port.unwrap_or(own.port))?;
    Ok(Hearing {
        url,
        listener,
        options,
        gitea,
        root: context.cwd.clone(),
        has_rules: has_rules(&context.sources.organization),
        lock: lock(&context.folder.database_folder())?,
        folder: context.folder.database_folder(),
        keep: Retention {
            days: own.keep_days,
            most: own.keep,
        },
        workers: match own.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            workers => workers,
        },
    })
}

fn secrets(own: &WebhookSettings) -> Result<Secrets, Failure> {
    Secrets::new(own.secret.as_deref(), own.previous_secrets.as_deref()).map_err(|error| {
        let words = match error {
            SecretError::Missing => "GITEA_WEBHOOK_SECRET is not set".to_owned(),
            SecretError::Placeholder | SecretError::Short => format!(
                "GITEA_WEBHOOK_SECRET or GITEA_WEBHOOK_SECRET_PREVIOUS: {error}"
            ),
        };
        Failure::new("E_WEBHOOK_SECRET", words).hint(
            "`openssl rand -hex 32` makes a good one; give the same to the webhook in Gitea (docs/GITEA_SETUP.md)",
        )
    })
}

/// The organization's rules about reviews.
pub fn policy(rules: &Map<String, Value>) -> Result<ReviewPolicy, Vec<String>> {
    match rules.get("pr_review_policy") {
        None | Some(Value::Null) => Ok(ReviewPolicy::default()),
        Some(Value::Object(rules)) => ReviewPolicy::read(rules),
        Some(_) => Err(vec!["pr_review_policy must be an object".to_owned()]),
    }
}

pub fn policy_failure(wrong: &[String]) -> Failure {
    Failure::new("E_CONFIG", wrong.join("; "))
        .hint("process_rules.pr_review_policy of the organization asset; docs/WEBHOOK.md lists its fields")
}

fn limits(own: &WebhookSettings) -> Limits {
    let count = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    Limits {
        all: Limit {
            per_minute: count(own.all_per_minute),
            burst: count(own.all_per_minute.max(own.burst)),
        },
        each: Limit {
            per_minute: count(own.per_minute),
            burst: count(own.burst),
        },
        wrong_per_minute: count(own.wrong_per_minute),
    }
}

fn gitea(context: &Context) -> Result<Gitea, Failure> {
    let own = &context.settings.gitea;
    let credentials = own.credentials.clone().ok_or_else(|| {
        Failure::new(
            "E_GITEA",
            "neither GITEA_TOKEN nor GITEA_ADMIN_PASSWORD is set: nothing could be merged or commented",
        )
        .hint("docs/GITEA_SETUP.md says how to make a token")
    })?;
    let timeout = context.settings.webhook.gitea_timeout.max(SHORTEST_TIMEOUT);
    Gitea::new(GiteaOptions {
        url: own.url_or_default(),
        credentials,
        timeout,
        connect_timeout: CONNECT.min(timeout),
    })
    .map_err(|error| Failure::new("E_CONFIG", format!("GITEA_URL: {error}")))
}

fn bind(host: &str, port: u16) -> Result<(TcpListener, String), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            "E_LISTEN",
            format!("cannot listen on {host} port {port}: {error}"),
        )
        .hint("--host and --port, or ORKET_WEBHOOK_HOST and ORKET_WEBHOOK_PORT, choose another; port 0 takes a free one")
    };
    let addresses: Vec<_> = (host, port).to_socket_addrs().map_err(failed)?.collect();
    let listener = TcpListener::bind(addresses.as_slice()).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, format!("http://{address}")))
}

/// The database of deliveries.
///
/// # Errors
///
/// When it cannot be opened.
pub fn open_store(folder: &Path) -> Result<Store, Failure> {
    Store::open(folder, StoreOptions::default()).map_err(store_failure)
}

/// Copies the database of the Python Orket from where it used to lie, once: whole or not at all.
fn bring_over(legacy: &Path, folder: &Path) -> Result<(), Failure> {
    let place = folder.join(FILE_NAME);
    if place.exists() || !legacy.exists() {
        return Ok(());
    }
    let beside = place.with_extension("db.part");
    let copied = std::fs::copy(legacy, &beside)
        .and_then(|_| std::fs::File::open(&beside)?.sync_all())
        .and_then(|()| std::fs::rename(&beside, &place));
    copied.map_err(|error| {
        Failure::new(
            "E_STORAGE",
            format!("{} cannot be taken over: {error}", legacy.display()),
        )
        .hint("the data folder must be writable and its disk must have room")
    })?;
    out::warn(&format!(
        "{} is taken over; the file itself stays as it is",
        legacy.display()
    ));
    Ok(())
}

/// As the command line says it.
pub fn store_failure(error: StoreError) -> Failure {
    Failure::new("E_STORAGE", error.to_string())
        .hint("the data folder must be writable and its disk must have room; what was acknowledged is kept")
}

/// Takes the place of the one receiver of a data folder; it is free again when the file is closed.
pub(super) fn lock(folder: &Path) -> Result<std::fs::File, Failure> {
    let path = folder.join(LOCK_FILE);
    let failed = |error: std::io::Error| {
        Failure::new(
            "E_DATA_FOLDER",
            format!("cannot lock {}: {error}", path.display()),
        )
        .hint("the data folder must be writable; ORKET_DURABLE_ROOT names another one")
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let file = std::fs::File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Failure::new(
            "E_OWNED",
            "another receiver works on this data folder already",
        )
        .hint("stop it, or set another ORKET_DURABLE_ROOT")),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// A receiver that runs.
pub struct Ears {
    /// What two receivers would send twice, one sends once.
    _lock: std::fs::File,
    receiver: Arc<Receiver>,
    handle: ServerHandle,
    /// Ends when the server does.
    pub serving: Serving,
    chores: [tokio::task::JoinHandle<()>; 2],
}

impl Hearing {
    /// Starts it. Must be called on an actix system.
    ///
    /// # Errors
    ///
    /// When the database or the server cannot be started.
    pub async fn start(self, outside: Arc<Elsewhere>) -> Result<Ears, Failure> {
        let sweep = Arc::clone(&outside);
        let (folder, legacy) = (self.folder, self.root.join(LEGACY));
        let store = blocking(move || {
            bring_over(&legacy, &folder)?;
            open_store(&folder)
        })
        .await
        .map_err(|error| Failure::new("E_INTERNAL", error.to_string()))??;
        let clock: SharedClock = Arc::new(SystemClock::default());
        let receiver = Receiver::start(self.options, store, self.gitea, outside, clock)
            .await
            .map_err(store_failure)?;
        let (server, handle) = server::serve(self.listener, Arc::clone(&receiver), self.workers)
            .map_err(|error| Failure::new("E_LISTEN", error.to_string()))?;
        let chores = [
            actix_rt::spawn(follow_rules(
                Arc::clone(&receiver),
                self.root,
                self.has_rules,
            )),
            actix_rt::spawn(tidy(receiver.store.clone(), self.keep, sweep)),
        ];
        Ok(Ears {
            _lock: self.lock,
            receiver,
            handle,
            serving: actix_rt::spawn(server),
            chores,
        })
    }
}

impl Ears {
    /// Takes it down: what is being answered is answered, what is being written is written.
    pub async fn stop(self) {
        for chore in &self.chores {
            chore.abort();
        }
        self.handle.stop(true).await;
        let store = self.receiver.store.clone();
        if let Err(error) = blocking(move || store.close()).await {
            tracing::error!(%error, "the webhook database was not closed");
        }
    }
}

fn has_rules(rules: &Map<String, Value>) -> bool {
    rules
        .get("pr_review_policy")
        .is_some_and(|it| !it.is_null())
}

/// Reads the organization's rules again, now and then. Rules that cannot be meant change nothing, and rules
/// that are gone do not either: a file that is away for a moment must not open what it kept shut.
async fn follow_rules(receiver: Arc<Receiver>, root: PathBuf, mut had_rules: bool) {
    let mut last = None;
    loop {
        tokio::time::sleep(RULES_EVERY).await;
        let root = root.clone();
        let read = blocking(move || assemble::process_rules(&root)).await;
        let problem = match read {
            Ok(Ok(rules)) if had_rules && !has_rules(&rules) => {
                Some("pr_review_policy is gone; a restart does without".to_owned())
            }
            Ok(Ok(rules)) => match policy(&rules) {
                Ok(policy) => {
                    had_rules = has_rules(&rules);
                    receiver.set_policy(policy);
                    None
                }
                Err(wrong) => Some(wrong.join("; ")),
            },
            Ok(Err(failure)) => Some(failure.message),
            Err(error) => Some(error.to_string()),
        };
        if problem != last
            && let Some(problem) = &problem
        {
            out::warn(&format!(
                "warning: the rules about reviews stay as they were: {problem}"
            ));
        }
        last = problem;
    }
}

async fn tidy(store: Store, keep: Retention, sweep: Arc<Elsewhere>) {
    loop {
        if let Err(error) = store.tidy(keep, wall_ms()).await {
            tracing::warn!(%error, "deliveries that were kept long enough are still there");
        }
        sweep.sweep().await;
        tokio::time::sleep(TIDY_EVERY).await;
    }
}
