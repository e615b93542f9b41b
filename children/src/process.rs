//! Processes as `/proc` shows them, and the one safe way to kill a process that is not our child.

use std::fs::File;
use std::io::{self, Read};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The longest environment that is looked at.
const LONGEST_ENVIRONMENT: u64 = 4 * 1024 * 1024;

/// One process at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// Who is told when it ends.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Its session.
    pub session: i32,
    /// When it began, in clock ticks since boot; with the id, what identifies it.
    pub start: u64,
    /// Processor time it and its reaped children used, in clock ticks.
    pub cpu: u64,
    /// Its threads.
    pub tasks: u64,
    /// It ended and waits to be reaped.
    pub dead: bool,
}

impl Process {
    /// What tells it from any other that ever had its id.
    #[must_use]
    pub const fn identity(&self) -> (i32, u64) {
        (self.pid, self.start)
    }

    /// Kills it, and never another process that got its id in the meantime.
    pub fn kill(&self) {
        let Some(pid) = Pid::from_raw(self.pid) else {
            return;
        };
        // The handle pins the process; only then is it compared with the one that was meant.
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
            return;
        };
        if read(self.pid).is_some_and(|now| now.start == self.start) {
            let _gone_already = pidfd_send_signal(handle, Signal::KILL);
        }
    }
}

/// Every process that can be seen.
#[must_use]
pub fn all() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(read)
        .collect()
}

/// One process, when it is there.
#[must_use]
pub fn read(pid: i32) -> Option<Process> {
    // A stat line is short; one read of a fixed buffer gets it whole.
    let mut buffer = [0_u8; 1024];
    let length = File::open(format!("/proc/{pid}/stat"))
        .and_then(|mut file| file.read(&mut buffer))
        .ok()?;
    parse(pid, buffer.get(..length)?)
}

/// The environment a process was started with; empty for those who are dead, `None` for those who
/// belong to somebody else.
#[must_use]
pub fn environment(pid: i32) -> Option<Vec<u8>> {
    let read_whole = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(format!("/proc/{pid}/environ"))?
            .take(LONGEST_ENVIRONMENT)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read_whole().ok()
}

/// proc_pid_stat(5): the name in brackets may hold anything, so the fields are counted from the
/// last closing one.
fn parse(pid: i32, stat: &[u8]) -> Option<Process> {
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let rest = std::str::from_utf8(stat.get(after_name..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<i64>().ok();
    let unsigned = |place: usize| fields.get(place)?.parse::<u64>().ok();
    Some(Process {
        pid,
        parent: i32::try_from(number(1)?).ok()?,
        group: i32::try_from(number(2)?).ok()?,
        session: i32::try_from(number(3)?).ok()?,
        start: unsigned(19)?,
        cpu: unsigned(11)? + unsigned(12)? + unsigned(13)? + unsigned(14)?,
        tasks: unsigned(17)?,
        dead: matches!(*fields.first()?, "Z" | "X" | "x"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_program_is_called() {
        let line = b"42 (a) Z 1 (b)) S 7 40 39 0 -1 4194560 1 2 3 4 10 20 3 4 20 0 1 0 98765 9 9\n";
        let expected = Process {
            pid: 42,
            parent: 7,
            group: 40,
            session: 39,
            start: 98765,
            cpu: 37,
            tasks: 1,
            dead: false,
        };
        assert_eq!(parse(42, line), Some(expected));
        assert_eq!(parse(42, b"42 (cut off"), None);
    }

    #[test]
    fn this_process_is_seen() {
        let own = i32::try_from(std::process::id()).expect("a pid");
        let seen = all().into_iter().find(|process| process.pid == own);
        assert_eq!(seen.map(|it| it.start), read(own).map(|it| it.start));
        assert!(seen.is_some_and(|it| !it.dead));
    }
}
