//! What the webhook receiver has done by others: cards are run and sandboxes brought up by the owner of
//! the data folder, in this process or over its socket; phases are rows of the receiver's own database.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use orket_actors::port::event::{EventSink, RuntimeEvent};
use orket_actors::port::store::RequestKey;
use orket_core::phase::Begun;
use orket_gitea::git::{Git, GitErrorKind, Revision};
use orket_sandboxes::{NewSandbox, Sandbox, SandboxError, SandboxStatus, Sandboxes, TechStack};
use orket_webhook::outside::{Deployed, Merged, Outside, OutsideError};
use orket_webhook::phases::{self, PhaseError};
use serde_json::Value;

use super::context::Context;
use super::failure::Failure;
use super::receiving::open_store;
use crate::blocking::blocking;
use crate::log::RunLog;
use crate::owner::client::{Client, ClientError};
use crate::owner::folder::DataFolder;
use crate::owner::host::{Door, Mode, knock, wall_ms};
use crate::owner::service::{Refusal, Service};
use crate::owner::wire::{StartRequest, Started, WorkKind};

/// How long cloning what was merged may take.
const CLONING: Duration = Duration::from_secs(300);
/// Where it is cloned to, below the configuration root.
const CLONES: &str = "sandboxes";

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
    git: Option<Git>,
    log: Option<RunLog>,
}

impl Elsewhere {
    /// With a log of its own where no owner in this process has one.
    pub fn new(context: &Context, reach: Reach, log: Option<RunLog>) -> Self {
        let own = &context.settings.gitea;
        let git = own.url.as_deref().zip(own.credentials.as_ref());
        Self {
            reach,
            root: context.cwd.clone(),
            database_folder: context.folder.database_folder(),
            git: git.and_then(|(url, credentials)| Git::new(url, credentials).ok()),
            log,
        }
    }
}

fn later(words: impl Into<String>) -> OutsideError {
    OutsideError::Later(words.into())
}

fn of_refusal(refusal: &Refusal) -> OutsideError {
    let words = format!("{} ({})", refusal.detail, refusal.code);
    if refusal.status >= 500
        || matches!(refusal.status, 408 | 425 | 429)
        || refusal.code == "E_RUN_ACTIVE"
    {
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
            let key = RequestKey {
                key: format!("webhook:{key}"),
                digest: card.clone(),
            };
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

/// What was merged, on disk: cloned beside and moved into its place when it is whole.
async fn clone(root: &Path, git: Option<&Git>, merged: &Merged) -> Result<PathBuf, OutsideError> {
    let never = |words: String| OutsideError::Never(words);
    let name = merged.rock_id();
    let folder = root.join(CLONES);
    let place = folder.join(&name);
    let git = git.ok_or_else(|| never("GITEA_URL or its credentials are not set".to_owned()))?;
    let url = merged
        .clone_url
        .as_deref()
        .filter(|url| !url.is_empty())
        .ok_or_else(|| never("the code host does not say where to clone from".to_owned()))?;
    let revision = match &merged.commit {
        Some(commit) => Revision::Commit(commit.clone()),
        None => {
            return Err(never(
                "the code host does not say which commit was merged".to_owned(),
            ));
        }
    };
    tokio::fs::create_dir_all(&folder)
        .await
        .map_err(|error| later(format!("{}: {error}", folder.display())))?;
    let beside = folder.join(format!(".{name}.{}", uuid::Uuid::new_v4().simple()));
    git.clone_at(url, &revision, &beside, CLONING)
        .await
        .map_err(|error| match error.kind {
            GitErrorKind::TooLong
            | GitErrorKind::Failed
            | GitErrorKind::Unavailable
            | GitErrorKind::Unreachable
            | GitErrorKind::Unusable => later(error.to_string()),
            GitErrorKind::Missing
            | GitErrorKind::Unauthorized
            | GitErrorKind::NotFound
            | GitErrorKind::Outrun
            | GitErrorKind::Refused => never(error.to_string()),
        })?;
    let moved = async {
        match tokio::fs::remove_dir_all(&place).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        tokio::fs::rename(&beside, &place).await
    };
    if let Err(error) = moved.await {
        // What is left of it is in nobody's way.
        let _ = tokio::fs::remove_dir_all(&beside).await;
        return Err(later(format!("{}: {error}", place.display())));
    }
    Ok(place)
}

fn of_sandbox(error: &SandboxError) -> OutsideError {
    match error {
        SandboxError::TooMany(_) | SandboxError::Records(_) => later(error.to_string()),
        _ => OutsideError::Never(error.to_string()),
    }
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

async fn deploy(
    reach: Reach,
    root: PathBuf,
    git: Option<Git>,
    merged: Merged,
) -> Result<Deployed, OutsideError> {
    let client = match &reach {
        Reach::Here { .. } => None,
        Reach::Socket(folder) => Some(owner(folder).await?),
    };
    // What runs already must not lose its files.
    let rock_id = merged.rock_id();
    let all = match (&reach, &client) {
        (Reach::Here { sandboxes, .. }, _) => {
            sandboxes.list().await.map_err(|error| of_sandbox(&error))?
        }
        (Reach::Socket(_), Some(client)) => client
            .sandboxes()
            .await
            .map_err(|error| of_client(&error))?,
        (Reach::Socket(_), None) => Vec::new(),
    };
    let up = all
        .iter()
        .find(|it| it.rock_id == rock_id && it.status == SandboxStatus::Running);
    if let Some(up) = up {
        return Ok(deployed(up));
    }
    let place = clone(&root, git.as_ref(), &merged).await?;
    let new = NewSandbox {
        rock_id,
        project_name: format!("{} (PR #{})", merged.repository.name, merged.number),
        tech_stack: TechStack::FastapiReactPostgres,
        workspace_path: place.display().to_string(),
    };
    let sandbox = match (reach, client) {
        (Reach::Here { sandboxes, .. }, _) => sandboxes
            .create(new)
            .await
            .map_err(|error| of_sandbox(&error))?,
        (Reach::Socket(_), Some(client)) => client
            .create_sandbox(&new)
            .await
            .map_err(|error| of_client(&error))?,
        (Reach::Socket(_), None) => return Err(later("nobody owns the data folder")),
    };
    Ok(deployed(&sandbox))
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
        deploy(
            self.reach.clone(),
            self.root.clone(),
            self.git.clone(),
            merged,
        )
        .boxed()
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
            })),
            (Reach::Socket(_), None) => {}
        }
    }
}
