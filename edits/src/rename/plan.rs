//! What becomes of the files: every place looked at before anything is planned, and the texts that come
//! of it read again.

use tree_sitter::Tree;

use super::expected::{Expected, doubtful, expected};
use super::left::{Left, Mentions};
use super::names::{Occurrence, occurrences};
use super::project::Project;
use super::role::{Beside, Context, Role};
use super::{Outcome, Rename, RenameError, RenamePlan, go, script};
use crate::syntax::{self, first_error, place, splice, walk, words};
use crate::{Edited, Language, Place, SourceFile};

/// Plans a rename over all the files of the scope. Besides those that are to be written, files that
/// say what modules are called help to tell what is inside: `package.json`, `Cargo.toml`, `go.mod`.
///
/// # Errors
///
/// [`RenameError`]; nothing is to be changed then.
pub fn plan(rename: &Rename, files: &[SourceFile<'_>]) -> Result<Outcome, RenameError> {
    let project = Project::new(files);
    let mut sorted: Vec<&SourceFile<'_>> = files.iter().collect();
    sorted.sort_by_key(|file| file.path);
    let mut found = Found::default();
    for file in sorted {
        found.look_at(rename, &project, *file);
    }
    found.decide(rename)
}

/// What the files say of both names.
#[derive(Default)]
struct Found {
    changes: Vec<Change>,
    left: Left,
    /// Where the new name is taken.
    taken: Vec<Place>,
    /// Where the old name belongs to something outside.
    outside: Vec<Place>,
    /// The first mistakes of files that say the old name where they do not parse.
    unparsed: Vec<Place>,
    /// The same for the new name.
    unparsed_new: Vec<Place>,
    /// Where the old name is that of a file.
    modules: Vec<Place>,
    /// Where the old name is that of a tag.
    tags: Vec<Place>,
}

/// A file that is to change.
struct Change {
    path: String,
    language: Language,
    before: String,
    after: String,
    replaced: usize,
    /// Where both names are to stand in the new text.
    expected: Expected,
}

impl Found {
    fn look_at(&mut self, rename: &Rename, project: &Project<'_>, file: SourceFile<'_>) {
        let Rename { from, to } = rename;
        let Ok(text) = std::str::from_utf8(file.contents) else {
            let bytes = from.as_bytes();
            if file
                .contents
                .windows(bytes.len())
                .any(|window| window == bytes)
            {
                self.left.unread.push(file.path.to_owned());
            }
            return;
        };
        let says = |name: &str| words(text, name).next().is_some();
        let (says_old, says_new) = (says(from), says(to));
        if !says_old && !says_new {
            return;
        }
        let Some(language) = Language::of(file.path) else {
            self.mentioned(file.path, words(text, from).count());
            return;
        };
        let Some(tree) = syntax::parse(language, text) else {
            if says_old {
                self.left.unread.push(file.path.to_owned());
                self.unparsed.push(place(file.path, text, 0));
            } else {
                self.unparsed_new.push(place(file.path, text, 0));
            }
            return;
        };
        if let Some(at) = first_error(&tree) {
            let doubtful = doubtful(&tree, text);
            let in_doubt = |name: &str| {
                words(text, name).any(|at| doubtful.iter().any(|range| range.contains(&at)))
            };
            if in_doubt(from) {
                self.unparsed.push(place(file.path, text, at));
                return;
            }
            if in_doubt(to) {
                self.unparsed_new.push(place(file.path, text, at));
            }
        }
        self.read(rename, project, file.path, text, language, &tree);
    }

    /// Looks at a file that parses where it says a name.
    fn read(
        &mut self,
        rename: &Rename,
        project: &Project<'_>,
        path: &str,
        text: &str,
        language: Language,
        tree: &Tree,
    ) {
        let Rename { from, to } = rename;
        let root = tree.root_node();
        let old = occurrences(language, root, text, from);
        let new = occurrences(language, root, text, to);
        self.left_in_text(text, from, tree, &old);

        let of_new = Context::new(path, text, language, root, project, from);
        for occurrence in &new {
            if of_new.role(occurrence) != Role::Outside {
                self.taken.push(place(path, text, occurrence.range.start));
            }
        }

        let context = Context::new(path, text, language, root, project, to);
        let mut edits = Vec::new();
        let mut kept = Vec::new();
        let mut gone = Vec::new();
        for occurrence in &old {
            // Counted only for those that are told of: a generated file may have very many.
            let at = || place(path, text, occurrence.range.start);
            let range = occurrence.range.clone();
            match context.role(occurrence) {
                Role::Outside => {
                    self.left.outside += 1;
                    self.outside.push(at());
                    kept.push(range.start);
                }
                Role::Module => self.modules.push(at()),
                Role::Own => edits.push((range, to.clone())),
                Role::Tag => {
                    self.tags.push(at());
                    edits.push((range, to.clone()));
                }
                Role::Again(whole) => {
                    gone.push(whole.clone());
                    let instead = if language == Language::Go {
                        String::new()
                    } else {
                        to.clone()
                    };
                    edits.push((whole, instead));
                }
                Role::Bound(Beside::As) => edits.push((range, format!("{from} as {to}"))),
                Role::Bound(Beside::Colon) => {
                    // Before it may stand `ref` or `mut`, which go with the new name.
                    let shorthand = occurrence
                        .node
                        .parent()
                        .filter(|it| it.kind() == "field_pattern");
                    let start = shorthand.map_or(range.start, |pattern| pattern.start_byte());
                    let lead = text.get(start..range.start).unwrap_or_default();
                    edits.push((start..range.end, format!("{from}: {lead}{to}")));
                }
            }
        }
        if edits.is_empty() {
            return;
        }
        let replaced = edits.len();
        if language == Language::Go {
            let unnamed = go::unnamed_imports(&context, root, from);
            edits.extend(unnamed.into_iter().map(|at| (at..at, format!("{to} "))));
        }
        let is_gone = |at: usize| gone.iter().any(|range| range.contains(&at));
        let new: Vec<usize> = new
            .iter()
            .map(|it| it.range.start)
            .filter(|at| !is_gone(*at))
            .collect();
        self.changes.push(Change {
            path: path.to_owned(),
            language,
            before: text.to_owned(),
            expected: expected(rename, &edits, &kept, &new),
            after: splice(text, edits),
            replaced,
        });
    }

    /// Counts what says the old name and is no identifier.
    fn left_in_text(&mut self, text: &str, from: &str, tree: &Tree, old: &[Occurrence<'_>]) {
        let mut mentions: Vec<usize> = words(text, from)
            // They are in the order of the text.
            .filter(|at| old.binary_search_by_key(at, |it| it.range.start).is_err())
            .collect();
        if mentions.is_empty() {
            return;
        }
        for comment in walk(tree.root_node()).filter(|node| node.kind().contains("comment")) {
            let range = comment.byte_range();
            let before = mentions.len();
            mentions.retain(|at| !range.contains(at));
            self.left.comments += before - mentions.len();
        }
        self.left.strings += mentions.len();
    }

    fn mentioned(&mut self, path: &str, count: usize) {
        if count > 0 {
            self.left.other_files.push(Mentions {
                path: path.to_owned(),
                count,
            });
        }
    }

    fn decide(self, rename: &Rename) -> Result<Outcome, RenameError> {
        let Rename { from, to } = rename.clone();
        if !self.unparsed.is_empty() {
            return Err(RenameError::Unparsed {
                places: self.unparsed,
            });
        }
        if !self.modules.is_empty() {
            return Err(RenameError::Module {
                from,
                places: self.modules,
            });
        }
        if self.changes.is_empty() {
            return if !self.taken.is_empty() {
                Ok(Outcome::Already(self.left))
            } else if !self.outside.is_empty() {
                Err(RenameError::Outside {
                    from,
                    places: self.outside,
                })
            } else {
                Err(RenameError::Absent {
                    from,
                    to,
                    mentions: self.left.mentions(),
                })
            };
        }
        if let Some(change) = self
            .changes
            .iter()
            .find(|change| !change.language.spells(&to) || change.language.reserves(&to))
        {
            return Err(RenameError::Reserved {
                to,
                language: change.language,
                path: change.path.clone(),
            });
        }
        if !self.unparsed_new.is_empty() {
            return Err(RenameError::Unparsed {
                places: self.unparsed_new,
            });
        }
        if !self.taken.is_empty() {
            return Err(RenameError::Collision {
                to,
                places: self.taken,
            });
        }
        if !self.tags.is_empty() && script::is_element(&to) {
            return Err(RenameError::Tag {
                to,
                places: self.tags,
            });
        }
        if let Some(place) = self.changes.iter().find_map(|change| change.reread(rename)) {
            return Err(RenameError::Reread { from, to, place });
        }
        let replaced = self.changes.iter().map(|change| change.replaced).sum();
        let visibility = self
            .changes
            .iter()
            .any(|change| change.language == Language::Go)
            && from.starts_with(char::is_uppercase) != to.starts_with(char::is_uppercase);
        let mut left = self.left;
        left.go_visibility = visibility;
        let edited = self.changes.into_iter().map(|change| Edited {
            path: change.path,
            before: Some(change.before.into_bytes()),
            after: change.after.into_bytes(),
        });
        Ok(Outcome::Planned(RenamePlan {
            edited: edited.collect(),
            replaced,
            left,
        }))
    }
}

impl Change {
    /// Where the language reads the new text in another way than was meant, if it does: the tree has to
    /// have the same mistakes as before, and both names exactly where they belong.
    fn reread(&self, rename: &Rename) -> Option<Place> {
        let before = syntax::parse(self.language, &self.before);
        let after = syntax::parse(self.language, &self.after);
        let (Some(before), Some(after)) = (before, after) else {
            return Some(place(&self.path, &self.after, 0));
        };
        let root = after.root_node();
        let found = |name: &str| -> Vec<usize> {
            let all = occurrences(self.language, root, &self.after, name);
            all.into_iter().map(|it| it.range.start).collect()
        };
        let found = Expected {
            old: found(&rename.from),
            new: found(&rename.to),
        };
        let mistakes = |tree: &Tree| {
            let nodes = walk(tree.root_node());
            nodes
                .filter(|node| node.is_error() || node.is_missing())
                .count()
        };
        if found == self.expected && mistakes(&before) == mistakes(&after) {
            return None;
        }
        let differs = |have: &[usize], want: &[usize]| {
            let first = |a: &[usize], b: &[usize]| a.iter().copied().find(|at| !b.contains(at));
            first(want, have).or_else(|| first(have, want))
        };
        let at = differs(&found.new, &self.expected.new)
            .or_else(|| differs(&found.old, &self.expected.old))
            .or_else(|| first_error(&after))
            .unwrap_or(0);
        Some(place(&self.path, &self.after, at))
    }
}
