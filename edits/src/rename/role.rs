//! In which part an identifier stands, with regard to what the files given define and what they only
//! use.

use std::collections::HashSet;
use std::ops::Range;

use tree_sitter::Node;

use super::names::Occurrence;
use super::project::Project;
use super::{go, python, rust, script};
use crate::Language;

/// The part of an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// It is one of the files given.
    Own,
    /// As `Own`, as the name of a tag, where the first letter says of what kind it is.
    Tag,
    /// It belongs to something outside, under whose name it has to stay.
    Outside,
    /// It belongs to something outside, and the file knows it under the same name.
    Bound(Beside),
    /// It is the file's name for something outside whose name is the new one: the two become one
    /// again in these bytes.
    Again(Range<usize>),
    /// It is the name of a file or folder as well.
    Module,
}

/// How a file gives something outside a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// `A as B`
    As,
    /// `A: B`
    Colon,
}

/// A file, and what it knows from outside.
pub(super) struct Context<'a> {
    pub path: &'a str,
    pub text: &'a str,
    pub language: Language,
    pub project: &'a Project<'a>,
    /// The other name of the rename.
    pub other: &'a str,
    /// What the file calls that which it imports from outside.
    pub outside: HashSet<&'a str>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        path: &'a str,
        text: &'a str,
        language: Language,
        root: Node<'_>,
        project: &'a Project<'a>,
        other: &'a str,
    ) -> Self {
        let mut context = Self {
            path,
            text,
            language,
            project,
            other,
            outside: HashSet::new(),
        };
        match language {
            Language::Python => python::learn(&mut context, root),
            Language::Rust => rust::learn(&mut context, root),
            Language::Go => go::learn(&mut context, root),
            Language::JavaScript | Language::Jsx | Language::TypeScript | Language::Tsx => {
                script::learn(&mut context, root);
            }
        }
        context
    }

    pub(super) fn role(&self, occurrence: &Occurrence<'_>) -> Role {
        if occurrence.within_string {
            return Role::Own;
        }
        let node = occurrence.node;
        match self.language {
            Language::Python => python::role(self, node),
            Language::Rust => rust::role(self, node),
            Language::Go => go::role(self, node),
            Language::JavaScript | Language::Jsx | Language::TypeScript | Language::Tsx => {
                script::role(self, node)
            }
        }
        .unwrap_or(Role::Own)
    }

    pub(super) fn said(&self, node: Node<'_>) -> &'a str {
        crate::syntax::said(node, self.text)
    }
}

/// Whether this node is the one under that name in its parent.
pub(super) fn is_field(parent: Node<'_>, name: &str, node: Node<'_>) -> bool {
    parent.child_by_field_name(name) == Some(node)
}
