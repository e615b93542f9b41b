//! Where names have to stand in a text once its edits are made, and where nothing can be said of a text
//! because it does not parse.

use std::ops::Range;

use tree_sitter::Tree;

use super::Rename;
use crate::syntax::{children, said};

/// Where names stand: those of the old name and those of the new one, as bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub old: Vec<usize>,
    pub new: Vec<usize>,
}

/// Where both names stand once the edits are made.
pub(super) fn expected(
    rename: &Rename,
    edits: &[(Range<usize>, String)],
    kept: &[usize],
    new: &[usize],
) -> Expected {
    let mut sorted: Vec<_> = edits.iter().collect();
    sorted.sort_by_key(|(range, _)| (range.start, range.end));
    let moved = |at: usize| {
        sorted
            .iter()
            .take_while(|(range, _)| range.end <= at)
            .fold(at, |at, (range, text)| {
                (at + text.len()).saturating_sub(range.len())
            })
    };
    let mut told = Expected {
        old: kept.iter().map(|at| moved(*at)).collect(),
        new: new.iter().map(|at| moved(*at)).collect(),
    };
    let (mut added, mut removed) = (0, 0);
    for (range, text) in &sorted {
        let start = range.start + added - removed;
        added += text.len();
        removed += range.len();
        // The old name may be kept before the new one; the new one ends the text then, but for a space.
        let trimmed = text.trim_end();
        if trimmed.len() > rename.to.len() {
            told.old.push(start);
        }
        if !trimmed.is_empty() {
            told.new.push(start + trimmed.len() - rename.to.len());
        }
    }
    told.old.sort_unstable();
    told.new.sort_unstable();
    told
}

/// The ranges of a text in which nothing is known for sure: the outermost statements that have a
/// mistake, or all of it when a string or a comment may begin or end in one of them.
pub(super) fn doubtful(tree: &Tree, text: &str) -> Vec<Range<usize>> {
    let root = tree.root_node();
    let all = 0..text.len();
    if root.is_error() {
        return vec![all];
    }
    let wrong: Vec<_> = children(root)
        .into_iter()
        .filter(|child| child.has_error() || child.is_missing())
        .collect();
    let opens = |said: &str| said.contains(['"', '\'', '`']) || said.contains("/*");
    if wrong.is_empty() || wrong.iter().any(|child| opens(said(*child, text))) {
        return vec![all];
    }
    wrong.into_iter().map(|child| child.byte_range()).collect()
}
