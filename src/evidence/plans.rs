//! The plans that attempts were made under.

use std::collections::HashMap;
use std::sync::Arc;

use orket_core::plan::RunPlan;

use crate::storage::Reader;

/// Plans by run, and the runs of each build in the order in which they began; each is read once.
pub(super) struct Plans<'a> {
    reader: &'a Reader,
    plans: HashMap<String, Result<Arc<RunPlan>, String>>,
    builds: HashMap<String, Vec<(i64, String)>>,
}

impl<'a> Plans<'a> {
    pub(super) fn of(reader: &'a Reader) -> Self {
        Self {
            reader,
            plans: HashMap::new(),
            builds: HashMap::new(),
        }
    }

    /// The plan of a run.
    ///
    /// # Errors
    ///
    /// In words: it is not there, or cannot be understood.
    pub(super) fn get(&mut self, run_id: &str) -> Result<Arc<RunPlan>, String> {
        if let Some(known) = self.plans.get(run_id) {
            return known.clone();
        }
        let read = match self.reader.plan(run_id) {
            Ok(Some(plan)) => Ok(plan),
            Ok(None) => Err(format!("the plan of run {run_id} is not in the journal")),
            Err(error) => Err(format!("the plan of run {run_id} cannot be read: {error}")),
        };
        self.plans.insert(run_id.to_owned(), read.clone());
        read
    }

    /// For each of these times, the plan of the run of the build that had its cards then, where that
    /// is another than `begun`: a new run of a build takes up the attempts that an older one left open.
    pub(super) fn taken_up(
        &mut self,
        begun: &RunPlan,
        times: impl Iterator<Item = i64>,
    ) -> Vec<Option<Arc<RunPlan>>> {
        let build = begun.build_id.as_str();
        if !self.builds.contains_key(build) {
            let runs = self.reader.begun_runs(build).unwrap_or_default();
            self.builds.insert(build.to_owned(), runs);
        }
        let runs = self.builds.get(build).cloned().unwrap_or_default();
        times
            .map(|at_ms| {
                let (_, run_id) = runs.iter().rfind(|(started_ms, _)| *started_ms <= at_ms)?;
                if run_id == begun.run_id.as_str() {
                    return None;
                }
                self.get(run_id).ok()
            })
            .collect()
    }
}
