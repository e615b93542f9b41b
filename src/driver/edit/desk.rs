//! Files in the hand: what a change reads and would write.

use orket_core::asset::{AssetSource, Epic, Issue, Library};
use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Value};

use super::{Draft, FileEdit, check};
use crate::assets::DiskThenEmbedded;

/// See the file's head.
pub(super) struct Desk<'a> {
    assets: &'a DiskThenEmbedded,
    /// Where names are looked for first, and where new files go.
    pub department: String,
    /// In the order in which they are to be written.
    changed: Vec<(String, Option<String>)>,
    words: Vec<String>,
    warnings: Vec<String>,
}

/// A file's object, with or without the kind around it.
pub(super) struct Opened {
    /// The file, below the configuration root.
    pub file: String,
    /// Its name.
    pub name: String,
    /// What is round its object, where its kind wraps it.
    around: Option<(&'static str, Map<String, Value>)>,
    fields: Map<String, Value>,
    indent: Vec<u8>,
}

/// Where a card is.
pub(super) struct Place {
    /// The epic's file.
    pub epic: Opened,
    /// The place in its list.
    pub at: usize,
    /// The card.
    pub id: String,
}

impl<'a> Desk<'a> {
    pub fn new(assets: &'a DiskThenEmbedded, department: &str) -> Self {
        Self {
            assets,
            department: department.to_owned(),
            changed: Vec::new(),
            words: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The library as it is.
    pub fn library(&self) -> Library<&'a DiskThenEmbedded> {
        Library::new(self.assets)
    }

    /// Says what would be done.
    pub fn say(&mut self, words: impl Into<String>) {
        self.words.push(words.into());
    }

    /// Says what one should know.
    pub fn warn(&mut self, words: impl Into<String>) {
        self.warnings.push(words.into());
    }

    /// Whether a file comes from the binary only.
    pub fn is_shipped(&self, file: &str) -> bool {
        self.assets.is_embedded(file)
    }

    /// Whether a file would still be there, from the binary, when it is removed from the disk.
    pub fn has_shipped(&self, file: &str) -> bool {
        crate::assets::embedded(file).is_some()
    }

    /// Opens an asset.
    pub fn open(&self, kind: &'static str, category: &str, name: &str) -> Result<Opened, String> {
        let (file, text) = self
            .library()
            .find(kind, category, name, &self.department)
            .map_err(|error| error.to_string())?;
        Opened::read(kind, file, &text)
    }

    /// Opens an epic.
    pub fn epic(&self, name: &str) -> Result<Opened, String> {
        self.open("epic", "epics", name)
    }

    /// The one card of this id, in this department's epics. `epic/id` names the epic.
    pub fn card(&self, reference: &str) -> Result<Option<Place>, String> {
        let library = self.library();
        let (epics, id) = match reference.split_once('/') {
            Some((epic, id)) => (vec![epic.to_owned()], id),
            None => (library.list("epics", &self.department), reference),
        };
        let mut found = Vec::new();
        for epic in epics {
            match library.load::<Epic>(&epic, &self.department) {
                Ok(loaded) => {
                    let places = loaded.asset.issues.iter().enumerate();
                    found.extend(
                        places
                            .filter(|(_, issue)| issue.id.as_str() == id)
                            .map(|(at, _)| (epic.clone(), at)),
                    );
                }
                // One that cannot be read may be passed over, unless it is the one that is meant.
                Err(error) if reference.contains('/') => return Err(error.to_string()),
                Err(_) => {}
            }
        }
        match found.as_slice() {
            [] => Ok(None),
            [(epic, at)] => Ok(Some(Place {
                epic: self.epic(epic)?,
                at: *at,
                id: id.to_owned(),
            })),
            several => {
                let ways: Vec<String> = several
                    .iter()
                    .map(|(epic, _)| format!("{epic}/{id}"))
                    .collect();
                Err(format!(
                    "`{id}` is a card of several epics; say which: {}",
                    ways.join(", ")
                ))
            }
        }
    }

    /// A card that has a file of its own: the file, and the card.
    pub fn stray(&self, id: &str) -> Option<(Opened, Issue)> {
        let library = self.library();
        library
            .list("issues", &self.department)
            .into_iter()
            .find_map(|name| {
                let loaded = library.load::<Issue>(&name, &self.department).ok()?;
                let is_meant = loaded.asset.id.as_str() == id || loaded.name == id;
                let opened = is_meant
                    .then(|| self.open("issue", "issues", &name).ok())
                    .flatten()?;
                Some((opened, loaded.asset))
            })
    }

    /// Puts a file down, changed.
    pub fn put(&mut self, opened: &Opened) -> Result<(), String> {
        let text = opened.text()?;
        self.put_text(&opened.file, Some(text));
        Ok(())
    }

    /// Puts a file down: with this text, or removed.
    pub fn put_text(&mut self, file: &str, text: Option<String>) {
        match self.changed.iter_mut().find(|(path, _)| path == file) {
            Some((_, known)) => *known = text,
            None => self.changed.push((file.to_owned(), text)),
        }
    }

    /// The change, if the library is no worse for it.
    pub fn finish(mut self) -> Result<Draft, String> {
        let before = check::problems(&self.library());
        let overlay = check::Overlay::new(self.assets, &self.changed);
        let after = check::problems(&Library::new(overlay));
        let new: Vec<&str> = after
            .iter()
            .filter(|(key, _)| !before.contains_key(*key))
            .map(|(_, problem)| problem.as_str())
            .collect();
        if !new.is_empty() {
            return Err(format!("that cannot be done:\n{}", new.join("\n")));
        }
        let mut files = Vec::with_capacity(self.changed.len());
        for (path, after) in std::mem::take(&mut self.changed) {
            let now = self.assets.read(&path).transpose()?;
            if is_same(now.as_deref(), after.as_deref()) {
                continue;
            }
            let before = if self.assets.is_embedded(&path) {
                if after.is_some() {
                    self.warn(format!(
                        "{path} comes with the program; a copy of yours is written over it"
                    ));
                }
                None
            } else {
                now
            };
            files.push(FileEdit {
                path,
                before,
                after,
            });
        }
        if files.is_empty() {
            return Err("that is how it is already; nothing is to be done".to_owned());
        }
        Ok(Draft {
            words: self.words,
            files,
            warnings: self.warnings,
        })
    }
}

impl Opened {
    fn read(kind: &'static str, file: String, text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut top = match serde_json::from_str(text) {
            Ok(Value::Object(top)) => top,
            Ok(_) => return Err(format!("{file} holds no JSON object")),
            Err(error) => return Err(format!("{file} is no valid JSON: {error}")),
        };
        let name = file
            .rsplit('/')
            .next()
            .unwrap_or(&file)
            .trim_end_matches(".json")
            .to_owned();
        let indent = indent(text);
        let (fields, around) = match top.get_mut(kind) {
            // Its key keeps its place among the others.
            Some(Value::Object(inner)) => (std::mem::take(inner), Some((kind, top))),
            _ => (top, None),
        };
        Ok(Self {
            file,
            name,
            around,
            fields,
            indent,
        })
    }

    /// What it holds.
    pub fn fields(&mut self) -> &mut Map<String, Value> {
        &mut self.fields
    }

    /// The list of an epic's cards, whatever it is called.
    pub fn cards(&mut self) -> Result<&mut Vec<Value>, String> {
        let file = self.file.clone();
        let fields = self.fields();
        let key = ["issues", "stories", "cards"]
            .into_iter()
            .find(|key| fields.get(*key).is_some_and(|it| !it.is_null()))
            .unwrap_or("issues");
        let list = fields
            .entry(key)
            .or_insert_with(|| Value::Array(Vec::new()));
        if list.is_null() {
            *list = Value::Array(Vec::new());
        }
        list.as_array_mut()
            .ok_or_else(|| format!("{file}: {key} must be a list"))
    }

    /// Writes down the ids that cards without one have, before their places change: they are made of
    /// the places.
    pub fn pin_ids(&mut self) -> Result<(), String> {
        let name = self.name.clone();
        for (at, card) in self.cards()?.iter_mut().enumerate() {
            if let Value::Object(fields) = card
                && fields.get("id").is_none_or(Value::is_null)
            {
                let id = orket_core::asset::derived_id(&name, Some(at + 1));
                fields.shift_insert(0, "id".to_owned(), Value::String(id));
            }
        }
        Ok(())
    }

    fn text(&self) -> Result<String, String> {
        let mut whole = self.fields.clone();
        if let Some((kind, top)) = &self.around {
            let inner = std::mem::replace(&mut whole, top.clone());
            whole.insert((*kind).to_owned(), Value::Object(inner));
        }
        let mut bytes = Vec::new();
        let formatter = PrettyFormatter::with_indent(&self.indent);
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
        whole
            .serialize(&mut serializer)
            .map_err(|error| error.to_string())?;
        bytes.push(b'\n');
        String::from_utf8(bytes).map_err(|error| error.to_string())
    }
}

/// Whether two texts say the same, however they are laid out.
fn is_same(one: Option<&str>, other: Option<&str>) -> bool {
    let value =
        |text: &str| serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')).ok();
    match (one, other) {
        (Some(one), Some(other)) => {
            one == other || value(one).is_some_and(|it| Some(it) == value(other))
        }
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// How a file is indented: as its first indented line is, else by two spaces.
fn indent(text: &str) -> Vec<u8> {
    let first = text.lines().map(|line| {
        let spaces = line.len() - line.trim_start().len();
        line.get(..spaces).unwrap_or_default()
    });
    let first = first
        .into_iter()
        .find(|spaces| (1..=8).contains(&spaces.len()));
    first.unwrap_or("  ").as_bytes().to_vec()
}
