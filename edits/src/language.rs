//! The languages whose syntax is known: by which names their files go, and what may be a name in them.

use serde::Serialize;

/// A language with a grammar here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// `.js`, `.mjs`, `.cjs`
    JavaScript,
    /// `.jsx`
    Jsx,
    /// `.ts`, `.mts`, `.cts`
    TypeScript,
    /// `.tsx`
    Tsx,
    /// `.py`, `.pyi`
    Python,
    /// `.rs`
    Rust,
    /// `.go`
    Go,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::JavaScript,
        Self::Jsx,
        Self::TypeScript,
        Self::Tsx,
        Self::Python,
        Self::Rust,
        Self::Go,
    ];

    /// The language of a file, by what its name ends in.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let (stem, extension) = name.rsplit_once('.')?;
        if stem.is_empty() {
            return None;
        }
        Some(match extension {
            "js" | "mjs" | "cjs" => Self::JavaScript,
            "jsx" => Self::Jsx,
            "ts" | "mts" | "cts" => Self::TypeScript,
            "tsx" => Self::Tsx,
            "py" | "pyi" => Self::Python,
            "rs" => Self::Rust,
            "go" => Self::Go,
            _ => return None,
        })
    }

    /// As people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::JavaScript | Self::Jsx => "JavaScript",
            Self::TypeScript | Self::Tsx => "TypeScript",
            Self::Python => "Python",
            Self::Rust => "Rust",
            Self::Go => "Go",
        }
    }

    /// Whether it is JavaScript or a language made from it.
    #[must_use]
    pub fn is_script(self) -> bool {
        match self {
            Self::JavaScript | Self::Jsx | Self::TypeScript | Self::Tsx => true,
            Self::Python | Self::Rust | Self::Go => false,
        }
    }

    /// Whether this can be written as a name in the language: its letters only.
    #[must_use]
    pub fn spells(self, name: &str) -> bool {
        let script = self.is_script();
        let first = |c: char| c == '_' || (script && c == '$') || unicode_ident::is_xid_start(c);
        // Joiners cannot be seen, so two names with and without them would look the same.
        let joins = |c: char| matches!(c, '\u{200c}' | '\u{200d}');
        let next =
            |c: char| (script && c == '$') || (unicode_ident::is_xid_continue(c) && !joins(c));
        let mut characters = name.chars();
        match (self, characters.next()) {
            (_, None) => false,
            // A combining mark is no letter to Go.
            (Self::Go, Some(c)) => {
                (c == '_' || c.is_alphabetic())
                    && characters.all(|c| c == '_' || c.is_alphanumeric())
            }
            (_, Some(c)) => first(c) && characters.all(next),
        }
    }

    /// Whether the language keeps this word for itself: keywords, and the names of what is always there
    /// where hiding that would only lead astray.
    #[must_use]
    pub fn reserves(self, name: &str) -> bool {
        let words: &[&str] = match self {
            Self::JavaScript | Self::Jsx => &SCRIPT,
            Self::TypeScript | Self::Tsx => {
                return SCRIPT.contains(&name) || TYPES.contains(&name);
            }
            Self::Python => {
                let dunder = name.len() > 4 && name.starts_with("__") && name.ends_with("__");
                return dunder || PYTHON.contains(&name);
            }
            Self::Rust => return RUST.contains(&name) || RUST_TYPES.contains(&name),
            Self::Go => return GO.contains(&name) || GO_TYPES.contains(&name),
        };
        words.contains(&name)
    }
}

/// ECMAScript's reserved words, those of strict code and of modules, and names that mean something of
/// their own wherever they stand.
const SCRIPT: [&str; 55] = [
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "constructor",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "prototype",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "with",
    "yield",
    "NaN",
    "Infinity",
    "__proto__",
    "require",
];

/// What TypeScript reads as types of its own.
const TYPES: [&str; 12] = [
    "any", "asserts", "bigint", "boolean", "infer", "keyof", "never", "number", "object", "string",
    "symbol", "unknown",
];

const PYTHON: [&str; 36] = [
    "False", "None", "True", "_", "and", "as", "assert", "async", "await", "break", "class",
    "continue", "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if",
    "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try",
    "while", "with", "yield",
];

const RUST: [&str; 53] = [
    "Self", "_", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue",
    "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if",
    "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub",
    "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

const GO: [&str; 27] = [
    "_",
    "break",
    "case",
    "chan",
    "const",
    "continue",
    "default",
    "defer",
    "else",
    "fallthrough",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "import",
    "init",
    "interface",
    "map",
    "package",
    "range",
    "return",
    "select",
    "struct",
    "switch",
    "type",
    "var",
];

/// Types that are always there; tools read them in another way than other names.
const RUST_TYPES: [&str; 17] = [
    "bool", "char", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize", "str", "u128", "u16",
    "u32", "u64", "u8", "usize",
];

/// Types and values that are always there.
const GO_TYPES: [&str; 26] = [
    "any",
    "bool",
    "byte",
    "comparable",
    "complex128",
    "complex64",
    "error",
    "false",
    "float32",
    "float64",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
    "iota",
    "nil",
    "rune",
    "string",
    "true",
    "uint",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
    "uintptr",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_names() {
        let known: Vec<_> = [
            "a.js", "a.mjs", "a/b.cjs", "a.jsx", "a.ts", "a.d.mts", "a.cts", "a.tsx", "a.py",
            "a.pyi", "a.rs", "a.go",
        ]
        .into_iter()
        .map(|path| Language::of(path).map(Language::name))
        .collect();
        let script = Some("JavaScript");
        let typed = Some("TypeScript");
        let python = Some("Python");
        assert_eq!(
            known,
            [
                script,
                script,
                script,
                script,
                typed,
                typed,
                typed,
                typed,
                python,
                python,
                Some("Rust"),
                Some("Go")
            ]
        );
        for path in ["", "js", ".js", "a.JS", "a.json", "a.js/b", "a.py.txt"] {
            assert_eq!(Language::of(path), None, "{path}");
        }
    }

    #[test]
    fn names_are_what_the_language_can_spell() {
        for language in Language::ALL {
            for name in ["a", "_a", "A1", "größe", "名前"] {
                assert!(language.spells(name), "{language:?} {name}");
            }
            for name in ["", "1a", "a-b", "a b", "a.b", "a\u{200d}", "€", "a\n"] {
                assert!(!language.spells(name), "{language:?} {name}");
            }
            assert_eq!(language.spells("$a"), language.is_script(), "{language:?}");
        }
    }

    #[test]
    fn words_of_the_language_are_no_names() {
        for (language, word) in [
            (Language::JavaScript, "class"),
            (Language::Tsx, "string"),
            (Language::Tsx, "class"),
            (Language::Python, "None"),
            (Language::Python, "__init__"),
            (Language::Rust, "fn"),
            (Language::Rust, "u8"),
            (Language::Go, "func"),
            (Language::Go, "nil"),
        ] {
            assert!(language.reserves(word), "{language:?} {word}");
        }
        assert!(!Language::Jsx.reserves("string"));
        assert!(!Language::Python.reserves("__"));
        assert!(!Language::Go.reserves("class"));
    }
}
