//! A consistent copy of a database, whoever uses it meanwhile.

use std::fs;
use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::database::place;
use crate::disk;
use crate::error::KeepError;

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

/// Copies a database as of one moment, has the copy on the disk, and checks that it is sound. `to` must
/// not be there.
///
/// # Errors
///
/// [`KeepError`]; then there is no copy.
pub fn take(from: &Path, to: &Path) -> Result<(), KeepError> {
    if let Some(folder) = to.parent() {
        disk::private_folder(folder)?;
    }
    let beside = disk::part(to);
    let _ = fs::remove_file(&beside);
    let taken = copy(from, &beside).and_then(|()| {
        fs::rename(&beside, to).map_err(|error| KeepError::file(to, &error))?;
        disk::sync_parent(to)
    });
    if taken.is_err() {
        // What is left of it is no copy.
        let _ = fs::remove_file(&beside);
    }
    taken
}

fn copy(from: &Path, to: &Path) -> Result<(), KeepError> {
    let failed = |error: &dyn std::fmt::Display| KeepError::database(from, &error.to_string());
    let target = place(to)?;
    let mut connection =
        SqliteConnection::establish(&place(from)?).map_err(|error| failed(&error))?;
    connection
        .batch_execute("PRAGMA busy_timeout=10000")
        .map_err(|error| failed(&error))?;
    diesel::sql_query("VACUUM INTO ?")
        .bind::<Text, _>(target)
        .execute(&mut connection)
        .map_err(|error| failed(&error))?;
    fs::File::open(to)
        .and_then(|file| {
            file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
            file.sync_all()
        })
        .map_err(|error| KeepError::file(to, &error))?;
    check(to)
}

/// That a database is sound.
///
/// # Errors
///
/// [`KeepError::Damaged`].
pub fn check(path: &Path) -> Result<(), KeepError> {
    let damaged = |reason: String| KeepError::Damaged {
        path: path.to_owned(),
        reason,
    };
    let mut connection =
        SqliteConnection::establish(&place(path)?).map_err(|error| damaged(error.to_string()))?;
    let found: Vec<Word> =
        diesel::sql_query("SELECT integrity_check AS word FROM pragma_integrity_check LIMIT 3")
            .load(&mut connection)
            .map_err(|error| damaged(error.to_string()))?;
    let words: Vec<String> = found.into_iter().map(|it| it.word).collect();
    if words == ["ok"] {
        Ok(())
    } else {
        Err(damaged(words.join("; ")))
    }
}
