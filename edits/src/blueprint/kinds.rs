//! The blueprints and their files.

use super::{Blueprint, Variable};

/// A file of `blueprints/`; each ends in `.template` there, so that no tool takes it for its own.
macro_rules! file {
    ($blueprint:literal, $path:literal) => {
        (
            $path,
            include_str!(concat!(
                "../../blueprints/",
                $blueprint,
                "/",
                $path,
                ".template"
            )),
        )
    };
}

const DESCRIPTION: Variable = Variable {
    name: "description",
    default: "A small project to start from.",
    about: "a sentence for the README and the package",
};

const PORT: Variable = Variable {
    name: "port",
    default: "3000",
    about: "where the service listens when PORT is not set",
};

pub(super) const ALL: [Blueprint; 3] = [
    Blueprint {
        name: "minimal-node",
        about: "an HTTP service on Node.js, with routes that `orket api add` adds to",
        variables: &[DESCRIPTION, PORT],
        reserved: &["node_modules"],
        files: &[
            file!("minimal-node", "README.md"),
            file!("minimal-node", ".gitignore"),
            file!("minimal-node", "orket.config.json"),
            file!("minimal-node", "package.json"),
            file!("minimal-node", "src/index.js"),
            file!("minimal-node", "src/router.js"),
            file!("minimal-node", "src/routes/index.js"),
            file!("minimal-node", "test/service.test.js"),
        ],
    },
    Blueprint {
        name: "minimal-python",
        about: "a Python package with a command and its tests",
        variables: &[DESCRIPTION],
        reserved: &[],
        files: &[
            file!("minimal-python", "README.md"),
            file!("minimal-python", ".gitignore"),
            file!("minimal-python", "orket.config.json"),
            file!("minimal-python", "pyproject.toml"),
            file!("minimal-python", "app/__init__.py"),
            file!("minimal-python", "app/__main__.py"),
            file!("minimal-python", "app/greeting.py"),
            file!("minimal-python", "tests/__init__.py"),
            file!("minimal-python", "tests/test_greeting.py"),
        ],
    },
    Blueprint {
        name: "minimal-rust",
        about: "a Rust program with its tests",
        variables: &[DESCRIPTION],
        reserved: &RUST_NAMES,
        files: &[
            file!("minimal-rust", "README.md"),
            file!("minimal-rust", ".gitignore"),
            file!("minimal-rust", "orket.config.json"),
            file!("minimal-rust", "Cargo.toml"),
            file!("minimal-rust", "Cargo.lock"),
            file!("minimal-rust", "src/main.rs"),
            file!("minimal-rust", "src/greeting.rs"),
        ],
    },
];

/// What cargo does not take as the name of a package: keywords, its own folders and the crates that are
/// always there.
const RUST_NAMES: [&str; 60] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];
