//! The hold on one direct child: from before it is started until it is reaped, so that its process
//! group can be signalled at any instant and never after its id may belong to somebody else.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpid};
use tokio_util::sync::CancellationToken;

use super::sandbox::spawn::{Plan, Spawned};

/// Direct children of this process that a leash holds.
static DIRECT: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());
/// Shared by those who start a child, until it is written down: before, nobody could tell it from an
/// orphan that is to be reaped.
static STARTING: RwLock<()> = RwLock::new(());

fn direct() -> MutexGuard<'static, BTreeSet<i32>> {
    DIRECT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reaps a dead process that was inherited from a child; a direct child of anybody is left to them.
pub fn reap_orphan(pid: i32) {
    let _nobody_starts = STARTING.write().unwrap_or_else(PoisonError::into_inner);
    let direct = direct();
    if !direct.contains(&pid)
        && let Some(pid) = Pid::from_raw(pid)
    {
        let _not_ours = waitpid(Some(pid), WaitOptions::NOHANG);
    }
}

/// Whether a leash holds this process.
#[must_use]
pub fn is_held(pid: i32) -> bool {
    let _nobody_starts = STARTING.write().unwrap_or_else(PoisonError::into_inner);
    direct().contains(&pid)
}

#[derive(Debug, Default)]
enum Hold {
    /// Nothing was started yet.
    #[default]
    Nothing,
    /// The child, running or dead, but not reaped: its id and group id are its own.
    Child(Pid),
    /// Nothing will be started any more, or what was started is reaped.
    LetGo,
}

/// See the module. A new one holds nothing yet.
#[derive(Debug, Default)]
pub struct Leash {
    hold: Mutex<Hold>,
    abandoned: CancellationToken,
}

impl Leash {
    /// Starts the child in a process group of its own; `Ok(None)` when it was abandoned before.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn start(&self, plan: &Plan) -> io::Result<Option<Spawned>> {
        let mut hold = self.lock();
        if !matches!(*hold, Hold::Nothing) {
            return Ok(None);
        }
        let starting = STARTING.read().unwrap_or_else(PoisonError::into_inner);
        let spawned = plan.spawn()?;
        direct().insert(spawned.pid);
        drop(starting);
        *hold = Pid::from_raw(spawned.pid).map_or(Hold::LetGo, Hold::Child);
        Ok(Some(spawned))
    }

    /// Signals the whole group.
    pub fn signal(&self, signal: Signal) {
        signal_group(&self.lock(), signal);
    }

    /// Kills the group at once, or sees to it that nothing is started; whoever supervises the child
    /// learns of it and clears up. Returns at once.
    pub fn abandon(&self) {
        let mut hold = self.lock();
        match *hold {
            Hold::Nothing => *hold = Hold::LetGo,
            Hold::Child(_) => signal_group(&hold, Signal::KILL),
            Hold::LetGo => {}
        }
        drop(hold);
        self.abandoned.cancel();
    }

    /// Resolves when it was abandoned.
    pub async fn abandoned(&self) {
        self.abandoned.cancelled().await;
    }

    /// Reaps the child, which must have ended. From now on its id may be anybody's.
    pub fn bury(&self) -> ExitStatus {
        let mut hold = self.lock();
        let status = match std::mem::replace(&mut *hold, Hold::LetGo) {
            Hold::Child(pid) => {
                let waited = loop {
                    match waitpid(Some(pid), WaitOptions::empty()) {
                        Err(Errno::INTR) => {}
                        waited => break waited,
                    }
                };
                direct().remove(&pid.as_raw_nonzero().get());
                let (_pid, status) = waited.ok().flatten().unzip();
                status.map(|it| ExitStatus::from_raw(it.as_raw()))
            }
            Hold::Nothing | Hold::LetGo => None,
        };
        status.unwrap_or_else(|| ExitStatus::from_raw(Signal::KILL.as_raw()))
    }

    fn lock(&self) -> MutexGuard<'_, Hold> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.abandon();
    }
}

fn signal_group(hold: &Hold, signal: Signal) {
    if let Hold::Child(group) = hold {
        let _all_gone = kill_process_group(*group, signal);
    }
}
