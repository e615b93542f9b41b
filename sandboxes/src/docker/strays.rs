//! Commands of a dead owner that still run: found by the mark in their environment, killed, and seen to
//! be gone before anything new is begun.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, getpgid, pidfd_open, pidfd_send_signal};

use super::process::MARK;

/// How long they may take to die.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest environment that is looked at.
const LONGEST: u64 = 1024 * 1024;

/// Ends all of this mark; how many there were. Blocks.
pub(super) fn end(mark: &str) -> usize {
    end_those(mark, |_| true)
}

/// Ends those of a process group whose leader may be gone, so that its id alone says nothing any more;
/// how many there were. Blocks.
pub(super) fn end_group(mark: &str, group: Pid) -> usize {
    end_those(mark, |pid| getpgid(Some(pid)) == Ok(group))
}

fn end_those(mark: &str, is_meant: impl Fn(Pid) -> bool) -> usize {
    let deadline = Instant::now() + PATIENCE;
    let mut ended = 0;
    // Once more after the first time: one may just have started another.
    loop {
        let found = find(mark, &is_meant);
        if found.is_empty() {
            return ended;
        }
        ended += found.len();
        for process in &found {
            // It may have died meanwhile.
            let _ = pidfd_send_signal(process, Signal::KILL);
        }
        for process in &found {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).ok();
            let mut watched = [PollFd::new(process, PollFlags::IN)];
            // Readable when it has ended; whoever takes longer is looked for again.
            let _ = poll(&mut watched, left.as_ref());
        }
        if Instant::now() >= deadline {
            tracing::warn!("commands of docker that an earlier owner began do not end");
            return ended;
        }
    }
}

/// Living processes of this user that have the mark; a handle each, so that no other process is meant.
fn find(mark: &str, is_meant: &impl Fn(Pid) -> bool) -> Vec<OwnedFd> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let wanted = format!("{MARK}={mark}");
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|pid| {
            let id = Pid::from_raw(pid)?;
            let handle = pidfd_open(id, PidfdFlags::empty()).ok()?;
            // Those of others cannot be read, and those that have ended have none.
            let mut environment = Vec::new();
            let file = File::open(format!("/proc/{pid}/environ")).ok()?;
            file.take(LONGEST).read_to_end(&mut environment).ok()?;
            let has_it = environment
                .split(|byte| *byte == 0)
                .any(|it| it == wanted.as_bytes());
            // Asked last: the kernel's own threads have no group.
            (has_it && is_meant(id)).then_some(handle)
        })
        .collect()
}
