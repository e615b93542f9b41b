//! What a family of processes holds and writes, as the warden and the supervision count it.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::allowance::Allowance;
use super::stop::{Limit, Stop};
use crate::process::Process;

/// The smallest piece of disk that a file or folder takes.
const LEAST: u64 = 4_096;
/// stat(2): the unit of `st_blocks`.
const BLOCK: u64 = 512;
/// The file system's clock may lag behind the system's by a tick.
const LAG: Duration = Duration::from_millis(50);
/// `/proc` counts processor time in hundredths of a second (`USER_HZ`).
const MILLISECONDS_PER_TICK: u64 = 10;

/// What a family may hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ration {
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Milliseconds of processor time.
    pub cpu: Option<u64>,
    /// Processes and threads.
    pub tasks: Option<u64>,
}

impl Ration {
    /// What the warden counts of an allowance.
    #[must_use]
    pub fn of(allowance: &Allowance) -> Self {
        Self {
            memory: allowance.memory,
            cpu: allowance
                .cpu
                .map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)),
            tasks: allowance.processes,
        }
    }

    /// The limit that these processes have passed, when one has been.
    #[must_use]
    pub fn passed(&self, members: &[Process]) -> Option<Stop> {
        let living = || members.iter().filter(|it| !it.dead);
        let over = |limit, allowed: Option<u64>, seen: &dyn Fn() -> u64| {
            let allowed = allowed?;
            let seen = seen();
            (seen > allowed).then_some(Stop {
                limit,
                allowed,
                seen: Some(seen),
            })
        };
        over(Limit::Processes, self.tasks, &|| {
            living().map(|it| it.tasks).sum()
        })
        .or_else(|| {
            over(Limit::Cpu, self.cpu, &|| {
                members.iter().map(|it| it.cpu).sum::<u64>() * MILLISECONDS_PER_TICK
            })
        })
        .or_else(|| {
            over(Limit::Memory, self.memory, &|| {
                living().map(|it| memory(it.pid)).sum()
            })
        })
    }
}

/// Bytes that a process holds for itself: its own pages, shared memory and what was swapped out, but
/// not files that are mapped. 0 when it is gone.
#[must_use]
pub fn memory(pid: i32) -> u64 {
    let mut buffer = [0_u8; 4_096];
    let length = File::open(format!("/proc/{pid}/status"))
        .and_then(|mut file| file.read(&mut buffer))
        .unwrap_or(0);
    let text = buffer.get(..length).unwrap_or_default();
    held(&String::from_utf8_lossy(text))
}

fn held(status: &str) -> u64 {
    let kibibytes = |line: &str| {
        let (name, value) = line.split_once(':')?;
        if !matches!(name, "RssAnon" | "RssShmem" | "VmSwap") {
            return None;
        }
        value.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    status.lines().filter_map(kibibytes).sum::<u64>() * 1_024
}

/// How many processes and threads the whole system has; `None` where it does not say.
#[must_use]
pub fn tasks_of_system() -> Option<u64> {
    // proc_loadavg(5): the fourth field is `running/all`.
    let mut buffer = [0_u8; 128];
    let length = File::open("/proc/loadavg")
        .and_then(|mut file| file.read(&mut buffer))
        .ok()?;
    let text = std::str::from_utf8(buffer.get(..length)?).ok()?;
    let (_running, all) = text.split_ascii_whitespace().nth(3)?.split_once('/')?;
    all.parse().ok()
}

/// Counts what was written in some folders since it was made.
#[derive(Debug, Clone)]
pub struct Scale {
    folders: Vec<PathBuf>,
    since: Duration,
}

impl Scale {
    /// Whatever is written in these folders from now on counts.
    #[must_use]
    pub fn new(folders: Vec<PathBuf>) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            folders,
            since: now.saturating_sub(LAG),
        }
    }

    /// How much room the file systems of these folders have left, in bytes.
    #[must_use]
    pub fn room(&self) -> u64 {
        let room = |folder: &PathBuf| {
            let found = rustix::fs::statvfs(folder).ok()?;
            Some(found.f_bfree.saturating_mul(found.f_frsize))
        };
        self.folders
            .iter()
            .filter_map(room)
            .fold(0, u64::saturating_add)
    }

    /// Bytes on disk of the files and folders that were made or changed, counted until more than `enough` is found or `enough_of_it` is set. Links are not
    /// followed. Blocks.
    #[must_use]
    pub fn weigh(&self, enough: u64, enough_of_it: &AtomicBool) -> u64 {
        let mut written = 0;
        let mut left = self.folders.clone();
        while let Some(folder) = left.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else {
                continue;
            };
            for entry in entries.flatten() {
                if written > enough || enough_of_it.load(Ordering::Relaxed) {
                    return written;
                }
                let Ok(found) = entry.metadata() else {
                    continue;
                };
                if found.is_dir() {
                    left.push(entry.path());
                }
                if self.is_new(&found) {
                    written += (found.blocks() * BLOCK).max(LEAST);
                }
            }
        }
        written
    }

    /// The time of the last change of state is the kernel's own word.
    fn is_new(&self, found: &std::fs::Metadata) -> bool {
        let seconds = u64::try_from(found.ctime()).unwrap_or(0);
        let nanoseconds = u32::try_from(found.ctime_nsec()).unwrap_or(0);
        Duration::new(seconds, nanoseconds) >= self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_what_a_process_holds_for_itself() {
        let status = "Name:\tx\nVmRSS:\t 900 kB\nRssAnon:\t     100 kB\nRssFile:\t 700 kB\n\
                      RssShmem:\t 30 kB\nVmSwap:\t 5 kB\n";
        assert_eq!(held(status), 135 * 1_024);
        assert_eq!(held(""), 0);
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(memory(own) > 0);
    }

    #[test]
    fn only_what_was_written_since_counts() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("old")).unwrap();
        std::fs::write(folder.path().join("old/before"), vec![1; 100_000]).unwrap();
        let mut scale = Scale::new(vec![folder.path().to_owned()]);
        // As if time had passed.
        scale.since += LAG + Duration::from_secs(3_600);
        let never = AtomicBool::new(false);
        assert_eq!(scale.weigh(u64::MAX, &never), 0);
        scale.since -= Duration::from_secs(7_200);
        std::fs::write(folder.path().join("old/after"), vec![1; 50_000]).unwrap();
        std::fs::write(folder.path().join("empty"), "").unwrap();
        let written = scale.weigh(u64::MAX, &never);
        assert!(written >= 150_000 + 2 * LEAST, "{written:?}");
        assert!(scale.weigh(1, &never) < 150_000 + LEAST);
        assert_eq!(scale.weigh(u64::MAX, &AtomicBool::new(true)), 0);
    }
}
