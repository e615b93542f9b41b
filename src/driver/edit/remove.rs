//! Taking things out of the files.

use super::cards::{taken, unknown, warn_of_builds};
use super::desk::{Desk, Place};
use crate::driver::kinds::Template;

/// Removes a card from its epic; a card with a file of its own with its file.
pub(super) fn card(desk: &mut Desk<'_>, card: &str) -> Result<(), String> {
    match desk.card(card)? {
        Some(Place { mut epic, at, id }) => {
            epic.pin_ids()?;
            taken(&mut epic, at)?;
            desk.say(format!(
                "delete card {id} from epic `{}` in {}",
                epic.name, epic.file
            ));
            warn_of_builds(desk, &epic);
            desk.put(&epic)
        }
        None => match desk.stray(card) {
            Some((stray, _)) => file(desk, "issue", &stray.name, &stray.file),
            None => Err(unknown(desk, card)),
        },
    }
}

/// Removes an asset's file.
pub(super) fn asset(desk: &mut Desk<'_>, kind: Template, name: &str) -> Result<(), String> {
    let (path, _) = desk
        .library()
        .find(kind.word(), kind.category(), name, &desk.department)
        .map_err(|error| error.to_string())?;
    file(desk, kind.word(), name, &path)
}

fn file(desk: &mut Desk<'_>, kind: &str, name: &str, path: &str) -> Result<(), String> {
    if desk.is_shipped(path) {
        return Err(format!(
            "{kind} `{name}` comes with the program and cannot be deleted"
        ));
    }
    desk.say(format!("delete {kind} `{name}`: remove {path}"));
    if desk.has_shipped(path) {
        desk.warn(format!(
            "the {kind} of this name that comes with the program counts again then"
        ));
    }
    desk.put_text(path, None);
    Ok(())
}
