//! `orket budget`: what a run may spend, has spent and has set aside, and letting it spend more.

use std::process::ExitCode;

use orket_core::ids::RunId;
use orket_core::policy::{Unit, amount, shown};

use super::gates::user;
use crate::cli::args::BudgetArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{assemble, out, report};
use crate::owner::client::Address;
use crate::owner::host::{Door, Mode, knock};
use crate::owner::ports::BudgetView;
use crate::owner::service::{Refusal, resolve_run};
use crate::owner::wire::{Grant, GrantRequest};

pub async fn run(context: Context, args: BudgetArgs) -> Result<ExitCode, Failure> {
    let add: Vec<Grant> = args
        .add
        .iter()
        .map(|text| grant(text, args.scope.as_deref().unwrap_or("epic")))
        .collect::<Result<_, _>>()?;
    if args.scope.is_some() && add.is_empty() {
        return Err(Failure::usage(
            "--scope says where --add counts; give --add UNIT=AMOUNT",
        ));
    }
    if add.is_empty() {
        return show(&context, &args.run);
    }
    let mode = match &args.server {
        Some(server) => Mode::Server(Address::parse(server)),
        None => Mode::Any,
    };
    let request = GrantRequest {
        by: args.by.clone().unwrap_or_else(user),
        add,
    };
    let granted = match knock(&context.folder, &mode).await? {
        Door::Attach(client) => client.grant(&args.run, &request).await?,
        Door::Own(lock) => {
            let records = context.records()?;
            let row = resolve_run(records.as_ref(), &args.run)?;
            let run =
                RunId::new(row.run_id).map_err(|error| Refusal::internal(error.to_string()))?;
            let view = records
                .budget(run.as_str())?
                .ok_or_else(|| Refusal::unknown_run(run.as_str()))?;
            assemble::grant(&context.settings, &context.folder, &run, &view, &request).await?;
            drop(lock);
            let records = context.records()?;
            let budget = records.budget(run.as_str())?;
            budget.ok_or_else(|| Refusal::unknown_run(run.as_str()))?
        }
        Door::Nobody => return Err(Refusal::unknown_run(&args.run).into()),
    };
    tell(&context, &granted);
    Ok(ExitCode::SUCCESS)
}

/// `UNIT=AMOUNT`.
fn grant(text: &str, scope: &str) -> Result<Grant, Failure> {
    let known = || {
        let units: Vec<&str> = Unit::ALL.iter().map(|unit| unit.as_str()).collect();
        format!(
            "give --add UNIT=AMOUNT, where the unit is one of: {}",
            units.join(", ")
        )
    };
    let Some((unit, number)) = text.split_once('=') else {
        return Err(Failure::usage(known()));
    };
    let unit: Unit = unit.parse().map_err(|_| Failure::usage(known()))?;
    let amount =
        amount(unit, number).map_err(|error| Failure::usage(format!("--add {text}: {error}")))?;
    Ok(Grant {
        scope: scope.to_owned(),
        unit,
        amount,
    })
}

fn show(context: &Context, reference: &str) -> Result<ExitCode, Failure> {
    let records = context.records()?;
    let row = resolve_run(records.as_ref(), reference)?;
    let view = records.budget(&row.run_id)?;
    let view = view.ok_or_else(|| Refusal::unknown_run(reference))?;
    tell(context, &view);
    Ok(ExitCode::SUCCESS)
}

fn tell(context: &Context, view: &BudgetView) {
    if context.json {
        return out::json(view);
    }
    if view.lines.is_empty() {
        return out::print(
            "nothing is limited, so nothing is counted; `budget` in the epic, or ORKET_BUDGET_TOKENS, limits it\n",
        );
    }
    let rows = view
        .lines
        .iter()
        .map(|line| {
            let show = |amount| shown(line.unit, amount);
            vec![
                line.scope.clone(),
                line.scope_id.clone(),
                line.unit.to_string(),
                line.allowed.map_or("-".to_owned(), show),
                show(line.granted),
                show(line.spent),
                show(line.reserved),
                line.left.map_or("-".to_owned(), show),
            ]
        })
        .collect();
    out::print(&report::table(
        &[
            "scope",
            "of",
            "unit",
            "allowed",
            "added",
            "spent",
            "set aside",
            "left",
        ],
        rows,
    ));
}
