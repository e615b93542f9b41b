//! Looks at this machine: settings, folders, the journal, what the kernel can enforce.

use std::net::{IpAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use orket_core::secret::is_placeholder;
use rustix::fs::statvfs;

use crate::blocking::blocking;
use crate::cli::context::Context;
use crate::config::Origin;
use crate::config::variable::VARIABLES;
use crate::tools::child::sandbox::abilities::SandboxAbilities;

use super::finding::Finding;

/// Less free space than this stops work soon, in bytes.
const TOO_LITTLE: u64 = 100 * 1024 * 1024;
/// Less than this is worth a word.
const LITTLE: u64 = 1024 * 1024 * 1024;
/// Before it no clock was right: when this was written.
const WRITTEN: &str = "2026-11-01T00:00:00Z";

/// Everything that can be set.
pub async fn settings(context: &Context) -> Vec<Finding> {
    let set = context
        .settings
        .shown
        .iter()
        .filter(|it| it.origin != Origin::Default)
        .count();
    let mut found = vec![Finding::ok(
        "settings",
        format!("{} known, {set} set by somebody", VARIABLES.len()),
    )];
    found.extend(
        context
            .settings
            .warnings
            .iter()
            .map(|warning| Finding::warn("settings", warning.clone()).next("orket config")),
    );
    found
}

/// Keys and secrets: whether there are any, whether everybody knows them, who may read them.
pub async fn keys(context: &Context) -> Vec<Finding> {
    let mut found = Vec::new();
    for variable in VARIABLES.iter().filter(|it| it.secret) {
        let value = context.sources.text(variable, variable.name);
        if value.is_some_and(|(text, _)| is_placeholder(&text)) {
            found.push(
                Finding::fail(
                    "keys",
                    format!("{} is a placeholder, which everybody knows", variable.name),
                )
                .next(format!(
                    "put a value of your own into .env: {}=$(openssl rand -hex 32)",
                    variable.name
                )),
            );
        }
    }
    let api = &context.settings.api;
    let has_key = api.key.is_some() || api.keys_file.is_some();
    let is_local = api.host == "localhost"
        || api
            .host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    found.push(match (has_key, is_local) {
        (true, _) => Finding::ok("keys", "the API asks for a key"),
        (false, true) if api.allow_no_key => Finding::warn(
            "keys",
            "ORKET_ALLOW_INSECURE_NO_API_KEY lets everybody on this machine do everything",
        )
        .next("put ORKET_API_KEY=$(openssl rand -hex 32) into .env"),
        (false, true) => Finding::ok(
            "keys",
            "no ORKET_API_KEY: orket serve answers nobody on /v1; the command line needs none",
        ),
        (false, false) => Finding::fail(
            "keys",
            format!("ORKET_HOST is {}, and there is no ORKET_API_KEY", api.host),
        )
        .next("put ORKET_API_KEY=$(openssl rand -hex 32) into .env"),
    });
    let env = context.cwd.join(".env");
    if let Ok(about) = std::fs::metadata(&env)
        && about.permissions().mode() & 0o077 != 0
    {
        found.push(
            Finding::warn("keys", "other users of this machine may read .env")
                .next("chmod 600 .env"),
        );
    }
    found
}

/// Who owns the data folder.
pub async fn data_folder(context: &Context) -> Vec<Finding> {
    let root = context.folder.root();
    if !root.exists() {
        return vec![Finding::ok(
            "data folder",
            format!("{} is made by the first run", shown(context, root)),
        )];
    }
    if let Err(problem) = writable(root.to_owned()).await {
        return vec![
            Finding::fail(
                "data folder",
                format!("{}: {problem}", shown(context, root)),
            )
            .next(format!("chown -R \"$USER\" {}", shown(context, root))),
        ];
    }
    let owner = match context.living_owner(None).await {
        Ok(None) => Finding::ok(
            "data folder",
            format!("{}, which nobody owns now", shown(context, root)),
        ),
        Ok(Some(client)) => match client.health().await {
            Ok(health) => Finding::ok(
                "data folder",
                format!(
                    "{}, owned by process {} with {} run(s) under way",
                    shown(context, root),
                    health.pid,
                    health.active_runs.len()
                ),
            ),
            Err(error) => silent(&error.to_string()),
        },
        Err(failure) => silent(&failure.message),
    };
    vec![owner]
}

fn silent(words: &str) -> Finding {
    Finding::fail("data folder", format!("its owner does not answer: {words}"))
        .next("orket serve --stop; if that does not help, kill the process that is named")
}

/// Whether the journal can be read.
pub async fn journal(context: &Context) -> Vec<Finding> {
    let file = context.folder.database_folder();
    let read = || -> Result<Finding, crate::cli::failure::Failure> {
        if context.reader()?.is_none() {
            return Ok(Finding::ok("journal", "there is none yet"));
        }
        let runs = context.records()?.runs(1)?;
        let latest = runs.first().map_or_else(
            || "no run yet".to_owned(),
            |run| format!("the latest run is {} ({})", run.run_id, run.status.as_str()),
        );
        Ok(Finding::ok(
            "journal",
            format!("{}: it can be read; {latest}", shown(context, &file)),
        ))
    };
    vec![read().unwrap_or_else(|failure| {
        Finding::fail("journal", failure.message).next(
            failure
                .hint
                .unwrap_or_else(|| "orket migrate --status".to_owned()),
        )
    })]
}

/// What waits for a person.
pub async fn waiting(context: &Context) -> Vec<Finding> {
    let Ok(records) = context.records() else {
        return Vec::new();
    };
    match records.gates(Some("pending")) {
        Ok(gates) if gates.is_empty() => Vec::new(),
        Ok(gates) => vec![
            Finding::warn(
                "waiting",
                format!("{} decision(s) wait for a person", gates.len()),
            )
            .next("orket gates"),
        ],
        // The look at the journal says it.
        Err(_) => Vec::new(),
    }
}

/// Free space where the data folder is.
pub async fn disk(context: &Context) -> Vec<Finding> {
    let place = existing(context.folder.root());
    let free = match statvfs(&place) {
        Ok(about) => about.f_bavail.saturating_mul(about.f_frsize),
        Err(error) => {
            return vec![Finding::fail(
                "disk",
                format!("{}: {error}", place.display()),
            )];
        }
    };
    let words = format!("{} MiB free", free / 1024 / 1024);
    vec![if free < TOO_LITTLE {
        Finding::fail("disk", words).next("orket gc")
    } else if free < LITTLE {
        Finding::warn("disk", words).next("orket gc")
    } else {
        Finding::ok("disk", words)
    }]
}

/// Whether cards can write.
pub async fn workspace(context: &Context) -> Vec<Finding> {
    let place = existing(&context.cwd.join("workspace/default"));
    vec![match writable(place.clone()).await {
        Ok(()) => Finding::ok("workspace", "workspace/default can be written"),
        Err(problem) => Finding::fail("workspace", format!("{}: {problem}", place.display()))
            .next(format!("chown -R \"$USER\" {}", place.display())),
    }]
}

/// Whether the servers' ports are free, or theirs.
pub async fn ports(context: &Context) -> Vec<Finding> {
    let is_owned = matches!(context.living_owner(None).await, Ok(Some(_)));
    let mut found = Vec::new();
    let api = &context.settings.api;
    let webhook = &context.settings.webhook;
    let servers = [
        ("orket serve", "ORKET_PORT", api.host.as_str(), api.port),
        (
            "orket webhook",
            "ORKET_WEBHOOK_PORT",
            webhook.host.as_str(),
            webhook.port,
        ),
    ];
    for (command, variable, host, port) in servers {
        if let Err(error) = TcpListener::bind((host, port)) {
            let words = format!("{host}:{port} is not free for {command}: {error}");
            found.push(if is_owned {
                Finding::ok("ports", words + "; an owner runs, which may be it")
            } else {
                Finding::warn("ports", words)
                    .next(format!("{command} --port 0, or {variable} in .env"))
            });
        }
    }
    if found.is_empty() {
        found.push(Finding::ok(
            "ports",
            format!("{} and {} are free", api.port, webhook.port),
        ));
    }
    found
}

/// Whether the clock can be right.
pub async fn clock(context: &Context) -> Vec<Finding> {
    let now = Timestamp::now();
    let is_early = WRITTEN
        .parse::<Timestamp>()
        .is_ok_and(|written| now < written);
    let zone = context
        .settings
        .shown
        .iter()
        .find(|it| it.name == "ORKET_TIMEZONE")
        .and_then(|it| it.value.clone())
        .unwrap_or_else(|| "UTC".to_owned());
    let words = format!("{now:.0}, zone {zone}");
    vec![if is_early {
        Finding::fail(
            "clock",
            format!("{words}: that is before this program was written"),
        )
        .next("timedatectl set-ntp true")
    } else {
        Finding::ok("clock", words)
    }]
}

/// What the kernel can enforce upon tools.
pub async fn sandbox(_context: &Context) -> Vec<Finding> {
    let Ok(abilities) = blocking(|| SandboxAbilities::here().clone()).await else {
        return vec![Finding::fail("sandbox", "the look at the kernel broke off")];
    };
    let all = [
        ("files", &abilities.files),
        ("truncation", &abilities.truncation),
        ("signals", &abilities.signals),
        ("network", &abilities.network_namespace),
        ("hidden files", &abilities.mount_namespace),
        ("locked files", &abilities.locks),
        ("system calls", &abilities.filter),
        ("privileges", &abilities.capabilities),
    ];
    let on: Vec<_> = all
        .iter()
        .filter(|(_, ability)| ability.on)
        .map(|(name, _)| *name)
        .collect();
    let mut found = Vec::new();
    if !on.is_empty() {
        found.push(Finding::ok(
            "sandbox",
            format!("enforced: {}", on.join(", ")),
        ));
    }
    found.extend(
        all.iter()
            .filter(|(_, ability)| !ability.on)
            .map(|(name, ability)| {
                Finding::warn(
                    "sandbox",
                    format!("not enforced: {name} ({})", ability.reason),
                )
                .next("docs/sandbox.md says what that means")
            }),
    );
    found
}

/// Transactions that something interrupted.
pub async fn transactions(context: &Context) -> Vec<Finding> {
    let root = context
        .cwd
        .ancestors()
        .find(|folder| folder.join(".git").exists())
        .unwrap_or(&context.cwd);
    if !orket_transactions::recovery::is_pending(root) {
        return Vec::new();
    }
    vec![
        Finding::warn(
            "transactions",
            "one was interrupted, or is under way; the next one puts it right before it begins",
        )
        .next("orket refactor \"rename A to B\" --scope . --dry-run"),
    ]
}

/// The nearest folder above that is there.
fn existing(path: &Path) -> PathBuf {
    path.ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("/"))
        .to_owned()
}

/// Whether a file can be made there.
async fn writable(folder: PathBuf) -> Result<(), String> {
    let tried = blocking(move || tempfile::Builder::new().tempfile_in(folder).map(drop)).await;
    match tried {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("it cannot be written: {error}")),
        Err(error) => Err(error.to_string()),
    }
}

/// A path as an operator typed it.
fn shown(context: &Context, path: &Path) -> String {
    path.strip_prefix(&context.cwd)
        .unwrap_or(path)
        .display()
        .to_string()
}
