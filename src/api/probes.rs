//! The parts of the system whose state `/ready` and `/metrics` tell.

use std::sync::Arc;

use crate::artifacts::Projections;
use crate::storage::Journal;

/// See the file's head.
#[derive(Clone)]
pub struct Probes {
    /// The journal and its writer.
    pub journal: Arc<Journal>,
    /// Artifact files.
    pub projections: Arc<Projections>,
}
