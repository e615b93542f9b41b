//! What is in a folder, page by page. A page costs memory for itself only, however full the folder.

use std::collections::BinaryHeap;

use cap_std::fs::{Dir, DirEntry};

use super::rules::{SERVED, admit};
use super::tree::{Folder, Found, Tree};
use super::{FileProblem, rules};

/// Something in a folder. The order is the one in which they are shown: folders first, then by name
/// whatever its case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    is_file: bool,
    folded: String,
    /// Its name.
    pub name: String,
}

impl Item {
    fn new(name: String, is_dir: bool) -> Self {
        Self {
            is_file: !is_dir,
            folded: name.to_lowercase(),
            name,
        }
    }

    /// Whether it is a folder.
    #[must_use]
    pub const fn is_dir(&self) -> bool {
        !self.is_file
    }

    /// As the place to go on after: `d:NAME` or `f:NAME`.
    #[must_use]
    pub fn cursor(&self) -> String {
        format!("{}:{}", if self.is_file { 'f' } else { 'd' }, self.name)
    }

    /// The place that a cursor names.
    #[must_use]
    pub fn of_cursor(cursor: &str) -> Option<Self> {
        match cursor.split_once(':')? {
            ("d", name) => Some(Self::new(name.to_owned(), true)),
            ("f", name) => Some(Self::new(name.to_owned(), false)),
            _ => None,
        }
    }
}

/// A page of a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Its items, in order.
    pub items: Vec<Item>,
    /// Whether there are more behind them.
    pub is_more: bool,
}

/// At most `limit` items of a folder, those behind `after`. Nothing is in a folder that is not there.
///
/// # Errors
///
/// [`FileProblem`].
pub fn list(
    tree: &Tree,
    path: &str,
    after: Option<&Item>,
    limit: usize,
) -> Result<Page, FileProblem> {
    match tree.find(&rules::parts("explorer", path)?) {
        Ok(Found::Folder(folder)) => page(tree, &folder, path, after, limit),
        Ok(Found::Entry(_)) => Err(FileProblem::NotAFolder(path.to_owned())),
        Ok(Found::Absent(_)) | Err(FileProblem::NotAFolder(_)) => Ok(Page::default()),
        Err(problem) => Err(problem),
    }
}

/// At most `limit` items of an open folder, those behind `after`; `path` is what it is called in errors.
///
/// # Errors
///
/// [`FileProblem`].
pub fn page(
    tree: &Tree,
    folder: &Folder,
    path: &str,
    after: Option<&Item>,
    limit: usize,
) -> Result<Page, FileProblem> {
    // The smallest items so far, and one more that tells whether there are more.
    let mut first = BinaryHeap::new();
    let mut keep = |item: Item| {
        if after.is_none_or(|after| item > *after) {
            first.push(item);
            if first.len() > limit.saturating_add(1) {
                first.pop();
            }
        }
    };
    if folder.parts.is_empty() {
        SERVED
            .iter()
            .filter_map(|name| seen(tree, folder, name))
            .for_each(&mut keep);
    } else {
        let entries = folder
            .dir
            .entries()
            .map_err(|error| FileProblem::of(path, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| FileProblem::of(path, error))?;
            // A name that is no text cannot be asked for.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if admit(folder.parts.len(), &name).is_ok()
                && let Some(item) = item(tree, folder, &entry, name)
            {
                keep(item);
            }
        }
    }
    let mut items = first.into_sorted_vec();
    let is_more = items.len() > limit;
    items.truncate(limit);
    Ok(Page { items, is_more })
}

/// As it is shown; none for what may not be seen: the data folder, and links that lead nowhere or out.
fn item(tree: &Tree, folder: &Folder, entry: &DirEntry, name: String) -> Option<Item> {
    let kind = entry.file_type().ok()?;
    if kind.is_symlink() {
        return seen(tree, folder, &name);
    }
    let is_shown = !kind.is_dir() || !is_data_folder(tree, &folder.dir, &name);
    is_shown.then(|| Item::new(name, kind.is_dir()))
}

fn is_data_folder(tree: &Tree, dir: &Dir, name: &str) -> bool {
    let is_named_so = tree.guarded().may_be_named(name);
    is_named_so
        && dir
            .symlink_metadata(name)
            .is_ok_and(|about| tree.guarded().is_data_folder(&about))
}

/// What is behind a name, links followed.
fn seen(tree: &Tree, folder: &Folder, name: &str) -> Option<Item> {
    let mut parts = folder.parts.clone();
    parts.push(name.to_owned());
    match tree.find(&parts).ok()? {
        Found::Folder(_) => Some(Item::new(name.to_owned(), true)),
        Found::Entry(_) => Some(Item::new(name.to_owned(), false)),
        Found::Absent(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_first_and_case_does_not_matter() {
        let mut items: Vec<Item> = [
            ("b", false),
            ("Z", true),
            ("A", false),
            ("a", true),
            ("a", false),
        ]
        .map(|(name, is_dir)| Item::new(name.to_owned(), is_dir))
        .into();
        items.sort();
        let order: Vec<String> = items.iter().map(Item::cursor).collect();
        assert_eq!(order, ["d:a", "d:Z", "f:A", "f:a", "f:b"]);
        for item in items {
            assert_eq!(Item::of_cursor(&item.cursor()), Some(item));
        }
        assert_eq!(Item::of_cursor("x:a"), None);
        assert_eq!(Item::of_cursor("a"), None);
    }
}
