//! What `/proc` says of a process.

use std::collections::BTreeMap;
use std::path::Path;

/// What a process uses.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Use {
    /// Processor time of all its threads, user and system, in seconds.
    pub cpu_seconds: f64,
    /// Resident memory, in KiB.
    pub rss_kib: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
}

/// Looks at a process; none when it is gone, or another user's.
#[must_use]
pub fn look(pid: u32) -> Option<Use> {
    let folder = Path::new("/proc").join(pid.to_string());
    let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
    let descriptors = std::fs::read_dir(folder.join("fd")).ok()?.count() as u64;
    of_stat(&stat, descriptors)
}

/// The fields of `/proc/PID/stat` behind the name, which may hold spaces and parentheses itself: see
/// proc_pid_stat(5), whose numbers are given.
fn of_stat(stat: &str, descriptors: u64) -> Option<Use> {
    let (_, behind) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = behind.split_ascii_whitespace().collect();
    // The first one behind the name is number 3.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let page_kib = rustix::param::page_size() as u64 / 1_024;
    Some(Use {
        cpu_seconds: (number(14)? + number(15)?) as f64 / ticks,
        threads: number(20)?,
        rss_kib: number(24)? * page_kib,
        descriptors,
    })
}

/// The sizes of all write-ahead logs in a folder, by the file of their database.
pub fn wals(folder: &Path) -> BTreeMap<String, u64> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let database = name.strip_suffix("-wal")?.to_owned();
            Some((database, entry.metadata().ok()?.len()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_is_no_field() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 0 0 0 0 0 250 50 0 0 20 0 12 0 100 9999 40 18446744073709551615";
        let used = of_stat(stat, 9).unwrap();
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        assert_eq!(used.cpu_seconds, 300.0 / ticks);
        assert_eq!(used.rss_kib, 40 * rustix::param::page_size() as u64 / 1_024);
        assert_eq!((used.threads, used.descriptors), (12, 9));
    }

    #[test]
    fn this_process_uses_something_and_one_that_is_gone_is_not_seen() {
        let used = look(std::process::id()).unwrap();
        assert!(used.rss_kib > 0 && used.threads > 0 && used.descriptors > 2);
        assert_eq!(look(u32::MAX), None);
    }
}
