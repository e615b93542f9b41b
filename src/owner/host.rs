//! An owner, in this process or in another one, behind one face; and how a command finds it.

use std::time::Duration;

use orket_actors::runtime::RunReport;
use orket_core::ids::RunId;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::client::{Address, Client, ClientError};
use super::folder::DataFolder;
use super::lock::{Attempt, OwnerLock, OwnerNote};
use super::service::{Begin, Refusal, Service};
use super::socket;
use super::wire::{ForkRequest, Line, ResumeRequest, StartRequest, Started};

/// How long an owner may take to start or to die before a command gives up.
const PATIENCE: Duration = Duration::from_secs(8);

/// Which owner a command wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Mode {
    /// A living one, else this process.
    #[default]
    Any,
    /// Only this process (`--embedded`).
    Embedded,
    /// Only the one at this address (`--server`).
    Server(Address),
    /// Only a living one.
    Attach,
}

/// What a command found.
#[derive(Debug)]
pub enum Door {
    /// Nobody owns the folder; this process does from now on.
    Own(OwnerLock),
    /// Another process does, and it answers.
    Attach(Client),
    /// Nobody does, and this process may not.
    Nobody,
}

/// Why no owner was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DoorError {
    /// `--embedded`, but somebody else owns the folder.
    #[error("{} owns this data folder already", owner_words(.0.as_ref()))]
    Owned(Option<OwnerNote>),
    /// Somebody owns the folder and does not answer.
    #[error("{} owns this data folder but does not answer: {}", owner_words(.0.as_ref()), .1)]
    Silent(Option<OwnerNote>, String),
    /// Nobody answers at `--server`.
    #[error("nobody answers at {0}: {1}")]
    NoServer(String, String),
    /// The lock cannot be used.
    #[error("cannot lock {0}: {1}")]
    Lock(String, String),
}

fn owner_words(note: Option<&OwnerNote>) -> String {
    match note {
        Some(note) => format!("process {}", note.pid),
        None => "another process".to_owned(),
    }
}

/// Milliseconds since 1970-01-01 UTC.
#[must_use]
pub fn wall_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

/// Finds the owner or becomes it. An owner that is just starting or dying is waited for; when it
/// dies, its place is taken.
///
/// # Errors
///
/// [`DoorError`].
pub async fn knock(folder: &DataFolder, mode: &Mode) -> Result<Door, DoorError> {
    if let Mode::Server(address) = mode {
        let failed =
            |error: ClientError| DoorError::NoServer(address.to_string(), error.to_string());
        let client = Client::new(address).map_err(failed)?;
        client.health().await.map_err(failed)?;
        return Ok(Door::Attach(client));
    }
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(10);
    loop {
        let note = match attempt(folder)? {
            Attempt::Got(lock) if *mode == Mode::Attach => {
                drop(lock);
                return Ok(Door::Nobody);
            }
            Attempt::Got(lock) => return Ok(Door::Own(lock)),
            Attempt::Held(note) if *mode == Mode::Embedded => return Err(DoorError::Owned(note)),
            Attempt::Held(note) => note,
        };
        let reason = match try_owner(folder).await {
            Ok(client) => return Ok(Door::Attach(client)),
            Err(reason) => reason,
        };
        if Instant::now() >= deadline {
            return Err(DoorError::Silent(note, reason));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}

fn attempt(folder: &DataFolder) -> Result<Attempt, DoorError> {
    OwnerLock::attempt(folder, wall_ms())
        .map_err(|error| DoorError::Lock(folder.lock().display().to_string(), error.to_string()))
}

async fn try_owner(folder: &DataFolder) -> Result<Client, String> {
    let address = Address::Socket(socket::path(folder));
    let client = Client::new(&address).map_err(|error| error.to_string())?;
    let health = client.health().await.map_err(|error| error.to_string())?;
    if health.status == "ok" {
        Ok(client)
    } else {
        Err("it is shutting down".to_owned())
    }
}

/// An owner to talk to; cheap to clone.
#[derive(Clone)]
pub enum Host {
    /// In this process.
    Here(Service),
    /// In another one.
    There(Client),
}

impl Host {
    /// Starts work.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn start(&self, request: StartRequest) -> Result<Started, ClientError> {
        match self {
            Self::Here(service) => {
                let service = service.clone();
                apart(async move { service.start(request).await }).await
            }
            Self::There(client) => client.start(&request).await,
        }
    }

    /// Goes on with a run.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn resume(
        &self,
        run: &RunId,
        request: ResumeRequest,
    ) -> Result<Started, ClientError> {
        match self {
            Self::Here(service) => {
                let (service, run) = (service.clone(), run.clone());
                apart(async move { service.resume(run, request).await }).await
            }
            Self::There(client) => client.resume(run, &request).await,
        }
    }

    /// Begins a run where a turn of another began.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn fork(
        &self,
        reference: &str,
        request: ForkRequest,
    ) -> Result<Started, ClientError> {
        match self {
            Self::Here(service) => {
                let (service, reference) = (service.clone(), reference.to_owned());
                apart(async move { service.fork(&reference, request).await }).await
            }
            Self::There(client) => client.fork(reference, &request).await,
        }
    }

    /// Follows a run: what is still in memory of it, and what comes.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn follow(&self, run: &RunId) -> Result<mpsc::Receiver<Line>, ClientError> {
        match self {
            Self::Here(service) => Ok(service.follow(run.clone(), Begin::Recent, ())),
            Self::There(client) => client.follow(run).await,
        }
    }

    /// How a run stands.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn report(&self, run: &RunId) -> Result<RunReport, ClientError> {
        match self {
            Self::Here(service) => Ok(service.report(run).await?),
            Self::There(client) => client.show(run.as_str()).await,
        }
    }

    /// Whether it lives in this process.
    #[must_use]
    pub fn is_here(&self) -> bool {
        matches!(self, Self::Here(_))
    }
}

/// As a task of its own: a panic in it is a refusal, not the end of the command.
async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, ClientError> {
    match tokio::spawn(work).await {
        Ok(result) => Ok(result?),
        Err(error) => Err(Refusal::internal(format!("a request broke: {error}")).into()),
    }
}

/// A refusal's words for a reader of `Gone` too.
impl ClientError {
    /// Whether somebody else may take over.
    #[must_use]
    pub fn may_take_over(&self) -> bool {
        match self {
            Self::Gone(_) => true,
            Self::Refused(refusal) => Refusal::is_shutting_down(refusal),
        }
    }
}
