//! Which modules the files given are: whether what a file imports is one of them, or comes from outside.

use std::collections::{BTreeMap, BTreeSet};

use super::manifests::{crate_names, go_module, package_name, rust_items};
use crate::{Language, SourceFile};

/// What is known of the files given as a whole.
#[derive(Debug, Default)]
pub(super) struct Project<'a> {
    /// Every file.
    files: BTreeSet<&'a str>,
    /// Every folder that has one, the root as the empty path.
    folders: BTreeSet<&'a str>,
    /// The names that `package.json`s give.
    packages: BTreeSet<String>,
    /// The names that `Cargo.toml`s give, as Rust spells them.
    pub crates: BTreeSet<String>,
    /// The paths that `go.mod`s give, and the folders that those lie in.
    go_modules: BTreeMap<String, &'a str>,
    /// Names of the items that the Rust files declare.
    pub rust_items: BTreeSet<String>,
}

/// What a Python file takes from a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// What a file given defines.
    Inside,
    /// A file or folder given.
    Module,
    /// What none of the files given defines.
    Outside,
}

impl<'a> Project<'a> {
    pub(super) fn new(files: &[SourceFile<'a>]) -> Self {
        let mut project = Self::default();
        for file in files {
            project.files.insert(file.path);
            let mut above = file.path;
            while let Some((parent, _)) = above.rsplit_once('/') {
                project.folders.insert(parent);
                above = parent;
            }
            project.folders.insert("");
            let Ok(text) = std::str::from_utf8(file.contents) else {
                continue;
            };
            match file.path.rsplit('/').next().unwrap_or(file.path) {
                "package.json" => project.packages.extend(package_name(text)),
                "Cargo.toml" => project.crates.extend(crate_names(text)),
                "go.mod" => {
                    let module = go_module(text).map(|module| (module, folder(file.path)));
                    project.go_modules.extend(module);
                }
                name if name.ends_with(".rs") => {
                    project
                        .rust_items
                        .extend(rust_items(text).map(str::to_owned));
                }
                _ => {}
            }
        }
        project
    }

    /// Whether what a script imports is one of the files given.
    pub(super) fn has_script(&self, importer: &str, specifier: &str) -> bool {
        if specifier.starts_with('.') {
            return joined(folder(importer), specifier).is_some_and(|path| self.is_script(&path));
        }
        // Bundlers and compilers are set up to read these as paths below some folder.
        let alias = ["@/", "~/", "#", "$lib/", "/"];
        if let Some(rest) = alias.iter().find_map(|lead| specifier.strip_prefix(lead)) {
            return self.ends_like(rest.trim_start_matches('/'));
        }
        let own = self.packages.iter().any(|name| {
            specifier == name
                || specifier
                    .strip_prefix(name.as_str())
                    .is_some_and(|rest| rest.starts_with('/'))
        });
        if own || specifier.starts_with(['@']) || specifier.contains(':') {
            return own;
        }
        match specifier.split_once('/') {
            Some((_, below)) => self.ends_like(specifier) || self.ends_like(below),
            None => false,
        }
    }

    /// Whether some script's path ends like this.
    fn ends_like(&self, path: &str) -> bool {
        let wanted = stem(path);
        self.files.iter().any(|file| {
            let is_script = Language::of(file).is_some_and(Language::is_script);
            let mut stems = vec![stem(file)];
            stems.extend(stem(file).strip_suffix("/index"));
            is_script
                && stems.into_iter().any(|have| {
                    have.strip_suffix(wanted)
                        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
                })
        })
    }

    fn is_script(&self, path: &str) -> bool {
        const ENDINGS: [&str; 9] = ["js", "ts", "jsx", "tsx", "mjs", "cjs", "mts", "cts", "d.ts"];
        if self.files.contains(path) {
            return true;
        }
        // `./user.js` may be written for what is `user.ts` until it is compiled.
        let bare = match path.rsplit_once('.') {
            Some((bare, "js" | "jsx" | "mjs" | "cjs")) => bare,
            _ => path,
        };
        let lead = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        ENDINGS.iter().any(|ending| {
            self.files.contains(format!("{path}.{ending}").as_str())
                || self.files.contains(format!("{bare}.{ending}").as_str())
                || self
                    .files
                    .contains(format!("{lead}index.{ending}").as_str())
        })
    }

    /// Whether a dotted module of Python is one of the files or folders given.
    pub(super) fn has_python(&self, module: &str) -> bool {
        let path = module.replace('.', "/");
        let is_root = |before: &str| {
            let parent = before.strip_suffix('/').unwrap_or(before);
            let sign = |name: &str| {
                if parent.is_empty() {
                    name.to_owned()
                } else {
                    format!("{parent}/{name}")
                }
            };
            // Modules in a package go by the package's name as well.
            (before.is_empty() || before.ends_with('/'))
                && !self.files.contains(sign("__init__.py").as_str())
        };
        let files = self.files.iter().filter_map(|file| python_stem(file));
        files
            .chain(
                self.folders
                    .iter()
                    .copied()
                    .filter(|folder| self.has_python_below(folder)),
            )
            .filter_map(|have| have.strip_suffix(path.as_str()))
            .any(is_root)
    }

    /// What `from module import name` takes, as written in `importer`.
    pub(super) fn python_taken(&self, importer: &str, module: &str, name: &str) -> Taken {
        let dots = module.chars().take_while(|c| *c == '.').count();
        if dots == 0 {
            return if self.has_python(&format!("{module}.{name}")) {
                Taken::Module
            } else if self.has_python_file(module) {
                Taken::Inside
            } else {
                Taken::Outside
            };
        }
        let mut base = Some(folder(importer));
        for _ in 1..dots {
            base = base.filter(|base| !base.is_empty()).map(folder);
        }
        let Some(base) = base else {
            return Taken::Outside;
        };
        let below = module.get(dots..).unwrap_or_default().replace('.', "/");
        let path = match (base.is_empty(), below.is_empty()) {
            (_, true) => base.to_owned(),
            (true, false) => below,
            (false, false) => format!("{base}/{below}"),
        };
        let lead = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        let has = |path: String| self.files.contains(path.as_str());
        if has(format!("{lead}{name}.py"))
            || has(format!("{lead}{name}.pyi"))
            || self.folders.contains(format!("{lead}{name}").as_str())
        {
            Taken::Module
        } else if has(format!("{path}.py"))
            || has(format!("{path}.pyi"))
            || has(format!("{lead}__init__.py"))
        {
            Taken::Inside
        } else {
            Taken::Outside
        }
    }

    fn has_python_file(&self, module: &str) -> bool {
        let path = module.replace('.', "/");
        self.has_python(module)
            && self
                .files
                .iter()
                .filter_map(|file| python_stem(file))
                .any(|have| {
                    have.strip_suffix(path.as_str())
                        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
                })
    }

    fn has_python_below(&self, folder: &str) -> bool {
        !folder.is_empty()
            && self.files.iter().any(|file| {
                python_stem(file).is_some()
                    && file
                        .strip_prefix(folder)
                        .is_some_and(|rest| rest.starts_with('/'))
            })
    }

    /// Whether a package of Go is in one of the folders given.
    pub(super) fn has_go(&self, import: &str) -> bool {
        if !self.go_modules.is_empty() {
            return self.go_modules.iter().any(|(module, root)| {
                let below = import
                    .strip_prefix(module.as_str())
                    .map(|rest| rest.strip_prefix('/').ok_or(rest));
                match below {
                    Some(Ok(below)) if root.is_empty() => self.has_go_in(below),
                    Some(Ok(below)) => self.has_go_in(&format!("{root}/{below}")),
                    Some(Err("")) => self.has_go_in(root),
                    Some(Err(_)) | None => false,
                }
            });
        }
        self.folders.iter().any(|folder| {
            let ends = import
                .strip_suffix(folder)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
            !folder.is_empty() && ends && self.has_go_in(folder)
        })
    }

    fn has_go_in(&self, wanted: &str) -> bool {
        self.files
            .iter()
            .any(|file| file.ends_with(".go") && folder(file) == wanted)
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path without its last ending.
fn stem(path: &str) -> &str {
    let name_at = path.rfind('/').map_or(0, |at| at + 1);
    match path.rfind('.') {
        Some(dot) if dot > name_at => path.get(..dot).unwrap_or(path),
        _ => path,
    }
}

/// The path of the module that a Python file is.
fn python_stem(file: &str) -> Option<&str> {
    let stem = file
        .strip_suffix(".py")
        .or_else(|| file.strip_suffix(".pyi"))?;
    Some(stem.strip_suffix("/__init__").unwrap_or(stem))
}

/// A relative path as seen from a folder; none when it leads out of the project.
fn joined(folder: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(paths: &[&'static str]) -> Project<'static> {
        let files: Vec<SourceFile<'static>> = paths
            .iter()
            .map(|path| SourceFile {
                path,
                contents: match *path {
                    "go.mod" => b"module example.com/shop // why\n",
                    "web/package.json" => b"{\"name\": \"@shop/web\"}",
                    "Cargo.toml" => b"[package]\nname = \"my-shop\"\n",
                    _ => b"",
                },
            })
            .collect();
        Project::new(&files)
    }

    #[test]
    fn scripts_import_what_is_given_or_what_is_outside() {
        let project = project(&[
            "src/models/user.ts",
            "src/app.js",
            "src/routes/index.js",
            "web/package.json",
        ]);
        for specifier in [
            "./models/user",
            "./models/user.js",
            "./routes",
            "./routes/",
            "./routes/index.js",
            "@/models/user",
            "~/routes",
            "#models/user",
            "app/models/user",
            "models/user",
            "@shop/web",
            "@shop/web/x",
        ] {
            assert!(project.has_script("src/app.js", specifier), "{specifier}");
        }
        for specifier in [
            "./user",
            "../models/user",
            "../../x",
            "fs",
            "node:fs",
            "app",
            "user",
            "@shop/other",
            "lodash/fp",
            "@/ser",
            "fs/promises",
        ] {
            assert!(!project.has_script("src/app.js", specifier), "{specifier}");
        }
    }

    #[test]
    fn python_takes_from_files_folders_or_outside() {
        let project = project(&[
            "src/app/__init__.py",
            "src/app/types.py",
            "src/app/db/models.py",
            "tests/test_x.py",
        ]);
        for (importer, module, name, taken) in [
            ("src/app/main.py", "app.types", "A", Taken::Inside),
            ("src/app/main.py", "app", "types", Taken::Module),
            ("src/app/main.py", "app", "A", Taken::Inside),
            ("src/app/main.py", "types", "A", Taken::Outside),
            ("src/app/main.py", ".", "types", Taken::Module),
            ("src/app/main.py", ".", "A", Taken::Inside),
            ("src/app/main.py", ".", "db", Taken::Module),
            ("src/app/main.py", ".db.models", "A", Taken::Inside),
            ("src/app/db/models.py", "..types", "A", Taken::Inside),
            ("src/app/db/models.py", "..gone", "A", Taken::Outside),
            ("src/app/db/models.py", ".....x", "A", Taken::Outside),
            ("src/app/main.py", "os", "path", Taken::Outside),
            ("src/app/main.py", "app.db", "models", Taken::Module),
        ] {
            let found = project.python_taken(importer, module, name);
            assert_eq!(found, taken, "from {module} import {name} in {importer}");
        }
        assert!(project.has_python("app") && project.has_python("app.db.models"));
        assert!(!project.has_python("types") && !project.has_python("pp"));
    }

    #[test]
    fn go_packages_are_of_the_module_or_outside() {
        let with = project(&["go.mod", "a.go", "store/a.go"]);
        assert!(with.has_go("example.com/shop/store") && with.has_go("example.com/shop"));
        for import in [
            "example.com/shopping",
            "strings",
            "store",
            "example.com/shop/gone",
        ] {
            assert!(!with.has_go(import), "{import}");
        }
        let without = project(&["internal/store/a.go"]);
        assert!(without.has_go("example.com/shop/internal/store"));
        assert!(!without.has_go("store") && !without.has_go("example.com/shop/internal"));
    }

    #[test]
    fn crates_go_by_the_names_of_their_manifests() {
        let project = project(&["Cargo.toml", "src/lib.rs"]);
        assert!(project.crates.contains("my_shop"));
    }
}
