//! Finding the owner, or becoming it, and what to do when it goes away in the middle.

use std::sync::Arc;
use std::time::Instant;

use super::assemble::{self, Assembled};
use super::context::Context;
use super::failure::Failure;
use crate::api::Api;
use crate::api::machine::Machine;
use crate::api::server::{self, Shared};
use crate::driver::works::Here;
use crate::driver::{self, Driver};
use crate::owner::boot::Owner;
use crate::owner::client::{Address, Client};
use crate::owner::folder::DataFolder;
use crate::owner::host::{Door, Host, Mode, knock};
use crate::owner::lock::OwnerLock;
use crate::owner::service::Service;
use crate::owner::surroundings::Surroundings;
use crate::phases::timer::Timer;
use crate::phases::{self, Phases};
use crate::storage::Reader;
use orket_actors::clock::SystemClock;
use orket_sandboxes::Sandboxes;

/// An owner to talk to, and whether it is this process.
pub struct Entered {
    /// To talk to.
    pub host: Host,
    /// To take down at the end.
    pub owner: Option<Owner>,
}

impl Context {
    /// Finds the owner or becomes it. `check` runs when this process is about to own the folder, and
    /// may refuse: an owner takes up the runs of a dead one, which a slip of the pen should not cause.
    ///
    /// # Errors
    ///
    /// When neither is possible.
    pub async fn enter(
        &self,
        mode: &Mode,
        check: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<Entered, Failure> {
        match knock(&self.folder, mode).await? {
            Door::Attach(client) => {
                if !self.set.is_empty() {
                    super::out::warn(
                        "warning: --set changes nothing for work that another process does",
                    );
                }
                warn_of_version(&client).await;
                Ok(Entered {
                    host: Host::There(client),
                    owner: None,
                })
            }
            Door::Own(lock) => {
                check()?;
                let owner = self.become_owner(lock).await?;
                Ok(Entered {
                    host: Host::Here(owner.service().clone()),
                    owner: Some(owner),
                })
            }
            Door::Nobody => Err(Failure::new("E_NO_OWNER", "nobody owns this data folder")
                .hint("orket serve --socket-only")),
        }
    }

    /// Starts the actor system and the socket.
    ///
    /// # Errors
    ///
    /// When the journal or the socket cannot be opened.
    pub async fn become_owner(&self, lock: OwnerLock) -> Result<Owner, Failure> {
        Ok(self.become_server(lock).await?.0)
    }

    /// The same, and what its servers share.
    ///
    /// # Errors
    ///
    /// When the journal or the socket cannot be opened.
    pub async fn become_server(&self, lock: OwnerLock) -> Result<(Owner, Shared), Failure> {
        let live = Arc::new(assemble::live_settings(&self.sources));
        let Assembled {
            parts,
            reader,
            probes,
            events,
            log,
            exports,
            runtime,
        } = assemble::parts(&self.settings, &live, &self.folder, &self.cwd).await?;
        let workspace = self.cwd.join(DEFAULT_WORKSPACE);
        let surroundings = Surroundings {
            workspace: workspace.clone(),
            asset_root: self.cwd.clone(),
            max_runs: self.settings.max_runs,
            settings: self.settings.digests.clone(),
        };
        let records = Arc::clone(&parts.records);
        let sandboxes: Arc<dyn Sandboxes> =
            assemble::watched_sandboxes(&self.settings, &self.folder, &runtime)?;
        let (journal, of_phases) = (reader.clone(), Arc::clone(&sandboxes));
        let models_root = self.cwd.clone();
        let mut shared = None;
        let serve = |listener, service: &Service| {
            let driver = Driver::new(driver::Parts {
                works: Arc::new(Here {
                    service: service.clone(),
                    records,
                }),
                settings: Arc::clone(&live),
                root: self.cwd.clone(),
                models: Box::new(move |settings| {
                    Arc::new(assemble::models(settings, &models_root))
                }),
            });
            let made = Shared::new(Api {
                service: service.clone(),
                reader,
                settings: live,
                root: self.cwd.clone(),
                workspace,
                zone: self.settings.timezone.clone(),
                probes,
                events,
                log,
                since: Instant::now(),
                driver,
                sandboxes,
                machine: Machine::new(self.settings.vram_cache),
            })?;
            shared = Some(made.clone());
            server::serve_socket(listener, made)
        };
        let failed = |error: std::io::Error| {
            Failure::new("E_SOCKET", format!("cannot listen on the socket: {error}"))
                .hint("look at the folder `run` below the data folder")
        };
        let mut owner =
            Owner::open(&self.folder, lock, parts, surroundings, serve).map_err(failed)?;
        let shared =
            shared.ok_or_else(|| Failure::new("E_INTERNAL", "the socket is not served"))?;
        self.look_after_phases(&mut owner, journal, of_phases);
        if let Some(exports) = exports {
            let service = owner.service().clone();
            owner.before_stop(Box::new(move |how| {
                // A second signal is for exports too.
                Box::pin(async move { exports.finish(how, service.hurried()).await })
            }));
        }
        Ok((owner, shared))
    }

    /// Has the owner look after bug-fix phases until it stops.
    fn look_after_phases(&self, owner: &mut Owner, journal: Reader, sandboxes: Arc<dyn Sandboxes>) {
        let service = owner.service().clone();
        let telling = service.clone();
        let phases = Phases::new(phases::Parts {
            folder: self.folder.database_folder(),
            root: self.cwd.clone(),
            reader: Some(journal),
            sandboxes: Some(sandboxes),
            emit: Some(Arc::new(move |event, data| telling.emit(event, data))),
        });
        let clock = Arc::new(SystemClock::default());
        let timer = Timer::start(phases, clock, service.rocks_over());
        owner.before_stop(Box::new(move |how| {
            Box::pin(async move { timer.stop(how, service.has_had_rocks()).await })
        }));
    }

    /// A living owner when there is one.
    ///
    /// # Errors
    ///
    /// When somebody owns the folder and does not answer.
    pub async fn living_owner(&self, server: Option<&str>) -> Result<Option<Client>, Failure> {
        let mode = match server {
            Some(address) => Mode::Server(Address::parse(address)),
            None => Mode::Attach,
        };
        if server.is_none() && !self.folder.lock().exists() {
            return Ok(None);
        }
        match knock(&self.folder, &mode).await? {
            Door::Attach(client) => Ok(Some(client)),
            Door::Own(_) | Door::Nobody => Ok(None),
        }
    }
}

/// Becomes the owner, or says who is.
///
/// # Errors
///
/// When somebody else owns the folder.
pub async fn own(folder: &DataFolder) -> Result<OwnerLock, Failure> {
    match knock(folder, &Mode::Embedded).await? {
        Door::Own(lock) => Ok(lock),
        Door::Attach(_) | Door::Nobody => Err(Failure::new(
            "E_INTERNAL",
            "owning the folder brought no owner",
        )),
    }
}

/// Says when the work is done by another version.
pub async fn warn_of_version(client: &Client) {
    let own = env!("CARGO_PKG_VERSION");
    if let Ok(health) = client.health().await
        && health.version != own
    {
        super::out::warn(&format!(
            "warning: process {} does the work and is orket {}, this is orket {own}; `orket serve --stop` lets the next command bring its own",
            health.pid, health.version
        ));
    }
}

/// Where cards work when nobody says anything, below the current folder.
pub const DEFAULT_WORKSPACE: &str = "workspace/default";
