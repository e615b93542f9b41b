//! One task of a bank, as it stands in its file.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Its number, with leading zeros.
    pub id: String,
    /// How hard it is, 1 to 6.
    pub tier: u8,
    /// What it is called in names of epics and files.
    pub name: String,
    /// One line.
    pub description: String,
    /// What is to be made.
    pub instruction: String,
    /// When it counts as done.
    pub acceptance_contract: AcceptanceContract,
    /// The function's head; `None` for a program.
    #[serde(default)]
    pub function_signature: Option<String>,
    /// Rules for the code.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// Examples that the model sees. They are executed.
    #[serde(default)]
    pub io_examples: Vec<Example>,
    /// How it is executed.
    pub evaluation: Evaluation,
}

/// When a task counts as done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptanceContract {
    /// What is made.
    pub mode: Mode,
    /// Files that must be there.
    pub required_artifacts: Vec<String>,
    /// In words.
    #[serde(default)]
    pub pass_conditions: Vec<String>,
    /// Whether runs have to come to the same.
    #[serde(default)]
    pub determinism_profile: Option<String>,
    /// The baseline that a run is compared with, see `orket sweep baselines pin-baseline`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_ref: Option<String>,
}

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A function, called with arguments.
    Function,
    /// A program, run with arguments and standard input.
    Cli,
}

/// A rule for the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// Its name, unique in the task.
    pub id: String,
    /// As the model is told.
    pub text: String,
    /// As it is checked.
    pub check: Check,
}

/// How a rule is checked. Patterns are searched in the code without comments and texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Check {
    /// Nothing is imported.
    NoImports,
    /// Nothing but these is imported.
    ImportsOnly {
        /// Names of modules.
        modules: Vec<String>,
    },
    /// Every parameter and result of every function is annotated.
    TypeHints,
    /// The function that is asked for begins with a text that describes it.
    Docstring,
    /// None of these is called.
    ForbidCall {
        /// Functions, methods or commands.
        names: Vec<String>,
    },
    /// One of these is called.
    RequireCall {
        /// Functions, methods or commands.
        names: Vec<String>,
    },
    /// No node of these kinds of the language's tree-sitter grammar.
    ForbidSyntax {
        /// Kinds of nodes.
        nodes: Vec<String>,
    },
    /// A node of one of these kinds.
    RequireSyntax {
        /// Kinds of nodes.
        nodes: Vec<String>,
    },
    /// A regular expression that must be found.
    Require {
        /// The expression.
        pattern: String,
    },
    /// A regular expression that must not be found.
    Forbid {
        /// The expression.
        pattern: String,
    },
    /// At most this many lines that are not empty.
    MaxLines {
        /// How many.
        lines: usize,
    },
    /// At least this many functions.
    MinFunctions {
        /// How many.
        count: usize,
    },
}

/// An example: arguments and what comes of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Example {
    /// Of a program.
    Cli(CliExample),
    /// Of a function.
    Function(FunctionExample),
}

/// A call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionExample {
    /// The arguments, in order.
    pub args: Vec<Value>,
    /// What it returns. An example without `raises` returns `null` when this is absent.
    #[serde(default)]
    pub returns: Value,
    /// The exception that it raises, or one that it derives from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raises: Option<String>,
}

/// An execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CliExample {
    /// The arguments.
    pub argv: Vec<String>,
    /// Standard input.
    #[serde(default)]
    pub stdin: String,
    /// Standard output, to the byte.
    #[serde(default)]
    pub stdout: String,
    /// The exit code.
    #[serde(default)]
    pub exit: i32,
}

/// How a task is executed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// What it is written in.
    pub language: Language,
    /// The file, relative to the workspace.
    pub file: String,
    /// The function; `None` for a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// The most milliseconds of one example.
    pub time_limit_ms: u64,
    /// Examples that the model does not see, against answers that only repeat those it does.
    #[serde(default)]
    pub hidden_examples: Vec<Example>,
}

/// What an answer is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Python 3.
    Python,
    /// The POSIX shell.
    Sh,
}

impl Language {
    /// The ending of its files.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Python => "py",
            Self::Sh => "sh",
        }
    }

    /// As one would say it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Python => "Python 3",
            Self::Sh => "POSIX shell",
        }
    }
}

impl Task {
    /// Its number.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        self.id.parse().ok()
    }

    /// All examples, those that the model sees first.
    pub fn examples(&self) -> impl Iterator<Item = &Example> {
        self.io_examples
            .iter()
            .chain(&self.evaluation.hidden_examples)
    }

    /// Whether it makes sense.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.number().is_none() {
            return Err(format!("its id `{}` is no number", self.id));
        }
        if !(1..=6).contains(&self.tier) {
            return Err(format!(
                "its tier {} does not lie between 1 and 6",
                self.tier
            ));
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.name.is_empty() || !self.name.chars().all(is_plain) {
            return Err("its name must be letters, digits, `-` and `_`".to_owned());
        }
        let climbs = |part: &str| part.is_empty() || part == "." || part == "..";
        if self.evaluation.file.split('/').any(climbs) {
            return Err(format!(
                "its file `{}` leaves the workspace",
                self.evaluation.file
            ));
        }
        let fits = |example: &Example| {
            matches!(
                (self.acceptance_contract.mode, example),
                (Mode::Function, Example::Function(_)) | (Mode::Cli, Example::Cli(_))
            )
        };
        if !self.examples().all(fits) {
            return Err("its examples are not of its mode".to_owned());
        }
        match (self.acceptance_contract.mode, &self.evaluation.entry) {
            (Mode::Function, None) => {
                return Err("it names no function (evaluation.entry)".to_owned());
            }
            (Mode::Function, Some(_)) if self.evaluation.language != Language::Python => {
                return Err("functions can be in Python only".to_owned());
            }
            (Mode::Function, Some(_)) | (Mode::Cli, _) => {}
        }
        for constraint in &self.constraints {
            if let Check::Require { pattern } | Check::Forbid { pattern } = &constraint.check
                && let Err(cause) = regex::Regex::new(pattern)
            {
                return Err(format!("constraint {}: {cause}", constraint.id));
            }
        }
        Ok(())
    }
}
