//! What one child may do. `None` is no limit.

use std::path::PathBuf;
use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// What a child and all that descends from it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes of memory that all its processes hold together; none alone may ask for more.
    pub memory: Option<u64>,
    /// Processor time that all its processes use together.
    pub cpu: Option<Duration>,
    /// Bytes of one file.
    pub file_size: Option<u64>,
    /// How many processes and threads there are at once.
    pub processes: Option<u64>,
    /// How many files one process holds open.
    pub open_files: Option<u64>,
    /// Bytes written in its folders, all together.
    pub disk: Option<u64>,
    /// Whether it may talk to other machines and to what listens on this one.
    pub network: bool,
    /// Folders and files it may read, besides the system's.
    pub read: Vec<PathBuf>,
    /// Folders it may read, write and run programs from.
    pub write: Vec<PathBuf>,
    /// Whether it may write in its workspace; it may read there in any case.
    pub workspace: bool,
}

impl Default for Allowance {
    /// For verify commands and skills: enough for a build, too little to bring a machine down.
    fn default() -> Self {
        Self {
            memory: Some(4_096 * MIB),
            cpu: Some(Duration::from_secs(600)),
            file_size: Some(1_024 * MIB),
            processes: Some(512),
            open_files: Some(4_096),
            disk: Some(4_096 * MIB),
            network: false,
            read: Vec::new(),
            write: Vec::new(),
            workspace: true,
        }
    }
}

impl Allowance {
    /// No more memory than this.
    #[must_use]
    pub fn with_memory(mut self, bytes: Option<u64>) -> Self {
        self.memory = least(self.memory, bytes);
        self
    }
}

fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_narrower_holds() {
        let unlimited = Allowance {
            memory: None,
            ..Allowance::default()
        };
        assert_eq!(unlimited.clone().with_memory(None).memory, None);
        assert_eq!(unlimited.with_memory(Some(7)).memory, Some(7));
        assert_eq!(Allowance::default().with_memory(Some(9)).memory, Some(9));
    }
}
