//! Reading without owning: what commands beside a living owner use.

use std::path::Path;
use std::sync::Arc;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use orket_actors::port::store::StoreError;
use orket_core::plan::RunPlan;

use super::super::connection;
use super::super::journal::FILE_NAME;
use super::super::options::OpenError;
use super::super::schema::run_plans;
use super::{Reader, from_json};

impl Reader {
    /// Opens the journal in `folder` for reading only, whoever owns it; `None` when there is none
    /// yet.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when it is there and cannot be read.
    pub fn open(folder: &Path) -> Result<Option<Self>, OpenError> {
        let path = folder.join(FILE_NAME);
        if !path.exists() {
            return Ok(None);
        }
        let reader = Self::new(connection::open_readers(&path, 1)?);
        // An owner that is just starting, or died as it did, has made the file and no tables yet.
        let tables = reader
            .query(|connection| {
                sql::<BigInt>(
                    "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'runs'",
                )
                .get_result::<i64>(connection)
            })
            .map_err(|error| OpenError::Unusable {
                path,
                reason: error.to_string(),
            })?;
        Ok((tables > 0).then_some(reader))
    }

    /// The plan of a run.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn plan(&self, run_id: &str) -> Result<Option<Arc<RunPlan>>, StoreError> {
        let text = self.query(|connection| {
            run_plans::table
                .filter(run_plans::run_id.eq(run_id))
                .select(run_plans::plan_json)
                .first::<String>(connection)
                .optional()
        })?;
        text.map(|text| Ok(Arc::new(from_json("a plan", &text)?)))
            .transpose()
    }
}
