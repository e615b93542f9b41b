//! An answer's code as a tree: what a rule may ask of it.

use std::collections::BTreeSet;
use std::ops::Range;

use tree_sitter::{Node, Parser, Tree};

use crate::bank::task::Language;

/// Code that was parsed.
pub struct Code<'a> {
    language: Language,
    text: &'a str,
    tree: Tree,
}

impl<'a> Code<'a> {
    /// Parses it; `None` when the grammar cannot be loaded. A text with mistakes is parsed too, see
    /// [`Self::is_sound`].
    #[must_use]
    pub fn read(language: Language, text: &'a str) -> Option<Self> {
        let grammar = match language {
            Language::Python => tree_sitter_python::LANGUAGE.into(),
            Language::Sh => tree_sitter_bash::LANGUAGE.into(),
        };
        let mut parser = Parser::new();
        parser.set_language(&grammar).ok()?;
        let tree = parser.parse(text, None)?;
        Some(Self {
            language,
            text,
            tree,
        })
    }

    /// Whether it has statements and no mistake of syntax.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let root = self.tree.root_node();
        let has_statement = self
            .nodes()
            .any(|node| node.parent() == Some(root) && node.is_named() && node.kind() != "comment");
        has_statement && !root.has_error()
    }

    /// Every node, outer ones first.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        let mut waiting = vec![self.tree.root_node()];
        std::iter::from_fn(move || {
            let node = waiting.pop()?;
            let mut cursor = node.walk();
            let mut children: Vec<Node<'_>> = node.children(&mut cursor).collect();
            children.reverse();
            waiting.append(&mut children);
            Some(node)
        })
    }

    fn of(&self, node: Node<'_>) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// Names of the modules that are imported, without what is below them.
    #[must_use]
    pub fn imports(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for node in self.nodes() {
            match node.kind() {
                "import_statement" => {
                    let mut cursor = node.walk();
                    for name in node.children_by_field_name("name", &mut cursor) {
                        let name = name.child_by_field_name("name").unwrap_or(name);
                        found.insert(top(self.of(name)));
                    }
                }
                "import_from_statement" => {
                    if let Some(module) = node.child_by_field_name("module_name") {
                        found.insert(top(self.of(module)));
                    }
                }
                "future_import_statement" => {
                    found.insert("__future__".to_owned());
                }
                _ => {}
            }
        }
        // An import by its function is one too.
        if self.calls().iter().any(|name| name == "__import__") {
            found.insert("__import__".to_owned());
        }
        found
    }

    /// Functions, methods and commands that are called, by their last name.
    #[must_use]
    pub fn calls(&self) -> BTreeSet<String> {
        let last = |text: &str| text.rsplit('.').next().unwrap_or(text).trim().to_owned();
        self.nodes()
            .filter_map(|node| match (self.language, node.kind()) {
                (Language::Python, "call") => node.child_by_field_name("function"),
                (Language::Sh, "command") => node.child_by_field_name("name"),
                _ => None,
            })
            .map(|name| match self.language {
                Language::Python => last(self.of(name)),
                // `/usr/bin/awk` is awk.
                Language::Sh => self
                    .of(name)
                    .rsplit('/')
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            })
            .collect()
    }

    /// Whether there is a node of this kind.
    #[must_use]
    pub fn has(&self, kind: &str) -> bool {
        self.nodes().any(|node| node.kind() == kind)
    }

    /// All functions.
    pub fn functions(&self) -> impl Iterator<Item = Node<'_>> {
        self.nodes()
            .filter(|node| node.kind() == "function_definition")
    }

    /// The outermost function of this name.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<Node<'_>> {
        let root = self.tree.root_node();
        self.functions().find(|node| {
            let named = node.child_by_field_name("name");
            let outer = node.parent();
            let is_outermost = outer == Some(root)
                || outer.is_some_and(|it| {
                    it.kind() == "decorated_definition" && it.parent() == Some(root)
                });
            is_outermost && named.is_some_and(|node| self.of(node) == name)
        })
    }

    /// The first function that lacks an annotation, by its name.
    #[must_use]
    pub fn without_hints(&self) -> Option<String> {
        self.functions()
            .find(|function| {
                function.child_by_field_name("return_type").is_none()
                    || self.has_bare_parameter(*function)
            })
            .map(|function| {
                let name = function.child_by_field_name("name");
                name.map_or("?", |node| self.of(node)).to_owned()
            })
    }

    fn has_bare_parameter(&self, function: Node<'_>) -> bool {
        let Some(parameters) = function.child_by_field_name("parameters") else {
            return true;
        };
        let mut cursor = parameters.walk();
        parameters.named_children(&mut cursor).any(|parameter| {
            let is_bare = matches!(
                parameter.kind(),
                "identifier"
                    | "default_parameter"
                    | "list_splat_pattern"
                    | "dictionary_splat_pattern"
            );
            is_bare && !matches!(self.of(parameter), "self" | "cls")
        })
    }

    /// Whether a function begins with a text.
    #[must_use]
    pub fn has_docstring(&self, function: Node<'_>) -> bool {
        let first = function
            .child_by_field_name("body")
            .and_then(|body| body.named_child(0));
        first.is_some_and(|statement| {
            statement.kind() == "expression_statement"
                && statement.named_child(0).is_some_and(|node| {
                    node.kind() == "string" && self.of(node).chars().any(char::is_alphanumeric)
                })
        })
    }

    /// The code with comments and texts blanked.
    #[must_use]
    pub fn bare(&self) -> String {
        let mut blanked: Vec<Range<usize>> = self
            .nodes()
            .filter(|node| matches!(node.kind(), "comment" | "string" | "raw_string"))
            .map(|node| node.byte_range())
            .collect();
        blanked.sort_by_key(|range| range.start);
        let mut bare = String::with_capacity(self.text.len());
        let mut at = 0;
        for range in blanked {
            if range.start < at {
                continue;
            }
            bare.push_str(self.text.get(at..range.start).unwrap_or_default());
            bare.push(' ');
            at = range.end;
        }
        bare.push_str(self.text.get(at..).unwrap_or_default());
        bare
    }

    /// The share of lines that hold code, in thousandths; `None` for an empty text.
    #[must_use]
    pub fn density(&self) -> Option<u32> {
        let all = u32::try_from(self.text.lines().count()).ok()?;
        let is_code = |line: &&str| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#')
        };
        let code = u32::try_from(self.text.lines().filter(is_code).count()).ok()?;
        code.checked_mul(1_000)?.checked_div(all)
    }
}

fn top(module: &str) -> String {
    module.split('.').next().unwrap_or(module).trim().to_owned()
}
