//! The driver: an operator's desk in words. It tells commands from talk, answers looks from assets and
//! journal, shows what would change something as a plan and carries it out after a yes, and asks a
//! model for everything else. It knows nothing of HTTP or of a terminal; both bring it messages.
//!
//! One driver serves a process: it remembers conversations, and models are reached through the same
//! providers every time.
//!
//! # Layout
//!
//! - [`reply`]: a message and its answer.
//! - [`command`], [`kinds`], [`forms`]: what can be asked for, and how it is written. [`parse`], `line`,
//!   [`words`]: reading it.
//! - `intent`, `orders`: what plain words ask to have changed. `small_talk`, `arithmetic`: answers that need no
//!   model.
//! - `look`, `board`: answers from assets and journal.
//! - `plan`: what would be done. [`edit`]: changed asset files. `act`: doing it.
//! - `talk`: conversation. `model`, `prompt`, `proposal`: asking a model, and reading what it proposes.
//! - `stream`: an answer while it is written. `talks`: what was said before.
//! - [`works`]: the owner that looks and changes go to. [`complete`]: what a line may go on with.

mod act;
mod arithmetic;
mod board;
pub mod command;
pub mod complete;
pub mod edit;
pub mod forms;
mod intent;
pub mod kinds;
mod line;
mod look;
mod model;
mod orders;
pub mod parse;
mod plan;
mod prompt;
mod proposal;
pub mod reply;
mod small_talk;
pub mod stream;
mod talk;
mod talks;
pub mod words;
pub mod works;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use orket_actors::port::model::ModelProviders;
use orket_core::asset::{CORE, Library, name};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::assets::DiskThenEmbedded;
use crate::config::{LiveSettings, Settings};
use command::{Change, Command, Look};
use parse::{Parsed, parse};
pub use plan::PlanView;
use plan::{NotPlanned, Plan};
use reply::Answered;
pub use reply::{Errand, Reply, ReplyKind, Said, Unserved};
use talks::Talks;
use works::Works;

/// The longest message, in bytes.
pub const LONGEST_MESSAGE: usize = 16 * 1024;
/// Questions to the model at once.
const QUESTIONS: usize = 4;

/// Makes the providers of models.
pub type MakeModels = Box<dyn Fn(&Settings) -> Arc<dyn ModelProviders> + Send + Sync>;

/// What a driver works with.
pub struct Parts {
    /// Runs, gates and the journal.
    pub works: Arc<dyn Works>,
    /// Which model answers, where it is and how long it may take.
    pub settings: Arc<LiveSettings>,
    /// The folder that holds `config/` and `model/`.
    pub root: PathBuf,
    /// The models.
    pub models: MakeModels,
}

/// See the file's head; cheap to clone.
#[derive(Clone)]
pub struct Driver {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    assets: DiskThenEmbedded,
    talks: Mutex<Talks>,
    questions: Semaphore,
    asked: AtomicU32,
    writing: Mutex<()>,
    /// The providers, for as long as the settings are these.
    models: Mutex<Option<KnownModels>>,
}

/// Providers, and a digest of each setting that they were made under.
type KnownModels = (BTreeMap<String, String>, Arc<dyn ModelProviders>);

impl Driver {
    /// A driver over these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            inner: Arc::new(Inner {
                assets: DiskThenEmbedded::new(&parts.root),
                parts,
                talks: Mutex::default(),
                questions: Semaphore::new(QUESTIONS),
                asked: AtomicU32::new(0),
                writing: Mutex::default(),
                models: Mutex::default(),
            }),
        }
    }

    /// Answers a message.
    ///
    /// # Errors
    ///
    /// [`Unserved`]; nothing was done then.
    pub async fn answer(&self, said: Said) -> Result<Reply, Unserved> {
        if said.text.len() > LONGEST_MESSAGE {
            return Err(Unserved::TooLong);
        }
        self.count("received");
        let answered = self.answered(&said).await?;
        let Answered { reply, plan } = answered;
        self.talks()
            .note(&said.conversation, &said.text, &reply.text, plan);
        Ok(reply)
    }

    async fn answered(&self, said: &Said) -> Result<Answered, Unserved> {
        let departments = self
            .blocking(|inner| Library::new(&inner.assets).departments())
            .await
            .unwrap_or_default();
        let department = said.department.as_deref().unwrap_or(CORE);
        if !departments.iter().any(|known| known == department) {
            let near = name::suggestion(department, departments.iter().map(String::as_str));
            return Ok(Answered::not_done(
                format!("there is no department `{department}`; {near}"),
                None,
            ));
        }
        let has_plan = self.talks().has_fresh_plan(&said.conversation);
        if has_plan && let Some(is_yes) = small_talk::verdict(&said.text) {
            let command = if is_yes {
                Command::Confirm(None)
            } else {
                Command::Cancel
            };
            return Ok(self
                .command(command, said, &departments)
                .await
                .unwrap_or_else(Answered::from));
        }
        if small_talk::asks_for_help(&said.text) {
            return Ok(Answered::words(
                ReplyKind::Answer,
                forms::help(&departments),
            ));
        }
        match parse(&said.text, &departments, department) {
            Parsed::Command(command) => {
                self.count("cli");
                Ok(self
                    .command(command, said, &departments)
                    .await
                    .unwrap_or_else(Answered::from))
            }
            Parsed::Maybe(command) => match self.command(command, said, &departments).await {
                Err(not) if not.is_unknown => self.talk(said, department, &departments).await,
                other => {
                    self.count("cli");
                    Ok(other.unwrap_or_else(Answered::from))
                }
            },
            Parsed::Hint(hint) => {
                self.count("cli");
                Ok(Answered::not_done(hint, None))
            }
            Parsed::Talk => self.talk(said, department, &departments).await,
        }
    }

    async fn command(
        &self,
        command: Command,
        said: &Said,
        departments: &[String],
    ) -> Result<Answered, NotPlanned> {
        match command {
            Command::Help => Ok(Answered::words(ReplyKind::Answer, forms::help(departments))),
            Command::Usage(verb) => Ok(Answered::words(ReplyKind::Answer, forms::usage(&verb))),
            Command::Look(look) => self.look(look, said).await,
            Command::Change(change) => {
                let plan = self.plan(change).await?;
                if said.is_confirmed {
                    return Ok(self.carry_out(plan, said).await);
                }
                Ok(Answered::plan(plan, ""))
            }
            Command::Confirm(id) => {
                let taken = self.talks().take(&said.conversation, id.as_deref());
                match (taken, id) {
                    (Some(plan), _) => Ok(self.carry_out(plan, said).await),
                    (None, Some(id)) => Ok(Answered::not_done(
                        format!(
                            "no plan {id} waits in this conversation; ask for the change again"
                        ),
                        None,
                    )),
                    (None, None) => Ok(Answered::not_done(
                        "no plan waits in this conversation",
                        None,
                    )),
                }
            }
            Command::Cancel => {
                let text = match self.talks().take(&said.conversation, None) {
                    Some(_) => "Dropped; nothing was changed.",
                    None => "no plan waits in this conversation",
                };
                Ok(Answered::words(ReplyKind::Answer, text))
            }
        }
    }

    async fn look(&self, look: Look, said: &Said) -> Result<Answered, NotPlanned> {
        let works = self.inner.parts.works.as_ref();
        let answer = match look {
            Look::Status(None) => look::under_way(works).await?,
            Look::Status(Some(run)) => look::run(works, &run).await?.0,
            Look::Watch(run) if said.is_at_desk => {
                let row = works.resolve(run).await?;
                return Ok(Answered::errand(Errand::Watch(row.run_id)));
            }
            Look::Board(department) if said.is_at_desk => {
                return Ok(Answered::errand(Errand::Board(department)));
            }
            Look::Replay(place) if said.is_at_desk && place.split(':').count() >= 3 => {
                return Ok(Answered::errand(Errand::Replay(place)));
            }
            Look::Watch(run) => {
                let (report, id) = look::run(works, &run).await?;
                let mut answered = Answered::words(
                    ReplyKind::Answer,
                    format!(
                        "{report}\n\n`orket show {id}` shows it again; GET /v1/runs/{id}/events follows it as a stream."
                    ),
                );
                answered.reply.runs = vec![id.into()];
                return Ok(answered);
            }
            look => {
                let answer = self
                    .blocking(move |inner| {
                        let records = inner.parts.works.records();
                        let records = records.map_err(|refusal| refusal.detail)?;
                        look::answer(&look, &inner.assets, records.as_ref())
                    })
                    .await;
                return Ok(match answer {
                    Ok(Ok(text)) => Answered::words(ReplyKind::Answer, text),
                    Ok(Err(why)) | Err(why) => Answered::not_done(why, None),
                });
            }
        };
        Ok(Answered::words(ReplyKind::Answer, answer))
    }

    async fn plan(&self, change: Change) -> Result<Plan, NotPlanned> {
        if let Change::Work(work) = &change {
            return plan::of_work(work, self.inner.parts.works.as_ref(), &self.inner.assets).await;
        }
        let planned = self
            .blocking(move |inner| plan::of_assets(&change, &inner.assets))
            .await;
        planned.unwrap_or_else(|broken| {
            Err(NotPlanned {
                words: broken,
                code: None,
                is_unknown: false,
            })
        })
    }

    fn talks(&self) -> MutexGuard<'_, Talks> {
        self.inner
            .talks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Result<T, String> {
        let inner = Arc::clone(&self.inner);
        crate::blocking::blocking(move || work(&inner))
            .await
            .map_err(|error| format!("a look broke off: {error}"))
    }
}

impl Driver {
    /// Which way a message took, for whoever reads the log.
    fn count(&self, route: &str) {
        self.measure("operator_message", json!({"route": route}));
    }

    fn measure(&self, metric: &str, tags: Value) {
        let data = json!({"metric": metric, "value": 1, "tags": tags});
        self.inner.parts.works.emit("operator_metric", data);
    }
}
