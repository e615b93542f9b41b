//! Processes that an owner of the data folder left running when it died.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::getpid;

use super::leash::reap_orphan;
use super::mark::{Marker, Origin};
use super::process::{self, Process};

/// How long they get to be gone.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(2);

/// Kills every process whose mark says `origin`, and its descendants, until none is left; returns
/// how many there were. Blocks, for two seconds at most; the usual case is one look.
pub fn kill_all(marker: &Marker, origin: Origin) -> usize {
    let deadline = Instant::now() + PATIENCE;
    let mut killed = HashSet::new();
    loop {
        let found = kill_once(marker, origin);
        if found.is_empty() {
            return killed.len();
        }
        killed.extend(found);
        if Instant::now() > deadline {
            tracing::warn!("processes of an earlier run do not die; going on without waiting");
            return killed.len();
        }
        thread::sleep(PAUSE);
    }
}

/// One look: kills those it sees and names them.
pub fn kill_once(marker: &Marker, origin: Origin) -> Vec<(i32, u64)> {
    let processes = process::all();
    let us = getpid().as_raw_nonzero().get();
    let spared = ancestors(us, &processes);
    let mut condemned: HashSet<i32> = processes
        .iter()
        .filter(|it| !it.dead && !spared.contains(&it.pid))
        .filter(|it| {
            process::environment(it.pid)
                .is_some_and(|environment| marker.origin(&environment) == origin)
        })
        .map(|it| it.pid)
        .collect();
    let mut before = 0;
    while before < condemned.len() {
        before = condemned.len();
        let below = processes
            .iter()
            .filter(|it| condemned.contains(&it.parent) && !spared.contains(&it.pid));
        let below: Vec<i32> = below.map(|it| it.pid).collect();
        condemned.extend(below);
    }
    let condemned = processes.iter().filter(|it| condemned.contains(&it.pid));
    let mut killed = Vec::new();
    for process in condemned {
        if process.dead {
            if process.parent == us {
                reap_orphan(process.pid);
            }
            continue;
        }
        process.kill();
        killed.push(process.identity());
    }
    killed
}

/// This process and those above it: they may carry the mark when Orket was started by a tool of
/// Orket, and are no strays.
fn ancestors(us: i32, processes: &[Process]) -> HashSet<i32> {
    let mut spared = HashSet::from([1]);
    let mut pid = us;
    while pid > 1 && spared.insert(pid) {
        let parent = processes.iter().find(|it| it.pid == pid);
        pid = parent.map_or(0, |it| it.parent);
    }
    spared
}
