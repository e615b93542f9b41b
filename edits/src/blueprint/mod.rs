//! `orket init`: what a new project begins with.
//!
//! # Layout
//!
//! - this file: which blueprints there are, and what is made of one.
//! - `kinds`: their files, which lie in `blueprints/` of this crate.
//! - `fill`: placeholders and what is put in their place.
//! - [`error`]: why nothing is made.

pub mod error;
mod fill;
mod kinds;

use std::collections::BTreeMap;

pub use error::BlueprintError;

/// A file of a new project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// From the root of the project.
    pub path: String,
    /// What it holds.
    pub contents: Vec<u8>,
    /// Whether it can be run.
    pub executable: bool,
}

/// What can be said of a project besides its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// As in `--vars name=value`.
    pub name: &'static str,
    /// What it is when it is not given.
    pub default: &'static str,
    /// What it is for.
    pub about: &'static str,
}

/// What a new project can begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blueprint {
    name: &'static str,
    about: &'static str,
    variables: &'static [Variable],
    reserved: &'static [&'static str],
    files: &'static [(&'static str, &'static str)],
}

impl Blueprint {
    /// The blueprint of that name.
    ///
    /// # Errors
    ///
    /// [`BlueprintError::Unknown`], which names those that there are.
    pub fn find(name: &str) -> Result<&'static Self, BlueprintError> {
        list()
            .iter()
            .find(|blueprint| blueprint.name == name)
            .ok_or_else(|| BlueprintError::Unknown(name.to_owned()))
    }

    /// As in `orket init NAME`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// What can be given with `--vars`.
    #[must_use]
    pub fn variables(&self) -> &'static [Variable] {
        self.variables
    }
}

/// All blueprints.
#[must_use]
pub fn list() -> &'static [Blueprint] {
    &kinds::ALL
}

/// The files of a new project, by path. The same is given for the same, always.
///
/// # Errors
///
/// [`BlueprintError`] when the name or a variable is not as it must be.
pub fn render(
    blueprint: &Blueprint,
    project_name: &str,
    vars: &BTreeMap<String, String>,
) -> Result<Vec<NewFile>, BlueprintError> {
    check_name(blueprint, project_name)?;
    let values = fill::values(blueprint, project_name, vars)?;
    let mut files: Vec<NewFile> = blueprint
        .files
        .iter()
        .map(|(path, text)| NewFile {
            path: (*path).to_owned(),
            contents: fill::filled(path, text, &values).into_bytes(),
            executable: false,
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Holds a project's name to what every language takes as a name of a package.
fn check_name(blueprint: &Blueprint, name: &str) -> Result<(), BlueprintError> {
    const LONGEST: usize = 64;
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if !begins || !name.chars().all(fits) || name.len() > LONGEST {
        return Err(BlueprintError::Name {
            name: name.to_owned(),
            instead: fill::slug(name),
        });
    }
    if blueprint.reserved.contains(&name) {
        return Err(BlueprintError::Reserved {
            name: name.to_owned(),
            blueprint: blueprint.name,
        });
    }
    Ok(())
}
