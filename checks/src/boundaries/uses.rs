//! Which modules of its crate a source file uses: `use` declarations, paths in code and types, and the
//! paths in the arguments of macros.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;
use syn::{Attribute, ItemMod, ItemUse, Macro, Path, UseTree};

/// A path of this crate that a file names, from the crate's root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Used {
    /// The first name behind the crate's root.
    pub module: String,
    /// The line, from 1.
    pub line: usize,
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Found {
    /// What it uses outside its tests.
    pub used: Vec<Used>,
    /// Modules in files of their own that are there for tests only.
    pub test_modules: Vec<String>,
    /// Names that the file gives to things of its own root: only of interest in the crate's root file.
    pub reexports: Vec<String>,
}

/// Reads one file. `place` is its module's path from the crate's root, such as `["owner", "boot"]`.
///
/// # Errors
///
/// When it is not Rust.
pub fn of(source: &str, place: &[String]) -> syn::Result<Found> {
    let file = syn::parse_file(source)?;
    let mut reader = Reader {
        place: place.to_vec(),
        found: Found::default(),
    };
    reader.visit_file(&file);
    Ok(reader.found)
}

struct Reader {
    place: Vec<String>,
    found: Found,
}

impl Reader {
    /// Takes a path by its names; `line` is where it begins.
    fn take(&mut self, names: &[String], line: usize) {
        let Some(first) = names.first() else {
            return;
        };
        let module = match first.as_str() {
            "crate" => names.get(1).cloned(),
            "self" => self.place.first().or_else(|| names.get(1)).cloned(),
            "super" => {
                let ups = names.iter().take_while(|name| *name == "super").count();
                let left = self.place.len().saturating_sub(ups);
                self.place
                    .get(..left)
                    .and_then(<[String]>::first)
                    .or_else(|| names.get(ups))
                    .cloned()
            }
            _ => None,
        };
        if let Some(module) = module {
            self.found.used.push(Used { module, line });
        }
    }

    fn tree(&mut self, tree: &UseTree, before: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(&path.tree, before);
                before.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|it| self.tree(it, before)),
            UseTree::Name(name) => {
                self.leaf(name.ident.to_string(), line(name.ident.span()), before)
            }
            UseTree::Rename(rename) => {
                self.leaf(rename.ident.to_string(), line(rename.ident.span()), before);
            }
            UseTree::Glob(glob) => {
                let line = line(
                    glob.star_token
                        .spans
                        .first()
                        .map_or_else(proc_macro2::Span::call_site, |span| *span),
                );
                self.leaf("*".to_owned(), line, before);
            }
        }
    }

    fn leaf(&mut self, name: String, line: usize, before: &mut Vec<String>) {
        before.push(name);
        let names = before.clone();
        self.take(&names, line);
        before.pop();
    }

    fn tokens(&mut self, tokens: TokenStream) {
        let mut names: Vec<String> = Vec::new();
        let mut begin = 0;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if names.is_empty() || colons < 2 {
                        self.flush(&mut names, begin);
                        begin = line(ident.span());
                    }
                    names.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.flush(&mut names, begin);
                    self.tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => self.flush(&mut names, begin),
            }
        }
        self.flush(&mut names, begin);
    }

    fn flush(&mut self, names: &mut Vec<String>, line: usize) {
        if names.len() > 1 {
            self.take(names, line);
        }
        names.clear();
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if is_for_tests(&item.attrs) {
            return;
        }
        if self.place.is_empty() && matches!(item.vis, syn::Visibility::Public(_)) {
            names_of(&item.tree, &mut self.found.reexports);
        }
        self.tree(&item.tree, &mut Vec::new());
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if is_for_tests(&item.attrs) {
            if item.content.is_none() {
                self.found.test_modules.push(item.ident.to_string());
            }
            return;
        }
        self.place.push(item.ident.to_string());
        syn::visit::visit_item_mod(self, item);
        self.place.pop();
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_for_tests(&item.attrs) {
            syn::visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !is_for_tests(&item.attrs) {
            syn::visit::visit_item_impl(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let names: Vec<_> = path
            .segments
            .iter()
            .map(|it| it.ident.to_string())
            .collect();
        if let Some(first) = path.segments.first()
            && names.len() > 1
        {
            self.take(&names, line(first.ident.span()));
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.tokens(called.tokens.clone());
        syn::visit::visit_macro(self, called);
    }
}

fn names_of(tree: &UseTree, names: &mut Vec<String>) {
    match tree {
        UseTree::Path(path) => names_of(&path.tree, names),
        UseTree::Group(group) => group.items.iter().for_each(|it| names_of(it, names)),
        UseTree::Name(name) => names.push(name.ident.to_string()),
        UseTree::Rename(rename) => names.push(rename.rename.to_string()),
        UseTree::Glob(_) => {}
    }
}

/// `#[cfg(test)]`, and `cfg(all(test, …))`.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        if !attribute.path().is_ident("cfg") {
            return false;
        }
        let mut test = false;
        // A condition that is no list of names is none of ours.
        let _ = attribute.parse_nested_meta(|meta| {
            test |= meta.path.is_ident("test");
            if meta.path.is_ident("all") {
                meta.parse_nested_meta(|inner| {
                    test |= inner.path.is_ident("test");
                    Ok(())
                })?;
            }
            Ok(())
        });
        test
    })
}

fn line(span: proc_macro2::Span) -> usize {
    span.start().line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules(source: &str, place: &[&str]) -> Vec<(String, usize)> {
        let place: Vec<_> = place.iter().map(|it| (*it).to_owned()).collect();
        let found = of(source, &place).unwrap();
        found
            .used
            .into_iter()
            .map(|it| (it.module, it.line))
            .collect()
    }

    #[test]
    fn every_way_to_name_a_module_is_seen() {
        let source = "
use crate::alpha::One;
use crate::{beta, gamma::{self, Two}};
use crate::delta as other;
use super::super::epsilon::Three;
use std::io;
fn code(_: crate::zeta::Four) -> impl crate::eta::Five {
    crate::theta::call(1);
    super::near();
    log!(\"{}\", crate::iota::words(&[crate::kappa::LIST]));
    local::call();
    let x: Vec<crate::lambda::Six> = vec![];
}
";
        let place = ["owner", "boot"];
        assert_eq!(
            modules(source, &place),
            [
                ("alpha", 2),
                ("beta", 3),
                ("gamma", 3),
                ("gamma", 3),
                ("delta", 4),
                ("epsilon", 5),
                ("zeta", 7),
                ("eta", 7),
                ("theta", 8),
                ("owner", 9),
                ("iota", 10),
                ("kappa", 10),
                ("lambda", 12),
            ]
            .map(|(name, line)| (name.to_owned(), line))
        );
    }

    #[test]
    fn tests_do_not_count_and_inner_modules_have_their_place() {
        let source = "
mod inner {
    use super::super::outer::Thing;
    fn f() { super::g(); }
}
#[cfg(test)]
mod tests;
#[cfg(test)]
mod more { use crate::cli::Everything; }
#[cfg(all(test, unix))]
fn only() { crate::cli::main(); }
#[cfg(unix)]
fn unix() { crate::log::line(); }
";
        let place = vec!["storage".to_owned()];
        let found = of(source, &place).unwrap();
        let modules: Vec<_> = found.used.iter().map(|it| it.module.as_str()).collect();
        assert_eq!(modules, ["outer", "storage", "log"]);
        assert_eq!(found.test_modules, ["tests"]);
    }

    #[test]
    fn the_root_tells_what_it_hands_on() {
        let found = of(
            "pub use other::{blocking, thing as renamed}; pub mod a;",
            &[],
        )
        .unwrap();
        assert_eq!(found.reexports, ["blocking", "renamed"]);
    }
}
