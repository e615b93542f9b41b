//! `orket gates`: what persons must decide. Deciding goes through the living owner, and the run goes
//! on by itself; without one the decision is stored, and `orket resume` goes on.

use std::process::ExitCode;

use orket_actors::port::store::GateDecision;
use serde_json::json;

use crate::cli::args::{DecideArgs, GatesArgs, GatesCommand, GatesListArgs};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::progress::words::one_line;
use crate::cli::{assemble, out, report};
use crate::owner::client::Address;
use crate::owner::host::{Door, Mode, knock};
use crate::owner::ports::GateView;
use crate::owner::service::Refusal;
use crate::owner::wire::{DecideRequest, Decision};

pub async fn run(context: Context, args: GatesArgs) -> Result<ExitCode, Failure> {
    match args.command.unwrap_or_default() {
        GatesCommand::List(args) => list(&context, &args),
        GatesCommand::Show { id } => show(&context, id),
        GatesCommand::Approve(args) => decide(&context, GateDecision::Approved, args).await,
        GatesCommand::Reject(args) => decide(&context, GateDecision::Rejected, args).await,
        GatesCommand::Expire(args) => decide(&context, GateDecision::Expired, args).await,
    }
}

fn list(context: &Context, args: &GatesListArgs) -> Result<ExitCode, Failure> {
    let status = (!args.all).then_some("pending");
    let mut gates = context.records()?.gates(status)?;
    if let Some(run) = &args.run {
        gates.retain(|gate| gate.run_id.starts_with(run.as_str()));
    }
    if context.json {
        out::json(&json!({"gates": gates}));
        return Ok(ExitCode::SUCCESS);
    }
    if gates.is_empty() {
        out::print("nothing waits for a decision\n");
        return Ok(ExitCode::SUCCESS);
    }
    let rows = gates
        .into_iter()
        .map(|gate| {
            vec![
                gate.id.to_string(),
                gate.status,
                gate.run_id,
                gate.issue_id,
                gate.request_type,
                one_line(&gate.reason, 60),
            ]
        })
        .collect();
    out::print(&report::table(
        &["gate", "status", "run", "card", "what", "why"],
        rows,
    ));
    Ok(ExitCode::SUCCESS)
}

fn find(context: &Context, id: i64) -> Result<GateView, Failure> {
    let gates = context.records()?.gates(None)?;
    let found = gates.into_iter().find(|gate| gate.id == id);
    found.ok_or_else(|| Refusal::unknown_gate(id).into())
}

fn show(context: &Context, id: i64) -> Result<ExitCode, Failure> {
    let gate = find(context, id)?;
    if context.json {
        out::json(&gate);
        return Ok(ExitCode::SUCCESS);
    }
    let payload = serde_json::to_string_pretty(&gate.payload).unwrap_or_default();
    let mut text = format!(
        "gate {}: {} ({})\nrun {}, card {}, seat {}\n{}\n{payload}\n",
        gate.id, gate.status, gate.request_type, gate.run_id, gate.issue_id, gate.seat, gate.reason
    );
    if let Some(digest) = &gate.digest {
        text.push_str(&format!("bound to {digest}\n"));
    }
    if let Some(by) = &gate.decided_by {
        let why = gate
            .resolution
            .as_ref()
            .and_then(|it| it.get("reason")?.as_str());
        text.push_str(&format!("decided by {by}: {}\n", why.unwrap_or_default()));
    }
    out::print(&text);
    Ok(ExitCode::SUCCESS)
}

async fn decide(
    context: &Context,
    decision: GateDecision,
    args: DecideArgs,
) -> Result<ExitCode, Failure> {
    let mode = match &args.server {
        Some(server) => Mode::Server(Address::parse(server)),
        None => Mode::Any,
    };
    let request = DecideRequest {
        by: args.by.clone().unwrap_or_else(user),
        reason: args.reason.clone().unwrap_or_default(),
    };
    let verb = match decision {
        GateDecision::Approved => "approve",
        GateDecision::Rejected => "reject",
        GateDecision::Expired => "expire",
    };
    let decided = match knock(&context.folder, &mode).await? {
        Door::Attach(client) => client.decide(args.id, verb, &request).await?,
        Door::Own(lock) => {
            let gate = find(context, args.id)?;
            if gate.status != "pending" {
                return Err(Refusal::gate_decided(gate.id, &gate.status).into());
            }
            let (settings, folder) = (&context.settings, &context.folder);
            assemble::decide_gate(settings, folder, args.id, decision, request).await?;
            drop(lock);
            Decision {
                id: args.id,
                run_id: gate.run_id,
                status: decision.as_str().to_owned(),
                goes_on: false,
            }
        }
        Door::Nobody => return Err(Refusal::unknown_gate(args.id).into()),
    };
    if context.json {
        out::json(&decided);
    } else {
        let next = if decided.goes_on {
            format!("run {} goes on", decided.run_id)
        } else {
            format!("`orket resume {}` goes on", decided.run_id)
        };
        out::print(&format!(
            "gate {} is {}; {next}\n",
            decided.id, decided.status
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Who sits at the keyboard.
pub fn user() -> String {
    std::env::var("USER")
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "operator".to_owned())
}
