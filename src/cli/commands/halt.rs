//! `orket halt RUN`: stops a run. Without a living owner nothing of it is under way; then only the
//! ledger is told, so that nobody takes the run up again by itself.

use std::process::ExitCode;

use orket_actors::port::store::RunStatus;
use orket_core::ids::RunId;

use crate::cli::args::RunRef;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{assemble, out, report};
use crate::owner::host::{Door, Mode, knock};
use crate::owner::service::{Refusal, resolve_run};

pub async fn run(context: Context, args: RunRef) -> Result<ExitCode, Failure> {
    let mode = match &args.server {
        Some(server) => Mode::Server(crate::owner::client::Address::parse(server)),
        None => Mode::Any,
    };
    let ended = match knock(&context.folder, &mode).await? {
        Door::Attach(client) => {
            let standing = client.show(&args.run).await?;
            client.halt(&run_id(&standing.run_id)?).await?
        }
        Door::Own(lock) => {
            let records = context.records()?;
            let row = resolve_run(records.as_ref(), &args.run)?;
            if row.status.is_over() {
                return Err(Failure::new(
                    "E_RUN_OVER",
                    format!("run `{}` is {} already", row.run_id, row.status.as_str()),
                )
                .hint(format!("orket show {}", row.run_id)));
            }
            assemble::mark_halted(&context.settings, &context.folder, run_id(&row.run_id)?).await?;
            drop(lock);
            let report = records.report(&row.run_id)?;
            report.ok_or_else(|| Refusal::unknown_run(&row.run_id))?
        }
        Door::Nobody => return Err(Refusal::unknown_run(&args.run).into()),
    };
    if context.json {
        out::json(&ended);
    } else {
        out::print(&report::closing(&ended));
    }
    let halted = ended.status == RunStatus::Halted.as_str();
    Ok(if halted {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn run_id(text: &str) -> Result<RunId, Failure> {
    RunId::new(text).map_err(|error| Failure::new("E_RUN_UNKNOWN", error.to_string()))
}
