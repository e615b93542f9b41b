//! What lies in the index: triplets, references, tombstones.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::LSI_VERSION;
use super::name::Stem;
use super::words::Code;

/// What is kept of a body, its links and its manifest: their digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triplet {
    /// `lsi/v1`.
    pub lsi_version: String,
    /// What it is called.
    pub stem: Stem,
    /// The `dto_type` of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dto_type: Option<String>,
    /// The `id` of the body. The reference keeps it in the body alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dto_id: Option<String>,
    /// Of the body.
    pub body_digest: String,
    /// Of the links.
    pub links_digest: String,
    /// Of the manifest.
    pub manifest_digest: String,
    /// The turn that put it there.
    pub updated_at_turn: String,
}

impl Triplet {
    /// What others can refer to it by.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        Some(Target {
            kind: self.dto_type.clone()?,
            id: self.dto_id.clone()?,
        })
    }
}

/// What a reference leads to: a body with this `dto_type` and `id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Its `dto_type`.
    pub kind: String,
    /// Its `id`.
    pub id: String,
}

impl Target {
    /// Its `dto_type` and its `id`.
    #[must_use]
    pub fn pair(&self) -> (&str, &str) {
        (&self.kind, &self.id)
    }

    /// What a body can be referred to by.
    #[must_use]
    pub fn of_body(body: &Map<String, Value>) -> (Option<String>, Option<String>) {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let kind = text("dto_type");
        let id = if kind.is_some() { text("id") } else { None };
        (kind, id)
    }
}

/// Everything that refers to one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct References {
    /// `lsi/v1`.
    pub lsi_version: String,
    /// The target's `dto_type`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The target's `id`.
    pub id: String,
    /// Who refers to it, sorted.
    pub sources: Vec<Source>,
}

/// One place that refers to a target. Sorted by its fields in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Source {
    /// Whose links.
    pub stem: Stem,
    /// Where in them: `/links/<key>`, or `/links/<key>/<place>`.
    pub location: String,
    /// What the link says of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relationship: Option<String>,
    /// The digest of the links.
    pub artifact_digest: String,
}

/// That a body is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// Which.
    pub stem: Stem,
    /// Its `dto_type`.
    pub dto_type: String,
    /// Its `id`.
    pub id: String,
}

impl Tombstone {
    /// Reads the tombstone in the file of `stem`, staged in `turn_id`.
    ///
    /// # Errors
    ///
    /// [`Code::ETombstoneInvalid`] or [`Code::ETombstoneStemMismatch`], and why.
    pub fn read(stem: &Stem, turn_id: &str, value: &Value) -> Result<Self, (Code, String)> {
        let invalid = |why: &str| (Code::ETombstoneInvalid, why.to_owned());
        let text = |name: &str| {
            value
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .ok_or_else(|| invalid(&format!("`{name}` must be a text")))
        };
        if text("kind")? != "tombstone" {
            return Err(invalid("`kind` must be `tombstone`"));
        }
        let (own, dto_type, id) = (text("stem")?, text("dto_type")?, text("id")?);
        if text("deleted_by_turn_id")? != turn_id {
            return Err(invalid(
                "`deleted_by_turn_id` must be the turn it is staged in",
            ));
        }
        if own != stem.as_str() {
            let why = format!("it is for `{own}`, its file for `{stem}`");
            return Err((Code::ETombstoneStemMismatch, why));
        }
        Ok(Self {
            stem: stem.clone(),
            dto_type: dto_type.to_owned(),
            id: id.to_owned(),
        })
    }
}

/// Whether a record is of the version that is understood.
#[must_use]
pub fn is_understood(lsi_version: &str) -> bool {
    lsi_version == LSI_VERSION
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tombstone_must_be_whole_and_for_its_file() {
        let stem = Stem::new("a/b").unwrap();
        let whole = json!({"kind": "tombstone", "stem": "a/b", "dto_type": "skill", "id": "S1",
            "deleted_by_turn_id": "turn-0002"});
        let read = |value: &Value| Tombstone::read(&stem, "turn-0002", value);
        assert_eq!(
            read(&whole),
            Ok(Tombstone {
                stem: stem.clone(),
                dto_type: "skill".into(),
                id: "S1".into()
            })
        );
        let mut other_stem = whole.clone();
        other_stem["stem"] = json!("a/c");
        assert_eq!(
            read(&other_stem).unwrap_err().0,
            Code::ETombstoneStemMismatch
        );
        let changes = [
            ("kind", json!("grave")),
            ("id", json!(7)),
            ("dto_type", json!("")),
            ("stem", Value::Null),
            ("deleted_by_turn_id", json!("turn-0001")),
        ];
        for (field, value) in changes {
            let mut changed = whole.clone();
            changed[field] = value;
            assert_eq!(
                read(&changed).unwrap_err().0,
                Code::ETombstoneInvalid,
                "{field}"
            );
        }
        assert_eq!(read(&json!([])).unwrap_err().0, Code::ETombstoneInvalid);
    }
}
