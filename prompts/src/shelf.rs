//! Which prompts there are.

use std::path::{Path, PathBuf};

use orket_core::asset::{AssetSource, Library, LoadError, name};
use serde::Serialize;

use crate::document::Document;
use crate::error::PromptError;
use crate::id::{Kind, PromptId};

/// The prompts of a project, as its runs see them.
pub struct Shelf<S> {
    /// The assets.
    pub library: Library<S>,
    /// The project's folder.
    pub root: PathBuf,
    /// The department whose assets come first.
    pub department: String,
    /// The text of a file that came with the program, by its path.
    pub shipped: fn(&str) -> Option<&'static str>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// Its id, from its file's name.
    pub id: PromptId,
    /// Its file, relative to the project.
    pub path: String,
    /// The file's text.
    pub text: String,
    /// Whether it came with the program and no file of the project is before it.
    pub is_shipped: bool,
    /// Why its file has no text: it cannot be read.
    pub unreadable: Option<String>,
}

/// What is listed of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What it belongs to.
    pub kind: Kind,
    /// The name of its asset.
    pub name: String,
    /// Its file; `embedded:…` for one that came with the program.
    pub path: String,
    /// Its id, as the file has it.
    pub id: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its status, as the file has it.
    pub status: Option<String>,
    /// Who keeps it.
    pub owner: Option<String>,
    /// When it was last changed.
    pub updated_at: Option<String>,
}

impl<S: AssetSource> Shelf<S> {
    /// The prompts of a kind, sorted by name; those whose file cannot be read are among them, so that one
    /// such file hides no other.
    ///
    /// # Errors
    ///
    /// When a name that was listed names nothing.
    pub fn of(&self, kind: Kind) -> Result<Vec<Prompt>, PromptError> {
        let names = self.library.list(kind.category(), &self.department);
        let prompts = names.into_iter().map(|name| {
            let id = PromptId { kind, name };
            match self.get(&id) {
                Err(PromptError::Broken { path, reason }) => Ok(Prompt {
                    id,
                    path,
                    text: String::new(),
                    is_shipped: false,
                    unreadable: Some(reason),
                }),
                found => found,
            }
        });
        prompts.collect()
    }

    /// All of them, roles first.
    ///
    /// # Errors
    ///
    /// As for [`Self::of`].
    pub fn all(&self) -> Result<Vec<Prompt>, PromptError> {
        let mut all = Vec::new();
        for kind in Kind::ALL {
            all.append(&mut self.of(kind)?);
        }
        Ok(all)
    }

    /// One of them.
    ///
    /// # Errors
    ///
    /// When there is none, or it cannot be read.
    pub fn get(&self, id: &PromptId) -> Result<Prompt, PromptError> {
        let kind = id.kind;
        let found = self
            .library
            .find(kind.as_str(), kind.category(), &id.name, &self.department);
        match found {
            Ok((path, text)) => {
                let stem = path.rsplit('/').next().unwrap_or(&path);
                let name = stem.strip_suffix(".json").unwrap_or(stem).to_owned();
                Ok(Prompt {
                    id: PromptId { kind, name },
                    is_shipped: !self.root.join(&path).exists(),
                    path,
                    text,
                    unreadable: None,
                })
            }
            Err(LoadError::Unreadable { file, reason }) => Err(PromptError::Broken {
                path: file,
                reason: format!("cannot be read: {reason}"),
            }),
            Err(LoadError::BadName(reason)) => Err(PromptError::Id {
                id: id.to_string(),
                reason,
            }),
            Err(LoadError::NotFound { .. } | LoadError::Broken(_)) => {
                let known = self.library.list(kind.category(), &self.department);
                let known = known.iter().map(|name| format!("{}.{name}", kind.as_str()));
                let known: Vec<String> = known.collect();
                Err(PromptError::NotFound {
                    id: id.to_string(),
                    hint: name::suggestion(&id.to_string(), known.iter().map(String::as_str)),
                })
            }
        }
    }

    /// Its file as somebody can look for it.
    #[must_use]
    pub fn shown_path(&self, prompt: &Prompt) -> String {
        shown(&self.root, &prompt.path, prompt.is_shipped)
    }

    /// What is listed of it; a broken file has no more than its place.
    #[must_use]
    pub fn item(&self, prompt: &Prompt) -> Item {
        let document = prompt.document().ok();
        let word = |key| {
            let word = document.as_ref().and_then(|it| it.word(key));
            word.map(str::to_owned)
        };
        Item {
            kind: prompt.id.kind,
            name: prompt.id.name.clone(),
            path: self.shown_path(prompt),
            id: word("id"),
            version: word("version"),
            status: word("status"),
            owner: word("owner"),
            updated_at: word("updated_at"),
        }
    }
}

impl Prompt {
    /// Its file, read.
    ///
    /// # Errors
    ///
    /// When it is no JSON object.
    pub fn document(&self) -> Result<Document, PromptError> {
        match &self.unreadable {
            Some(reason) => Err(PromptError::Broken {
                path: self.path.clone(),
                reason: reason.clone(),
            }),
            None => Document::read(&self.text, self.id.kind, &self.path),
        }
    }
}

fn shown(root: &Path, path: &str, is_shipped: bool) -> String {
    if is_shipped {
        format!("embedded:{path}")
    } else {
        root.join(path).display().to_string()
    }
}
