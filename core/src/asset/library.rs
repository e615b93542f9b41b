//! Which file an asset's name means, and reading it.
//!
//! An asset `NAME` of a category is the first of `config/<category>/NAME.json`,
//! `model/<department>/<category>/NAME.json`, `model/core/<category>/NAME.json`. When none of them
//! exists the name is tried again in lower case with underscores for spaces.

use std::collections::BTreeSet;

use super::problem::{Problem, Problems};
use super::source::AssetSource;
use super::{
    Asset, Department, Epic, Organization, Parsed, Rock, name, parse, parse_map, top_level,
};

/// The department that everything falls back to.
pub const CORE: &str = "core";

/// The assets below one configuration root.
#[derive(Debug, Clone)]
pub struct Library<S> {
    source: S,
}

/// An asset with its name and file.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded<T> {
    /// The asset.
    pub asset: T,
    /// Its name: the file's stem.
    pub name: String,
    /// Its file, relative to the configuration root.
    pub file: String,
    /// What was odd about the file.
    pub warnings: Vec<Problem>,
}

/// Why an asset could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The name could never be a file's.
    #[error("{0}")]
    BadName(String),
    /// There is no such file.
    #[error("there is no {kind} `{name}`; {hint} (looked in {looked_in})")]
    NotFound {
        /// The kind of asset.
        kind: &'static str,
        /// The name that was asked for.
        name: String,
        /// The nearest names, or all of them.
        hint: String,
        /// The folders, comma-separated.
        looked_in: String,
    },
    /// The file is there but cannot be read.
    #[error("{file}: cannot be read: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// The file is wrong.
    #[error("{0}")]
    Broken(#[from] Problems),
}

impl LoadError {
    /// The error as problems of the file and field that asked for the asset.
    #[must_use]
    pub fn into_problems(self, file: &str, field: &str) -> Vec<Problem> {
        match self {
            Self::Broken(problems) => problems.0,
            Self::Unreadable { file, reason } => {
                let message = format!("cannot be read: {reason}");
                vec![Problem::new(file, "top level", message)]
            }
            other @ (Self::BadName(_) | Self::NotFound { .. }) => {
                vec![Problem::new(file, field, other.to_string())]
            }
        }
    }
}

/// What an id given to `--card` means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located {
    /// An epic.
    Epic(String),
    /// A rock.
    Rock(String),
    /// A card of an epic.
    Card {
        /// The epic.
        epic: String,
        /// The card's id as the epic has it.
        card: crate::ids::CardId,
    },
}

impl<S: AssetSource> Library<S> {
    /// The assets of `source`.
    pub const fn new(source: S) -> Self {
        Self { source }
    }

    /// The source.
    pub const fn source(&self) -> &S {
        &self.source
    }

    /// Loads the asset `name`, as seen from `department`.
    ///
    /// # Errors
    ///
    /// [`LoadError`]; a name that is not there comes with the nearest ones.
    pub fn load<T: Asset>(&self, name: &str, department: &str) -> Result<Loaded<T>, LoadError> {
        let (file, text) = self.find(T::KIND, T::CATEGORY, name, department)?;
        let Parsed { asset, warnings } = parse(&text, &file)?;
        Ok(Loaded {
            asset,
            name: super::stem(&file).to_owned(),
            file,
            warnings,
        })
    }

    /// The file and the text of an asset of any category, scenarios included.
    ///
    /// # Errors
    ///
    /// [`LoadError`], but never `Broken`: the text is not parsed.
    pub fn find(
        &self,
        kind: &'static str,
        category: &str,
        name: &str,
        department: &str,
    ) -> Result<(String, String), LoadError> {
        name::check(name).map_err(LoadError::BadName)?;
        name::check(department).map_err(LoadError::BadName)?;
        let folders = folders(category, department);
        let mut names = vec![name.to_owned()];
        let uniform = name::sanitise(name);
        if uniform != name {
            names.push(uniform);
        }
        for name in &names {
            for folder in &folders {
                let file = format!("{folder}/{name}.json");
                match self.source.read(&file) {
                    None => {}
                    Some(Ok(text)) => return Ok((file, text)),
                    Some(Err(reason)) => return Err(LoadError::Unreadable { file, reason }),
                }
            }
        }
        let known = self.list(category, department);
        Err(LoadError::NotFound {
            kind,
            name: name.to_owned(),
            hint: name::suggestion(name, known.iter().map(String::as_str)),
            looked_in: folders.join(", "),
        })
    }

    /// What the asset meant by `name` is called: its file's stem. A name may be written otherwise, with
    /// spaces or capitals; one that nothing is meant by stays as it is.
    pub fn spelt(&self, category: &'static str, name: &str, department: &str) -> String {
        self.find("asset", category, name, department).map_or_else(
            |_| name.to_owned(),
            |(file, _)| super::stem(&file).to_owned(),
        )
    }

    /// The names of a category's assets, sorted.
    pub fn list(&self, category: &str, department: &str) -> Vec<String> {
        let names: BTreeSet<String> = folders(category, department)
            .iter()
            .flat_map(|folder| self.source.list(folder))
            .filter_map(|file| file.strip_suffix(".json").map(str::to_owned))
            .filter(|name| name::check(name).is_ok())
            .collect();
        names.into_iter().collect()
    }

    /// The organization: `config/org_info.json` with `config/architecture.json` laid over it when
    /// both are there, else `config/organization.json`, else `model/organization.json`, else none.
    ///
    /// # Errors
    ///
    /// When a file is there and cannot be read or is wrong; it is never treated as none.
    pub fn organization(&self) -> Result<Option<Loaded<Organization>>, LoadError> {
        const INFO: &str = "config/org_info.json";
        const ARCHITECTURE: &str = "config/architecture.json";
        if let (Some(info), Some(over)) = (self.text(INFO)?, self.text(ARCHITECTURE)?) {
            return merged((INFO, &info), (ARCHITECTURE, &over)).map(Some);
        }
        for file in ["config/organization.json", "model/organization.json"] {
            if let Some(text) = self.text(file)? {
                return loaded(&text, file).map(Some);
            }
        }
        Ok(None)
    }

    /// A department: `config/departments/<name>.json`, else `model/<name>/department.json`.
    ///
    /// # Errors
    ///
    /// [`LoadError`].
    pub fn department(&self, name: &str) -> Result<Loaded<Department>, LoadError> {
        name::check(name).map_err(LoadError::BadName)?;
        let files = [
            format!("config/departments/{name}.json"),
            format!("model/{name}/department.json"),
        ];
        for file in &files {
            if let Some(text) = self.text(file)? {
                return loaded(&text, file);
            }
        }
        Err(LoadError::NotFound {
            kind: Department::KIND,
            name: name.to_owned(),
            hint: "write one of these files".to_owned(),
            looked_in: files.join(", "),
        })
    }

    /// The departments there are: those with files of their own, and `core`.
    pub fn departments(&self) -> Vec<String> {
        let described = self.source.list("config/departments");
        let described = described
            .iter()
            .filter_map(|file| file.strip_suffix(".json"))
            .map(str::to_owned);
        let mut names: Vec<String> = self.source.folders("model");
        names.extend(described);
        names.push(CORE.to_owned());
        names.retain(|name| name::check(name).is_ok());
        names.sort();
        names.dedup();
        names
    }

    /// What `id` means: an epic, a rock, or a card of an epic, in this order.
    ///
    /// # Errors
    ///
    /// When it is none of them, or when an epic in the way cannot be read.
    pub fn locate(&self, id: &str, department: &str) -> Result<Located, LoadError> {
        let epics = self.list(Epic::CATEGORY, department);
        if epics.iter().any(|epic| epic == id) {
            return Ok(Located::Epic(id.to_owned()));
        }
        let rocks = self.list(Rock::CATEGORY, department);
        if rocks.iter().any(|rock| rock == id) {
            return Ok(Located::Rock(id.to_owned()));
        }
        let mut broken = None;
        let mut ids = Vec::new();
        for epic in epics {
            match self.load::<Epic>(&epic, department) {
                Ok(loaded) => {
                    for issue in loaded.asset.issues {
                        if issue.id.as_str() == id {
                            let card = issue.id;
                            return Ok(Located::Card { epic, card });
                        }
                        ids.push(issue.id);
                    }
                }
                Err(error) => broken = broken.or(Some(error)),
            }
        }
        let near = name::nearest(id, ids.iter().map(crate::ids::CardId::as_str));
        match broken {
            Some(error) => Err(error),
            None => Err(LoadError::NotFound {
                kind: "epic, rock or card",
                name: id.to_owned(),
                hint: match near.as_slice() {
                    [] => "see `orket board` for what there is".to_owned(),
                    near => format!("did you mean {}?", name::quoted(near, " or ")),
                },
                looked_in: folders(Epic::CATEGORY, department).join(", "),
            }),
        }
    }

    fn text(&self, file: &str) -> Result<Option<String>, LoadError> {
        self.source
            .read(file)
            .transpose()
            .map_err(|reason| LoadError::Unreadable {
                file: file.to_owned(),
                reason,
            })
    }
}

/// Where a category's files are looked for, in order.
fn folders(category: &str, department: &str) -> Vec<String> {
    let mut folders = vec![
        format!("config/{category}"),
        format!("model/{department}/{category}"),
    ];
    if department != CORE {
        folders.push(format!("model/{CORE}/{category}"));
    }
    folders
}

fn loaded<T: Asset>(text: &str, file: &str) -> Result<Loaded<T>, LoadError> {
    let Parsed { asset, warnings } = parse(text, file)?;
    Ok(Loaded {
        asset,
        name: super::stem(file).to_owned(),
        file: file.to_owned(),
        warnings,
    })
}

/// Lays the top-level keys of one organization file over those of another. Problems name the file
/// that the field came from.
fn merged(
    (info_file, info): (&str, &str),
    (over_file, over): (&str, &str),
) -> Result<Loaded<Organization>, LoadError> {
    let unwrap = |text: &str, file: &str| -> Result<_, Problems> {
        let map = top_level(text, file)?;
        Ok(match map.get(Organization::KIND) {
            Some(serde_json::Value::Object(inner)) => inner.clone(),
            _ => map,
        })
    };
    let mut map = unwrap(info, info_file)?;
    let over = unwrap(over, over_file)?;
    map.extend(over.clone());
    let from = |problem: Problem| {
        let key = problem.field.split(['.', '[']).next().unwrap_or_default();
        let file = if over.contains_key(key) {
            over_file
        } else {
            info_file
        };
        Problem::new(file, problem.field, problem.message)
    };
    match parse_map::<Organization>(&map, info_file) {
        Ok(Parsed { asset, warnings }) => Ok(Loaded {
            asset,
            name: "organization".to_owned(),
            file: info_file.to_owned(),
            warnings: warnings.into_iter().map(from).collect(),
        }),
        Err(problems) => Err(Problems(problems.0.into_iter().map(from).collect()).into()),
    }
}
