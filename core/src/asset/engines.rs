//! The catalogue of engines: hardware advice, not routing.

use serde::Serialize;

use super::Asset;
use super::reader::Reader;

/// Which models suit which seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Engines {
    /// Its name.
    pub name: String,
    /// When it was last changed.
    pub updated_at: Option<String>,
    /// One entry per seat or role, in the order of the file.
    pub mappings: Vec<EngineMapping>,
}

/// What suits one seat or role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EngineMapping {
    /// The seat or role.
    pub role: String,
    /// How large a model it needs.
    pub tier: String,
    /// What models for it are called.
    pub keywords: Vec<String>,
    /// The model to fall back to.
    pub fallback: String,
    /// The models.
    pub catalog: Vec<CatalogEntry>,
}

/// One model of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CatalogEntry {
    /// Its name.
    pub model: String,
    /// How large it is.
    pub tier: String,
    /// What it is good at.
    pub description: String,
}

impl Asset for Engines {
    const KIND: &'static str = "engines";
    const CATEGORY: &'static str = "engines";

    fn read(reader: &Reader<'_>, stem: &str) -> Self {
        Self {
            name: reader.text_or("name", stem),
            updated_at: reader.text("updated_at"),
            mappings: reader.named("mappings", |role, mapping| EngineMapping {
                role: role.to_owned(),
                tier: mapping.text_or("tier", ""),
                keywords: mapping.texts("keywords"),
                fallback: mapping.text_or("fallback", ""),
                catalog: mapping.objects(&["catalog"], |_, entry| CatalogEntry {
                    model: entry.required_text(&["model"], "the model's name"),
                    tier: entry.text_or("tier", ""),
                    description: entry.text_or("description", ""),
                }),
            }),
        }
    }
}
