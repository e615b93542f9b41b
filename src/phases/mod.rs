//! Bug-fix phases carried out: their bugs looked at, their ends brought about, and what follows done.
//!
//! What may happen to a phase is decided in `orket_core::phase`, and kept by `orket_webhook::phases`.
//!
//! - `seen`: which cards of the journal and of the assets may be bugs.
//! - `sandbox`: takes the sandboxes of a phase that is over down.
//! - `second_rock`: writes the rock of the bugs that are open.
//! - [`timer`]: an owner looks once a minute.
//!
//! # What is durable when
//!
//! Each arrow is one commit in `webhook.db`; whoever dies between two of them is followed by somebody
//! who begins again at the last one.
//!
//! 1. *A rock is built* (the journal says so) → its phase, `active`. Found in the journal, not announced
//!    by whoever ran the rock: at each start of an owner, and whenever a rock's work ends. Asking again
//!    finds the phase, or one that ended after the rock was built.
//! 2. *Bugs are seen* → metrics, and an extension with its cause. Seeing the same again changes nothing.
//! 3. *The time is up, or an operator ends it* → `completed`, with the open bugs as they are and what is
//!    to be done: write the second rock, remove the sandbox.
//! 4. *The second rock's files are chosen* → their paths and texts. Only then they are written, each
//!    whole and never over another file; a file with the same text is the one written before. A name that
//!    is taken leads to the next one, chosen anew.
//! 5. *They are on disk* → no longer to be done.
//! 6. *The sandbox is down* → no longer to be done. Taking it down again is harmless, and one that was
//!    made after the end is not the phase's.
//! 7. *Events are told* → no longer untold. A process that dies here has them told twice, never not.

mod operator;
mod sandbox;
mod second_rock;
mod seen;
#[cfg(test)]
mod tests;
pub mod timer;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use orket_actors::fault;
use orket_core::asset::Library;
use orket_core::phase::{DAY_MS, Looked, Phase, PhaseRules, Todo, look};
use orket_sandboxes::Sandboxes;
use orket_webhook::phases::{self as rows, PhaseError};
use orket_webhook::store::{FILE_NAME, Store, StoreOptions};
use serde_json::Value;

use crate::assets::DiskThenEmbedded;
use crate::storage::Reader;

/// Says that something happened: the event's name and its data.
pub type Emit = Arc<dyn Fn(&str, Value) + Send + Sync>;

/// What phases are carried out with.
#[derive(Clone)]
pub struct Parts {
    /// The folder of `webhook.db`.
    pub folder: PathBuf,
    /// The configuration root: assets are read there, and written below `model/`.
    pub root: PathBuf,
    /// The journal; `None` when there is none yet.
    pub reader: Option<Reader>,
    /// The sandboxes; `None` leaves them to somebody who can reach them.
    pub sandboxes: Option<Arc<dyn Sandboxes>>,
    /// Where events go; `None` leaves telling them to somebody who can.
    pub emit: Option<Emit>,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// The phase or its row says no.
    #[error(transparent)]
    Phase(#[from] PhaseError),
    /// `webhook.db` cannot be opened.
    #[error(transparent)]
    Store(#[from] orket_webhook::store::StoreError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] orket_actors::port::store::StoreError),
    /// The organization's rules cannot be meant.
    #[error("{0}")]
    Rules(String),
    /// There is no such rock.
    #[error("there is no rock `{name}`; {hint}")]
    NoRock {
        /// What was given.
        name: String,
        /// What may have been meant.
        hint: String,
    },
    /// Assets cannot be read or written. In words.
    #[error("{0}")]
    Assets(String),
    /// Work broke off.
    #[error("{0}")]
    Broke(#[from] crate::blocking::BrokeOff),
}

/// See the file's head; cheap to clone.
#[derive(Clone)]
pub struct Phases {
    parts: Parts,
    store: Arc<Mutex<Option<Store>>>,
    /// Damaged rows, each warned of once.
    warned: Arc<Mutex<HashSet<String>>>,
}

impl Phases {
    /// Opens nothing before it is needed.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            store: Arc::default(),
            warned: Arc::default(),
        }
    }

    /// Starts the phases of rocks that were built and have none. How many were started.
    ///
    /// # Errors
    ///
    /// [`CarryError`].
    pub async fn start_for_built_rocks(&self, now_ms: i64) -> Result<usize, CarryError> {
        let Some(reader) = self.parts.reader.clone() else {
            return Ok(0);
        };
        let root = self.parts.root.clone();
        let (rules, built) = crate::blocking::blocking(move || {
            let rules = rules(&root)?;
            // What was built before would be over by now, and may be forgotten.
            let days = rules.initial_days.min(rows::KEPT_DAYS);
            let since = now_ms.saturating_sub(i64::from(days).saturating_mul(DAY_MS));
            Ok::<_, CarryError>((rules, reader.rocks_built(since)?))
        })
        .await??;
        let mut started = 0;
        for rock in built {
            fault::point("phases.built");
            let store = self.store().await?;
            let begun = rows::start_for_build(&store, &rock.rock, rock.built_ms, &rules).await;
            let begun = match begun {
                Err(error @ (PhaseError::Damaged { .. } | PhaseError::Name(_))) => {
                    // Nothing that trying again would mend; the others are not kept from theirs.
                    tracing::warn!(rock = %rock.rock, %error, "no bug-fix phase is started");
                    continue;
                }
                begun => begun?,
            };
            if matches!(begun, Some(orket_core::phase::Begun::New(_))) {
                fault::point("phases.started");
                started += 1;
                self.follow_up(&store, &rock.rock).await?;
            }
        }
        Ok(started)
    }

    /// Looks after every phase that runs or left something to do, and lets go of those that were kept long
    /// enough. What goes wrong with one is told in the program's own diagnostics and stops no other.
    ///
    /// # Errors
    ///
    /// When the database cannot be opened or read.
    pub async fn look_after_all(&self, now_ms: i64) -> Result<(), CarryError> {
        if !self.parts.folder.join(FILE_NAME).exists() {
            return Ok(());
        }
        let store = self.store().await?;
        let open = rows::open(&store).await?;
        for damaged in self.not_warned_of(open.damaged) {
            tracing::warn!(%damaged, "a bug-fix phase is left alone");
        }
        let names = self.names(&open.phases).await;
        for phase in open.phases {
            let is_quiet = names
                .as_ref()
                .is_some_and(|names| !names.may_have_bugs(&phase.rock_id));
            if let Err(error) = self.look_after(&store, &phase, is_quiet, now_ms).await {
                tracing::warn!(rock = %phase.rock_id, %error, "a bug-fix phase could not be looked after");
            }
        }
        rows::forget(&store, now_ms).await?;
        Ok(())
    }

    /// Those that nobody was warned of yet.
    fn not_warned_of(&self, damaged: Vec<PhaseError>) -> Vec<PhaseError> {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = |it: &PhaseError| warned.insert(it.to_string());
        damaged.into_iter().filter(is_new).collect()
    }

    /// What can have bugs at all; `None` when nothing runs or it cannot be told, so that each is looked at.
    async fn names(&self, phases: &[Phase]) -> Option<seen::Names> {
        if !phases.iter().any(|phase| phase.status.is_live()) {
            return None;
        }
        let parts = self.parts.clone();
        let names = crate::blocking::blocking(move || seen::Names::read(&parts)).await;
        match names.map_err(CarryError::from).flatten() {
            Ok(names) => Some(names),
            Err(error) => {
                tracing::debug!(%error, "it cannot be told which rocks have no bugs");
                None
            }
        }
    }

    async fn look_after(
        &self,
        store: &Store,
        phase: &Phase,
        is_quiet: bool,
        now_ms: i64,
    ) -> Result<(), CarryError> {
        if phase.status.is_live() {
            let looked = if is_quiet {
                Looked::default()
            } else {
                self.look(phase, now_ms).await?
            };
            if phase.is_changed_by(&looked, now_ms) {
                rows::advance(store, &phase.rock_id, looked, now_ms).await?;
            } else if !phase.has_left_something() {
                return Ok(());
            }
        }
        self.follow_up(store, &phase.rock_id).await
    }

    async fn look(&self, phase: &Phase, now_ms: i64) -> Result<Looked, CarryError> {
        let (parts, phase) = (self.parts.clone(), phase.clone());
        crate::blocking::blocking(move || {
            let started = phase.started_at;
            let mut seen = seen::cards(&parts, &phase.rock_id, started)?;
            seen.retain(|seen| !phase.has_handed_over(&seen.card));
            Ok(look(seen, started, now_ms))
        })
        .await?
    }

    /// Does what a phase left to do, and tells what is untold.
    async fn follow_up(&self, store: &Store, rock: &str) -> Result<(), CarryError> {
        let phase = rows::find(store, rock).await?;
        fault::point("phases.follow_up");
        for todo in &phase.orket.todo {
            let outcome = match todo {
                Todo::WriteRock { .. } => {
                    second_rock::write(&self.parts, store, rock, todo.clone()).await?
                }
                Todo::RemoveSandbox { made_before, .. } => {
                    let Some(sandboxes) = &self.parts.sandboxes else {
                        continue;
                    };
                    let ended = made_before.or(phase.actual_end);
                    sandbox::remove(sandboxes.as_ref(), rock, ended).await
                }
            };
            note(store, rock, todo.clone(), outcome).await?;
        }
        if let Some(emit) = &self.parts.emit {
            for told in phase.orket.untold {
                emit(&told.event, told.data.clone());
                fault::point("phases.told");
                rows::change(store, rock, move |phase| {
                    if let Some(place) = phase.orket.untold.iter().position(|it| *it == told) {
                        phase.orket.untold.remove(place);
                    }
                    Ok(())
                })
                .await?;
            }
        }
        Ok(())
    }

    async fn store(&self) -> Result<Store, CarryError> {
        let (known, folder) = (Arc::clone(&self.store), self.parts.folder.clone());
        crate::blocking::blocking(move || {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(store) = known.as_ref() {
                return Ok(store.clone());
            }
            let store = Store::open(&folder, StoreOptions::default())?;
            *known = Some(store.clone());
            Ok(store)
        })
        .await?
    }

    /// Closes the database, if it was opened.
    pub async fn close(&self) {
        let known = Arc::clone(&self.store);
        let closing = crate::blocking::blocking(move || {
            let store = known.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(store) = store {
                store.close();
            }
        });
        if let Err(error) = closing.await {
            tracing::debug!(%error, "the database of phases was not closed in good order");
        }
    }
}

/// The organization's rules. Blocking.
pub(crate) fn rules(root: &std::path::Path) -> Result<PhaseRules, CarryError> {
    let library = Library::new(DiskThenEmbedded::new(root));
    let organization = library
        .organization()
        .map_err(|error| CarryError::Assets(error.to_string()))?;
    let Some(loaded) = organization else {
        return Ok(PhaseRules::default());
    };
    PhaseRules::read(&loaded.asset.process_rules)
        .map_err(|wrong| CarryError::Rules(format!("{}: {}", loaded.file, wrong.join("; "))))
}

/// What is done is no longer to be done; why something is not done is kept with it.
async fn note(
    store: &Store,
    rock: &str,
    done: Todo,
    outcome: Result<(), String>,
) -> Result<(), CarryError> {
    if let Err(problem) = &outcome
        && done.problem() != Some(problem)
    {
        tracing::warn!(%rock, %problem, "what follows a bug-fix phase could not be done; it is tried again every minute");
    }
    rows::change(store, rock, move |phase| {
        let todo = &mut phase.orket.todo;
        let Some(place) = todo.iter().position(|it| it.is_same_as(&done)) else {
            return Ok(());
        };
        match (outcome, todo.get_mut(place)) {
            (Ok(()), _) | (_, None) => {
                todo.remove(place);
            }
            (
                Err(why),
                Some(Todo::WriteRock { problem, .. } | Todo::RemoveSandbox { problem, .. }),
            ) => {
                *problem = Some(why);
            }
        }
        Ok(())
    })
    .await?;
    Ok(())
}
