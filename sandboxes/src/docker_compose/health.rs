//! How sandboxes are: what the watchdog has looked at again and again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream;
use orket_actors::port::probe::Probe;

use super::entry::Entry;
use super::{DockerCompose, Inner, apart};
use crate::docker::Container;
use crate::error::SandboxError;
use crate::registry::{Goal, Record};
use crate::sandbox::SandboxStatus;

/// Sandboxes that are looked at at once.
const AT_ONCE: usize = 4;
/// How long one that is deleted is told.
const KEEP_DELETED: Duration = Duration::from_secs(24 * 3_600);
/// How long one that did not come up, or whose containers went, is told, from when it was begun.
const KEEP_STOPPED: Duration = Duration::from_secs(7 * 24 * 3_600);

impl DockerCompose {
    /// How often the watchdog should have it look.
    pub const EVERY: Duration = Duration::from_secs(30);
    /// How long one look may take.
    pub const LIMIT: Duration = Duration::from_secs(600);

    /// Looks at every sandbox once: its health, whether its time is over, whether taking it down failed
    /// the last time. Those that somebody works on are left out.
    pub async fn look_once(&self) {
        let inner = Arc::clone(&self.inner);
        // Its own task: a look that is dropped leaves nothing half done.
        let looked = apart(async move {
            inner.look().await;
            Ok(())
        });
        if let Err(error) = looked.await {
            tracing::error!(%error, "looking at sandboxes broke off");
        }
    }
}

impl Probe for DockerCompose {
    fn name(&self) -> &'static str {
        "sandboxes"
    }

    fn look(&self) -> BoxFuture<'static, ()> {
        let all = self.clone();
        async move { all.look_once().await }.boxed()
    }
}

impl Inner {
    async fn look(self: Arc<Self>) {
        let is_idle = self.live().next().is_none();
        if let Err(error) = self.reconcile_but(None).await {
            if !is_idle {
                tracing::warn!(%error, "how sandboxes are is not known");
            }
            // Where nothing runs sandboxes, there is nothing to look at.
            if is_idle || matches!(error, SandboxError::Unavailable(_)) {
                return;
            }
        }
        let looks = self.all().into_iter().map(|entry| {
            let inner = Arc::clone(&self);
            async move {
                if let Err(error) = inner.look_at(&entry).await {
                    tracing::warn!(sandbox = entry.id, %error, "it is not as it should be");
                }
            }
        });
        stream::iter(looks)
            .buffer_unordered(AT_ONCE)
            .for_each(|()| futures_util::future::ready(()))
            .await;
    }

    async fn look_at(self: &Arc<Self>, entry: &Arc<Entry>) -> Result<(), SandboxError> {
        let Ok(_turn) = entry.turn.try_lock() else {
            return Ok(());
        };
        let Some(record) = entry.record() else {
            return Ok(());
        };
        match record.status {
            SandboxStatus::Running | SandboxStatus::Unhealthy if self.is_over(&record) => {
                tracing::info!(sandbox = entry.id, "its time is over");
                self.delete_in_turn(entry).await
            }
            SandboxStatus::Running | SandboxStatus::Unhealthy => self.check(entry).await,
            // Nobody has its turn: whoever brought it up is gone.
            SandboxStatus::Creating => {
                let why = Some("bringing it up broke off".to_owned());
                self.take_down(entry, Goal::Stopped, why).await
            }
            SandboxStatus::Stopping => {
                let goal = record.goal.unwrap_or(Goal::Deleted);
                self.take_down(entry, goal, None).await
            }
            SandboxStatus::Deleted => {
                let since = record.deleted_ms.unwrap_or(record.created_ms);
                if self.is_past(since, KEEP_DELETED) {
                    self.forget(entry).await?;
                }
                Ok(())
            }
            // What is kept of it is removed in docker too.
            SandboxStatus::Stopped if record.kept && self.is_over(&record) => {
                tracing::info!(sandbox = entry.id, "the time of what is kept of it is over");
                self.delete_in_turn(entry).await
            }
            SandboxStatus::Stopped if record.kept => Ok(()),
            SandboxStatus::Stopped if self.is_past(record.created_ms, KEEP_STOPPED) => {
                self.forget(entry).await
            }
            SandboxStatus::Stopped => Ok(()),
        }
    }

    fn is_over(&self, record: &Record) -> bool {
        let since = record.deployed_ms.unwrap_or(record.created_ms);
        self.options.ttl.is_some_and(|ttl| self.is_past(since, ttl))
    }

    fn is_past(&self, since_ms: i64, time: Duration) -> bool {
        let passed = self.now_ms().saturating_sub(since_ms);
        u128::try_from(passed).is_ok_and(|passed| passed >= time.as_millis())
    }

    /// Asks docker how it is. What docker does not tell changes no status.
    pub(super) async fn check(self: &Arc<Self>, entry: &Arc<Entry>) -> Result<(), SandboxError> {
        self.same_docker(entry)?;
        if self.is_copied(entry) {
            return self.let_go(entry).await;
        }
        let asked = self.docker.ps(&self.target(entry).await).await;
        let now = self.now_ms();
        match asked {
            Ok(containers) if containers.is_empty() => self.keep_the_rest(entry).await,
            Ok(containers) => {
                if self.is_foreign(entry, &containers).await? {
                    return self.let_go(entry).await;
                }
                self.change(entry, |record| seen(record, &containers, now))
                    .await
            }
            Err(error) => {
                let failed = entry.failed(error);
                let words = failed.to_string();
                self.change(entry, |record| {
                    record.checked_ms = Some(now);
                    record.checks_failed += 1;
                    record.last_error = Some(words);
                })
                .await?;
                Err(failed)
            }
        }
    }

    async fn forget(self: &Arc<Self>, entry: &Arc<Entry>) -> Result<(), SandboxError> {
        let (registry, id) = (self.registry.clone(), entry.id.clone());
        super::blocking(move || registry.remove(&id)).await?;
        // The entry stays: it keeps the rock's id, and whoever waits for its turn has the same one.
        entry.put_back(None);
        Ok(())
    }
}

/// What a look found.
fn seen(record: &mut Record, containers: &[Container], now_ms: i64) {
    record.checked_ms = Some(now_ms);
    if judged(record, containers) {
        record.checks_passed += 1;
    } else {
        record.checks_failed += 1;
    }
}

/// Says of a sandbox how it is by its containers; whether all is well.
pub(super) fn judged(record: &mut Record, containers: &[Container]) -> bool {
    let ill = ill_services(record, containers);
    if ill.is_empty() {
        record.status = SandboxStatus::Running;
        record.last_error = None;
    } else {
        record.status = SandboxStatus::Unhealthy;
        record.last_error = Some(format!("not running: {}", ill.join(", ")));
    }
    ill.is_empty()
}

/// Services that do not run, or say that they do not work.
pub(super) fn ill_services(record: &Record, containers: &[Container]) -> Vec<&'static str> {
    let is_well = |service: &str| {
        let mut own = containers
            .iter()
            .filter(|it| it.service == service)
            .peekable();
        own.peek().is_some() && own.all(Container::is_well)
    };
    let services = record.tech_stack.services().iter();
    services.copied().filter(|it| !is_well(it)).collect()
}
