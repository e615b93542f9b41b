//! Where asset files come from, as a port.

use std::collections::{BTreeMap, BTreeSet};

/// Files below the configuration root. Paths are relative to it, with `/`, such as
/// `model/core/epics/golden_flow.json`.
pub trait AssetSource {
    /// The text of a file: `None` when there is no such file, `Some(Err)` when it cannot be read.
    fn read(&self, path: &str) -> Option<Result<String, String>>;

    /// The names of the files in a folder, in any order; none when there is no such folder.
    fn list(&self, dir: &str) -> Vec<String>;

    /// The names of the folders in a folder, in any order; none when there is no such folder.
    fn folders(&self, dir: &str) -> Vec<String>;
}

impl<S: AssetSource + ?Sized> AssetSource for &S {
    fn read(&self, path: &str) -> Option<Result<String, String>> {
        (**self).read(path)
    }
    fn list(&self, dir: &str) -> Vec<String> {
        (**self).list(dir)
    }
    fn folders(&self, dir: &str) -> Vec<String> {
        (**self).folders(dir)
    }
}

impl<S: AssetSource + ?Sized> AssetSource for std::sync::Arc<S> {
    fn read(&self, path: &str) -> Option<Result<String, String>> {
        (**self).read(path)
    }
    fn list(&self, dir: &str) -> Vec<String> {
        (**self).list(dir)
    }
    fn folders(&self, dir: &str) -> Vec<String> {
        (**self).folders(dir)
    }
}

/// Files held in memory, for assets that come over the wire and for tests.
#[derive(Debug, Clone, Default)]
pub struct MemorySource(pub BTreeMap<String, String>);

impl MemorySource {
    /// Adds or replaces a file.
    #[must_use]
    pub fn with(mut self, path: &str, text: impl Into<String>) -> Self {
        self.0.insert(path.to_owned(), text.into());
        self
    }
}

impl AssetSource for MemorySource {
    fn read(&self, path: &str) -> Option<Result<String, String>> {
        self.0.get(path).cloned().map(Ok)
    }

    fn list(&self, dir: &str) -> Vec<String> {
        let names: BTreeSet<_> = self
            .0
            .keys()
            .filter_map(|path| path.strip_prefix(dir)?.strip_prefix('/'))
            .filter(|rest| !rest.contains('/'))
            .collect();
        names.into_iter().map(str::to_owned).collect()
    }

    fn folders(&self, dir: &str) -> Vec<String> {
        let names: BTreeSet<_> = self
            .0
            .keys()
            .filter_map(|path| path.strip_prefix(dir)?.strip_prefix('/')?.split_once('/'))
            .map(|(folder, _)| folder)
            .collect();
        names.into_iter().map(str::to_owned).collect()
    }
}
