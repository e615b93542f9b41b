//! What can be asked for: a route, or a refactoring; and what it would write.

use std::collections::BTreeMap;
use std::path::Path;

use orket_edits::rename::{self, Outcome as RenameOutcome, Rename};
use orket_edits::route::{self, Existing, Route};
use orket_edits::{Edited, SourceFile};
use serde_json::{Value, json};

use crate::barrier::Barrier;
use crate::refusal::{Code, Refusal};
use crate::tree::Tree;

/// Larger files are no sources.
const LARGEST: u64 = 8 * 1024 * 1024;

/// What is asked for, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `orket api add`.
    ApiAdd {
        /// The route's name.
        route: String,
        /// Its schema.
        schema: String,
        /// Its method.
        method: String,
    },
    /// `orket refactor`.
    Refactor {
        /// The instruction.
        instruction: String,
    },
}

/// The same, understood.
#[derive(Debug)]
pub enum Parsed {
    /// A route.
    Route(Route),
    /// A rename.
    Rename(Rename),
}

/// What would be written.
#[derive(Debug)]
pub struct Proposal {
    /// The files.
    pub files: Vec<Edited>,
    /// Whether all of it is so already.
    pub idempotent: bool,
    /// What is worth knowing besides.
    pub notes: Vec<String>,
}

impl Operation {
    /// Its name in artifacts.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ApiAdd { .. } => "api_add",
            Self::Refactor { .. } => "refactor",
        }
    }

    /// As somebody would type it, for words.
    #[must_use]
    pub fn display(&self) -> String {
        match self {
            Self::ApiAdd { route, .. } => format!("orket api add {route}"),
            Self::Refactor { instruction } => format!("orket refactor \"{instruction}\""),
        }
    }

    /// The first line of its plan.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::ApiAdd { route, .. } => format!("API route plan: \"{route}\""),
            Self::Refactor { instruction } => format!("Refactor plan: \"{instruction}\""),
        }
    }

    /// The code of a file that may not be written.
    #[must_use]
    pub const fn barrier_code(&self) -> Code {
        match self {
            Self::ApiAdd { .. } => Code::WriteOutOfScope,
            Self::Refactor { .. } => Code::ModelOutputOutOfScope,
        }
    }

    /// The code of a verification that failed.
    #[must_use]
    pub const fn failure_code(&self) -> Code {
        match self {
            Self::ApiAdd { .. } => Code::DraftFailure,
            Self::Refactor { .. } => Code::VerifyFailedReverted,
        }
    }

    /// What was asked for, for artifacts.
    #[must_use]
    pub fn request(&self) -> serde_json::Map<String, Value> {
        let value = match self {
            Self::ApiAdd {
                route,
                schema,
                method,
            } => {
                json!({"route": route, "schema": schema, "method": method})
            }
            Self::Refactor { instruction } => json!({"instruction": instruction}),
        };
        match value {
            Value::Object(fields) => fields,
            _ => serde_json::Map::new(),
        }
    }

    /// Understands it.
    ///
    /// # Errors
    ///
    /// The codes of `orket-edits`.
    pub fn parse(&self) -> Result<Parsed, Refusal> {
        match self {
            Self::ApiAdd {
                route,
                schema,
                method,
            } => Route::parse(route, method, schema)
                .map(Parsed::Route)
                .map_err(|error| edit(error.code(), &error, error.hint())),
            Self::Refactor { instruction } => rename::instruction(instruction)
                .map(Parsed::Rename)
                .map_err(|error| edit(error.code(), &error, error.hint())),
        }
    }
}

fn edit(code: &'static str, error: &impl std::fmt::Display, hint: impl Into<String>) -> Refusal {
    Refusal::new(Code::Edit(code), error.to_string()).hint(hint)
}

impl Parsed {
    /// Reads what there is and says what would be written. Everything that it proposes has passed
    /// the barrier.
    ///
    /// # Errors
    ///
    /// The barrier's code, and those of `orket-edits`.
    pub fn propose(&self, barrier: &Barrier<'_>) -> Result<Proposal, Refusal> {
        match self {
            Self::Route(route) => propose_route(route, barrier),
            Self::Rename(rename) => propose_rename(rename, barrier),
        }
    }
}

fn read(tree: &Tree, path: &str) -> Result<Option<Vec<u8>>, Refusal> {
    let read = tree
        .read(Path::new(path))
        .map_err(|error| Refusal::of_io(path, &error))?;
    Ok(read.map(|file| file.contents))
}

fn propose_route(route: &Route, barrier: &Barrier<'_>) -> Result<Proposal, Refusal> {
    let plan = |files: &Existing<'_>| {
        route::plan(route, files).map_err(|error| edit(error.code(), &error, error.hint()))
    };
    if !barrier.repository.root().join(route::INDEX).exists() {
        // The style of the project comes before where may be written.
        plan(&Existing::new())?;
    }
    let touched = route::touch_set(route);
    for path in &touched {
        barrier.check(path)?;
    }
    let mut contents: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    for path in &touched {
        if let Some(found) = read(barrier.tree, path)? {
            contents.insert(path, found);
        }
    }
    let existing: Existing<'_> = contents
        .iter()
        .map(|(path, contents)| (*path, contents.as_slice()))
        .collect();
    let plan = plan(&existing)?;
    Ok(Proposal {
        files: plan.files,
        idempotent: plan.idempotent,
        notes: plan.notes,
    })
}

fn propose_rename(rename: &Rename, barrier: &Barrier<'_>) -> Result<Proposal, Refusal> {
    let mut sources: Vec<(&str, Vec<u8>)> = Vec::new();
    let mut notes = Vec::new();
    for path in &barrier.listing.tracked {
        if !barrier.scope.holds(path) {
            continue;
        }
        let Some(name) = path.to_str() else {
            notes.push(format!(
                "{} has a name that is not UTF-8; it is not looked at",
                path.display()
            ));
            continue;
        };
        let real = barrier.repository.root().join(path);
        let Ok(facts) = real.symlink_metadata() else {
            continue;
        };
        if facts.is_symlink() {
            check_link(rename, barrier, name)?;
            continue;
        }
        if facts.len() > LARGEST {
            notes.push(format!("{name} is larger than 8 MiB; it is not looked at"));
            continue;
        }
        if let Some(contents) = read(barrier.tree, name)? {
            sources.push((name, contents));
        }
    }
    let files: Vec<SourceFile<'_>> = sources
        .iter()
        .map(|(path, contents)| SourceFile { path, contents })
        .collect();
    let planned =
        rename::plan(rename, &files).map_err(|error| edit(error.code(), &error, error.hint()))?;
    match planned {
        RenameOutcome::Already(left) => {
            notes.extend(left.notes(&rename.from));
            Ok(Proposal {
                files: Vec::new(),
                idempotent: true,
                notes,
            })
        }
        RenameOutcome::Planned(plan) => {
            for file in &plan.edited {
                barrier.check(&file.path)?;
            }
            notes.extend(plan.left.notes(&rename.from));
            Ok(Proposal {
                files: plan.edited,
                idempotent: false,
                notes,
            })
        }
    }
}

/// A link in the scope to a source outside of it, which the rename would have to change there.
fn check_link(rename: &Rename, barrier: &Barrier<'_>, name: &str) -> Result<(), Refusal> {
    let root = barrier.repository.root();
    let Ok(real) = root.join(name).canonicalize() else {
        // It leads nowhere.
        return Ok(());
    };
    let inside = real.strip_prefix(root).ok();
    let is_in_scope = inside.is_some_and(|path| barrier.scope.holds(path));
    let is_source = real.is_file() && real.metadata().is_ok_and(|facts| facts.len() <= LARGEST);
    if is_in_scope || !is_source {
        return Ok(());
    }
    let Ok(contents) = std::fs::read(&real) else {
        return Ok(());
    };
    // What a link is called says what language it is read as.
    let alone = [SourceFile {
        path: name,
        contents: &contents,
    }];
    if !matches!(rename::plan(rename, &alone), Ok(RenameOutcome::Planned(_))) {
        return Ok(());
    }
    let shown = inside.unwrap_or(&real).display().to_string();
    let refusal = Refusal::new(
        barrier.code,
        format!(
            "{name} is a link to {shown}, outside of the scope, which uses `{}`; nothing was written",
            rename.from
        ),
    );
    Err(refusal.hint(match inside {
        Some(_) => format!("add it to the scope: --scope {shown}"),
        None => "take the link out of the scope, or rename there too".to_owned(),
    }))
}
