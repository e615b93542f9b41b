//! `orket serve`: serves the API and owns the data folder until told to stop.

use std::process::ExitCode;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use orket_actors::runtime::Shutdown;

use crate::cli::args::ServeArgs;
use crate::cli::context::Context;
use crate::cli::elsewhere::{Elsewhere, Reach};
use crate::cli::enter::own;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::cli::receiving::{Ears, hear};
use crate::cli::serving::{Serving, listen};
use crate::owner::signals::Signals;

pub async fn run(context: Context, args: ServeArgs) -> Result<ExitCode, Failure> {
    if args.stop {
        return stop_the_living(&context).await;
    }
    if args.background {
        // Its own session: it outlives the terminal that it was started from. Fails only for the
        // leader of a process group, which keeps its own.
        let _ = rustix::process::setsid();
    }
    let mut signals = Signals::listen()
        .map_err(|error| Failure::new("E_SIGNALS", format!("cannot listen to signals: {error}")))?;
    // What cannot be served is said before any run is taken up.
    let listening = if args.socket_only {
        None
    } else {
        Some(listen(&context, args.host.as_deref(), args.port)?)
    };
    let hearing = match args.with_webhook {
        true => Some(hear(&context, None, None)?),
        false => None,
    };
    let lock = own(&context.folder).await?;
    let (owner, shared) = context.become_server(lock).await?;
    let socket = owner.socket().display().to_string();
    let url = listening.as_ref().map(|it| it.url.clone());
    let webhook_url = hearing.as_ref().map(|it| it.url.clone());
    let mut ears = match hearing {
        Some(hearing) => {
            let reach = Reach::Here {
                service: owner.service().clone(),
                sandboxes: Arc::clone(&shared.api.sandboxes),
            };
            let outside = Arc::new(Elsewhere::new(&context, reach, None));
            Some(hearing.start(outside).await?)
        }
        None => None,
    };
    let (http, mut serving) = match listening {
        Some(listening) => {
            let (handle, serving) = listening.serve(shared)?;
            (Some(handle), Some(serving))
        }
        None => (None, None),
    };
    tell(&context, &socket, url.as_deref(), webhook_url.as_deref());
    let service = owner.service().clone();
    let mut broken = None;
    let how = tokio::select! {
        name = signals.next() => {
            out::warn(&format!("{name}: stopping in good order; again to stop at once"));
            Shutdown::Graceful
        }
        how = service.stop_wished() => how,
        why = service.broken() => {
            broken = Some(Failure::new(
                "E_ACTOR_PANIC",
                format!("the actors could not be kept alive: {why}"),
            )
            .hint("orket serve starts it again; orket runs shows what was cut off"));
            Shutdown::Immediate
        }
        why = ended(&mut serving) => {
            broken = Some(Failure::new("E_LISTEN", format!("the server ended: {why}")));
            Shutdown::Graceful
        }
        why = deaf(&mut ears) => {
            broken = Some(Failure::new("E_LISTEN", format!("the receiver ended: {why}")));
            Shutdown::Graceful
        }
    };
    if let Some(ears) = ears {
        tokio::select! {
            () = ears.stop() => {}
            name = signals.next() => {
                out::warn(&format!("{name}: deliveries that are not answered yet are sent again"));
            }
        }
    }
    stop_serving(owner, http, how, &mut signals).await;
    match broken {
        None => Ok(ExitCode::SUCCESS),
        Some(failure) => Err(failure),
    }
}

/// Why the server ended before it was told to; never resolves without one.
async fn ended(serving: &mut Option<Serving>) -> String {
    let Some(serving) = serving else {
        return std::future::pending().await;
    };
    match serving.await {
        Ok(Ok(())) => "nobody told it to".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    }
}

/// Why the receiver ended before it was told to; never resolves without one.
async fn deaf(ears: &mut Option<Ears>) -> String {
    match ears {
        Some(ears) => super::webhook::ended(ears).await,
        None => std::future::pending().await,
    }
}

fn tell(context: &Context, socket: &str, url: Option<&str>, webhook_url: Option<&str>) {
    if context.json {
        let mut told = serde_json::json!({"socket": socket, "pid": std::process::id()});
        if let Some(fields) = told.as_object_mut() {
            for (name, url) in [("url", url), ("webhook_url", webhook_url)] {
                if let Some(url) = url {
                    fields.insert(name.to_owned(), url.into());
                }
            }
        }
        out::json(&told);
    } else {
        if let Some(url) = url {
            out::print(&format!("listening on {url}\n"));
        }
        if let Some(url) = webhook_url {
            out::print(&format!(
                "listening on {url}; deliveries go to {url}/webhook/gitea\n"
            ));
        }
        out::print(&format!("listening on {socket}\n"));
    }
}

/// Takes everything down: first the engine, so that whoever follows a run over HTTP sees how it
/// ended, then the servers.
async fn stop_serving(
    owner: crate::owner::boot::Owner,
    http: Option<ServerHandle>,
    how: Shutdown,
    signals: &mut Signals,
) {
    let Some(http) = http else {
        return stop(owner, how, signals).await;
    };
    let service = owner.service().clone();
    let draining = tokio::spawn(async move {
        service.stopped().await;
        http.stop(true).await;
    });
    stop(owner, how, signals).await;
    let _ = draining.await;
}

/// Asks the living owner to stop; does not wait for it.
async fn stop_the_living(context: &Context) -> Result<ExitCode, Failure> {
    let Some(client) = context.living_owner(None).await? else {
        return Err(Failure::new("E_NO_OWNER", "nobody owns this data folder"));
    };
    let health = client.health().await?;
    client.shutdown(false).await?;
    let words = format!("process {} stops in good order", health.pid);
    if context.json {
        out::json(&serde_json::json!({"status": "stopping", "pid": health.pid}));
    } else {
        out::print(&(words + "\n"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes an owner down while signals still count: the first one more stops at once, the next one
/// ends the process.
pub async fn stop(owner: crate::owner::boot::Owner, how: Shutdown, signals: &mut Signals) {
    let service = owner.service().clone();
    let stopping = owner.stop(how);
    tokio::pin!(stopping);
    let mut again = false;
    loop {
        tokio::select! {
            () = &mut stopping => return,
            name = signals.next() => {
                if again {
                    out::warn(&format!("{name}: leaving at once; nothing acknowledged is lost"));
                    std::process::exit(i32::from(crate::cli::failure::INTERRUPTED));
                }
                again = true;
                out::warn(&format!("{name}: stopping at once"));
                let service = service.clone();
                tokio::spawn(async move { service.shutdown(Shutdown::Immediate).await });
            }
        }
    }
}
