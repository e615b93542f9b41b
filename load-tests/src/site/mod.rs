//! Where a scenario measures: a server that was named, or one that it starts itself.

mod args;
mod own;
mod watch;

pub use args::{PaceArgs, Place, seconds};
pub use own::write_assets;
pub use watch::watched;

use std::path::PathBuf;

use crate::context::Context;
use crate::error::LoadError;
use crate::http::{Connection, Target, get};
use crate::outcome::Outcome;
use crate::sampler::{Sampler, gauges};
use crate::server::{Role, Server};
use crate::sockets::Door;

/// What a scenario needs of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The API.
    Api,
    /// The webhook receiver.
    Webhook,
    /// Both.
    Both,
}

/// See the file's head. Dropping it ends what it started.
#[derive(Debug)]
pub struct Site {
    /// The API.
    pub api: Option<Target>,
    /// The webhook receiver.
    pub webhook: Option<Target>,
    /// The key of the API; none when the server needs none.
    pub key: Option<String>,
    /// What deliveries are signed with.
    pub secret: Option<String>,
    /// The server, if this program started it.
    pub server: Option<Server>,
    /// The epic whose runs are started, if there is one.
    pub epic: Option<String>,
    /// Where events are told, if elsewhere than at the API: the server and the path.
    events: Option<(Target, String)>,
    /// Since when it is looked at.
    began: std::time::Instant,
    binary: Option<PathBuf>,
    pid: Option<u32>,
    // Behind the server: it goes first.
    _folder: Option<tempfile::TempDir>,
}

impl Site {
    /// A server that was named, looked at once; else one that is started on free ports of loopback.
    ///
    /// # Errors
    ///
    /// When an address is another machine's and that is not said to be meant, a key or secret is missing or
    /// wrong, or nothing can be started.
    pub async fn open(context: &Context, place: &Place, need: Need) -> Result<Self, LoadError> {
        if place.is_named() {
            let site = place.site(need)?;
            site.look().await?;
            return Ok(site);
        }
        let binary = context.binary()?;
        let folder = context.new_folder()?;
        own::write_assets(folder.path(), place.cards, place.latency_ms)?;
        let role = match need {
            Need::Api => Role::Api,
            Need::Webhook => Role::Webhook,
            Need::Both => Role::Both,
        };
        let mut server = own::launch(&binary, folder.path(), role, place).start()?;
        context.tell(&format!("started {} as {}", binary.display(), server.pid()));
        Ok(Self {
            api: server.api.map(Target::at),
            webhook: server.webhook.map(Target::at),
            key: Some(std::mem::take(&mut server.key)),
            secret: Some(std::mem::take(&mut server.secret)),
            epic: Some(own::EPIC.to_owned()),
            events: None,
            began: std::time::Instant::now(),
            binary: Some(binary),
            pid: Some(server.pid()),
            server: Some(server),
            _folder: Some(folder),
        })
    }

    /// The API, which a scenario said that it needs.
    ///
    /// # Errors
    ///
    /// Never when it said so.
    pub fn api(&self) -> Result<&Target, LoadError> {
        self.api
            .as_ref()
            .ok_or_else(|| LoadError::usage("there is no API").hinting("name it with --api-url"))
    }

    /// The receiver and its secret.
    ///
    /// # Errors
    ///
    /// Never when a scenario said that it needs it.
    pub fn webhook(&self) -> Result<(&Target, &str), LoadError> {
        match (&self.webhook, &self.secret) {
            (Some(target), Some(secret)) => Ok((target, secret)),
            _ => Err(
                LoadError::usage("there is no webhook receiver with a secret")
                    .hinting("name it with --webhook-url, its secret with GITEA_WEBHOOK_SECRET"),
            ),
        }
    }

    /// The header that says the key, if there is one.
    #[must_use]
    pub fn headers(&self) -> Vec<(&str, &str)> {
        self.key
            .as_deref()
            .map(|key| ("X-API-Key", key))
            .into_iter()
            .collect()
    }

    /// Where events are told.
    ///
    /// # Errors
    ///
    /// When there is no API and no other address for events.
    pub fn door(&self, timeout: std::time::Duration) -> Result<Door, LoadError> {
        let (target, path) = match &self.events {
            Some((target, path)) => (target.clone(), path.clone()),
            None => (self.api()?.clone(), "/ws/events".to_owned()),
        };
        Ok(Door {
            target,
            path,
            key: self.key.clone(),
            timeout,
        })
    }

    /// The binary that runs there, and its folder, if this program started it.
    #[must_use]
    pub fn started(&self) -> Option<(&std::path::Path, &std::path::Path)> {
        Some((self.binary.as_deref()?, self.server.as_ref()?.folder()))
    }

    /// Who looks at the server's process, when it is known.
    #[must_use]
    pub fn sampler(&self) -> Option<Sampler> {
        let databases = self.server.as_ref().map(Server::databases);
        Some(Sampler::new("server", self.pid?, databases).since(self.began))
    }

    /// How its queues stand: its gauges, nothing when it does not say.
    pub async fn gauges(&self) -> std::collections::BTreeMap<String, f64> {
        let Some(api) = &self.api else {
            return std::collections::BTreeMap::new();
        };
        let mut connection = Connection::new(api.clone(), std::time::Duration::from_secs(10));
        match connection.ask(&get(api, "/metrics", &self.headers())).await {
            Ok(answer) => gauges(&String::from_utf8_lossy(answer.body)),
            Err(_) => std::collections::BTreeMap::new(),
        }
    }

    /// Says in an outcome where it was measured; never a key.
    pub fn describe(&self, outcome: &mut Outcome) {
        for (name, target) in [("api_url", &self.api), ("webhook_url", &self.webhook)] {
            let url = target.as_ref().map(|target| match self.server {
                Some(_) => "started for this run".to_owned(),
                None => target.url(),
            });
            outcome.configured(name, url);
        }
    }

    /// Asks once what needs the key, so that a wrong one is said before anything is measured.
    async fn look(&self) -> Result<(), LoadError> {
        let Some(api) = &self.api else { return Ok(()) };
        let patience = std::time::Duration::from_secs(10);
        let mut connection = Connection::new(api.clone(), patience);
        let request = get(api, "/v1/version", &self.headers());
        match connection.ask(&request).await {
            Ok(answer) if matches!(answer.status, 401 | 403) => Err(LoadError::scenario(format!(
                "{} refuses the key ({})",
                api.url(),
                answer.status
            ))
            .hinting("give it in ORKET_API_KEY or with --api-key")),
            Err(crate::kind::ErrorKind::Connect) => Err(LoadError::scenario(format!(
                "nobody listens at {}",
                api.url()
            ))
            .hinting("start it with `orket serve`, or leave --api-url out and one is started")),
            // Whatever else is wrong is what is measured.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
