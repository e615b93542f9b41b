//! What a process has used so far, from `/proc`: processor time, of all its threads and by their
//! names, and memory.
#![allow(dead_code, reason = "each bench uses its own part of it")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What was used until one moment.
#[derive(Debug, Clone)]
pub struct Sample {
    at: Instant,
    /// Processor time of the whole process, ended threads included.
    used: Duration,
    /// Processor time by the names of threads.
    threads: BTreeMap<String, Duration>,
    /// Idle and other time of the machine's processors, in ticks.
    machine: (u64, u64),
}

/// What was used between two moments.
#[derive(Debug, Clone)]
pub struct Used {
    /// Seconds that went by.
    pub seconds: f64,
    /// Processors in use on average: 1.0 is one core.
    pub cores: f64,
    /// The share of all processors of the machine that were idle, whoever used the others.
    pub machine_idle: f64,
    /// The same by the names of threads, the busiest first.
    pub threads: Vec<(String, f64)>,
}

impl Sample {
    /// Now.
    pub fn now() -> Self {
        Self {
            at: Instant::now(),
            used: ticks_of("/proc/self/stat").map_or(Duration::ZERO, |(_, used)| used),
            threads: threads(),
            machine: machine(),
        }
    }

    /// What was used since.
    pub fn until(&self, later: &Self) -> Used {
        let seconds = later.at.duration_since(self.at).as_secs_f64().max(1e-9);
        let mut threads: Vec<(String, f64)> = later
            .threads
            .iter()
            .map(|(name, used)| {
                let before = self.threads.get(name).copied().unwrap_or_default();
                (
                    name.clone(),
                    used.saturating_sub(before).as_secs_f64() / seconds,
                )
            })
            .collect();
        threads.sort_by(|a, b| b.1.total_cmp(&a.1));
        let idle = later.machine.0.saturating_sub(self.machine.0);
        let busy = later.machine.1.saturating_sub(self.machine.1);
        Used {
            seconds,
            cores: later.used.saturating_sub(self.used).as_secs_f64() / seconds,
            machine_idle: idle as f64 / (idle + busy).max(1) as f64,
            threads,
        }
    }
}

/// The processor time that the calling thread has used, to the nanosecond.
pub fn used_by_this_thread() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|it| it.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// Memory in use now, in bytes.
pub fn resident() -> u64 {
    status("VmRSS:")
}

/// The most memory that was in use at once, in bytes.
pub fn peak_resident() -> u64 {
    status("VmHWM:")
}

fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|rest| {
        rest.trim()
            .trim_end_matches("kB")
            .trim()
            .parse::<u64>()
            .ok()
    });
    kib.unwrap_or(0) * 1_024
}

fn threads() -> BTreeMap<String, Duration> {
    let mut found: BTreeMap<String, Duration> = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten()
    {
        let stat = task.path().join("stat");
        if let Some((name, used)) = stat.to_str().and_then(ticks_of) {
            *found.entry(name).or_default() += used;
        }
    }
    found
}

/// Name and processor time of a `stat` file, see proc_pid_stat(5).
fn ticks_of(path: &str) -> Option<(String, Duration)> {
    let text = std::fs::read_to_string(path).ok()?;
    let (before, after) = text.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let mut fields = after.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    // 100 ticks a second on Linux wherever this runs.
    Some((name.to_owned(), Duration::from_millis((user + system) * 10)))
}

/// Idle and other ticks of all processors together, see proc_stat(5).
fn machine() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let Some(line) = text.lines().next() else {
        return (0, 0);
    };
    let ticks: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .take(8)
        .map(|it| it.parse().unwrap_or(0))
        .collect();
    // The fourth is idle, the fifth waits for a disk: neither is in use.
    let idle = ticks.iter().skip(3).take(2).sum::<u64>();
    (idle, ticks.iter().sum::<u64>() - idle)
}
