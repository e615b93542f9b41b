//! Reading an index from disk, be it what is committed or what a turn has staged.

use cap_std::fs::Dir;

use super::{StoreError, files};
use crate::kernel::index::Index;
use crate::kernel::name::Stem;
use crate::kernel::record::{References, Target, Triplet, is_understood};

/// Reads the index below `base`, without bodies.
///
/// # Errors
///
/// When something is damaged.
pub fn load(index: &Dir, base: &str) -> Result<Index, StoreError> {
    let mut loaded = Index::default();
    let folder = format!("{base}/triplets");
    for file in files::tree(index, &folder)?.files {
        let Some((stem, is_tombstone)) = Stem::of_file(&file) else {
            return Err(StoreError::Damaged(format!("`{file}` is no triplet")));
        };
        if is_tombstone {
            continue;
        }
        let mut triplet: Triplet = record(index, &format!("{folder}/{file}"))?;
        if triplet.stem != stem || !is_understood(&triplet.lsi_version) {
            return Err(StoreError::Damaged(format!(
                "`{file}` is no triplet of `{stem}`"
            )));
        }
        if triplet.dto_type.is_some() && triplet.dto_id.is_none() {
            // As the reference writes it: the id is in the body alone.
            triplet.dto_id = id_in_body(index, base, &triplet)?;
        }
        loaded.triplets.insert(stem, triplet);
    }
    let folder = format!("{base}/refs/by_id");
    for file in files::tree(index, &folder)?.files {
        let references: References = record(index, &format!("{folder}/{file}"))?;
        if !is_understood(&references.lsi_version) {
            return Err(StoreError::Damaged(format!(
                "`{file}` is of another version"
            )));
        }
        let target = Target {
            kind: references.kind,
            id: references.id,
        };
        if !references.sources.is_empty() {
            loaded.references.insert(target, references.sources);
        }
    }
    Ok(loaded)
}

fn record<T: serde::de::DeserializeOwned>(index: &Dir, path: &str) -> Result<T, StoreError> {
    let gone = || StoreError::Damaged(format!("`{path}` is gone"));
    let text = files::read(index, path)?.ok_or_else(gone)?;
    serde_json::from_slice(&text)
        .map_err(|error| StoreError::Damaged(format!("`{path}` is damaged: {error}")))
}

fn id_in_body(index: &Dir, base: &str, triplet: &Triplet) -> Result<Option<String>, StoreError> {
    let body: serde_json::Value = record(index, &object(base, &triplet.body_digest))?;
    Ok(body
        .get("id")
        .and_then(serde_json::Value::as_str)
        .map(str::to_owned))
}

/// The file of an object.
#[must_use]
pub fn object(base: &str, digest: &str) -> String {
    format!(
        "{base}/objects/{}/{digest}",
        digest.get(..2).unwrap_or_default()
    )
}
