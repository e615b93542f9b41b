//! `--detach`: leaves the work to an owner in the background, starting one when there is none.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use orket_core::ids::RunId;
use tokio::time::Instant;

use super::commands::under_way::is_under_way;
use super::context::Context;
use super::enter::warn_of_version;
use super::failure::Failure;
use super::out;
use crate::owner::client::Client;
use crate::owner::host::{Door, Mode, knock};
use crate::owner::wire::{ForkRequest, ResumeRequest, StartRequest, Started};

/// How long a new owner may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts a run and returns.
///
/// # Errors
///
/// When no owner can be brought up, or it refuses.
pub async fn start(
    context: &Context,
    server: Option<&str>,
    request: &StartRequest,
) -> Result<ExitCode, Failure> {
    let client = owner(context, server).await?;
    warn_of_version(&client).await;
    tell(context, server, &client.start(request).await?);
    Ok(ExitCode::SUCCESS)
}

/// Goes on with a run and returns.
///
/// # Errors
///
/// When no owner can be brought up, or it refuses.
pub async fn resume(
    context: &Context,
    server: Option<&str>,
    reference: &str,
) -> Result<ExitCode, Failure> {
    let unnamed = server.is_none();
    let under_way = unnamed && is_under_way(context, reference)?;
    let client = owner(context, server).await?;
    let standing = client.show(reference).await?;
    let run = RunId::new(standing.run_id)
        .map_err(|error| Failure::new("E_INTERNAL", error.to_string()))?;
    warn_of_version(&client).await;
    let request = ResumeRequest {
        // Whoever names the owner means its settings.
        settings: unnamed.then(|| context.settings.digests.clone()),
        under_way,
    };
    tell(context, server, &client.resume(&run, &request).await?);
    Ok(ExitCode::SUCCESS)
}

/// Begins a run where a turn of another began, and returns.
///
/// # Errors
///
/// When no owner can be brought up, or it refuses.
pub async fn fork(
    context: &Context,
    server: Option<&str>,
    reference: &str,
    request: &ForkRequest,
) -> Result<ExitCode, Failure> {
    let client = owner(context, server).await?;
    warn_of_version(&client).await;
    tell(context, server, &client.fork(reference, request).await?);
    Ok(ExitCode::SUCCESS)
}

fn tell(context: &Context, server: Option<&str>, started: &Started) {
    for words in started
        .runs
        .iter()
        .map(|run| &run.words)
        .chain(&started.warnings)
    {
        out::warn(words);
    }
    if context.json {
        out::json(started);
    } else {
        out::print(&(started.run_ids.join("\n") + "\n"));
    }
    let run = &started.run_id;
    let named = server.map_or_else(String::new, |named| format!(" --server {named}"));
    out::warn(&format!(
        "hint: orket show {run}{named} tells how it stands, orket halt {run}{named} stops it"
    ));
}

/// The owner that is named, and no other; without a name the living one, or one started in the background.
async fn owner(context: &Context, server: Option<&str>) -> Result<Client, Failure> {
    match server {
        None => background_owner(context).await,
        Some(named) => context.living_owner(Some(named)).await?.ok_or_else(|| {
            let words = format!("nobody answers at {named}");
            Failure::new("E_NO_OWNER", words).hint("orket serve --socket-only starts an owner")
        }),
    }
}

/// The living owner, or one started in the background.
///
/// # Errors
///
/// When none comes up.
pub async fn background_owner(context: &Context) -> Result<Client, Failure> {
    if let Some(client) = context.living_owner(None).await? {
        return Ok(client);
    }
    let mut child = spawn(context)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        // Somebody else may have been faster; then ours leaves, and theirs is as good.
        if let Ok(Door::Attach(client)) = knock(&context.folder, &Mode::Attach).await {
            return Ok(client);
        }
        let left = child.try_wait().ok().flatten();
        if left.is_some() || Instant::now() >= deadline {
            let log = context.folder.serve_log();
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let last = said.lines().last().unwrap_or("it said nothing");
            return Err(Failure::new(
                "E_DETACH",
                format!("the owner in the background did not come up: {last}"),
            )
            .hint(format!("look into {}", log.display())));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn spawn(context: &Context) -> Result<Child, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            "E_DETACH",
            format!("cannot start an owner in the background: {error}"),
        )
    };
    context.folder.create().map_err(failed)?;
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(context.folder.serve_log())
        .map_err(failed)?;
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.args(["serve", "--socket-only", "--background"]);
    for set in &context.set {
        command.args(["--set", set]);
    }
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log)
        .spawn()
        .map_err(failed)
}
