//! Bare actix-web servers, each a process of its own of this same program: what this machine gives at best,
//! measured in the same run. Only a ratio to them means the same on another machine.

mod api;
mod receiver;

use std::path::PathBuf;
use std::process::Command;

use clap::{Args, ValueEnum};

use crate::context::Context;
use crate::error::LoadError;
use crate::server::{Role, Server, bare_environment, spawn};

/// The variable that carries the secret of a bare receiver.
const SECRET: &str = "ORKET_LOAD_BARE_SECRET";

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Answers a heartbeat.
    Api,
    /// Checks a signature and has a delivery on disk before it answers.
    Receiver,
}

/// What `orket-load bare` is asked to do.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Which one
    #[arg(value_enum)]
    kind: Kind,
    /// Threads; 0 for one each processor
    #[arg(long, default_value_t = 0)]
    workers: usize,
    /// Where it keeps its database
    #[arg(long, default_value = ".")]
    folder: PathBuf,
}

/// Serves until it is killed.
///
/// # Errors
///
/// When it cannot listen, or has no database.
pub fn serve(options: &Options) -> Result<(), LoadError> {
    let workers = match options.workers {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        workers => workers,
    };
    match options.kind {
        Kind::Api => api::serve(workers),
        Kind::Receiver => {
            let secret = std::env::var(SECRET).unwrap_or_default();
            receiver::serve(&options.folder.join("bare.db"), secret, workers)
        }
    }
}

/// A bare server that runs; its folder goes with it.
#[derive(Debug)]
pub struct Bare {
    /// The process.
    pub server: Server,
    _folder: tempfile::TempDir,
}

impl Bare {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// When it does not come up.
    pub fn start(
        context: &Context,
        kind: Kind,
        workers: u32,
        secret: &str,
    ) -> Result<Self, LoadError> {
        let program = std::env::current_exe().map_err(LoadError::file("/proc/self/exe", "read"))?;
        let folder = context.new_folder()?;
        let mut command = Command::new(&program);
        bare_environment(&mut command);
        let (name, role) = match kind {
            Kind::Api => ("api", Role::Api),
            Kind::Receiver => ("receiver", Role::Webhook),
        };
        command
            .args(["bare", name, "--workers", &workers.to_string(), "--folder"])
            .arg(folder.path())
            .env(SECRET, secret);
        let server = spawn(command, &program, role, folder.path().to_owned())?;
        Ok(Self {
            server,
            _folder: folder,
        })
    }
}

/// Listens on a free port of loopback and says where, as `orket serve --json` does.
fn listen(field: &str) -> Result<std::net::TcpListener, LoadError> {
    let bound = std::net::TcpListener::bind("127.0.0.1:0");
    let said = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
    let (address, listener) = said.map_err(|error| LoadError::Start {
        what: "a bare server".to_owned(),
        why: error.to_string(),
    })?;
    println!(
        "{}",
        serde_json::json!({field: format!("http://{address}")})
    );
    Ok(listener)
}

/// What went wrong in a bare server.
fn failed(error: impl std::fmt::Display) -> LoadError {
    LoadError::Start {
        what: "a bare server".to_owned(),
        why: error.to_string(),
    }
}
