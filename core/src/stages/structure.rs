//! Structural governance: whether an epic may run under the demanded structure.

use serde_json::json;

use super::{Stage, StagePlan};
use crate::asset::Epic;
use crate::status::words;

words! {
    /// Whether the structure of iDesign is demanded.
    IdesignMode, "mode" {
        /// Of every epic.
        Force = "force_idesign",
        /// Of none.
        None = "force_none",
        /// Of those that ask for it.
        ArchitectDecides = "architect_decides",
    }
}

/// From how many cards on an epic without the structure is worth a word, where there is no
/// organization to say so.
pub const THRESHOLD: u32 = 7;

/// What follows for an epic.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruling {
    /// Whether its source files must keep to the layers.
    pub layers: bool,
    /// What is told at the start of the run.
    pub told: Option<StagePlan>,
}

/// The epic does not ask for the structure that is demanded of all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "complexity violation: idesign_mode is force_idesign, and this epic has \
     architecture_governance.idesign false; set it to true, or set idesign_mode to architect_decides"
)]
pub struct ComplexityViolation;

/// Judges an epic; `threshold` is the number of cards above which an epic that does without is told.
///
/// # Errors
///
/// [`ComplexityViolation`]; the run must not begin.
pub fn judge(
    mode: IdesignMode,
    epic: &Epic,
    threshold: u32,
) -> Result<Ruling, ComplexityViolation> {
    let wanted = epic.architecture_governance.idesign;
    let mut ruling = Ruling {
        layers: false,
        told: None,
    };
    match mode {
        IdesignMode::None => {}
        IdesignMode::Force if !wanted => return Err(ComplexityViolation),
        IdesignMode::Force => ruling.layers = true,
        IdesignMode::ArchitectDecides => {
            ruling.layers = wanted;
            let cards = u32::try_from(epic.issues.len()).unwrap_or(u32::MAX);
            if !wanted && cards > threshold {
                let facts = [
                    ("issue_count".to_owned(), json!(cards)),
                    ("threshold".to_owned(), json!(threshold)),
                    (
                        "pattern".to_owned(),
                        json!(epic.architecture_governance.pattern),
                    ),
                ];
                let facts = facts.into_iter().collect();
                ruling.told = Some(StagePlan::told(Stage::StructuralGovernance, facts));
            }
        }
    }
    Ok(ruling)
}
