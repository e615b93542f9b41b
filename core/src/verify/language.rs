//! Which language a file is in, by its ending or its first line.

use serde::{Deserialize, Serialize};

/// A language whose grammar is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Language {
    /// Python 3.
    Python,
    /// JavaScript, JSX included.
    JavaScript,
    /// TypeScript.
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
    /// Rust.
    Rust,
    /// JSON.
    Json,
    /// JSON with comments.
    Jsonc,
    /// YAML.
    Yaml,
    /// TOML.
    Toml,
    /// HTML.
    Html,
    /// POSIX shell and bash.
    Shell,
}

impl Language {
    /// Its name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::TypeScript | Self::Tsx => "typescript",
            Self::Rust => "rust",
            Self::Json | Self::Jsonc => "json",
            Self::Yaml => "yaml",
            Self::Toml => "toml",
            Self::Html => "html",
            Self::Shell => "shell",
        }
    }

    /// The language that a path's ending tells; `None` when it tells none.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let name = file_name(path).to_ascii_lowercase();
        let (stem, ending) = name.rsplit_once('.')?;
        Some(match ending {
            "py" | "pyi" => Self::Python,
            "js" | "mjs" | "cjs" | "jsx" => Self::JavaScript,
            "ts" | "mts" | "cts" => Self::TypeScript,
            "tsx" => Self::Tsx,
            "rs" => Self::Rust,
            // Their tools read comments in these.
            "json" if stem.starts_with("tsconfig") || stem.starts_with("jsconfig") => Self::Jsonc,
            "json" => Self::Json,
            "jsonc" => Self::Jsonc,
            "yaml" | "yml" => Self::Yaml,
            "toml" => Self::Toml,
            "html" | "htm" => Self::Html,
            "sh" | "bash" => Self::Shell,
            _ => return None,
        })
    }

    /// The language that the first line of a file without an ending tells.
    #[must_use]
    pub fn of_first_line(text: &str) -> Option<Self> {
        let words = interpreter(text)?;
        let program = file_name(words.first()?);
        // `python3.12` is python.
        let name = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        Some(match name {
            "python" => Self::Python,
            "node" | "nodejs" => Self::JavaScript,
            "sh" | "bash" | "dash" => Self::Shell,
            _ => return None,
        })
    }

    /// The language of a file with this path and content.
    #[must_use]
    pub fn of(path: &str, text: &str) -> Option<Self> {
        if has_ending(path) {
            Self::of_path(path)
        } else {
            Self::of_first_line(text)
        }
    }
}

/// The program and arguments that the first line of a script asks for, `env` left out.
#[must_use]
pub fn interpreter(text: &str) -> Option<Vec<String>> {
    let line = text.strip_prefix("#!")?.lines().next()?;
    let mut words = line.split_whitespace().peekable();
    let first = *words.peek()?;
    if file_name(first) == "env" {
        words.next();
        // `-S` splits, which has been done; assignments and other options are no program.
        while words
            .peek()
            .is_some_and(|word| word.starts_with('-') || word.contains('='))
        {
            words.next();
        }
    }
    let words: Vec<String> = words.map(str::to_owned).collect();
    (!words.is_empty()).then_some(words)
}

/// Whether a file may hold code in a known language, as far as its name tells.
#[must_use]
pub fn may_hold_code(path: &str) -> bool {
    const PROSE: [&str; 6] = [
        "LICENSE",
        "README",
        "CHANGELOG",
        "Makefile",
        "Dockerfile",
        "NOTICE",
    ];
    if has_ending(path) {
        return Language::of_path(path).is_some();
    }
    !PROSE.contains(&file_name(path)) && !file_name(path).starts_with('.')
}

fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn has_ending(path: &str) -> bool {
    file_name(path).trim_start_matches('.').contains('.')
}
