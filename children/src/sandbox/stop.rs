//! The word on a child that a limit stopped.

use std::fmt;
use std::sync::{Arc, OnceLock};

use orket_core::tool::ToolResult;
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// The field of a tool's result that says which limit stopped it. Children cannot set it.
pub const FIELD: &str = "sandbox_stop";
/// The field of a tool's result that says what was not confined. Children cannot set it.
pub const GAPS: &str = "sandbox_gaps";

/// The field of a failed tool's result that says what was closed to it. Children cannot set it.
pub const CLOSED: &str = "sandbox_closed";

const MIB: u64 = 1024 * 1024;

/// A limit that can stop a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Memory, in bytes.
    Memory,
    /// Processor time, in milliseconds.
    Cpu,
    /// Processes and threads at once.
    Processes,
    /// One file, in bytes.
    FileSize,
    /// All it wrote, in bytes.
    Disk,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Memory,
        Self::Cpu,
        Self::Processes,
        Self::FileSize,
        Self::Disk,
    ];

    /// `E_SANDBOX_…`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Memory => "E_SANDBOX_MEMORY",
            Self::Cpu => "E_SANDBOX_CPU",
            Self::Processes => "E_SANDBOX_PROCESSES",
            Self::FileSize => "E_SANDBOX_FILE_SIZE",
            Self::Disk => "E_SANDBOX_DISK",
        }
    }
}

/// A limit that stopped a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// Which.
    pub limit: Limit,
    /// How much it may, in the limit's unit.
    pub allowed: u64,
    /// How much was seen; `None` where the kernel refused it before anybody could count.
    pub seen: Option<u64>,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = |number: u64| match self.limit {
            Limit::Memory | Limit::FileSize | Limit::Disk => bytes(number),
            Limit::Cpu => format!("{} s", seconds(number)),
            Limit::Processes => number.to_string(),
        };
        let what = match self.limit {
            Limit::Memory => "memory",
            Limit::Cpu => "processor time",
            Limit::Processes => "processes and threads at once",
            Limit::FileSize => "a single file",
            Limit::Disk => "files written",
        };
        let (code, allowed) = (self.limit.code(), amount(self.allowed));
        write!(f, "{code}: more than the {allowed} allowed for {what}")?;
        match self.seen {
            Some(seen) => write!(f, " ({} seen)", amount(seen)),
            None => Ok(()),
        }
    }
}

impl Stop {
    /// Writes it into a result.
    pub fn mark(&self, result: &mut ToolResult) {
        let value = json!({
            "code": self.limit.code(),
            "limit": self.limit,
            "allowed": self.allowed,
            "seen": self.seen,
        });
        result.fields.insert(FIELD.to_owned(), value);
    }
}

fn bytes(number: u64) -> String {
    if number.is_multiple_of(MIB) || number > 10 * MIB {
        format!("{} MiB", number / MIB)
    } else {
        format!("{number} bytes")
    }
}

fn seconds(milliseconds: u64) -> f64 {
    std::time::Duration::from_millis(milliseconds).as_secs_f64()
}

/// Where whoever sees a limit passed says so. The first word counts.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    stop: Arc<OnceLock<Stop>>,
    told: CancellationToken,
}

impl Verdict {
    /// Says it.
    pub fn pass(&self, stop: Stop) {
        let _earlier = self.stop.set(stop);
        self.told.cancel();
    }

    /// What was said.
    #[must_use]
    pub fn stop(&self) -> Option<Stop> {
        self.stop.get().copied()
    }

    /// Resolves when something was said.
    pub async fn told(&self) {
        self.told.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_says_its_code_and_both_amounts() {
        let said = |limit, allowed, seen| {
            Stop {
                limit,
                allowed,
                seen,
            }
            .to_string()
        };
        assert_eq!(
            said(Limit::Memory, 64 * MIB, Some(70 * MIB + 5)),
            "E_SANDBOX_MEMORY: more than the 64 MiB allowed for memory (70 MiB seen)"
        );
        assert_eq!(
            said(Limit::Cpu, 1_500, Some(1_510)),
            "E_SANDBOX_CPU: more than the 1.5 s allowed for processor time (1.51 s seen)"
        );
        assert_eq!(
            said(Limit::FileSize, 1_000, None),
            "E_SANDBOX_FILE_SIZE: more than the 1000 bytes allowed for a single file"
        );
    }
}
