//! A process of `orket` that serves, in a folder of its own.
//!
//! It leads a process group, which is killed as a whole when the server is dropped and when this program is
//! interrupted: nothing that a scenario starts outlives it.

mod group;
mod launch;
mod listening;

pub use group::{kill_all_on_interrupt, remove_on_interrupt};
pub use launch::{Launch, Role, bare_environment, spawn, write_asset};

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use group::Group;

/// See the file's head.
#[derive(Debug)]
pub struct Server {
    child: Child,
    group: Group,
    folder: PathBuf,
    /// Where the API is, if it serves it.
    pub api: Option<SocketAddr>,
    /// Where the webhook receiver is, if it has one.
    pub webhook: Option<SocketAddr>,
    /// The key of the API.
    pub key: String,
    /// What deliveries are signed with.
    pub secret: String,
}

impl Server {
    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The folder that it works in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where its databases are.
    #[must_use]
    pub fn databases(&self) -> PathBuf {
        self.folder.join(".orket/durable/db")
    }

    /// Kills it and all its children, as a machine that loses power would, and waits until it is gone.
    pub fn kill(&mut self) {
        self.group.signal(Signal::KILL);
        let _ = self.child.wait();
    }

    /// Tells it to stop in good order and waits; kills it after `patience`. Whether it went by itself.
    pub fn stop(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        self.group.signal_leader(Signal::TERM);
        loop {
            match self.child.try_wait() {
                Ok(Some(_)) => return true,
                Ok(None) if Instant::now() < deadline => {
                    // The standard library has no wait with a deadline.
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok(None) | Err(_) => {
                    self.kill();
                    return false;
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
