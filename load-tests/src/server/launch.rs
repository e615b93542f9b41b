//! How a server is started.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::group::Group;
use super::{Server, listening};
use crate::error::LoadError;

/// What a process serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The API.
    Api,
    /// The webhook receiver, alone.
    Webhook,
    /// Both in one process.
    Both,
}

/// How a server is started: `orket serve`, `orket webhook`, or both in one, on free ports of loopback, with
/// limits on rates out of the way. Whatever stands in the environment of this program does not reach it.
#[derive(Debug, Clone)]
pub struct Launch {
    binary: PathBuf,
    folder: PathBuf,
    role: Role,
    variables: Vec<(String, String)>,
}

impl Launch {
    /// Of this binary in this folder, which is there already.
    pub fn new(binary: impl Into<PathBuf>, folder: impl Into<PathBuf>, role: Role) -> Self {
        Self {
            binary: binary.into(),
            folder: folder.into(),
            role,
            variables: Vec::new(),
        }
    }

    /// With a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Starts it and waits until it says where it listens.
    ///
    /// # Errors
    ///
    /// When it ends before that, with the end of what it said; or says nothing for 60 s.
    pub fn start(self) -> Result<Server, LoadError> {
        let (key, secret) = (fresh("key"), fresh("secret"));
        let mut command = Command::new(&self.binary);
        match self.role {
            Role::Api => command.args(["serve", "--port", "0", "--json"]),
            Role::Both => command.args(["serve", "--port", "0", "--with-webhook", "--json"]),
            Role::Webhook => command.args(["webhook", "--port", "0", "--json"]),
        };
        bare_environment(&mut command);
        command
            .current_dir(&self.folder)
            .env("ORKET_API_KEY", &key)
            .env("ORKET_API_RATE_LIMIT", "0")
            .env("ORKET_WEBHOOK_PORT", "0")
            .env("GITEA_WEBHOOK_SECRET", &secret)
            .env("GITEA_TOKEN", "none")
            // Nobody listens there: what follows from a delivery is not what is measured.
            .env("GITEA_URL", "http://127.0.0.1:9")
            .env("ORKET_RATE_LIMIT", "100000000")
            .env("ORKET_RATE_LIMIT_ALL", "100000000")
            .envs(self.variables);
        let mut server = spawn(command, &self.binary, self.role, self.folder)?;
        (server.key, server.secret) = (key, secret);
        Ok(server)
    }
}

/// Starts a process that says as its first JSON value where it listens, in a process group of its own.
pub fn spawn(
    mut command: Command,
    what: &Path,
    role: Role,
    folder: PathBuf,
) -> Result<Server, LoadError> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let start = |why: String| LoadError::Start {
        what: what.display().to_string(),
        why,
    };
    let mut child = command.spawn().map_err(|error| start(error.to_string()))?;
    let group = Group::led_by(child.id());
    let told = listening::told(&mut child, role);
    let mut server = Server {
        child,
        group,
        folder,
        api: None,
        webhook: None,
        key: String::new(),
        secret: String::new(),
    };
    // Dropping the server is what ends a process that did not come up.
    let told = told.map_err(start)?;
    (server.api, server.webhook) = (told.api, told.webhook);
    Ok(server)
}

/// Leaves of this program's environment only what any process needs.
pub fn bare_environment(command: &mut Command) {
    command.env_clear();
    for name in ["PATH", "HOME", "TMPDIR", "LANG"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
}

/// Writes an asset of the folder's project below `config/`.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write_asset(
    folder: &Path,
    category: &str,
    name: &str,
    value: &serde_json::Value,
) -> Result<(), LoadError> {
    let parent = folder.join("config").join(category);
    std::fs::create_dir_all(&parent).map_err(LoadError::file(&parent, "made"))?;
    let path = parent.join(format!("{name}.json"));
    std::fs::write(&path, value.to_string()).map_err(LoadError::file(&path, "written"))
}

fn fresh(what: &str) -> String {
    format!("{what}-of-a-load-test-{}", uuid::Uuid::new_v4().simple())
}
