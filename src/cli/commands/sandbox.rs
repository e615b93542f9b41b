//! `orket sandbox`: what was built, brought up by docker compose. Goes through the living owner; without
//! one this process is the owner, socket and all, for as long as the command takes: others attach to it.

use std::process::ExitCode;

use orket_actors::runtime::Shutdown;
use orket_sandboxes::{NewSandbox, Sandbox, SandboxError, id, printable};
use serde_json::json;

use crate::cli::args::{CreateSandboxArgs, SandboxArgs, SandboxCommand};
use crate::cli::context::Context;
use crate::cli::enter::DEFAULT_WORKSPACE;
use crate::cli::failure::Failure;
use crate::cli::progress::words::one_line;
use crate::cli::{out, report};
use crate::owner::client::{Address, Client, ClientError};
use crate::owner::host::{Door, Mode, knock};

pub async fn run(context: Context, args: SandboxArgs) -> Result<ExitCode, Failure> {
    match args
        .command
        .unwrap_or(SandboxCommand::List { server: None })
    {
        SandboxCommand::List { server } => list(&context, server.as_deref()).await,
        SandboxCommand::Create(args) => create(&context, args).await,
        SandboxCommand::Logs {
            id,
            service,
            server,
        } => logs(&context, &id, service.as_deref(), server.as_deref()).await,
        SandboxCommand::Stop { id, server } => stop(&context, &id, server.as_deref()).await,
    }
}

/// Asks the owner, and is it until that is done and nobody else has work in it.
async fn ask<T, A: Future<Output = Result<T, ClientError>>>(
    context: &Context,
    server: Option<&str>,
    what: impl FnOnce(Client) -> A,
) -> Result<T, Failure> {
    let mode = match server {
        Some(server) => Mode::Server(Address::parse(server)),
        None => Mode::Any,
    };
    match knock(&context.folder, &mode).await? {
        Door::Attach(client) => Ok(what(client).await?),
        Door::Own(lock) => {
            let owner = context.become_owner(lock).await?;
            let asked = match Client::new(&Address::Socket(owner.socket().to_owned())) {
                Ok(client) => what(client).await,
                Err(error) => Err(error),
            };
            owner.service().idle().await;
            owner.stop(Shutdown::Graceful).await;
            Ok(asked?)
        }
        Door::Nobody => Err(Failure::new("E_NO_OWNER", "nobody owns this data folder")),
    }
}

async fn list(context: &Context, server: Option<&str>) -> Result<ExitCode, Failure> {
    let all = match context.living_owner(server).await? {
        Some(client) => client.sandboxes().await?,
        // As they stood when somebody looked last: looking needs no docker.
        None => orket_sandboxes::recorded(&context.folder.sandboxes())
            .map_err(|error| SandboxError::Records(error.to_string()))?,
    };
    let damaged = orket_sandboxes::damaged(&context.folder.sandboxes()).unwrap_or_default();
    if server.is_none() {
        for error in damaged {
            out::warn(&format!("warning: {}", printable(&error.to_string())));
        }
    }
    if context.json {
        out::json(&json!({"sandboxes": all}));
        return Ok(ExitCode::SUCCESS);
    }
    if all.is_empty() {
        out::print("there are no sandboxes\n");
        return Ok(ExitCode::SUCCESS);
    }
    let rows = all.iter().map(|it| {
        vec![
            it.id.clone(),
            it.status.name().to_owned(),
            it.rock_id.clone(),
            it.tech_stack.name().to_owned(),
            it.frontend_url.as_str().to_owned(),
            one_line(it.last_error.as_deref().unwrap_or_default(), 60),
        ]
    });
    out::print(&report::table(
        &["sandbox", "status", "rock", "stack", "frontend", "error"],
        rows.collect(),
    ));
    Ok(ExitCode::SUCCESS)
}

async fn create(context: &Context, args: CreateSandboxArgs) -> Result<ExitCode, Failure> {
    let path = args.path.unwrap_or_else(|| DEFAULT_WORKSPACE.into());
    let path = context.cwd.join(path);
    let Some(workspace_path) = path.to_str().map(str::to_owned) else {
        return Err(Failure::usage("--path must be UTF-8"));
    };
    let new = NewSandbox {
        project_name: args.name.unwrap_or_else(|| args.rock.clone()),
        rock_id: args.rock,
        tech_stack: args.stack,
        workspace_path,
    };
    let (new, server) = (&new, args.server.as_deref());
    let create = |client: Client| async move { client.create_sandbox(new).await };
    let created = ask(context, server, create).await?;
    if context.json {
        out::json(&created);
    } else {
        out::print(&told(&created));
    }
    Ok(ExitCode::SUCCESS)
}

/// Where a sandbox is.
fn told(it: &Sandbox) -> String {
    let mut text = format!(
        "{} is {} ({})\nfrontend  {}\napi       {}\ndatabase  {}\n",
        it.id,
        it.status.name(),
        it.tech_stack.name(),
        it.frontend_url.as_str(),
        it.api_url.as_str(),
        it.database_url.as_str()
    );
    if let Some(page) = &it.admin_url {
        text.push_str(&format!("admin     {}\n", page.as_str()));
    }
    text
}

async fn logs(
    context: &Context,
    id: &str,
    service: Option<&str>,
    server: Option<&str>,
) -> Result<ExitCode, Failure> {
    check_id(id)?;
    // It becomes part of an address.
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if let Some(service) = service.filter(|name| !is_name(name)) {
        let (id, service) = (id.to_owned(), service.to_owned());
        return Err(SandboxError::UnknownService { id, service }.into());
    }
    let read = |client: Client| async move { client.sandbox_logs(id, service).await };
    let text = ask(context, server, read).await?;
    if context.json {
        out::json(&json!({"id": id, "logs": text}));
    } else {
        out::print(&printable(&text));
    }
    Ok(ExitCode::SUCCESS)
}

async fn stop(context: &Context, id: &str, server: Option<&str>) -> Result<ExitCode, Failure> {
    check_id(id)?;
    let stop = |client: Client| async move { client.stop_sandbox(id).await };
    ask(context, server, stop).await?;
    if context.json {
        out::json(&json!({"id": id, "status": "deleted"}));
    } else {
        out::print(&format!("{id} is deleted with all that it stored\n"));
    }
    Ok(ExitCode::SUCCESS)
}

fn check_id(id: &str) -> Result<(), SandboxError> {
    if id::is_id(id) {
        Ok(())
    } else {
        Err(SandboxError::Unknown(id.to_owned()))
    }
}
