//! Records as the files they are kept in: where, below a folder, and with what in them.

use super::StoreError;
use crate::kernel::name::{Stem, escaped};
use crate::kernel::record::{References, Source, Target, Triplet};
use crate::kernel::{LSI_VERSION, canonical};

/// Where a triplet is.
#[must_use]
pub fn triplet_path(stem: &Stem) -> String {
    format!("triplets/{}", stem.file())
}

/// A triplet.
///
/// # Errors
///
/// Never in practice: it is made of texts.
pub fn triplet(triplet: &Triplet) -> Result<Vec<u8>, StoreError> {
    Ok(canonical::to_string(&serde_json::to_value(triplet)?)?.into_bytes())
}

/// Where what refers to a target is.
///
/// # Errors
///
/// When the target can have no file; links are checked for that.
pub fn references_path(target: &Target) -> Result<String, StoreError> {
    let unnameable = || StoreError::Damaged("a reference leads to what has no name".to_owned());
    let kind = escaped(&target.kind).ok_or_else(unnameable)?;
    let id = escaped(&target.id).ok_or_else(unnameable)?;
    Ok(format!("refs/by_id/{kind}/{id}.json"))
}

/// What refers to a target.
///
/// # Errors
///
/// Never in practice: it is made of texts.
pub fn references(target: &Target, sources: &[Source]) -> Result<Vec<u8>, StoreError> {
    let references = References {
        lsi_version: LSI_VERSION.to_owned(),
        kind: target.kind.clone(),
        id: target.id.clone(),
        sources: sources.to_vec(),
    };
    Ok(canonical::to_string(&serde_json::to_value(references)?)?.into_bytes())
}
