//! One session: what is said goes to the driver, and what is left to whoever sits here is done here.

use std::sync::{Arc, Mutex, PoisonError};

use orket_actors::runtime::RunReport;
use orket_board::text::{Look, text};
use orket_core::asset::CORE;
use orket_core::ids::RunId;
use orket_core::model::ModelName;

use super::works::Folder;
use crate::cli::args::{Bare, BoardArgs, ReplayArgs};
use crate::cli::assemble;
use crate::cli::commands::board;
use crate::cli::commands::gates::user;
use crate::cli::commands::replay;
use crate::cli::commands::watch::{Watched, Watcher};
use crate::cli::context::Context;
use crate::cli::enter::Entered;
use crate::cli::failure::Failure;
use crate::cli::progress::{Progress, Style};
use crate::driver::stream::Listener;
use crate::driver::works::Works as _;
use crate::driver::{Driver, Parts, Reply, ReplyKind, Said};
use crate::owner::host::{Host, Mode};
use crate::owner::service::Refusal;
use crate::owner::signals::Signals;

/// The variable that chooses the model that answers here.
const MODEL: &str = "ORKET_OPERATOR_MODEL";

/// The code of a model that nobody answers for.
const UNREACHABLE: &str = "E_MODEL_CONNECT";
/// What stands between a model and why it has no answer.
const CANNOT: &str = " cannot answer";

/// See the file's head.
pub struct Desk {
    /// Settings and folder.
    pub context: Arc<Context>,
    /// The owner.
    pub folder: Arc<Folder>,
    /// The department that is meant when none is named.
    pub department: String,
    driver: Driver,
    by: String,
    /// Why the model did not answer, as it was told.
    told: Mutex<Option<String>>,
}

impl Desk {
    /// A desk for these flags.
    ///
    /// # Errors
    ///
    /// When the model that is wished for is no name of one.
    pub fn new(context: Context, bare: &Bare) -> Result<Self, Failure> {
        let mut sources = context.sources.clone();
        if let Some(model) = &bare.run.model {
            ModelName::parse(model).map_err(|error| {
                Failure::usage(format!("--model: {error}"))
                    .hint("orket --model ollama:qwen2.5-coder:14b")
            })?;
            sources.flags.insert(MODEL.to_owned(), model.clone());
        }
        let root = context.cwd.clone();
        let models_root = root.clone();
        let context = Arc::new(context);
        let folder = Arc::new(Folder::new(Arc::clone(&context)));
        let driver = Driver::new(Parts {
            works: Arc::clone(&folder) as _,
            settings: Arc::new(assemble::live_settings(&sources)),
            root,
            models: Box::new(move |settings| Arc::new(assemble::models(settings, &models_root))),
        });
        Ok(Self {
            department: (bare.run.department.clone()).unwrap_or_else(|| CORE.to_owned()),
            driver,
            by: format!("{} (driver)", user()),
            told: Mutex::default(),
            folder,
            context,
        })
    }

    /// Says something.
    pub async fn say(&self, text: &str, listener: Option<Listener>) -> Reply {
        let said = Said {
            text: text.to_owned(),
            conversation: "desk".to_owned(),
            by: self.by.clone(),
            department: Some(self.department.clone()),
            may_write_assets: true,
            is_confirmed: false,
            is_at_desk: true,
            listener,
        };
        match self.driver.answer(said).await {
            Ok(reply) => self.once(reply),
            Err(unserved) => not_done(unserved.to_string(), None),
        }
    }

    /// Says why the model cannot answer, when that can be told without asking it.
    pub async fn trouble(&self) -> Option<String> {
        let trouble = self.driver.trouble().await?;
        self.is_news(&trouble, UNREACHABLE);
        Some(trouble)
    }

    /// What starts a model is told once, not with every message.
    fn once(&self, mut reply: Reply) -> Reply {
        let code = reply.code.as_deref().unwrap_or_default();
        if code.starts_with("E_MODEL")
            && !self.is_news(&reply.text, code)
            && let Some((model, _)) = reply.text.split_once(CANNOT)
        {
            reply.text = format!(
                "{model} still cannot answer. Commands work without it: `help` lists them."
            );
        }
        reply
    }

    /// Whether this model was not said to have this trouble before.
    fn is_news(&self, text: &str, code: &str) -> bool {
        let model = text.split(CANNOT).next().unwrap_or_default();
        let trouble = format!("{model} {code}");
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = told.as_ref() != Some(&trouble);
        *told = Some(trouble);
        is_news
    }

    /// Lets go of the owner that was brought up for this session, when nothing is under way in it; else
    /// the runs that go on.
    pub async fn release(&self) -> Vec<String> {
        let active = self.folder.active().await.unwrap_or_default();
        // Nobody else needs an owner with nothing to do.
        if active.is_empty()
            && self.folder.has_brought_owner()
            && let Ok(Some(client)) = self.folder.living().await
        {
            let _ = client.shutdown(false).await;
        }
        active
    }

    /// Follows a run to its end; `None` when whoever watches leaves before.
    ///
    /// # Errors
    ///
    /// When the run is unknown, or its owner is gone for good.
    pub async fn watch(&self, run: &str) -> Result<Option<RunReport>, Failure> {
        let id = RunId::new(run).map_err(|error| Refusal::internal(error.to_string()))?;
        let Some(client) = self.folder.living().await? else {
            // Nothing of it is under way then.
            return Ok(Some(self.folder.report(id).await?));
        };
        let signals = Signals::listen().map_err(|error| {
            Failure::new("E_SIGNALS", format!("cannot listen to signals: {error}"))
        })?;
        let entered = Entered {
            host: Host::There(client),
            owner: None,
        };
        let progress = Progress::start(Style::fitting(self.context.json));
        let mut watcher = Watcher::new(&self.context, Mode::Attach, entered, signals, progress);
        let watched = watcher.watch(&id).await;
        watcher.close_progress().await;
        Ok(match watched? {
            Watched::Over(report) => Some(report),
            Watched::Detached => None,
        })
    }

    /// The board: as text, and as an object.
    ///
    /// # Errors
    ///
    /// When assets or journal cannot be read.
    pub async fn board(&self, department: String) -> Result<(String, serde_json::Value), Failure> {
        let context = Arc::clone(&self.context);
        let args = BoardArgs {
            department: Some(department),
            ..BoardArgs::default()
        };
        let shown = crate::blocking::blocking(move || {
            let board = board::read(&context, &args, context.reader()?.as_ref())?;
            let look = Look {
                colours: false,
                ..board::look(&args)
            };
            let object = serde_json::to_value(&board)
                .map_err(|error| Failure::new("E_INTERNAL", error.to_string()))?;
            Ok((text(&board, look), object))
        });
        let shown = shown.await;
        shown.map_err(|error| Failure::new("E_INTERNAL", error.to_string()))?
    }

    /// A recorded turn: as text, and as an object.
    ///
    /// # Errors
    ///
    /// When there is no such turn.
    pub async fn replay(&self, place: &str) -> Result<(String, serde_json::Value), Failure> {
        let context = Arc::clone(&self.context);
        let args = ReplayArgs {
            turn: place.to_owned(),
            attempt: None,
            verify: false,
            against: None,
        };
        let shown = crate::blocking::blocking(move || replay::shown(&context, &args)).await;
        shown.map_err(|error| Failure::new("E_INTERNAL", error.to_string()))?
    }
}

/// Something that was not done.
pub fn not_done(text: String, code: Option<String>) -> Reply {
    Reply {
        text,
        kind: ReplyKind::NotDone,
        plan: None,
        runs: Vec::new(),
        code,
        errand: None,
    }
}

/// A failure as it is said at a desk.
pub fn of_failure(failure: &Failure) -> Reply {
    let hint = failure.hint.as_ref();
    let hint = hint.map_or_else(String::new, |hint| format!("\nhint: {hint}"));
    not_done(
        format!("{}{hint}", failure.message),
        Some(failure.code.clone()),
    )
}

/// Whether somebody leaves.
pub fn leaves(text: &str) -> bool {
    matches!(
        text.trim().trim_start_matches('/').to_lowercase().as_str(),
        "exit" | "quit" | "q"
    )
}
