//! The board: what the assets of a department say, and over it how the latest builds stand. Blocking.
//!
//! # Layout
//!
//! - [`shapes`]: what is answered.
//! - [`assets`]: rocks, epics and issues as their files have them, broken ones among them.
//! - [`standing`]: the ledger laid over them.
//! - [`artifacts`]: what cards have written.

pub mod artifacts;
pub mod assets;
pub mod shapes;
pub mod standing;

use orket_actors::port::store::StoreError;
use orket_core::asset::{AssetSource, Library};

use self::assets::Assets;
use self::shapes::{Board, BoardAlert};
use super::files::tree::Tree;
use super::problem::Problem;
use crate::storage::Reader;

/// The board of a department.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn board<S: AssetSource>(
    library: &Library<S>,
    department: &str,
    max_retries: u32,
    reader: &Reader,
    workspace: Option<(&Tree, &[String])>,
) -> Result<Board, StoreError> {
    let assets = Assets::read(library, department);
    let alerts = assets.alerts();
    let mut board = assets.into_board(max_retries);
    standing::lay_over(&mut board, reader)?;
    let (artifacts, artifacts_are_all) = match workspace {
        Some((tree, workspace)) => artifacts::written(tree, workspace),
        None => (Vec::new(), true),
    };
    Ok(Board {
        rocks: board.rocks.into_iter().map(|rock| rock.shown).collect(),
        orphaned_epics: board.orphaned_epics,
        orphaned_issues: board.orphaned_issues,
        artifacts,
        artifacts_are_all,
        alerts,
    })
}

/// Refuses a department that nobody has.
///
/// # Errors
///
/// 404, naming those that there are.
pub fn known_department<S: AssetSource>(
    library: &Library<S>,
    department: &str,
) -> Result<(), Problem> {
    let known = library.departments();
    if known.iter().any(|name| name == department) {
        return Ok(());
    }
    let shown: String = department.chars().take(96).collect();
    let problem = Problem::not_found(format!("there is no department `{shown}`"));
    Err(problem.hint(format!("there are: {}", known.join(", "))))
}

/// An alert about something that a person must put right.
fn error(message: String, action: impl Into<String>) -> BoardAlert {
    BoardAlert {
        kind: "error",
        message,
        action_required: action.into(),
    }
}
