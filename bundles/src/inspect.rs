//! What is in a bundle, in a folder or packed.

use std::path::Path;

use serde::Serialize;

use crate::archive::{self, Contents};
use crate::folder::manifest_of;
use crate::manifest::{Manifest, Model, NAMES};
use crate::problem::{Code, Problem, sorted};
use crate::references;
use crate::validate::{Options, checked};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Whether it is whole.
    pub ok: bool,
    /// What was looked at, as it was given.
    pub target: String,
    /// The manifest: its file, or its name in the archive.
    pub manifest_path: Option<String>,
    /// The bundle's name.
    pub name: Option<String>,
    /// The bundle's version.
    pub version: Option<String>,
    /// Which versions of Orket it is for.
    #[serde(rename = "engineVersion")]
    pub engine_version: Option<String>,
    /// Which models.
    pub model: Option<Model>,
    /// What it would be allowed.
    pub permissions: Option<Counts>,
    /// How many agents.
    pub agents_count: usize,
    /// Its guards.
    pub guards: Vec<String>,
    /// How many errors.
    pub error_count: usize,
    /// The errors, sorted.
    pub errors: Vec<Problem>,
    /// How many entries the archive has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_count: Option<usize>,
}

/// What a bundle would be allowed, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Places it may read.
    pub filesystem_read_count: usize,
    /// Places it may write.
    pub filesystem_write_count: usize,
    /// Whether it may use the network.
    pub network_allowed: bool,
    /// Tools it may use.
    pub tools_allowed_count: usize,
}

/// Looks into `target`, a folder, a manifest or a packed bundle; relative paths begin at `base`.
#[must_use]
pub fn inspect(base: &Path, target: &str, options: &Options) -> Inspection {
    let mut report = Inspection {
        ok: false,
        target: target.to_owned(),
        manifest_path: None,
        name: None,
        version: None,
        engine_version: None,
        model: None,
        permissions: None,
        agents_count: 0,
        guards: Vec::new(),
        error_count: 0,
        errors: Vec::new(),
        entry_count: None,
    };
    let path = base.join(target);
    let is_manifest = path
        .file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| NAMES.contains(&name));
    match std::fs::metadata(&path) {
        Ok(about) if about.is_dir() || (about.is_file() && is_manifest) => {
            report.of_folder(base, options);
        }
        Ok(about) if about.is_file() => report.of_archive(&path),
        Ok(_) => report.not_found("is neither a folder nor a file".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            report.not_found("is not there".to_owned());
        }
        Err(error) => report.not_found(error.to_string()),
    }
    report.errors = sorted(report.errors);
    report.error_count = report.errors.len();
    report.ok = report.errors.is_empty();
    report
}

impl Inspection {
    fn not_found(&mut self, message: String) {
        let code = Code::InspectTargetNotFound;
        self.errors.push(Problem::new(code, &self.target, message));
    }

    fn of_folder(&mut self, base: &Path, options: &Options) {
        let (validation, found) = checked(base, &self.target, options);
        self.manifest_path = validation.manifest_path;
        self.errors = validation.errors;
        if let Some((_, manifest)) = found {
            self.tell(manifest);
        }
    }

    /// No version of Orket is asked for: an archive may be for another machine.
    fn of_archive(&mut self, file: &Path) {
        let Contents {
            files,
            count,
            manifest,
        } = match archive::read(file, &self.target) {
            Ok(contents) => contents,
            Err(problems) => {
                self.errors = problems;
                return;
            }
        };
        self.entry_count = Some(count);
        let Some((name, bytes)) = manifest else {
            let message = format!("holds none of {}", NAMES.join(", "));
            let code = Code::InspectManifestNotFound;
            self.errors.push(Problem::new(code, &self.target, message));
            return;
        };
        self.manifest_path = Some(name.clone());
        // Whoever packed it should have looked: fields that are wrong are as bad as no YAML there.
        match manifest_of(&bytes, &name, Code::ManifestParse) {
            Err(problems) => self.errors = problems,
            Ok(manifest) => {
                let missing = references::of(&manifest)
                    .into_iter()
                    .filter(|reference| !files.contains(&reference.path))
                    .map(|reference| reference.missing("is not in the archive"));
                self.errors.extend(missing);
                self.tell(manifest);
            }
        }
    }

    fn tell(&mut self, manifest: Manifest) {
        self.name = Some(manifest.name);
        self.version = Some(manifest.version);
        self.engine_version = Some(manifest.engine_version);
        self.model = Some(manifest.model);
        self.permissions = Some(Counts {
            filesystem_read_count: manifest.permissions.read.len(),
            filesystem_write_count: manifest.permissions.write.len(),
            network_allowed: manifest.permissions.network,
            tools_allowed_count: manifest.permissions.tools.len(),
        });
        self.agents_count = manifest.agents.len();
        self.guards = manifest.guards;
    }
}
