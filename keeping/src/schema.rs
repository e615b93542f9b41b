//! What schema a database has, and bringing it up to date.

use std::path::Path;

use diesel::prelude::*;
use diesel_migrations::MigrationHarness as _;
use orket_legacy::{Kind, LegacyError, Source};

use crate::database::{self, Database};
use crate::error::KeepError;

/// How a database stands to this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// There is none; all of these would be applied.
    Absent {
        /// Their names.
        pending: Vec<String>,
    },
    /// It is ours.
    Ours {
        /// Names of what is applied.
        applied: Vec<String>,
        /// Names of what is not.
        pending: Vec<String>,
    },
    /// A newer program wrote it.
    Newer {
        /// The first migration that is unknown here.
        found: String,
    },
    /// It is ours, and another one than was meant.
    Another(Database),
    /// It is of something else.
    Foreign(Kind),
}

impl State {
    /// What would be applied.
    #[must_use]
    pub fn pending(&self) -> &[String] {
        match self {
            Self::Absent { pending } | Self::Ours { pending, .. } => pending,
            Self::Newer { .. } | Self::Another(_) | Self::Foreign(_) => &[],
        }
    }

    /// What is applied.
    #[must_use]
    pub fn applied(&self) -> &[String] {
        match self {
            Self::Ours { applied, .. } => applied,
            Self::Absent { .. } | Self::Newer { .. } | Self::Another(_) | Self::Foreign(_) => &[],
        }
    }

    /// That this program can use it.
    ///
    /// # Errors
    ///
    /// [`KeepError::Newer`] or [`KeepError::Foreign`].
    pub fn usable(&self, path: &Path) -> Result<(), KeepError> {
        match self {
            Self::Absent { .. } | Self::Ours { .. } => Ok(()),
            Self::Newer { found } => Err(KeepError::Newer {
                path: path.to_owned(),
                found: found.clone(),
            }),
            Self::Another(database) => Err(KeepError::Foreign {
                path: path.to_owned(),
                what: database.words(),
                can_be_imported: false,
            }),
            Self::Foreign(kind) => Err(KeepError::Foreign {
                path: path.to_owned(),
                what: kind.words(),
                can_be_imported: match kind {
                    Kind::PythonRuntime | Kind::PythonWebhook | Kind::PythonMemory => true,
                    Kind::Ours | Kind::Empty | Kind::Other => false,
                },
            }),
        }
    }
}

/// How a database stands; nothing of it is touched. `scratch`: where a copy may lie meanwhile.
///
/// # Errors
///
/// [`KeepError::Database`] when it cannot be read.
pub fn state(database: Database, path: &Path, scratch: &Path) -> Result<State, KeepError> {
    let migrations = database
        .migrations()
        .map_err(|error| KeepError::database(path, &error))?;
    let known: Vec<(String, String)> = migrations
        .iter()
        .map(|it| (it.name().version().to_string(), it.name().to_string()))
        .collect();
    let all = || known.iter().map(|(_, name)| name.clone()).collect();
    let length = match std::fs::metadata(path) {
        Ok(about) => about.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(State::Absent { pending: all() });
        }
        Err(error) => return Err(KeepError::file(path, &error)),
    };
    if length == 0 {
        return Ok(State::Ours {
            applied: Vec::new(),
            pending: all(),
        });
    }
    let mut source = match Source::open(path, scratch) {
        Err(LegacyError::Busy { .. }) => Source::beside_owner(path)?,
        opened => opened?,
    };
    match source.kind() {
        Kind::Ours | Kind::Empty => {}
        // Ours lies beside theirs in one file: their table has another name.
        Kind::PythonMemory if database == Database::Memory => {}
        foreign
        @ (Kind::PythonRuntime | Kind::PythonWebhook | Kind::PythonMemory | Kind::Other) => {
            return Ok(State::Foreign(foreign));
        }
    }
    // Migrations are known by number only, and each database counts from one.
    if let Some(other) = Database::ALL
        .into_iter()
        .find(|other| *other != database && source.tables().iter().any(|it| it == other.mark()))
    {
        return Ok(State::Another(other));
    }
    let mut versions: Vec<String> = source
        .rows("__diesel_schema_migrations")?
        .iter()
        .map(|row| row.cell("version").shown())
        .collect();
    versions.sort();
    if let Some(found) = versions
        .iter()
        .find(|version| known.iter().all(|(known, _)| known != *version))
    {
        return Ok(State::Newer {
            found: found.clone(),
        });
    }
    let (applied, pending): (Vec<_>, Vec<_>) = known
        .into_iter()
        .partition(|(version, _)| versions.contains(version));
    Ok(State::Ours {
        applied: applied.into_iter().map(|(_, name)| name).collect(),
        pending: pending.into_iter().map(|(_, name)| name).collect(),
    })
}

/// Applies what is pending, each migration in a transaction of its own, and tells each as it is
/// applied. The file is made when it is missing.
///
/// # Errors
///
/// [`KeepError`]; what was applied before stays applied.
pub fn apply(
    database: Database,
    path: &Path,
    mut applied: impl FnMut(&str),
) -> Result<(), KeepError> {
    let mut connection = database::open(path)?;
    let failed = |error: &dyn std::fmt::Display| KeepError::database(path, &error.to_string());
    let migrations = database.migrations().map_err(|error| failed(&error))?;
    let pending = connection
        .applied_migrations()
        .map_err(|error| failed(&error))?;
    for migration in migrations
        .iter()
        .filter(|it| !pending.contains(&it.name().version()))
    {
        orket_actors::fault::point("migrate.before");
        connection
            .immediate_transaction(|connection| {
                let run = connection
                    .run_migration(migration.as_ref())
                    .map_err(diesel::result::Error::QueryBuilderError)?;
                orket_actors::fault::point("migrate.in_transaction");
                QueryResult::Ok(run)
            })
            .map_err(|error| failed(&error))?;
        orket_actors::fault::point("migrate.after");
        applied(&migration.name().to_string());
    }
    Ok(())
}
