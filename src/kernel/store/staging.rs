//! What turns have staged: `staging/<run>/<turn>/`, laid out like what is committed.

use std::collections::HashSet;

use cap_std::fs::Dir;
use orket_core::canonical::sha256_hex;
use serde_json::Value;

use super::StoreError;
use super::files;
use super::read::{load, object};
use super::text;
use crate::kernel::canonical;
use crate::kernel::links::references;
use crate::kernel::name::{RunName, Stem, escaped};
use crate::kernel::promotion::Staged;
use crate::kernel::record::{Triplet, is_understood};
use crate::kernel::request::StagedTriplet;

/// The folder of what all runs have staged.
pub const STAGING: &str = "staging";

/// The folder of what a turn has staged.
///
/// # Errors
///
/// When its id can be no name; requests are checked for that.
pub fn folder(run: &RunName, turn_id: &str) -> Result<String, StoreError> {
    let unnameable = || StoreError::Damaged(format!("`{turn_id}` can be no name"));
    let turn = escaped(turn_id).ok_or_else(unnameable)?;
    Ok(format!("{STAGING}/{}/{turn}", run.as_str()))
}

/// Stages a body; one of the same stem that the turn has staged before is replaced.
///
/// # Errors
///
/// When it cannot be written.
pub fn stage(index: &Dir, folder: &str, staged: &StagedTriplet) -> Result<(), StoreError> {
    for (digest, text) in &staged.objects {
        let path = object(folder, digest);
        if files::read(index, &path)?.as_deref() != Some(text.as_bytes()) {
            files::write(index, &path, text.as_bytes())?;
        }
    }
    let mut known = load(index, folder)?;
    let mut touched = known.forget_sources(&HashSet::from([&staged.record.stem]));
    touched.append(&mut known.put(staged.record.clone(), &staged.references));
    for target in touched {
        let sources = known.references.get(&target).map_or(&[][..], Vec::as_slice);
        let path = format!("{folder}/{}", text::references_path(&target)?);
        if sources.is_empty() {
            files::remove(index, &path)?;
        } else {
            files::write(index, &path, &text::references(&target, sources)?)?;
        }
    }
    let path = format!("{folder}/{}", text::triplet_path(&staged.record.stem));
    files::write(index, &path, &text::triplet(&staged.record)?)?;
    Ok(files::flush(index)?)
}

/// Stages a tombstone.
///
/// # Errors
///
/// When it cannot be written.
pub fn stage_tombstone(
    index: &Dir,
    folder: &str,
    stem: &Stem,
    tombstone: &Value,
) -> Result<(), StoreError> {
    let path = format!("{folder}/triplets/{}", stem.tombstone_file());
    files::write(index, &path, canonical::to_string(tombstone)?.as_bytes())?;
    Ok(files::flush(index)?)
}

/// What a turn has staged, every object of it whole.
///
/// # Errors
///
/// When something is damaged; [`StoreError::Links`] when links are no object.
pub fn staged(index: &Dir, folder: &str) -> Result<Staged, StoreError> {
    let mut staged = Staged::default();
    let triplets = format!("{folder}/triplets");
    for file in files::tree(index, &triplets)?.files {
        let Some((stem, is_tombstone)) = Stem::of_file(&file) else {
            return Err(StoreError::Damaged(format!("`{file}` is no triplet")));
        };
        let text = files::read(index, &format!("{triplets}/{file}"))?.unwrap_or_default();
        if is_tombstone {
            // One that is no JSON is none; the plan says so.
            let value = serde_json::from_slice(&text).unwrap_or(Value::Null);
            staged.tombstones.push((stem, value));
            continue;
        }
        let triplet: Triplet = serde_json::from_slice(&text)
            .map_err(|error| StoreError::Damaged(format!("`{file}` is damaged: {error}")))?;
        if triplet.stem != stem || !is_understood(&triplet.lsi_version) {
            return Err(StoreError::Damaged(format!(
                "`{file}` is no triplet of `{stem}`"
            )));
        }
        whole(index, folder, &triplet.body_digest)?;
        whole(index, folder, &triplet.manifest_digest)?;
        let links = whole(index, folder, &triplet.links_digest)?;
        let Ok(Value::Object(links)) = serde_json::from_slice(&links) else {
            return Err(StoreError::Links(stem));
        };
        let references = references(&links).map_err(|_unnameable| StoreError::Links(stem))?;
        staged.triplets.push((triplet, references));
    }
    Ok(staged)
}

fn whole(index: &Dir, folder: &str, digest: &str) -> Result<Vec<u8>, StoreError> {
    let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let bytes = if is_digest {
        files::read(index, &object(folder, digest))?
    } else {
        None
    };
    match bytes {
        Some(bytes) if sha256_hex(&bytes) == digest => Ok(bytes),
        Some(_) => Err(StoreError::Damaged(format!("object `{digest}` is damaged"))),
        None => Err(StoreError::Damaged(format!("object `{digest}` is gone"))),
    }
}
