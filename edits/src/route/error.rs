//! Why no route is planned.

use super::METHODS;
use super::schema::TYPES;

/// Why no route is planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The name has characters that a route's name cannot have.
    #[error("`{0}` cannot be the name of a route")]
    Name(String),
    /// The name has several parts, or parameters.
    #[error("`{0}` is a path, not the name of a route")]
    Nested(String),
    /// The name is that of the file with all the routes.
    #[error("a route cannot be called `index`: src/routes/index.js is the list of all routes")]
    Index,
    /// The method is none.
    #[error("`{0}` is not a method of HTTP that routes have")]
    Method(String),
    /// The schema cannot be read.
    #[error("the schema cannot be read: {0}")]
    Schema(String),
    /// The project has no index of routes, or one of another kind.
    #[error("{path} {why}")]
    Style {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file is there that was not written by this command, or was changed too much since.
    #[error("{path} {why}")]
    Conflict {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

impl RouteError {
    /// The code of `docs/errors`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name(_) | Self::Nested(_) | Self::Index | Self::Method(_) => "E_ROUTE_INVALID",
            Self::Schema(_) => "E_SCHEMA_PARSE_FAILED",
            Self::Style { .. } => "E_PROJECT_STYLE_UNSUPPORTED",
            Self::Conflict { .. } => "E_ROUTE_CONFLICT",
        }
    }

    /// What to do.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Name(_) | Self::Index => {
                "choose a name of lower-case letters, digits, `-` and `_` that begins with a letter: \
                 `orket api add users …`"
                    .to_owned()
            }
            Self::Nested(_) => {
                "name one part, as `orket api add users …`; parameters go into the route's file by hand"
                    .to_owned()
            }
            Self::Method(_) => format!("choose `--method` from {}", METHODS.join(", ")),
            Self::Schema(_) => format!(
                "write `--schema \"id:int,name:string\"`; the types are {}, each also as a list with `[]`",
                TYPES.join(", ")
            ),
            Self::Style { .. } => {
                "`orket init minimal-node NAME` makes a project that routes can be added to".to_owned()
            }
            Self::Conflict { .. } => {
                "mend the file or move it away, then say the command again".to_owned()
            }
        }
    }
}
