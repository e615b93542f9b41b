//! The team's seats, ready to take turns, and the one that guards.
//!
//! A seat that no card of the epic uses may be broken without stopping the run: it is left out,
//! with a warning.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::contracts::{Place, Turn};
use super::tools::Toolbox;
use super::{Context, Findings, contracts, models, prompt};
use crate::asset::{AssetSource, Role, Seat, name};
use crate::contract::Contract;
use crate::model::ModelOptions;
use crate::plan::{CommandTool, SeatPlan};
use crate::policy::RunPolicy;
use crate::tool_catalogue;
use crate::transition::GUARD_ROLE;

/// The seats of a run.
#[derive(Debug, Default)]
pub(super) struct Seats {
    /// By key; a guard's `contract` is that of its reviews.
    pub(super) plans: BTreeMap<String, SeatPlan>,
    /// What a card whose own seat is the key must bring before it is reviewed.
    pub(super) work: BTreeMap<String, Contract>,
    /// The seat that reviews.
    pub(super) guard: Option<String>,
    /// How tools that are child processes are run.
    pub(super) commands: BTreeMap<String, CommandTool>,
}

pub(super) fn build<S: AssetSource>(
    context: &Context<'_, S>,
    policy: &RunPolicy,
    findings: &mut Findings,
) -> Seats {
    let team = &context.team.asset;
    let mut seats = Seats {
        guard: guard(&team.seats).map(|seat| seat.key.clone()),
        ..Seats::default()
    };
    if seats.guard.is_none() {
        let message = format!(
            "no seat has the role `{GUARD_ROLE}`, so no card could ever be settled; add one"
        );
        findings.problem(&context.team.file, "seats", message);
    }
    let used: BTreeSet<String> = context
        .epic
        .asset
        .issues
        .iter()
        .map(|issue| name::sanitise(&issue.seat))
        .chain(seats.guard.clone())
        .collect();
    let mut toolbox = Toolbox::new(context);
    for seat in &team.seats {
        let mut found = Findings::default();
        let is_guard = seats.guard.as_ref() == Some(&seat.key);
        let built = build_one(context, seat, is_guard, &mut toolbox, policy, &mut found);
        if !used.contains(&seat.key) && !found.problems.is_empty() {
            for problem in found.problems {
                let message = format!(
                    "{} (no card uses the seat `{}`, so it is left out)",
                    problem.message, seat.key
                );
                findings.warn(&problem.file, problem.field, message);
            }
            continue;
        }
        findings.absorb(found);
        if let Some((plan, work)) = built {
            seats.work.insert(seat.key.clone(), work);
            seats.plans.insert(seat.key.clone(), plan);
        }
    }
    seats.commands = toolbox.commands;
    seats
}

/// The first seat that speaks as the guard, else the first that has the role at all.
pub(super) fn guard(seats: &[Seat]) -> Option<&Seat> {
    let speaks = |seat: &&Seat| seat.roles.first().is_some_and(|role| role == GUARD_ROLE);
    let has = |seat: &&Seat| seat.roles.iter().any(|role| role == GUARD_ROLE);
    seats.iter().find(speaks).or_else(|| seats.iter().find(has))
}

/// One seat, and what its work must bring.
pub(super) fn build_one<S: AssetSource>(
    context: &Context<'_, S>,
    seat: &Seat,
    is_guard: bool,
    toolbox: &mut Toolbox<'_, S>,
    policy: &RunPolicy,
    findings: &mut Findings,
) -> Option<(SeatPlan, Contract)> {
    let field = format!("seats.{}.roles", seat.written);
    let file = &context.team.file;
    let Some(speaking) = seat.roles.first() else {
        let message = "names no role, so nobody could speak; name at least one role asset";
        findings.problem(file, field, message);
        return None;
    };
    let mut first = None;
    for (place, role_name) in seat.roles.iter().enumerate() {
        let loaded = context
            .library
            .load::<Role>(role_name, &context.request.department);
        let role = findings.take(loaded, file, &format!("{field}[{place}]"));
        if place == 0 {
            first = role;
        }
    }
    let model = models::choose(context, speaking, findings);
    let role = first?;
    let mut tools = toolbox.offered(&role, findings);
    if is_guard {
        tool_catalogue::add_reasons(&mut tools);
    }
    let work = contracts::work_default(speaking, &role.asset, &tools);
    let place = Place {
        file: &role.file,
        prefix: "contract.",
    };
    contracts::check(Turn::Work, &work, None, &tools, &place, findings);
    let contract = if is_guard {
        let review = contracts::review_default(&role.asset, &tools);
        contracts::check(Turn::Review, &review, None, &tools, &place, findings);
        if !tools.iter().any(|tool| tool.name == contracts::STATUS) {
            let message = format!(
                "must hold `{}`, or the guard could settle no card",
                contracts::STATUS
            );
            findings.problem(&role.file, "tools", message);
        }
        review
    } else {
        work.clone()
    };
    let model = model?;
    let dialect = prompt::dialect(context, &model, findings);
    let dialect = dialect.as_ref();
    let system_prompt = prompt::compile(seat, &role.asset, dialect, &tools, is_guard, policy);
    let stamp = prompt::stamp(
        (&role.file, &role.asset),
        dialect,
        &system_prompt,
        &policy.prompts,
        findings,
    );
    let environment = &context.environment.asset;
    let plan = SeatPlan {
        seat: seat.key.clone(),
        role: speaking.clone(),
        roles: seat.roles.clone(),
        system_prompt: Arc::from(system_prompt),
        prompt: stamp,
        tools: Arc::from(tools),
        contract,
        model,
        options: ModelOptions {
            temperature: environment.temperature,
            seed: environment.seed,
            params: environment.params.clone(),
        },
    };
    Some((plan, work))
}
