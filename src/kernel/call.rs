//! A turn's tool call: what is to be done, and what the turn says about it.
//!
//! A request can narrow what its call may do. What would widen it are wishes, which
//! [`super::turn`] leaves out unless an admin has them.

use serde_json::{Map, Value};

use super::below;

/// A tool call, and what the turn says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What is to be done: `tool.call` when it says nothing.
    pub(super) action: String,
    /// To what: the tool.
    pub(super) resource: String,
    /// Who does it.
    pub(super) subject: String,
    pub(super) role: Option<String>,
    pub(super) task: Option<String>,
    pub(super) is_resolved: bool,
    pub(super) declares_side_effects: bool,
    pub(super) requested: Vec<String>,
    pub(super) declared: Option<Vec<String>>,
    pub(super) wishes: Wishes,
}

/// Leave that a request asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) permissions: Option<Vec<String>>,
    pub(super) allow: bool,
    pub(super) unenforced: bool,
}

/// A field that is not of its type: where, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongType(pub String, pub &'static str);

/// Objects in which a field may stand, each with where it is; the first that has it counts.
struct Fields<'a>(Vec<(&'a Map<String, Value>, &'static str)>);

impl Fields<'_> {
    fn find(&self, name: &str) -> Option<(&Value, String)> {
        self.0
            .iter()
            .find_map(|(object, at)| match object.get(name) {
                None | Some(Value::Null) => None,
                Some(value) => Some((value, below(at, name))),
            })
    }

    fn text(&self, name: &str) -> Result<Option<String>, WrongType> {
        match self.find(name) {
            None => Ok(None),
            Some((Value::String(text), _)) => Ok(Some(text.clone())),
            Some((_, at)) => Err(WrongType(at, "must be a text")),
        }
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool, WrongType> {
        match self.find(name) {
            None => Ok(default),
            Some((Value::Bool(flag), _)) => Ok(*flag),
            Some((_, at)) => Err(WrongType(at, "must be true or false")),
        }
    }

    fn texts(&self, name: &str) -> Result<Option<Vec<String>>, WrongType> {
        let Some((value, at)) = self.find(name) else {
            return Ok(None);
        };
        let texts = value.as_array().and_then(|items| {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<String>>>()
        });
        match texts {
            Some(texts) => Ok(Some(texts)),
            None => Err(WrongType(at, "must be a list of texts")),
        }
    }
}

impl Call {
    /// Reads `turn_input.tool_call` with its context, which stands in `turn_input` or beside it.
    ///
    /// # Errors
    ///
    /// [`WrongType`] for the first field that is not what it must be.
    pub fn read(
        tool_call: &Map<String, Value>,
        inner: Option<&Map<String, Value>>,
        outer: Option<&Map<String, Value>>,
    ) -> Result<Self, WrongType> {
        let mut places = Vec::new();
        places.extend(inner.map(|it| (it, "/turn_input/context")));
        places.extend(outer.map(|it| (it, "/context")));
        let context = Fields(places.clone());
        places.insert(0, (tool_call, "/turn_input/tool_call"));
        let all = Fields(places);
        let role = context.text("role")?;
        let resource = match all.text("resource")? {
            Some(resource) => resource,
            None => match all.text("tool")? {
                Some(tool) => tool,
                None => all.text("name")?.unwrap_or_default(),
            },
        };
        Ok(Self {
            action: all
                .text("action")?
                .unwrap_or_else(|| "tool.call".to_owned()),
            resource,
            subject: match all.text("subject")? {
                Some(subject) => subject,
                None => role.clone().unwrap_or_default(),
            },
            role,
            task: context.text("task")?,
            is_resolved: all.flag("capability_resolved", true)?,
            declares_side_effects: all.flag("side_effects_declared", true)?,
            requested: all.texts("requested_permissions")?.unwrap_or_default(),
            declared: all.texts("declared_permissions")?,
            wishes: Wishes {
                permissions: context.texts("permissions")?,
                allow: all.flag("allow_tool_call", false)?,
                unenforced: !context.flag("capability_enforcement", true)?,
            },
        })
    }

    /// The names of fields that ask for leave.
    #[must_use]
    pub fn wishes(&self) -> Vec<&'static str> {
        let wishes = [
            (self.wishes.unenforced, "capability_enforcement"),
            (self.wishes.permissions.is_some(), "permissions"),
            (self.wishes.allow, "allow_tool_call"),
        ];
        wishes
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, name)| name)
            .collect()
    }

    /// The same without them.
    #[must_use]
    pub fn without_wishes(mut self) -> Self {
        self.wishes = Wishes::default();
        self
    }
}
