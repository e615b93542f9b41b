//! `orket webhook deliveries`: what was delivered, what became of it, and trying again.

use std::process::ExitCode;

use orket_core::webhook::outcome::{CallState, answer};
use orket_webhook::store::{Answer, Delivery, FILE_NAME, OutboxRow, Shown, Store, Wish};
use serde_json::{Value, json};

use crate::blocking::blocking;
use crate::cli::args::DeliveriesCommand;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::receiving::{open_store, policy, policy_failure, store_failure};
use crate::cli::{out, report};
use crate::owner::host::wall_ms;

pub async fn run(context: &Context, command: DeliveriesCommand) -> Result<ExitCode, Failure> {
    let folder = context.folder.database_folder();
    if !folder.join(FILE_NAME).exists() {
        return match command {
            DeliveriesCommand::List(_) => {
                list(context, &[]);
                Ok(ExitCode::SUCCESS)
            }
            DeliveriesCommand::Show { delivery, .. }
            | DeliveriesCommand::Redeliver { delivery } => Err(unknown(&delivery)),
        };
    }
    let store = blocking(move || open_store(&folder)).await;
    let store = store.map_err(|error| Failure::new("E_INTERNAL", error.to_string()))??;
    let outcome = obey(context, &store, command).await;
    if let Err(error) = blocking(move || store.close()).await {
        tracing::error!(%error, "the webhook database was not closed");
    }
    outcome.map(|()| ExitCode::SUCCESS)
}

fn unknown(delivery: &str) -> Failure {
    Failure::new("E_NOT_FOUND", format!("there is no delivery `{delivery}`"))
        .hint("orket webhook deliveries lists them")
}

async fn obey(context: &Context, store: &Store, command: DeliveriesCommand) -> Result<(), Failure> {
    match command {
        DeliveriesCommand::List(args) => {
            let wish = Wish {
                pr_key: args.pr,
                only_open: args.open,
                before: args.before,
                limit: args.limit,
            };
            let found = store.deliveries(wish).await.map_err(store_failure)?;
            let mut lines = Vec::with_capacity(found.len());
            for delivery in found {
                let calls = store.calls_of(delivery.id).await.map_err(store_failure)?;
                lines.push((delivery, calls));
            }
            list(context, &lines);
        }
        DeliveriesCommand::Show { delivery, payload } => {
            let shown = find(store, &delivery).await?;
            if payload {
                out::print(&shown.payload);
            } else {
                show(context, &shown);
            }
        }
        DeliveriesCommand::Redeliver { delivery } => {
            let shown = find(store, &delivery).await?;
            let row = shown.delivery.id;
            let mut again = store
                .try_again(row, wall_ms())
                .await
                .map_err(store_failure)?;
            if shown.calls.is_empty() {
                // Nothing followed from it; by the rules of now something may.
                let policy = policy(&context.sources.organization)
                    .map_err(|wrong| policy_failure(&wrong))?;
                let decided = store.decide_again(row, policy, wall_ms()).await;
                again = decided.map_err(store_failure)?;
            }
            let words = match again {
                0 => "nothing of it failed: there is nothing to try again".to_owned(),
                1 => "1 call is tried again by the receiver that runs, or the next one".to_owned(),
                more => {
                    format!(
                        "{more} calls are tried again by the receiver that runs, or the next one"
                    )
                }
            };
            if context.json {
                out::json(&json!({"delivery": shown.delivery.id, "tried_again": again}));
            } else {
                out::print(&(words + "\n"));
            }
        }
    }
    Ok(())
}

async fn find(store: &Store, which: &str) -> Result<Shown, Failure> {
    let found = store
        .delivery(which.to_owned())
        .await
        .map_err(store_failure)?;
    found.ok_or_else(|| unknown(which))
}

fn moment(ms: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(ms).unwrap_or_default()
}

fn shown_moment(ms: i64) -> String {
    moment(ms).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How a delivery stands, in a word and in words.
fn standing(delivery: &Delivery, calls: &[OutboxRow]) -> (String, String) {
    let decided: Answer = serde_json::from_str(&delivery.result).unwrap_or_else(|_| Answer {
        status: "unknown".to_owned(),
        message: delivery.result.clone(),
    });
    let states: Vec<CallState> = calls.iter().filter_map(OutboxRow::state).collect();
    answer(&decided.status, &decided.message, &states)
}

fn body(delivery: &Delivery, calls: &[OutboxRow]) -> Value {
    let (status, message) = standing(delivery, calls);
    json!({
        "id": delivery.id,
        "delivery_id": delivery.delivery_id,
        "event_type": delivery.event_type,
        "pr": delivery.pr_key,
        "received_at": moment(delivery.received_ms).to_string(),
        "status": status,
        "message": message,
        "calls": calls,
    })
}

fn list(context: &Context, lines: &[(Delivery, Vec<OutboxRow>)]) {
    if context.json {
        let all: Vec<Value> = lines.iter().map(|(it, calls)| body(it, calls)).collect();
        out::json(&json!({ "deliveries": all }));
        return;
    }
    if lines.is_empty() {
        out::print("nothing was delivered\n");
        return;
    }
    let row = |(delivery, calls): &(Delivery, Vec<OutboxRow>)| {
        let (status, message) = standing(delivery, calls);
        vec![
            delivery.id.to_string(),
            shown_moment(delivery.received_ms),
            delivery.event_type.clone(),
            delivery.pr_key.clone().unwrap_or_default(),
            status,
            message,
        ]
    };
    let rows = lines.iter().map(row).collect();
    let heads = [
        "id",
        "received",
        "event",
        "pull request",
        "status",
        "what happened",
    ];
    out::print(&report::table(&heads, rows));
}

fn show(context: &Context, shown: &Shown) {
    if context.json {
        let mut all = body(&shown.delivery, &shown.calls);
        if let Some(fields) = all.as_object_mut() {
            let payload = serde_json::from_str(&shown.payload).unwrap_or(Value::Null);
            fields.insert("payload".to_owned(), payload);
        }
        out::json(&all);
        return;
    }
    let (status, message) = standing(&shown.delivery, &shown.calls);
    let mut text = format!(
        "delivery {} ({})\nreceived {}\nevent    {}{}\nstatus   {status}\n         {message}\n",
        shown.delivery.id,
        shown.delivery.delivery_id,
        shown_moment(shown.delivery.received_ms),
        shown.delivery.event_type,
        shown
            .delivery
            .pr_key
            .as_deref()
            .map_or_else(String::new, |pr| format!(" of {pr}")),
    );
    for call in &shown.calls {
        text += &format!(
            "call     {}: {}, tried {} times{}\n",
            call.kind,
            call.status,
            call.attempts,
            call.outcome
                .as_deref()
                .map_or_else(String::new, |words| format!(" ({words})")),
        );
    }
    out::print(&text);
}
