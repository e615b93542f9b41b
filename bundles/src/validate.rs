//! Whether a bundle in a folder is whole.

use std::path::Path;

use serde::Serialize;

use crate::engine::Engine;
use crate::folder::Folder;
use crate::manifest::Manifest;
use crate::problem::{Problem, sorted};
use crate::selection::{Selection, Wish};

/// What it is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The version of Orket.
    pub engine: Engine,
    /// The models.
    pub models: Wish,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Validation {
    /// Whether it is whole.
    pub ok: bool,
    /// What was looked at, as it was given.
    pub target: String,
    /// The manifest's file.
    pub manifest_path: Option<String>,
    /// The bundle's name.
    pub manifest_name: Option<String>,
    /// The bundle's version.
    pub manifest_version: Option<String>,
    /// The version of Orket it was held against.
    pub engine_version_checked: String,
    /// How many errors.
    pub error_count: usize,
    /// The errors, sorted.
    pub errors: Vec<Problem>,
    /// The model, when one was to be chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_selection: Option<Selection>,
}

/// Looks at the bundle in `target`, a folder or a manifest; relative paths begin at `base`.
#[must_use]
pub fn validate(base: &Path, target: &str, options: &Options) -> Validation {
    checked(base, target, options).0
}

/// The same, with the folder and the manifest where there are any.
pub(crate) fn checked(
    base: &Path,
    target: &str,
    options: &Options,
) -> (Validation, Option<(Folder, Manifest)>) {
    let mut report = Validation {
        ok: false,
        target: target.to_owned(),
        manifest_path: None,
        manifest_name: None,
        manifest_version: None,
        engine_version_checked: options.engine.as_str().to_owned(),
        error_count: 0,
        errors: Vec::new(),
        model_selection: None,
    };
    let folder = match Folder::find(&base.join(target)) {
        Ok(folder) => folder,
        Err(mut problem) => {
            target.clone_into(&mut problem.location);
            report.errors.push(problem);
            return (report.counted(), None);
        }
    };
    report.manifest_path = Some(path_of(target, &folder));
    let manifest = match folder.manifest() {
        Ok(manifest) => manifest,
        Err(problems) => {
            report.errors = problems;
            return (report.counted(), None);
        }
    };
    report.manifest_name = Some(manifest.name.clone());
    report.manifest_version = Some(manifest.version.clone());
    report.errors.extend(folder.missing(&manifest));
    report.errors.extend(options.engine.check(&manifest));
    if !options.models.is_none() {
        let (selection, problem) = options.models.choose(&manifest.model);
        report.errors.extend(problem);
        report.model_selection = Some(selection);
    }
    (report.counted(), Some((folder, manifest)))
}

/// The manifest's path as the target was written.
pub(crate) fn path_of(target: &str, folder: &Folder) -> String {
    let written = Path::new(target);
    if written.ends_with(&folder.name) {
        return target.to_owned();
    }
    let shown = written.join(&folder.name).display().to_string();
    shown
        .strip_prefix("./")
        .map_or(shown.clone(), str::to_owned)
}

impl Validation {
    fn counted(mut self) -> Self {
        self.errors = sorted(self.errors);
        self.error_count = self.errors.len();
        self.ok = self.errors.is_empty();
        self
    }
}
