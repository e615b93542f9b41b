//! `orket webhook`: receives what Gitea tells of pull requests, until told to stop.

use std::process::ExitCode;
use std::sync::Arc;

use crate::cli::args::{DeliveriesCommand, WebhookArgs, WebhookCommand};
use crate::cli::context::Context;
use crate::cli::elsewhere::{Elsewhere, Reach};
use crate::cli::enter::DEFAULT_WORKSPACE;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::cli::receiving::{Ears, hear};
use crate::log::{LogOptions, RunLog};
use crate::owner::signals::Signals;

pub async fn run(context: Context, args: WebhookArgs) -> Result<ExitCode, Failure> {
    match args.command {
        Some(WebhookCommand::Deliveries(deliveries)) => {
            let command = deliveries
                .command
                .unwrap_or_else(|| DeliveriesCommand::List(Default::default()));
            super::deliveries::run(&context, command).await
        }
        None => listen(&context, args.host.as_deref(), args.port).await,
    }
}

async fn listen(
    context: &Context,
    host: Option<&str>,
    port: Option<u16>,
) -> Result<ExitCode, Failure> {
    let mut signals = Signals::listen()
        .map_err(|error| Failure::new("E_SIGNALS", format!("cannot listen to signals: {error}")))?;
    let hearing = hear(context, host, port)?;
    let url = hearing.url.clone();
    let log = RunLog::start(LogOptions {
        zone: context.settings.timezone.clone(),
        // The owner of the data folder rotates it.
        max_bytes: 0,
        ..LogOptions::new(context.cwd.join(DEFAULT_WORKSPACE))
    })
    .map_err(|error| Failure::new("E_INTERNAL", error.to_string()))?;
    let reach = Reach::Socket(context.folder.clone());
    let outside = Arc::new(Elsewhere::new(context, reach, Some(log)));
    let mut ears = hearing.start(outside).await?;
    tell(context, &url);
    let outcome = tokio::select! {
        name = signals.next() => {
            out::warn(&format!("{name}: stopping in good order; what follows from deliveries goes on at the next start"));
            Ok(ExitCode::SUCCESS)
        }
        why = ended(&mut ears) => {
            Err(Failure::new("E_LISTEN", format!("the receiver ended: {why}")))
        }
    };
    tokio::select! {
        () = ears.stop() => {}
        name = signals.next() => {
            out::warn(&format!("{name}: leaving at once; nothing acknowledged is lost"));
        }
    }
    outcome
}

/// Why the receiver ended before it was told to.
pub async fn ended(ears: &mut Ears) -> String {
    match (&mut ears.serving).await {
        Ok(Ok(())) => "nobody told it to".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    }
}

fn tell(context: &Context, url: &str) {
    if context.json {
        out::json(&serde_json::json!({"webhook_url": url, "pid": std::process::id()}));
    } else {
        out::print(&format!(
            "listening on {url}; deliveries go to {url}/webhook/gitea\n"
        ));
    }
}
