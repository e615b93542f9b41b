//! `orket api add`: a route of an HTTP service in JavaScript, its handler, its types, and its place in
//! the index of routes.
//!
//! # Layout
//!
//! - [`schema`][]: what a request holds, `id:int,name:string`.
//! - [`error`]: why nothing is planned.
//! - `plan`: what becomes of the four files.
//! - `index`, `module`, `controller`, `types`: each of the four.
//! - `source`: texts in JavaScript, and what is put into them.

mod controller;
pub mod error;
mod index;
mod module;
mod plan;
pub mod schema;
mod source;
mod types;

use std::collections::BTreeMap;

use serde::Serialize;

pub use error::RouteError;
pub use plan::plan;
pub use schema::Schema;

use crate::Edited;

/// The methods that a route can have.
pub const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// The file that registers every route. A project without it is none that routes can be added to.
pub const INDEX: &str = "src/routes/index.js";

/// The files as they are, by path: those of [`touch_set`] that there are.
pub type Existing<'a> = BTreeMap<&'a str, &'a [u8]>;

/// A route that is to be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Route {
    name: String,
    method: &'static str,
    schema: Schema,
}

/// What becomes of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePlan {
    /// Those that change, in the order of [`touch_set`].
    pub files: Vec<Edited>,
    /// Whether all was there already; no file changes then.
    pub idempotent: bool,
    /// What the operator should know besides.
    pub notes: Vec<String>,
}

impl Route {
    /// Reads what was asked for: the name with or without a `/` before it, the method in any case.
    ///
    /// # Errors
    ///
    /// [`RouteError`] when one of the three is not as it must be.
    pub fn parse(name: &str, method: &str, schema: &str) -> Result<Self, RouteError> {
        let name = name.strip_prefix('/').unwrap_or(name);
        check_name(name)?;
        let lower = method.to_ascii_lowercase();
        let method = METHODS
            .into_iter()
            .find(|known| *known == lower)
            .ok_or_else(|| RouteError::Method(method.to_owned()))?;
        Ok(Self {
            name: name.to_owned(),
            method,
            schema: Schema::parse(schema)?,
        })
    }

    /// The name, which is the path of the route without its `/`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The method, in lower case.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// What a request holds.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// `user-groups` as `UserGroups`.
    fn pascal(&self) -> String {
        let mut pascal = String::with_capacity(self.name.len());
        for part in self.name.split(['-', '_']) {
            let mut characters = part.chars();
            pascal.extend(characters.next().map(|c| c.to_ascii_uppercase()));
            pascal.extend(characters);
        }
        pascal
    }
}

/// The files that a route can change: its own, its controller's, its types', and the index.
#[must_use]
pub fn touch_set(route: &Route) -> [String; 4] {
    let name = &route.name;
    [
        format!("src/routes/{name}.js"),
        format!("src/controllers/{name}_controller.js"),
        format!("src/types/{name}.json"),
        INDEX.to_owned(),
    ]
}

fn check_name(name: &str) -> Result<(), RouteError> {
    const LONGEST: usize = 64;
    if name.contains(['/', ':', '{', '*']) {
        return Err(RouteError::Nested(name.to_owned()));
    }
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if !begins || !name.chars().all(fits) || name.len() > LONGEST {
        return Err(RouteError::Name(name.to_owned()));
    }
    if name == "index" {
        return Err(RouteError::Index);
    }
    Ok(())
}
