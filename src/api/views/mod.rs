//! What routes show of runs, worked out from rows of the journal. Pure: nothing here reads or asks.
//!
//! - [`attempts`]: attempts as lists show them.
//! - [`execution_graph`]: cards, what they wait for, and the order that follows.
//! - [`token_summary`]: what the turns of a run spent, by role and model.
//! - [`role_metrics`]: what each role has done so far.

pub mod attempts;
pub mod execution_graph;
pub mod role_metrics;
pub mod token_summary;
