//! Process groups that this program started, so that an interrupt ends them too.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Folders that this program made and nobody needs after it.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static ALIVE: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn alive() -> MutexGuard<'static, BTreeSet<i32>> {
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A group, by the process that leads it.
#[derive(Debug)]
pub struct Group {
    leader: Option<Pid>,
}

impl Group {
    /// Of a child that was started as the leader of its own group.
    pub fn led_by(pid: u32) -> Self {
        let leader = i32::try_from(pid).ok().and_then(Pid::from_raw);
        if let Some(leader) = leader {
            alive().insert(leader.as_raw_nonzero().get());
        }
        Self { leader }
    }

    /// Sends a signal to all of it.
    pub fn signal(&self, signal: Signal) {
        if let Some(leader) = self.leader {
            let _ = kill_process_group(leader, signal);
        }
    }

    /// Sends a signal to its leader alone.
    pub fn signal_leader(&self, signal: Signal) {
        if let Some(leader) = self.leader {
            let _ = kill_process(leader, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            alive().remove(&leader.as_raw_nonzero().get());
        }
    }
}

/// Has an interrupt remove this folder, which otherwise goes when it is dropped.
pub fn remove_on_interrupt(folder: PathBuf) {
    let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    folders.push(folder);
}

/// Has SIGINT and SIGTERM kill all groups that are alive, remove what they left, and end this program as a signal does. Once, at
/// the start of the program.
pub fn kill_all_on_interrupt() {
    std::thread::spawn(|| {
        use tokio::signal::unix::{SignalKind, signal};
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let Ok(runtime) = runtime else { return };
        let code = runtime.block_on(async {
            let (Ok(mut interrupt), Ok(mut terminate)) = (
                signal(SignalKind::interrupt()),
                signal(SignalKind::terminate()),
            ) else {
                return std::future::pending().await;
            };
            tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            }
        });
        for leader in alive().iter().filter_map(|raw| Pid::from_raw(*raw)) {
            let _ = kill_process_group(leader, Signal::KILL);
        }
        let folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        for folder in folders.iter() {
            // Most are gone already.
            let _ = std::fs::remove_dir_all(folder);
        }
        eprintln!("interrupted: everything that was started is stopped");
        std::process::exit(code);
    });
}
