//! The model of each role, as a plan would choose it, to be shown.

use std::collections::BTreeSet;

use super::compliance::Reason;
use super::{Places, Settled};
use crate::asset::{
    Asset, AssetSource, CORE, Dialect, Epic, Library, LoadError, Problems, Role, Team, name,
};
use crate::model::ModelName;
use crate::plan_build::prompt::{GENERIC, family};
use crate::plan_build::{Findings, PlanSettings};

/// A role and its model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The role.
    pub role: String,
    /// What was chosen.
    pub selected: ModelName,
    /// What answers.
    pub answers: ModelName,
    /// Why it does.
    pub reason: Reason,
    /// Where the choice is written: file and field.
    pub chosen_in: String,
    /// The dialect in which it is spoken to.
    pub dialect: &'static str,
}

/// Why models cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum AssignError {
    /// The epic cannot be loaded.
    #[error(transparent)]
    Epic(LoadError),
    /// Something else is wrong.
    #[error("{0}")]
    Wrong(#[from] Problems),
}

/// The epic that is to be run: its name, as seen from a department.
#[derive(Debug, Clone, Copy)]
pub struct OfEpic<'a> {
    /// Its name.
    pub epic: &'a str,
    /// The department.
    pub department: &'a str,
}

/// The models of these roles in turns of an epic; without one, as far as neither an epic nor its
/// environment says otherwise.
///
/// # Errors
///
/// [`AssignError`].
pub fn assignments<S: AssetSource>(
    library: &Library<S>,
    settings: &PlanSettings,
    of: Option<OfEpic<'_>>,
    roles: &[String],
) -> Result<Vec<Assignment>, AssignError> {
    let department = of.map_or(CORE, |of| of.department);
    let epic = of.map(|of| library.load::<Epic>(of.epic, department));
    let epic = epic.transpose().map_err(AssignError::Epic)?;
    let mut findings = Findings::default();
    let environment = epic.as_ref().and_then(|epic| {
        let loaded = library.load(&epic.asset.environment, department);
        findings.take(loaded, &epic.file, "environment")
    });
    let organization = match library.organization().transpose() {
        None => None,
        Some(loaded) => findings.take(loaded, "organization.json", "organization"),
    };
    let places = Places {
        library,
        department,
        command_line: None,
        epic: epic.as_ref(),
        settings,
        organization: organization.as_ref(),
        environment: environment.as_ref(),
    };
    let mut assignments = Vec::with_capacity(roles.len());
    for role in roles {
        let Some(settled) = places.choose(role, &mut findings) else {
            continue;
        };
        let Settled {
            choice,
            selected,
            answers,
            reason,
        } = settled;
        let family = family(&answers.model);
        let is_there = library
            .find(Dialect::KIND, Dialect::CATEGORY, family, department)
            .is_ok();
        assignments.push(Assignment {
            role: role.clone(),
            dialect: if is_there { family } else { GENERIC },
            chosen_in: format!("{}: {}", choice.file, choice.field),
            selected,
            answers,
            reason,
        });
    }
    if findings.problems.is_empty() {
        Ok(assignments)
    } else {
        let problems = super::super::each_once(findings.problems);
        Err(Problems(problems).into())
    }
}

/// Every role that a team of any department seats, sorted; without any, the role assets of `core`.
/// Broken teams are passed over.
pub fn roles<S: AssetSource>(library: &Library<S>) -> Vec<String> {
    let mut roles = BTreeSet::new();
    for department in library.departments() {
        for team in library.list(Team::CATEGORY, &department) {
            if let Ok(loaded) = library.load::<Team>(&team, &department) {
                roles.extend(loaded.asset.seats.into_iter().flat_map(|seat| seat.roles));
            }
        }
    }
    if roles.is_empty() {
        let names = library.list(Role::CATEGORY, CORE);
        roles.extend(names.iter().map(|name| name::sanitise(name)));
    }
    roles.into_iter().collect()
}
