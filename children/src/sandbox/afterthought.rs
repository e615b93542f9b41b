//! What stopped a child that ended by itself: the kernel refuses memory, processes and longer files
//! without telling anybody but the program.

use rustix::process::Signal;

use super::allowance::Allowance;
use super::stop::{Limit, Stop};
use crate::How;
use crate::output::Captured;

/// How much of the end of what a child said is looked at, in characters.
const LAST_WORDS: usize = 2_000;
/// A shell ends with this and the signal's number when a signal ended its command.
const BY_SIGNAL: i32 = 128;
/// Memory often grows by doubling, so that one that was refused had at least a third of its limit.
const NEAR: u64 = 3;
/// What programs say when they get no memory: Python, the C library, C++, Rust, Go, Node, shells.
const NO_MEMORY: [&str; 9] = [
    "memoryerror",
    "cannot allocate memory",
    "out of memory",
    "bad_alloc",
    "memory allocation of",
    "memory exhausted",
    "can't allocate",
    "cannot allocate",
    ": out of space",
];

/// What programs say when a file may not become longer.
const TOO_LONG: [&str; 2] = ["file too large", "efbig"];
/// What programs say when they get no further process or thread.
const NO_PROCESS: [&str; 4] = [
    "cannot fork",
    "can't fork",
    "fork: resource temporarily unavailable",
    "can't start new thread",
];

/// What is known of a child that ended.
#[derive(Debug)]
pub struct Afterthought<'a> {
    /// What it was allowed.
    pub allowance: &'a Allowance,
    /// Bytes of address space that each process was allowed.
    pub address_space: Option<u64>,
    /// The most memory that it or one of its descendants held, in bytes.
    pub peak: u64,
    /// What it said.
    pub output: [&'a Captured; 2],
}

impl Afterthought<'_> {
    /// The limit that made it end so.
    #[must_use]
    pub fn on(&self, how: &How) -> Option<Stop> {
        if matches!(how, How::Exit(0)) {
            return None;
        }
        let said = self.output.map(|it| it.last(LAST_WORDS).to_lowercase());
        let heard = |words: &[&str]| {
            words
                .iter()
                .any(|it| said.iter().any(|said| said.contains(it)))
        };
        let by = |signal: Signal| match how {
            How::Signal(number) => *number == signal.as_raw(),
            How::Exit(code) => *code == BY_SIGNAL + signal.as_raw(),
            How::TimedOut(_) | How::Stopped(_) | How::Cancelled | How::NotStarted(_) => false,
        };
        if let Some(cpu) = self.allowance.cpu
            && by(Signal::XCPU)
        {
            let allowed = u64::try_from(cpu.as_millis()).unwrap_or(u64::MAX);
            return Some(stop(Limit::Cpu, allowed, None));
        }
        if let Some(allowed) = self.allowance.file_size
            && (by(Signal::XFSZ) || heard(&TOO_LONG))
        {
            return Some(stop(Limit::FileSize, allowed, None));
        }
        if let Some(allowed) = self.allowance.processes
            && heard(&NO_PROCESS)
        {
            return Some(stop(Limit::Processes, allowed, None));
        }
        let memory = [self.allowance.memory, self.address_space];
        let allowed = memory.into_iter().flatten().min()?;
        // Some programs trip over what they did not get.
        let tripped = [Signal::SEGV, Signal::BUS, Signal::ABORT, Signal::TRAP];
        let tripped = tripped.into_iter().any(by) && self.peak >= allowed / NEAR;
        (tripped || heard(&NO_MEMORY)).then(|| stop(Limit::Memory, allowed, None))
    }
}

const fn stop(limit: Limit, allowed: u64, seen: Option<u64>) -> Stop {
    Stop {
        limit,
        allowed,
        seen,
    }
}
