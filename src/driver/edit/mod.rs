//! Changes of asset files: made in memory over the files that there are, checked with the whole
//! library as it would be then, and only written when the operator says so.
//!
//! - [`draft`]: from a wish to the texts of files.
//! - `desk`: files in the hand: read, changed, not written.
//! - `create`, `cards`, `remove`: the verbs.
//! - [`check`]: what is wrong with a library.
//! - [`write`]: puts the texts where they belong.

mod cards;
pub mod check;
mod create;
mod desk;
mod remove;
#[cfg(test)]
mod tests;
pub mod write;

use crate::assets::DiskThenEmbedded;
use crate::driver::command::{AssetChange, AssetVerb};
use desk::Desk;

/// One file as it would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdit {
    /// Below the configuration root.
    pub path: String,
    /// Its text on disk; `None` when there is none, also when the binary has one.
    pub before: Option<String>,
    /// Its text then; `None` when it is removed.
    pub after: Option<String>,
}

/// A change that could be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What would be done, a sentence each.
    pub words: Vec<String>,
    /// The files, in the order in which they would be written.
    pub files: Vec<FileEdit>,
    /// What one should know.
    pub warnings: Vec<String>,
}

/// Works out a change. Blocking: it reads assets, and writes nothing.
///
/// # Errors
///
/// Why it cannot be done, in words.
pub fn draft(change: &AssetChange, assets: &DiskThenEmbedded) -> Result<Draft, String> {
    let mut desk = Desk::new(assets, &change.department);
    match &change.what {
        AssetVerb::Create {
            kind,
            name,
            title,
            rock,
        } => {
            create::asset(&mut desk, *kind, name, title.as_deref(), rock.as_deref())?;
        }
        AssetVerb::AddCard {
            epic,
            seat,
            priority,
            summary,
            note,
        } => {
            let card = cards::NewCard {
                seat,
                priority: *priority,
                summary,
                note: note.as_deref(),
            };
            cards::add(&mut desk, epic, &card)?;
        }
        AssetVerb::MoveCard { card, epic } => cards::move_to(&mut desk, card, epic)?,
        AssetVerb::AssignCard { card, seat } => cards::assign(&mut desk, card, seat)?,
        AssetVerb::AssignTeam { team, epic } => cards::assign_team(&mut desk, team, epic)?,
        AssetVerb::DeleteCard { card } => remove::card(&mut desk, card)?,
        AssetVerb::Delete { kind, name } => remove::asset(&mut desk, *kind, name)?,
    }
    desk.finish()
}
