//! Which version of Orket a manifest asks for.

use std::str::FromStr;

use pep440_rs::Version;

use crate::manifest::Manifest;
use crate::problem::{Code, Problem};

/// A version that manifests are held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    written: String,
    version: Version,
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version (PEP 440), such as {default}", default = crate::ENGINE_VERSION)]
pub struct BadVersion(pub String);

impl Engine {
    /// Reads a version.
    ///
    /// # Errors
    ///
    /// [`BadVersion`].
    pub fn new(text: &str) -> Result<Self, BadVersion> {
        let written = text.trim().to_owned();
        match Version::from_str(&written) {
            Ok(version) => Ok(Self { written, version }),
            Err(_) => Err(BadVersion(text.to_owned())),
        }
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// What is wrong when the manifest is for other versions.
    #[must_use]
    pub fn check(&self, manifest: &Manifest) -> Option<Problem> {
        if manifest.engine_range.contains(&self.version) {
            return None;
        }
        let message = format!(
            "asks for Orket {}, this is {}",
            manifest.engine_version, self.written
        );
        let location = "metadata.engineVersion";
        Some(Problem::new(Code::EngineIncompatible, location, message))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ranges_hold_what_pep_440_says() {
        let mut document = crate::manifest::tests::whole();
        for (range, version, holds) in [
            (">=0.3,<0.4", "0.3.9", true),
            (">=0.3,<0.4", "0.4.0", false),
            ("==0.3.*", "0.3.12", true),
            ("~=0.3.2", "0.3.9", true),
            ("~=0.3.2", "0.4", false),
            ("!=0.3.9", "0.3.9", false),
            (">=1!0", "0.3.9", false),
        ] {
            document["metadata"]["engineVersion"] = json!(range);
            let manifest = Manifest::read(&document).unwrap();
            let problem = Engine::new(version).unwrap().check(&manifest);
            assert_eq!(problem.is_none(), holds, "{range} {version}: {problem:?}");
        }
        for bad in ["", "three", "0.3.9.", "v 1", ">=1"] {
            assert_eq!(Engine::new(bad), Err(BadVersion(bad.to_owned())));
        }
        assert!(Engine::new(crate::ENGINE_VERSION).is_ok());
    }
}
