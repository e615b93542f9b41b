//! Runs that are stored before their turn comes: the epics of a rock.

use std::sync::Arc;

use orket_core::ids::RunId;
use orket_core::plan::{CardPlan, RunPlan};
use serde::{Deserialize, Serialize};

use super::store::RunStatus;

/// Where a run stands in its rock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RockPlace {
    /// The rock asset.
    pub rock: String,
    /// The rock's build; each epic has a build of its own below it.
    pub build: String,
    /// Its place in the order of dependencies, from 0.
    pub order: u32,
    /// Epics of the same rock that must be done before.
    pub needs: Vec<String>,
}

/// The newest run of one epic of a rock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RockRun {
    /// The run.
    pub run_id: RunId,
    /// Its build.
    pub build_id: String,
    /// Its epic.
    pub epic: String,
    /// How it stands.
    pub status: RunStatus,
    /// Where it stands in the rock.
    pub place: RockPlace,
}

/// A run whose turn has not come.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedRun {
    /// Its plan.
    pub plan: RunPlan,
    /// Its cards, in the epic's order.
    pub cards: Vec<CardPlan>,
}

/// One change of what waits.
#[derive(Debug, Clone)]
pub enum QueueOp {
    /// A run that waits; status `queued`. One that was stored before and never begun gets this plan
    /// and these cards instead of what it had.
    Put {
        /// The plan, stored whole.
        plan: Arc<RunPlan>,
        /// The cards, stored whole until it begins.
        cards: Arc<[CardPlan]>,
        /// Where it stands in its rock.
        place: RockPlace,
        /// When.
        at_ms: i64,
    },
    /// A run that was stopped waits to go on; status `queued`.
    Again {
        /// The run.
        run_id: RunId,
        /// Where it stands in its rock now.
        place: RockPlace,
    },
    /// Where a run stands in its rock now; its status stays.
    Place {
        /// The run.
        run_id: RunId,
        /// The place.
        place: RockPlace,
    },
    /// Why a run that waits is not begun; nothing changes when it waits no more.
    Settle {
        /// The run.
        run_id: RunId,
        /// How it stands from now on.
        status: RunStatus,
        /// In words.
        why: String,
        /// When.
        at_ms: i64,
    },
    /// A run that waited begins: status `running`, started now. Its cards are inserted by the same
    /// write. A conflict when it never waited or has begun.
    Begin {
        /// The run.
        run_id: RunId,
        /// When.
        at_ms: i64,
    },
}
