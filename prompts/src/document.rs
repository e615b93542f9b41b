//! The file of one prompt. What is not changed stays as it was, in its order.

use serde_json::{Map, Value};

use crate::error::PromptError;
use crate::id::Kind;

const METADATA: &str = "prompt_metadata";

/// See the file's head.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    whole: Map<String, Value>,
    kind: Kind,
    is_wrapped: bool,
}

impl Document {
    /// Reads a file, wrapped in its kind or not.
    ///
    /// # Errors
    ///
    /// When it is no JSON object.
    pub fn read(text: &str, kind: Kind, path: &str) -> Result<Self, PromptError> {
        let broken = |reason: String| PromptError::Broken {
            path: path.to_owned(),
            reason,
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match serde_json::from_str(text) {
            Ok(Value::Object(whole)) => Ok(Self {
                is_wrapped: whole.get(kind.as_str()).is_some_and(Value::is_object),
                whole,
                kind,
            }),
            Ok(_) => Err(broken("is no JSON object".to_owned())),
            Err(error) => Err(broken(format!("is no valid JSON: {error}"))),
        }
    }

    /// A document of these fields.
    #[must_use]
    pub fn of(kind: Kind, fields: Map<String, Value>) -> Self {
        let mut whole = Map::new();
        whole.insert(kind.as_str().to_owned(), Value::Object(fields));
        Self {
            whole,
            kind,
            is_wrapped: true,
        }
    }

    /// The fields of the asset.
    #[must_use]
    pub fn fields(&self) -> &Map<String, Value> {
        let inner = self
            .whole
            .get(self.kind.as_str())
            .and_then(Value::as_object);
        match inner {
            Some(inner) if self.is_wrapped => inner,
            Some(_) | None => &self.whole,
        }
    }

    /// What it says of itself.
    #[must_use]
    pub fn metadata(&self) -> Option<&Map<String, Value>> {
        self.fields().get(METADATA)?.as_object()
    }

    /// A word of the metadata that says something.
    #[must_use]
    pub fn word(&self, key: &str) -> Option<&str> {
        let text = self.metadata()?.get(key)?.as_str()?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// Changes what it says of itself.
    pub fn edit(&mut self, edit: impl FnOnce(&mut Map<String, Value>)) {
        let mut metadata = self.metadata().cloned().unwrap_or_default();
        edit(&mut metadata);
        let fields = if self.is_wrapped {
            let inner = self.whole.get_mut(self.kind.as_str());
            inner.and_then(Value::as_object_mut)
        } else {
            Some(&mut self.whole)
        };
        if let Some(fields) = fields {
            fields.insert(METADATA.to_owned(), Value::Object(metadata));
        }
    }

    /// The whole as a value.
    #[must_use]
    pub fn payload(&self) -> Value {
        Value::Object(self.whole.clone())
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        // Values that were read can be written.
        let text = serde_json::to_string_pretty(&self.whole).unwrap_or_default();
        text + "\n"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_changed_stays_in_its_order() {
        let text = r#"{"z": 1, "role": {"b": 1.50, "prompt_metadata": {"version": "1", "x": [1], "status": "draft"}, "a": "ü"}, "y": null}"#;
        let mut document = Document::read(text, Kind::Role, "x.json").unwrap();
        document.edit(|metadata| {
            metadata.insert("status".to_owned(), json!("candidate"));
            metadata.insert("owner".to_owned(), json!("me"));
        });
        insta::assert_snapshot!(document.text(), @r#"
        {
          "z": 1,
          "role": {
            "b": 1.5,
            "prompt_metadata": {
              "version": "1",
              "x": [
                1
              ],
              "status": "candidate",
              "owner": "me"
            },
            "a": "ü"
          },
          "y": null
        }
        "#);
        let mut bare = Document::read(r#"{"prompt_metadata": 3}"#, Kind::Role, "x").unwrap();
        bare.edit(|metadata| {
            metadata.insert("version".to_owned(), json!("1"));
        });
        assert_eq!(bare.payload(), json!({"prompt_metadata": {"version": "1"}}));
        for bad in ["", "[]", "{", "3"] {
            let error = Document::read(bad, Kind::Role, "x").unwrap_err();
            assert_eq!(error.code(), "E_PROMPT_BROKEN", "{bad}");
        }
    }
}
