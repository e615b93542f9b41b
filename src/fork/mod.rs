//! A run that begins where a turn of another began.
//!
//! Everything comes from the journal: cards that were settled before that turn stay as they were,
//! the turn's card stands before it, every other card begins from nothing. The workspace is made
//! again from the recorded `write_file` calls of the turns that are kept. The other run is only read.
//!
//! # Layout
//!
//! - [`point`]: which turn is meant, and why it cannot be begun from.
//! - `record`: the attempts that are kept, and what they did.
//! - `cards`: how each card stands.
//! - [`workspace`]: the folder.

mod cards;
pub mod point;
mod record;
pub mod workspace;

use std::sync::Arc;

use orket_actors::port::store::StoreError;
use orket_actors::runtime::{ForkStart, NewRun};
use orket_core::ids::{BuildId, RunId};
use orket_core::model::ModelName;
use orket_core::plan::{ForkOrigin, RunPlan};

pub use point::{ForkError, Place, Point};
pub use workspace::Written;

use crate::storage::Reader;

/// What a fork is made of; its build and its folder are still to be chosen.
#[derive(Debug, Clone)]
pub struct Fork {
    /// The plan of the other run.
    pub plan: Arc<RunPlan>,
    /// Where it begins.
    pub origin: ForkOrigin,
    /// Cards that take part, in the epic's order.
    pub cards: Vec<Arc<orket_core::plan::CardPlan>>,
    /// How those stand that do not begin from nothing.
    pub start: ForkStart,
    /// The files of its workspace, in the order in which they were written.
    pub files: Vec<Written>,
}

/// Reads what a fork of this point is made of.
///
/// # Errors
///
/// A [`ForkError`].
pub fn read(reader: &Reader, place: &Place) -> Result<Fork, ForkError> {
    let unknown = || ForkError::Unknown(place.clone());
    let plan = reader.plan(&place.run_id)?.ok_or_else(unknown)?;
    // In this order: whatever an attempt stands on is then in what is read after it.
    let moments = reader.moments(plan.build_id.as_str())?;
    let all = reader.build_cards(&plan.build_id)?;
    let point = point::find(place, &all, &moments)?;
    let rows: Vec<_> = all.iter().map(|card| card.row).collect();
    let statuses = reader.statuses_before(&rows, &point.begun)?;
    let standing = cards::Standing {
        reader,
        plan: &plan,
        point: &point,
        moments: &moments,
        statuses: &statuses,
    };
    let (cards, start, files) = standing.of(all)?;
    let damaged = |error: orket_core::ids::IdError| {
        ForkError::Store(StoreError::Unavailable(error.to_string()))
    };
    Ok(Fork {
        origin: ForkOrigin {
            run_id: RunId::new(place.run_id.as_str()).map_err(damaged)?,
            issue_id: point.card.plan.id.clone(),
            turn: place.turn,
        },
        plan,
        cards,
        start,
        files,
    })
}

impl Fork {
    /// The run to be started. With a model, every seat asks that one, in the cards that are still
    /// to be worked on too.
    #[must_use]
    pub fn into_run(
        self,
        run_id: RunId,
        build_id: BuildId,
        workspace: String,
        model: Option<&ModelName>,
    ) -> (NewRun, ForkStart) {
        let mut plan = RunPlan::clone(&self.plan);
        plan.run_id = run_id;
        plan.build_id = build_id;
        plan.workspace = workspace;
        plan.rock = None;
        plan.forked_from = Some(self.origin);
        let mut cards: Vec<_> = self.cards.iter().map(|card| (**card).clone()).collect();
        if let Some(model) = model {
            for seat in plan.seats.values_mut() {
                seat.model = model.clone();
            }
            for card in &mut cards {
                card.params.shift_remove("model_overrides");
            }
        }
        (NewRun { plan, cards }, self.start)
    }
}
