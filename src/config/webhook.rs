//! Where the webhook receiver listens, and what it takes.

use std::time::Duration;

use super::settings::Reader;

/// The receiver.
#[derive(Clone)]
pub struct WebhookSettings {
    /// The address that it listens on.
    pub host: String,
    /// The port; 0 for a free one.
    pub port: u16,
    /// Threads; 0 for one each processor.
    pub workers: usize,
    /// What deliveries are signed with.
    pub secret: Option<String>,
    /// What they were signed with before, separated by commas.
    pub previous_secrets: Option<String>,
    /// Deliveries a minute of each repository.
    pub per_minute: u32,
    /// Deliveries of it at once.
    pub burst: u32,
    /// Deliveries a minute of all of them.
    pub all_per_minute: u32,
    /// Wrong requests a minute of each address.
    pub wrong_per_minute: u32,
    /// Proxies whose word about addresses is taken, separated by commas.
    pub proxies: String,
    /// Whether test events are taken.
    pub takes_test_events: bool,
    /// What they need.
    pub test_token: Option<String>,
    /// Days that deliveries are kept.
    pub keep_days: u32,
    /// Deliveries that are kept.
    pub keep: u32,
    /// How long one request to Gitea may take.
    pub gitea_timeout: Duration,
    /// How long a call is tried before it has failed.
    pub give_up: Duration,
}

impl std::fmt::Debug for WebhookSettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("WebhookSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("has_secret", &self.secret.is_some())
            .finish_non_exhaustive()
    }
}

impl Reader<'_> {
    pub(super) fn webhook(&mut self) -> WebhookSettings {
        let per_minute = self.small("ORKET_RATE_LIMIT");
        let burst = self.optional_number("ORKET_RATE_LIMIT_BURST");
        let all = self.optional_number("ORKET_RATE_LIMIT_ALL");
        let small = |number: Option<usize>, other: u32| {
            number
                .and_then(|number| u32::try_from(number).ok())
                .unwrap_or(other)
        };
        WebhookSettings {
            host: self
                .text("ORKET_WEBHOOK_HOST")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            port: u16::try_from(self.number("ORKET_WEBHOOK_PORT")).unwrap_or(0),
            workers: usize::try_from(self.number("ORKET_WEBHOOK_WORKERS")).unwrap_or(0),
            secret: self.text("GITEA_WEBHOOK_SECRET"),
            previous_secrets: self.text("GITEA_WEBHOOK_SECRET_PREVIOUS"),
            per_minute,
            burst: small(burst, per_minute),
            all_per_minute: small(all, per_minute.saturating_mul(10)),
            wrong_per_minute: self.small("ORKET_WEBHOOK_PEER_LIMIT"),
            proxies: self.text("ORKET_TRUSTED_PROXIES").unwrap_or_default(),
            takes_test_events: self.text("ORKET_ENABLE_WEBHOOK_TEST_ENDPOINT").as_deref()
                == Some("true"),
            test_token: self.text("ORKET_WEBHOOK_TEST_TOKEN"),
            keep_days: self.small("ORKET_WEBHOOK_KEEP_DAYS"),
            keep: self.small("ORKET_WEBHOOK_KEEP"),
            gitea_timeout: Duration::from_millis(self.number("ORKET_GITEA_TIMEOUT_SEC")),
            give_up: Duration::from_secs(self.number("ORKET_GITEA_GIVE_UP_HOURS") * 3_600),
        }
    }
}
