//! Reading what a request says, field by field. Everything that is wrong is collected, so that one
//! answer (422) names all of it.
//!
//! ```ignore
//! let mut query = Check::query(&request)?;
//! let limit = query.count("limit", 50, 1, 500);
//! let status = query.text("status");
//! query.finish()?;
//! ```

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use actix_web::web::Query;
use serde_json::{Map, Value, json};

use super::problem::{FieldProblem, MOST_FIELDS, Problem, glimpse};

/// The longest text that a query field may have, in bytes.
const LONGEST_FIELD: usize = 4_096;

/// See the file's head.
#[derive(Debug)]
pub struct Check {
    place: &'static str,
    fields: BTreeMap<String, Value>,
    problems: Vec<FieldProblem>,
}

impl Check {
    /// Over the query of a request. Of a field that is given twice the last one counts; an empty one
    /// is one that is not given.
    ///
    /// # Errors
    ///
    /// When it is no query at all.
    pub fn query(request: &HttpRequest) -> Result<Self, Problem> {
        let pairs = Query::<Vec<(String, String)>>::from_query(request.query_string())
            .map_err(|error| Problem::bad_request(format!("the query cannot be read: {error}")))?
            .into_inner();
        let fields = pairs
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name, Value::String(value)))
            .collect();
        let mut check = Self {
            place: "query",
            fields,
            problems: Vec::new(),
        };
        let long: Vec<String> = check
            .fields
            .iter()
            .filter(|(_, value)| {
                value
                    .as_str()
                    .is_some_and(|text| text.len() > LONGEST_FIELD)
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in long {
            let msg = format!("must have at most {LONGEST_FIELD} bytes");
            check.problem(
                &name,
                "string_too_long",
                &msg,
                Some(json!({"max_length": LONGEST_FIELD})),
            );
        }
        Ok(check)
    }

    /// Over the object in a body.
    #[must_use]
    pub fn body(fields: Map<String, Value>) -> Self {
        Self {
            place: "body",
            fields: fields.into_iter().collect(),
            problems: Vec::new(),
        }
    }

    /// A text; `None` when it is not given or null.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.fields.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => {
                self.problem(name, "string_type", "must be a text", None);
                None
            }
        }
    }

    /// A text that must be given; an empty one is given.
    pub fn required_text(&mut self, name: &str) -> String {
        if !self.fields.contains_key(name) {
            self.missing(name);
            return String::new();
        }
        match self.text(name) {
            Some(text) => text,
            None => {
                if matches!(self.fields.get(name), Some(Value::Null)) {
                    self.problem(name, "string_type", "must be a text", None);
                }
                String::new()
            }
        }
    }

    /// A whole number between two bounds; `default` when it is not given.
    pub fn count(&mut self, name: &str, default: u64, least: u64, most: u64) -> u64 {
        self.optional_count(name, least, most).unwrap_or(default)
    }

    /// A whole number between two bounds, when it is given.
    pub fn optional_count(&mut self, name: &str, least: u64, most: u64) -> Option<u64> {
        let given = match self.fields.get(name) {
            None | Some(Value::Null) => return None,
            Some(Value::String(text)) if self.place == "query" => text.trim().parse::<i128>().ok(),
            Some(Value::Number(number)) => number
                .as_i64()
                .map(i128::from)
                .or(number.as_u64().map(i128::from)),
            Some(_) => None,
        };
        let Some(given) = given else {
            self.problem(name, "int_parsing", "must be a whole number", None);
            return None;
        };
        if given < i128::from(least) {
            let msg = format!("must be {least} or more");
            self.problem(name, "greater_than_equal", &msg, Some(json!({"ge": least})));
            return None;
        }
        if given > i128::from(most) {
            let msg = format!("must be {most} or less");
            self.problem(name, "less_than_equal", &msg, Some(json!({"le": most})));
            return None;
        }
        u64::try_from(given).ok()
    }

    /// True or false, when it is given.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        let given = match self.fields.get(name) {
            None | Some(Value::Null) => return None,
            Some(Value::Bool(flag)) => Some(*flag),
            Some(Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" | "on" => Some(true),
                "0" | "false" | "no" | "off" => Some(false),
                _ => None,
            },
            Some(_) => None,
        };
        if given.is_none() {
            self.problem(name, "bool_parsing", "must be true or false", None);
        }
        given
    }

    /// A list of texts, when it is given.
    pub fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        match self.fields.get(name).cloned() {
            None | Some(Value::Null) => None,
            Some(Value::Array(items)) => {
                let mut texts = Vec::with_capacity(items.len());
                for (place, item) in items.into_iter().enumerate() {
                    match item {
                        Value::String(text) => texts.push(text),
                        other => self.note(FieldProblem {
                            kind: "string_type".to_owned(),
                            loc: vec![json!(self.place), json!(name), json!(place)],
                            msg: "must be a text".to_owned(),
                            input: glimpse(&other),
                            ctx: None,
                        }),
                    }
                }
                Some(texts)
            }
            Some(_) => {
                self.problem(name, "list_type", "must be a list", None);
                None
            }
        }
    }

    /// An object that must be given.
    pub fn required_object(&mut self, name: &str) -> Map<String, Value> {
        match self.fields.get(name).cloned() {
            None => self.missing(name),
            Some(Value::Object(fields)) => return fields,
            Some(_) => self.problem(name, "dict_type", "must be an object", None),
        }
        Map::new()
    }

    /// Anything, as it was given.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// Says that a field which must be there is not.
    pub fn missing(&mut self, name: &str) {
        if self.problems.len() > MOST_FIELDS {
            return;
        }
        let given = self
            .fields
            .iter()
            .map(|(name, value)| (name.clone(), glimpse(value)));
        self.note(FieldProblem {
            kind: "missing".to_owned(),
            loc: vec![json!(self.place), json!(name)],
            msg: "must be given".to_owned(),
            input: Value::Object(given.collect()),
            ctx: None,
        });
    }

    /// Keeps a problem; one more than are listed, so that it is seen that there are more.
    fn note(&mut self, problem: FieldProblem) {
        if self.problems.len() <= MOST_FIELDS {
            self.problems.push(problem);
        }
    }

    /// Says that a field is not what it must be.
    pub fn problem(&mut self, name: &str, kind: &str, msg: &str, ctx: Option<Value>) {
        self.note(FieldProblem {
            kind: kind.to_owned(),
            loc: vec![json!(self.place), json!(name)],
            msg: msg.to_owned(),
            input: self.fields.get(name).map_or(Value::Null, glimpse),
            ctx,
        });
    }

    /// Refuses fields that none of these names is, as `extra_forbidden`.
    pub fn only(&mut self, names: &[&str]) {
        let others: Vec<String> = self
            .fields
            .keys()
            .filter(|name| !names.contains(&name.as_str()))
            .take(MOST_FIELDS.saturating_add(1))
            .cloned()
            .collect();
        for name in others {
            self.problem(&name, "extra_forbidden", "is not known here", None);
        }
    }

    /// # Errors
    ///
    /// 422 with everything that is wrong.
    pub fn finish(self) -> Result<(), Problem> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(Problem::fields(&self.problems))
        }
    }
}
