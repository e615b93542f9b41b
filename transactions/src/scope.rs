//! Where an operator lets a transaction write.

use std::path::{Component, Path, PathBuf};

use crate::refusal::{Code, Refusal};

/// Folders that no transaction writes in, wherever they lie.
const CLOSED: [&str; 5] = [".git", ".orket", "node_modules", ".venv", "__pycache__"];

/// Folders and files of a repository.
#[derive(Debug, Clone)]
pub struct Scope {
    /// As they were typed.
    typed: Vec<String>,
    /// Relative to the root of the repository.
    roots: Vec<PathBuf>,
}

impl Scope {
    /// Reads what was typed by somebody who stands in `folder`. `root` is the repository's real path.
    ///
    /// # Errors
    ///
    /// `E_SCOPE_REQUIRED` for none, or one that is not there; `E_WRITE_OUT_OF_SCOPE` for one outside
    /// of the repository or in a folder that no transaction writes in.
    pub fn read(root: &Path, folder: &Path, typed: &[String]) -> Result<Self, Refusal> {
        if typed.is_empty() {
            return Err(
                Refusal::new(Code::ScopeRequired, "nothing says where may be written")
                    .hint("name a folder or file: --scope ./src; give the flag again for more"),
            );
        }
        let mut roots = Vec::new();
        for text in typed {
            let real = folder.join(text).canonicalize().map_err(|error| {
                Refusal::new(
                    Code::ScopeRequired,
                    format!("the scope `{text}` cannot be used: {error}"),
                )
                .hint("--scope takes a folder or file that is there, relative to where you stand")
            })?;
            let Ok(inside) = real.strip_prefix(root) else {
                return Err(Refusal::new(
                    Code::WriteOutOfScope,
                    format!("the scope `{text}` lies outside of the repository"),
                )
                .hint(format!("name a folder below {}", root.display())));
            };
            if let Some(name) = closed(inside) {
                return Err(Refusal::new(
                    Code::WriteOutOfScope,
                    format!("the scope `{text}` lies in {name}, where nothing is written"),
                )
                .hint("name a folder of your own sources: --scope ./src"));
            }
            roots.push(inside.to_owned());
        }
        Ok(Self {
            typed: typed.to_vec(),
            roots,
        })
    }

    /// As it was typed.
    #[must_use]
    pub fn typed(&self) -> &[String] {
        &self.typed
    }

    /// Its folders and files, relative to the root of the repository and in one spelling.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .roots
            .iter()
            .map(|root| match root.to_string_lossy() {
                name if name.is_empty() => ".".to_owned(),
                name => name.into_owned(),
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Whether this path, relative to the root of the repository, may be written.
    #[must_use]
    pub fn holds(&self, path: &Path) -> bool {
        let is_plain = path
            .components()
            .all(|component| matches!(component, Component::Normal(_)));
        is_plain
            && closed(path).is_none()
            && self
                .roots
                .iter()
                // Every path starts with the empty one, which is the whole repository.
                .any(|root| path.starts_with(root))
    }
}

/// The part of a path that closes it.
pub(crate) fn closed(path: &Path) -> Option<&'static str> {
    path.components().find_map(|component| {
        let name = component.as_os_str();
        CLOSED.into_iter().find(|closed| name == *closed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_from_where_its_operator_stands() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("repository");
        for name in ["src/deep", "lib", "node_modules/x"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        std::os::unix::fs::symlink(root.join("lib"), root.join("link")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("out")).unwrap();
        let read = |from: &str, scopes: &[&str]| {
            let typed: Vec<String> = scopes.iter().map(|it| (*it).to_owned()).collect();
            Scope::read(&root, &root.join(from), &typed)
                .map(|scope| scope.names())
                .map_err(|refusal| refusal.code.as_str())
        };
        assert_eq!(read("", &["./src", "src/../lib"]).unwrap(), ["lib", "src"]);
        assert_eq!(read("src", &[".", "deep"]).unwrap(), ["src", "src/deep"]);
        assert_eq!(read("src", &[".."]).unwrap(), ["."]);
        assert_eq!(read("", &["link"]).unwrap(), ["lib"]);
        assert_eq!(read("", &[]), Err("E_SCOPE_REQUIRED"));
        assert_eq!(read("", &["nowhere"]), Err("E_SCOPE_REQUIRED"));
        for outside in ["..", "/etc", "out", "../.."] {
            assert_eq!(
                read("", &[outside]),
                Err("E_WRITE_OUT_OF_SCOPE"),
                "{outside}"
            );
        }
        assert_eq!(read("", &["node_modules/x"]), Err("E_WRITE_OUT_OF_SCOPE"));
    }

    #[test]
    fn a_scope_ends_at_its_folders() {
        let scope = |roots: &[&str]| Scope {
            typed: Vec::new(),
            roots: roots.iter().map(PathBuf::from).collect(),
        };
        let holds = |roots: &[&str], path: &str| scope(roots).holds(Path::new(path));
        assert!(holds(&["src"], "src/a.js"));
        assert!(holds(&[""], "a.js"));
        assert!(holds(&["src/a.js"], "src/a.js"));
        assert!(!holds(&["src"], "srcs/a.js"));
        assert!(!holds(&["src"], "src/../a.js"));
        assert!(!holds(&[""], "/a.js"));
        assert!(!holds(&[""], "src/node_modules/a.js"));
        assert!(!holds(&[""], ".git/config"));
    }
}
