//! What the webhook receiver has done by others: cards are run and sandboxes brought up by the owner of
//! the data folder, in this process or over its socket; phases are rows of the receiver's own database.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use orket_actors::port::event::{EventSink, RuntimeEvent};
use orket_core::phase::Begun;
use orket_gitea::git::{Git, GitErrorKind, Revision};
use orket_sandboxes::{NewSandbox, Sandbox, SandboxError, SandboxStatus, Sandboxes, TechStack};
use orket_webhook::outside::{Deployed, Merged, Outside, OutsideError};
use orket_webhook::phases::{self, PhaseError};
use serde_json::Value;

use super::assemble::process_rules;
use super::context::Context;
use super::failure::Failure;
use super::receiving::open_store;
use crate::blocking::blocking;
use crate::log::RunLog;
use crate::owner::client::{Client, ClientError};
use crate::owner::folder::DataFolder;
use crate::owner::host::{Door, Mode, knock, wall_ms};
use crate::owner::service::{Refusal, Service};
use crate::owner::wire::{StartRequest, Started, WorkKind, request_key};

/// A checkout that was touched so lately may be about to be used.
const RECENT: Duration = Duration::from_secs(3_600);
/// How long cloning what was merged may take.
const CLONING: Duration = Duration::from_secs(300);
/// What the API calls whoever asks over the owner's socket.
const SOCKET: &str = "socket";
/// Where it is cloned to, below the data folder: a folder for each rock, in it one for each commit.
const CHECKOUTS: &str = "checkouts";
/// The process rule that names what sandboxes are made of.
const STACK_RULE: &str = "sandbox_tech_stack";

/// Who does it.
#[derive(Clone)]
pub enum Reach {
    /// This process owns the data folder.
    Here {
        /// Runs cards.
        service: Service,
        /// Brings sandboxes up.
        sandboxes: Arc<dyn Sandboxes>,
    },
    /// Whoever owns it when something is asked.
    Socket(DataFolder),
}

/// See the file's head.
pub struct Elsewhere {
    reach: Reach,
    root: PathBuf,
    database_folder: PathBuf,
    deploying: Deploying,
    log: Option<RunLog>,
}

/// What deploying needs.
#[derive(Clone)]
struct Deploying {
    git: Option<Git>,
    gitea_url: String,
    /// Below it are the checkouts.
    folder: PathBuf,
    root: PathBuf,
    is_disabled: bool,
}

impl Elsewhere {
    /// With a log of its own where no owner in this process has one.
    pub fn new(context: &Context, reach: Reach, log: Option<RunLog>) -> Self {
        let own = &context.settings.gitea;
        let gitea_url = own.url_or_default();
        let credentials = own.credentials.as_ref();
        Self {
            reach,
            root: context.cwd.clone(),
            database_folder: context.folder.database_folder(),
            deploying: Deploying {
                git: credentials.and_then(|credentials| Git::new(&gitea_url, credentials).ok()),
                gitea_url,
                folder: context.settings.durable_root.join(CHECKOUTS),
                root: context.cwd.clone(),
                is_disabled: context.settings.sandboxes.disabled,
            },
            log,
        }
    }
}

fn later(words: impl Into<String>) -> OutsideError {
    OutsideError::Later(words.into())
}

/// By its code, so that it means the same in this process and in another one.
fn of_refusal(refusal: &Refusal) -> OutsideError {
    const LATER: [&str; 8] = [
        "E_RUN_ACTIVE",
        "E_RUN_LIMIT",
        "E_BUSY",
        "E_RATE_LIMIT",
        "E_SHUTTING_DOWN",
        "E_STORAGE",
        "E_SANDBOX_LIMIT",
        "E_SANDBOX_UNAVAILABLE",
    ];
    let words = format!("{} ({})", refusal.detail, refusal.code);
    if LATER.contains(&refusal.code.as_str()) {
        OutsideError::Later(words)
    } else {
        OutsideError::Never(words)
    }
}

fn of_client(error: &ClientError) -> OutsideError {
    match error {
        ClientError::Gone(words) => OutsideError::Later(words.clone()),
        ClientError::Refused(refusal) => of_refusal(refusal),
    }
}

/// The living owner.
async fn owner(folder: &DataFolder) -> Result<Client, OutsideError> {
    match knock(folder, &Mode::Attach).await {
        Ok(Door::Attach(client)) => Ok(client),
        Ok(Door::Own(_) | Door::Nobody) => Err(later(
            "nobody owns the data folder: `orket serve` starts it, and this goes on then",
        )),
        Err(error) => Err(later(error.to_string())),
    }
}

fn started(card: &str, started: &Started) -> String {
    match &started.finished_card {
        Some(_) => format!("card {card} is finished already, in run {}", started.run_id),
        None => format!("run {}", started.run_id),
    }
}

async fn run_card(reach: Reach, card: String, key: String) -> Result<String, OutsideError> {
    let request = StartRequest {
        kind: WorkKind::Card,
        name: card.clone(),
        department: "core".to_owned(),
        build_id: None,
        target: None,
        model: None,
        workspace: None,
        workspace_is_wished: false,
        under_way: None,
        asset_root: None,
        settings: None,
    };
    match reach {
        Reach::Here { service, .. } => {
            // The same as over the socket: a restart may change which of the two it is.
            let digest = serde_json::to_string(&request)
                .map_err(|error| OutsideError::Never(error.to_string()))?;
            let key = request_key(SOCKET, &key, &[&digest]);
            let answer = service.start_as(request, false, Some(key)).await;
            answer
                .map(|it| started(&card, &it))
                .map_err(|refusal| of_refusal(&refusal))
        }
        Reach::Socket(folder) => {
            let client = owner(&folder).await?;
            let answer = client.start_once(&request, &key).await;
            answer
                .map(|it| started(&card, &it))
                .map_err(|error| of_client(&error))
        }
    }
}

/// What was merged, on disk: cloned beside and moved into its place when it is whole. A commit that is
/// there already is not cloned again.
async fn check_out(own: &Deploying, merged: &Merged) -> Result<PathBuf, OutsideError> {
    let never = OutsideError::Never;
    let git = own
        .git
        .as_ref()
        .ok_or_else(|| never("there are no credentials for Gitea".to_owned()))?;
    let commit = merged
        .commit
        .clone()
        .ok_or_else(|| never("the code host does not say which commit was merged".to_owned()))?;
    let folder = own.folder.join(merged.rock_id());
    let place = folder.join(&commit);
    if place.exists() {
        return Ok(place);
    }
    tokio::fs::create_dir_all(&folder)
        .await
        .map_err(|error| later(format!("{}: {error}", folder.display())))?;
    let beside = folder.join(format!("{PARTIAL}{}", uuid::Uuid::new_v4().simple()));
    // Its own address may be that of a proxy, to which no credentials go.
    let repository = &merged.repository;
    let url = format!(
        "{}/{}/{}.git",
        own.gitea_url, repository.owner, repository.name
    );
    git.clone_at(&url, &Revision::Commit(commit), &beside, CLONING)
        .await
        .map_err(|error| match error.kind {
            GitErrorKind::Missing | GitErrorKind::Unauthorized | GitErrorKind::NotFound => {
                never(error.to_string())
            }
            _ => later(error.to_string()),
        })?;
    if let Err(error) = tokio::fs::rename(&beside, &place).await {
        // What is left of it is swept up.
        return Err(later(format!("{}: {error}", place.display())));
    }
    Ok(place)
}

/// The beginning of the name of a checkout that is not whole.
const PARTIAL: &str = ".partial-";

fn of_sandbox(error: &SandboxError) -> OutsideError {
    let words = format!("{error} ({})", error.code());
    match error {
        SandboxError::TooMany(_) | SandboxError::Records(_) | SandboxError::Unavailable(_) => {
            OutsideError::Later(words)
        }
        _ => OutsideError::Never(words),
    }
}

/// Who brings sandboxes up, for as long as one thing is asked.
enum Builder {
    Here(Arc<dyn Sandboxes>),
    There(Client),
}

impl Builder {
    async fn of(reach: &Reach) -> Result<Self, OutsideError> {
        match reach {
            Reach::Here { sandboxes, .. } => Ok(Self::Here(Arc::clone(sandboxes))),
            Reach::Socket(folder) => owner(folder).await.map(Self::There),
        }
    }

    async fn list(&self) -> Result<Vec<Sandbox>, OutsideError> {
        match self {
            Self::Here(here) => here.list().await.map_err(|error| of_sandbox(&error)),
            Self::There(there) => there.sandboxes().await.map_err(|error| of_client(&error)),
        }
    }

    async fn create(&self, new: NewSandbox) -> Result<Sandbox, OutsideError> {
        match self {
            Self::Here(here) => here.create(new).await.map_err(|error| of_sandbox(&error)),
            Self::There(there) => {
                let created = there.create_sandbox(&new).await;
                created.map_err(|error| of_client(&error))
            }
        }
    }
}

/// Whether its files are in use, or may be in a moment.
const fn is_live(status: SandboxStatus) -> bool {
    !matches!(status, SandboxStatus::Stopped | SandboxStatus::Deleted)
}

fn deployed(sandbox: &Sandbox) -> Deployed {
    let mut comment = format!(
        "This is up to be looked at, as sandbox `{}` ({}):\n\n- frontend: {}\n- API: {}\n",
        sandbox.id,
        sandbox.tech_stack.name(),
        sandbox.frontend_url.as_str(),
        sandbox.api_url.as_str()
    );
    if let Some(admin) = &sandbox.admin_url {
        comment += &format!("- database: {}\n", admin.as_str());
    }
    comment += "\nThe addresses are those of the machine that Orket runs on.";
    Deployed {
        sandbox: sandbox.id.clone(),
        comment,
    }
}

async fn deploy(reach: Reach, own: Deploying, merged: Merged) -> Result<Deployed, OutsideError> {
    if own.is_disabled {
        return Err(of_sandbox(&SandboxError::Disabled));
    }
    let builder = Builder::of(&reach).await?;
    let rock_id = merged.rock_id();
    let all = builder.list().await?;
    let live = all
        .iter()
        .find(|it| it.rock_id == rock_id && is_live(it.status));
    match live {
        Some(up) if matches!(up.status, SandboxStatus::Running | SandboxStatus::Unhealthy) => {
            return Ok(deployed(up));
        }
        Some(_) => return Err(later("its sandbox is being brought up or taken down")),
        None => {}
    }
    let root = own.root.clone();
    let stack = blocking(move || stack(&root))
        .await
        .map_err(|error| later(error.to_string()))??;
    let place = check_out(&own, &merged).await?;
    let new = NewSandbox {
        rock_id,
        project_name: format!("{} (PR #{})", merged.repository.name, merged.number),
        tech_stack: stack,
        workspace_path: place.display().to_string(),
    };
    match builder.create(new).await {
        Ok(sandbox) => Ok(deployed(&sandbox)),
        Err(error) => {
            if matches!(error, OutsideError::Never(_)) {
                // Nobody needs it any more.
                let _ = tokio::fs::remove_dir_all(&place).await;
            }
            Err(error)
        }
    }
}

/// What sandboxes are made of: the organization may say.
fn stack(root: &Path) -> Result<TechStack, OutsideError> {
    let rules = process_rules(root).map_err(|failure| later(failure.message))?;
    match rules.get(STACK_RULE).and_then(Value::as_str) {
        None => Ok(TechStack::FastapiReactPostgres),
        Some(name) => TechStack::parse(name).ok_or_else(|| {
            let known = TechStack::ALL.map(TechStack::name).join(", ");
            OutsideError::Never(format!("process_rules.{STACK_RULE} must be one of {known}"))
        }),
    }
}

impl Elsewhere {
    /// Removes checkouts that nothing is brought up from any more.
    pub async fn sweep(&self) {
        let Ok(mut rocks) = tokio::fs::read_dir(&self.deploying.folder).await else {
            return;
        };
        let all = match Builder::of(&self.reach).await {
            Ok(builder) => builder.list().await,
            Err(error) => Err(error),
        };
        // Without knowing what is in use nothing is removed.
        let Ok(all) = all else { return };
        while let Ok(Some(rock)) = rocks.next_entry().await {
            let name = rock.file_name();
            let is_in_use = all
                .iter()
                .any(|it| is_live(it.status) && name == it.rock_id.as_str());
            // One that is just being made is not in use yet.
            let is_new = rock
                .metadata()
                .await
                .and_then(|data| data.modified())
                .is_ok_and(|at| at.elapsed().unwrap_or_default() < RECENT);
            if !is_in_use
                && !is_new
                && let Err(error) = tokio::fs::remove_dir_all(rock.path()).await
            {
                tracing::warn!(%error, "a checkout that nobody needs is still there");
            }
        }
    }
}

async fn start_phase(root: PathBuf, folder: PathBuf, rock: String) -> Result<String, OutsideError> {
    let rules = blocking(move || crate::phases::rules(&root))
        .await
        .map_err(|error| later(error.to_string()))?
        .map_err(|error| OutsideError::Never(error.to_string()))?;
    let store = blocking(move || open_store(&folder))
        .await
        .map_err(|error| later(error.to_string()))?
        .map_err(|failure: Failure| later(failure.message))?;
    let begun = phases::start(&store, &rock, wall_ms(), &rules).await;
    let closed = blocking(move || store.close()).await;
    closed.map_err(|error| later(error.to_string()))?;
    match begun {
        Ok(Begun::New(phase) | Begun::Live(phase)) => {
            Ok(format!("phase of {rock} until {}", phase.scheduled_end))
        }
        Err(PhaseError::Store(words)) => Err(later(words)),
        Err(error) => Err(OutsideError::Never(error.to_string())),
    }
}

impl Outside for Elsewhere {
    fn run_card(&self, card: &str, key: &str) -> BoxFuture<'static, Result<String, OutsideError>> {
        run_card(self.reach.clone(), card.to_owned(), key.to_owned()).boxed()
    }

    fn start_phase(&self, merged: Merged) -> BoxFuture<'static, Result<String, OutsideError>> {
        start_phase(
            self.root.clone(),
            self.database_folder.clone(),
            merged.rock_id(),
        )
        .boxed()
    }

    fn deploy(&self, merged: Merged) -> BoxFuture<'static, Result<Deployed, OutsideError>> {
        deploy(self.reach.clone(), self.deploying.clone(), merged).boxed()
    }

    fn tell(&self, event: &str, data: Value) {
        match (&self.reach, &self.log) {
            (Reach::Here { service, .. }, _) => service.emit(event, data),
            (Reach::Socket(_), Some(log)) => log.take(&Arc::new(RuntimeEvent {
                seq: 0,
                at_ms: wall_ms(),
                event: event.to_owned(),
                role: "webhook".to_owned(),
                run_id: None,
                issue_id: None,
                workspace: None,
                data,
                shown: orket_actors::port::event::Shown::default(),
            })),
            (Reach::Socket(_), None) => {}
        }
    }
}
