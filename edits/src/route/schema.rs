//! What a request holds: `id:int,name:string,tags:string[]`.

use serde::Serialize;

use super::RouteError;

/// The types that a field can have.
pub const TYPES: [&str; 12] = [
    "int", "integer", "number", "float", "string", "bool", "boolean", "date", "datetime", "uuid",
    "json", "any",
];

/// The most fields of one schema.
const MOST: usize = 100;

/// A field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// As JavaScript can spell it.
    pub name: String,
    /// One of [`TYPES`], with `[]` after it when it is a list.
    #[serde(rename = "type")]
    pub kind: String,
}

/// The fields of a request, in the order given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Schema {
    fields: Vec<Field>,
}

impl Schema {
    /// Reads `name:type,name:type`.
    ///
    /// # Errors
    ///
    /// [`RouteError::Schema`] says which field is wrong, and how.
    pub fn parse(text: &str) -> Result<Self, RouteError> {
        let refuse = |why: String| Err(RouteError::Schema(why));
        let mut fields: Vec<Field> = Vec::new();
        for part in text.split(',') {
            let part = part.trim();
            let Some((name, kind)) = part.split_once(':') else {
                return refuse(format!("`{part}` is not `name:type`"));
            };
            let (name, kind) = (name.trim(), kind.trim());
            let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if !begins || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return refuse(format!("`{name}` cannot be the name of a field"));
            }
            if name == "__proto__" {
                return refuse("`__proto__` means something else in JavaScript".to_owned());
            }
            if !TYPES.contains(&kind.strip_suffix("[]").unwrap_or(kind)) {
                return refuse(format!(
                    "`{kind}` of `{name}` is not a type; the types are {}",
                    TYPES.join(", ")
                ));
            }
            if fields.iter().any(|field| field.name == name) {
                return refuse(format!("`{name}` is there twice"));
            }
            if fields.len() == MOST {
                return refuse(format!("it has more than {MOST} fields"));
            }
            fields.push(Field {
                name: name.to_owned(),
                kind: kind.to_owned(),
            });
        }
        Ok(Self { fields })
    }

    /// The fields, in the order given.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_a_list_of_names_with_types() {
        let schema = Schema::parse(" id:int, name : string,tags:string[] ").expect("a schema");
        let told: Vec<(&str, &str)> = schema
            .fields()
            .iter()
            .map(|field| (field.name.as_str(), field.kind.as_str()))
            .collect();
        assert_eq!(
            told,
            [("id", "int"), ("name", "string"), ("tags", "string[]")]
        );
    }

    #[test]
    fn what_is_wrong_with_a_schema_is_said() {
        let many = (0..101)
            .map(|n| format!("f{n}:int"))
            .collect::<Vec<_>>()
            .join(",");
        let said: Vec<String> = [
            "",
            "id",
            "id:int,",
            "id:int,id:string",
            "1d:int",
            "i d:int",
            "id:",
            "id:int[][]",
            "id:Int",
            "id:__import__('os')",
            "__proto__:int",
            "a'b:int",
            "a:int */",
            &many,
        ]
        .into_iter()
        .map(|text| Schema::parse(text).expect_err(text).to_string())
        .collect();
        insta::assert_snapshot!(said.join("\n"));
    }
}
