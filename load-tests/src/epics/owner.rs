//! The process that runs the epics: started, killed and started again in the same folder.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::journal::Journal;
use crate::error::LoadError;
use crate::sampler::Track;
use crate::server::{Launch, Role, Server, bare_environment};

/// How often the time that a process needs to start is measured.
const STARTS: u32 = 5;
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What killing it and starting it again came to. Times are milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq)]
pub struct Killed {
    /// The cards that had a turn under way.
    pub open: Vec<String>,
    /// The newest step that was there.
    pub newest_step: i64,
    /// When it was killed.
    pub at: i64,
    /// How long until the new process was started; until then the old one died.
    pub dying_ms: f64,
    /// How long the new process took until it listened.
    pub listening_ms: f64,
}

/// See the file's head.
pub struct Owner {
    binary: PathBuf,
    folder: PathBuf,
    variables: Vec<(String, String)>,
    server: Server,
    /// What earlier processes used.
    tracks: Vec<Track>,
    sampler: crate::sampler::Sampler,
}

impl Owner {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// When it does not come up.
    pub fn start(
        binary: &Path,
        folder: &Path,
        variables: Vec<(String, String)>,
    ) -> Result<Self, LoadError> {
        let server = launch(binary, folder, &variables)?;
        Ok(Self {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
            variables,
            sampler: sampler(&server, 1),
            server,
            tracks: Vec::new(),
        })
    }

    /// Where its databases are.
    #[must_use]
    pub fn databases(&self) -> PathBuf {
        self.server.databases()
    }

    /// Starts an epic; answers with the run's id when that is durable. Asked over HTTP: a command that
    /// found nobody would start a process of its own.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn run(&self, epic: &str) -> Result<String, LoadError> {
        let refused =
            |why: String| LoadError::scenario(format!("epic {epic} was not started: {why}"));
        let address = self
            .server
            .api
            .ok_or_else(|| refused("no API".to_owned()))?;
        let wish = json!({"kind": "epic", "name": epic});
        let (status, body) = post(address, &self.server.key, "/v1/runs", &wish)
            .map_err(|error| refused(error.to_string()))?;
        let told: Option<Value> = serde_json::from_str(&body).ok();
        let run = told
            .as_ref()
            .and_then(|told| told.get("run_id"))
            .and_then(Value::as_str);
        match run {
            Some(run) if status == 200 => Ok(run.to_owned()),
            Some(_) | None => Err(refused(format!("HTTP {status}: {body}"))),
        }
    }

    /// Whether the record of a run holds; in words what does not.
    ///
    /// # Errors
    ///
    /// When it cannot be looked at.
    pub fn verify(&self, run: &str) -> Result<Result<String, String>, LoadError> {
        let output = self
            .command()
            .args(["verify", run])
            .output()
            .map_err(|error| LoadError::scenario(format!("orket verify did not start: {error}")))?;
        let words = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let first = words.lines().next().unwrap_or_default().to_owned();
        Ok(if output.status.success() {
            Ok(first)
        } else {
            Err(words)
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        bare_environment(&mut command);
        command
            .current_dir(&self.folder)
            .env("ORKET_API_KEY", &self.server.key)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Looks at what it uses.
    pub fn look(&mut self) {
        self.sampler.look(std::collections::BTreeMap::new());
    }

    /// Kills it as a machine that loses power would, and starts it again.
    ///
    /// # Errors
    ///
    /// When it does not come up again, or the journal cannot be read.
    pub fn kill(&mut self, journal: &mut Journal) -> Result<Killed, LoadError> {
        self.look();
        let (begin, at) = (Instant::now(), now_ms());
        self.server.kill();
        let dying_ms = ms(begin.elapsed());
        // Looking at the journal is no part of anybody's recovery.
        let (open, newest_step) = (journal.open_cards()?, journal.newest_step()?);
        let begin = Instant::now();
        let looked_ms = now_ms() - at - dying_ms.round() as i64;
        self.server = launch(&self.binary, &self.folder, &self.variables)?;
        let listening_ms = ms(begin.elapsed());
        let number = self.tracks.len() + 2;
        let before = std::mem::replace(&mut self.sampler, sampler(&self.server, number));
        self.tracks.push(before.finish());
        Ok(Killed {
            open,
            newest_step,
            at: at + looked_ms.max(0),
            dying_ms,
            listening_ms,
        })
    }

    /// How long a process of this binary takes that does nothing, in milliseconds.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn process_start_ms(&self) -> Result<f64, LoadError> {
        let mut least = f64::INFINITY;
        for _ in 0..STARTS {
            let begin = Instant::now();
            let output = self.command().arg("--version").output();
            output.map_err(|error| LoadError::scenario(format!("orket --version: {error}")))?;
            least = least.min(ms(begin.elapsed()));
        }
        Ok(least)
    }

    /// Stops it in good order. Whether it went by itself, and what it used, process by process.
    #[must_use]
    pub fn stop(mut self, patience: Duration) -> (bool, Vec<Track>) {
        self.look();
        let went = self.server.stop(patience);
        let mut tracks = self.tracks;
        tracks.push(self.sampler.finish());
        (went, tracks)
    }
}

/// One request on a connection of its own. HTTP/1.0, so that the answer ends where the connection does.
fn post(
    address: SocketAddr,
    key: &str,
    path: &str,
    body: &Value,
) -> std::io::Result<(u16, String)> {
    let body = body.to_string();
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "POST {path} HTTP/1.0\r\nHost: {address}\r\nX-API-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Ok((status.unwrap_or(0), body.to_owned()))
}

fn launch(
    binary: &Path,
    folder: &Path,
    variables: &[(String, String)],
) -> Result<Server, LoadError> {
    variables
        .iter()
        .fold(
            Launch::new(binary, folder, Role::Api),
            |launch, (name, value)| launch.env(name, value.as_str()),
        )
        .start()
}

fn sampler(server: &Server, number: usize) -> crate::sampler::Sampler {
    let name = match number {
        1 => "server".to_owned(),
        _ => format!("server_{number}"),
    };
    crate::sampler::Sampler::new(name, server.pid(), Some(server.databases()))
}

/// Now, as the journal counts.
#[must_use]
pub fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
