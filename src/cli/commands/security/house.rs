//! A server and a receiver of this very program, in a folder and with secrets that are thrown away.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use crate::cli::failure::Failure;

use super::Attempt;

/// How long the server may take to listen, and to go.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server.
pub struct House {
    folder: TempDir,
    child: Child,
    /// The API.
    pub api: String,
    /// The receiver.
    pub webhook: String,
    socket: PathBuf,
    /// The key of the API.
    pub key: String,
}

#[derive(Deserialize)]
struct Told {
    socket: PathBuf,
    url: String,
    webhook_url: String,
}

/// Something that nobody knows.
pub fn secret() -> String {
    format!(
        "{}{}",
        uuid::Uuid::new_v4().simple(),
        uuid::Uuid::new_v4().simple()
    )
}

/// This program, in a folder, with nothing from the environment but where programs are.
pub fn program(folder: &TempDir) -> Result<Command, Failure> {
    let own = std::env::current_exe().map_err(|error| {
        Failure::new("E_START", format!("this program cannot be found: {error}"))
    })?;
    let mut command = Command::new(own);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder.path())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}

/// A folder that is thrown away.
pub fn folder() -> Result<TempDir, Failure> {
    tempfile::Builder::new()
        .prefix("orket-check-")
        .tempdir()
        .map_err(|error| {
            Failure::new(
                "E_NO_SPACE",
                format!("no folder for temporary files: {error}"),
            )
        })
}

impl House {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    ///
    /// `E_START`, with what it said.
    pub async fn start() -> Result<Self, Failure> {
        let folder = folder()?;
        let key = secret();
        let mut child = program(&folder)?
            .args([
                "serve",
                "--with-webhook",
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--json",
            ])
            .env("ORKET_API_KEY", &key)
            .env("GITEA_WEBHOOK_SECRET", secret())
            .env("GITEA_TOKEN", secret())
            // Nobody listens there: nothing that is refused gets that far.
            .env("GITEA_URL", "http://127.0.0.1:9")
            .env("ORKET_WEBHOOK_HOST", "127.0.0.1")
            .env("ORKET_WEBHOOK_PORT", "0")
            .env("ORKET_DISABLE_SANDBOX", "true")
            .spawn()
            .map_err(|error| {
                Failure::new("E_START", format!("the server did not start: {error}"))
            })?;
        let told = tokio::time::timeout(PATIENCE, first_object(&mut child)).await;
        let Ok(Some(told)) = told else {
            // Ends it, where it has not ended.
            let _gone_already = child.start_kill();
            let words = match child.wait_with_output().await {
                Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
                Err(error) => error.to_string(),
            };
            return Err(
                Failure::new("E_START", format!("the server did not start: {words}"))
                    .hint("orket doctor"),
            );
        };
        Ok(Self {
            folder,
            child,
            api: told.url,
            webhook: told.webhook_url,
            socket: told.socket,
            key,
        })
    }

    /// Whether others may use its socket.
    pub fn socket(&self) -> Attempt {
        let mode = std::fs::metadata(&self.socket).map(|it| it.permissions().mode() & 0o777);
        let seen = match &mode {
            Ok(mode) => format!("mode {mode:04o}"),
            Err(error) => error.to_string(),
        };
        Attempt::of(
            "the owner's socket is for its user alone",
            mode.is_ok_and(|mode| mode == 0o600),
            "mode 0600",
            seen,
        )
    }

    /// Ends it, and removes all that it made.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub async fn stop(mut self) -> Result<(), Failure> {
        if let Some(pid) = self
            .child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
        {
            let _gone_already = kill_process(pid, Signal::TERM);
        }
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        if ended.is_err() {
            let _ = self.child.kill().await;
            return Err(Failure::new(
                "E_START",
                "the server did not stop when it was told to",
            ));
        }
        drop(self.folder);
        Ok(())
    }
}

/// The first JSON object that it prints.
async fn first_object(child: &mut Child) -> Option<Told> {
    let stdout = child.stdout.as_mut()?;
    let mut said = Vec::new();
    loop {
        if stdout.read_buf(&mut said).await.ok()? == 0 {
            return None;
        }
        if let Ok(told) = serde_json::from_slice(&said) {
            return Some(told);
        }
    }
}
