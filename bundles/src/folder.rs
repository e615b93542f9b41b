//! The manifest of a folder, and whether the files that it names are there.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::document::{self, Format, MAX_BYTES};
use crate::manifest::{Manifest, NAMES};
use crate::problem::{Code, Problem};
use crate::references;

/// A folder with a manifest in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder {
    /// The folder.
    pub(crate) root: PathBuf,
    /// The manifest's name in it.
    pub(crate) name: String,
    /// The manifest's file.
    pub(crate) file: PathBuf,
}

impl Folder {
    /// The folder of a target: itself, or that of a manifest.
    pub(crate) fn find(target: &Path) -> Result<Self, Problem> {
        let shown = target.display().to_string();
        let missing = |message: String| Problem::new(Code::ManifestNotFound, &shown, message);
        let about = match std::fs::metadata(target) {
            Ok(about) => about,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(missing("is not there".to_owned()));
            }
            Err(error) => return Err(missing(error.to_string())),
        };
        if about.is_dir() {
            let name = NAMES.iter().find(|name| target.join(name).is_file());
            return match name {
                Some(name) => Ok(Self {
                    root: target.to_owned(),
                    name: (*name).to_owned(),
                    file: target.join(name),
                }),
                None => Err(missing(format!("holds none of {}", NAMES.join(", ")))),
            };
        }
        let name = target.file_name().and_then(|name| name.to_str());
        let name = name.filter(|name| about.is_file() && NAMES.contains(name));
        let Some(name) = name else {
            let message = format!(
                "is neither a folder nor one of {}; `orket inspect` looks into what is packed",
                NAMES.join(", ")
            );
            return Err(missing(message));
        };
        let root = target.parent().filter(|it| !it.as_os_str().is_empty());
        Ok(Self {
            root: root.unwrap_or_else(|| Path::new(".")).to_owned(),
            name: name.to_owned(),
            file: target.to_owned(),
        })
    }

    /// The manifest.
    pub(crate) fn manifest(&self) -> Result<Manifest, Vec<Problem>> {
        let parse = |message| vec![Problem::new(Code::ManifestParse, &self.name, message)];
        let bytes = read(&self.file).map_err(parse)?;
        manifest_of(&bytes, &self.name, Code::ManifestSchema)
    }

    /// What of that which the manifest names is not there.
    pub(crate) fn missing(&self, manifest: &Manifest) -> Vec<Problem> {
        let root = std::fs::canonicalize(&self.root);
        let wrong = |path: &str| -> Option<&str> {
            let file = self.root.join(path);
            let (Ok(root), Ok(real)) = (&root, std::fs::canonicalize(&file)) else {
                return Some("is not there");
            };
            if !real.starts_with(root) {
                return Some("leads out of the bundle");
            }
            match std::fs::metadata(&real) {
                Ok(about) if about.is_file() => None,
                Ok(about) if about.is_dir() => Some("is a folder"),
                Ok(_) => Some("is no file"),
                Err(_) => Some("cannot be read"),
            }
        };
        references::of(manifest)
            .iter()
            .filter_map(|reference| Some(reference.missing(wrong(&reference.path)?)))
            .collect()
    }
}

/// The manifest in these bytes; faults of its fields get `schema` as their code.
pub(crate) fn manifest_of(
    bytes: &[u8],
    name: &str,
    schema: Code,
) -> Result<Manifest, Vec<Problem>> {
    let format = Format::of(name).unwrap_or(Format::Json);
    let document = document::read(bytes, format)
        .map_err(|message| vec![Problem::new(Code::ManifestParse, name, message)])?;
    Manifest::read(&document).map_err(|wrong| {
        wrong
            .into_iter()
            .map(|(path, message)| Problem::new(schema, path, message))
            .collect()
    })
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let handle = std::fs::File::open(file).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let mut limited = handle.take(MAX_BYTES + 1);
    limited.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("is larger than {MAX_BYTES} bytes"));
    }
    Ok(bytes)
}
