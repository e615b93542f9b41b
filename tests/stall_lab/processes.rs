//! What is left of tools: by the process ids they wrote down, and by the mark they carry.

use std::path::Path;
use std::time::Duration;

/// The process ids that a card's tool wrote into `pids-<card>`.
pub fn pids(workspace: &Path, card: &str) -> Vec<i32> {
    let text = std::fs::read_to_string(workspace.join(format!("pids-{card}"))).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// Those of them that are there, zombies included.
pub fn living_pids(workspace: &Path, card: &str) -> Vec<i32> {
    let there = |pid: &i32| Path::new(&format!("/proc/{pid}")).exists();
    pids(workspace, card).into_iter().filter(there).collect()
}

/// Processes whose environment holds the mark of a data folder.
pub fn marked(data_folder_id: &str) -> Vec<String> {
    let mark = format!("ORKET_CHILD_OF={data_folder_id}:");
    let folders = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    folders
        .filter(|folder| {
            let environment = std::fs::read(folder.path().join("environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|entry| entry.starts_with(mark.as_bytes()))
        })
        .map(|folder| folder.file_name().to_string_lossy().into_owned())
        .collect()
}

/// How long the threads of this process have run, and how long they stood in line for a processor.
pub fn ran_and_waited() -> (Duration, Duration) {
    let mut sum = (Duration::ZERO, Duration::ZERO);
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    for thread in threads.filter_map(Result::ok) {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        let mut times = text.split(' ').filter_map(|word| word.parse().ok());
        sum.0 += Duration::from_nanos(times.next().unwrap_or(0));
        sum.1 += Duration::from_nanos(times.next().unwrap_or(0));
    }
    sum
}
