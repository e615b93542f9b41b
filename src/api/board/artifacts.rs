//! What cards have written: the files of `agent_output/` in a workspace.

use std::collections::{HashSet, VecDeque};

use crate::api::files::listing::page;
use crate::api::files::tree::{Found, Tree};

/// The most files that are named.
const MOST_FILES: usize = 500;
/// The most folders that are looked into.
const MOST_FOLDERS: usize = 500;

/// Files that cards have written, relative to the project, sorted; and whether those are all of them.
/// `workspace` is its parts. A folder that cannot be looked into has none.
#[must_use]
pub fn written(tree: &Tree, workspace: &[String]) -> (Vec<String>, bool) {
    let mut start = workspace.to_vec();
    start.push("agent_output".to_owned());
    let mut ahead = VecDeque::from([start]);
    let mut seen = HashSet::new();
    let mut files = Vec::new();
    let mut are_all = true;
    while let Some(parts) = ahead.pop_front() {
        if files.len() >= MOST_FILES || seen.len() >= MOST_FOLDERS {
            are_all = false;
            break;
        }
        let Ok(Found::Folder(folder)) = tree.find(&parts) else {
            continue;
        };
        // A link may lead to where one has been.
        if !seen.insert(folder.parts.clone()) {
            continue;
        }
        let shown = folder.parts.join("/");
        let Ok(found) = page(tree, &folder, &shown, None, MOST_FILES) else {
            continue;
        };
        are_all &= !found.is_more;
        for item in found.items {
            if item.is_dir() {
                let mut inner = folder.parts.clone();
                inner.push(item.name);
                ahead.push_back(inner);
            } else {
                files.push(format!("{shown}/{}", item.name));
            }
        }
    }
    files.sort();
    are_all &= files.len() <= MOST_FILES;
    files.truncate(MOST_FILES);
    (files, are_all)
}
