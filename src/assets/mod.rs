//! Asset files on disk and those embedded in the binary.
//!
//! [`DiskThenEmbedded`] reads a file from the configuration root when it is there, and otherwise
//! from the copy of `model/` that was compiled in, so that the binary works alone in an empty
//! folder and one edited file overrides just that file.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use orket_core::asset::AssetSource;

/// The shipped assets.
static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/model");

/// The folder of the configuration root that `EMBEDDED` stands for.
const EMBEDDED_ROOT: &str = "model/";

/// The largest asset file that is read, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Files of a configuration root, then those of the binary.
#[derive(Debug, Clone)]
pub struct DiskThenEmbedded {
    root: PathBuf,
}

impl DiskThenEmbedded {
    /// Reads from `root`, which holds `config/` and `model/` or neither.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The configuration root.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the file that [`AssetSource::read`] would give comes from the binary.
    #[must_use]
    pub fn is_embedded(&self, path: &str) -> bool {
        matches!(read_disk(&self.root, path), Ok(None)) && embedded(path).is_some()
    }
}

impl AssetSource for DiskThenEmbedded {
    fn read(&self, path: &str) -> Option<Result<String, String>> {
        match read_disk(&self.root, path) {
            Ok(Some(text)) => Some(Ok(text)),
            Ok(None) => embedded(path).map(|text| Ok(text.to_owned())),
            Err(reason) => Some(Err(reason)),
        }
    }

    fn list(&self, dir: &str) -> Vec<String> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        if is_relative(dir)
            && let Ok(entries) = std::fs::read_dir(self.root.join(dir))
        {
            names.extend(
                entries
                    .flatten()
                    .filter(|entry| entry.path().is_file())
                    .filter_map(|entry| entry.file_name().into_string().ok()),
            );
        }
        if let Some(inner) = dir.strip_prefix(EMBEDDED_ROOT)
            && let Some(dir) = EMBEDDED.get_dir(inner)
        {
            names.extend(
                dir.files()
                    .filter_map(|file| file.path().file_name()?.to_str())
                    .map(str::to_owned),
            );
        }
        names.into_iter().collect()
    }

    fn folders(&self, dir: &str) -> Vec<String> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        if is_relative(dir)
            && let Ok(entries) = std::fs::read_dir(self.root.join(dir))
        {
            names.extend(
                entries
                    .flatten()
                    .filter(|entry| entry.path().is_dir())
                    .filter_map(|entry| entry.file_name().into_string().ok()),
            );
        }
        let shipped = if format!("{dir}/") == EMBEDDED_ROOT {
            Some(&EMBEDDED)
        } else {
            dir.strip_prefix(EMBEDDED_ROOT)
                .and_then(|inner| EMBEDDED.get_dir(inner))
        };
        if let Some(shipped) = shipped {
            names.extend(
                shipped
                    .dirs()
                    .filter_map(|dir| dir.path().file_name()?.to_str())
                    .map(str::to_owned),
            );
        }
        names.into_iter().collect()
    }
}

/// The text of a shipped file; `path` as in [`AssetSource::read`].
#[must_use]
pub fn embedded(path: &str) -> Option<&'static str> {
    let inner = path.strip_prefix(EMBEDDED_ROOT)?;
    EMBEDDED.get_file(inner)?.contents_utf8()
}

/// Names are checked where they enter; this holds even for a caller that forgot.
fn is_relative(path: &str) -> bool {
    let mut parts = path.split(['/', '\\']);
    parts.all(|part| !part.is_empty() && part != "." && part != ".." && !part.contains(':'))
}

fn read_disk(root: &Path, path: &str) -> Result<Option<String>, String> {
    if !is_relative(path) {
        return Err("the path leaves the configuration root".to_owned());
    }
    let file = root.join(path);
    let about = match std::fs::metadata(&file) {
        Ok(about) => about,
        Err(error) if is_absent(error.kind()) => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    if !about.is_file() {
        return Err("it is no file".to_owned());
    }
    if about.len() > MAX_BYTES {
        return Err(format!("it is larger than {MAX_BYTES} bytes"));
    }
    match std::fs::read(&file) {
        Ok(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| "it is no UTF-8 text".to_owned()),
        Err(error) if is_absent(error.kind()) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn is_absent(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}
