//! Named points at which a test makes the process die or an actor panic.
//!
//! Set `ORKET_FAULT=kill@NAME#N` to have the process killed with SIGKILL the N-th time it passes
//! the point NAME, or `panic@NAME#N` to panic there; several are separated by commas, `#N` is 1
//! when left out, `#*` means every time. A point that concerns one card or run is hit by `NAME` as
//! well as by `NAME@ID`. Unset, a point costs one relaxed load.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Kill,
    Panic,
}

#[derive(Debug)]
struct Fault {
    kind: Kind,
    name: String,
    /// Which pass; `None` is every one.
    pass: Option<u64>,
    seen: AtomicU64,
}

static ARMED: AtomicBool = AtomicBool::new(false);
static FAULTS: OnceLock<Vec<Fault>> = OnceLock::new();
static LIST_POINTS: AtomicBool = AtomicBool::new(false);

/// Arms the faults described by the text of `ORKET_FAULT`; only the first call counts.
///
/// # Errors
///
/// A sentence naming the part that could not be read.
pub fn arm(text: &str) -> Result<(), String> {
    let mut faults = Vec::new();
    for part in text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        if part == "list" {
            LIST_POINTS.store(true, Ordering::Relaxed);
            continue;
        }
        let (kind, rest) = part
            .split_once('@')
            .ok_or_else(|| format!("ORKET_FAULT: `{part}` is not kill@NAME#N or panic@NAME#N"))?;
        let kind = match kind {
            "kill" => Kind::Kill,
            "panic" => Kind::Panic,
            _ => {
                return Err(format!(
                    "ORKET_FAULT: `{kind}` is neither `kill` nor `panic`"
                ));
            }
        };
        let (name, pass) = match rest.split_once('#') {
            None => (rest, Some(1)),
            Some((name, "*")) => (name, None),
            Some((name, number)) => (
                name,
                Some(
                    number
                        .parse()
                        .map_err(|_| format!("ORKET_FAULT: `{number}` is no number"))?,
                ),
            ),
        };
        faults.push(Fault {
            kind,
            name: name.to_owned(),
            pass,
            seen: AtomicU64::new(0),
        });
    }
    let _ = FAULTS.set(faults);
    ARMED.store(true, Ordering::Release);
    Ok(())
}

/// A named point. Does nothing unless a fault is armed for it.
#[inline]
pub fn point(name: &str) {
    if ARMED.load(Ordering::Relaxed) {
        strike(name, None);
    }
}

/// A named point of one card or run: `NAME@ID` strikes only there.
#[inline]
pub fn point_of(name: &str, id: &str) {
    if ARMED.load(Ordering::Relaxed) {
        strike(name, Some(id));
    }
}

impl Fault {
    fn is_at(&self, name: &str, id: Option<&str>) -> bool {
        match self.name.strip_prefix(name) {
            Some("") => true,
            Some(rest) => rest
                .strip_prefix('@')
                .is_some_and(|wanted| id == Some(wanted)),
            None => false,
        }
    }
}

#[cold]
#[expect(
    clippy::panic,
    reason = "panicking on request is what this module is for"
)]
fn strike(name: &str, id: Option<&str>) {
    if LIST_POINTS.load(Ordering::Relaxed) {
        match id {
            Some(id) => eprintln!("fault-point {name}@{id}"),
            None => eprintln!("fault-point {name}"),
        }
    }
    for fault in FAULTS
        .get()
        .into_iter()
        .flatten()
        .filter(|fault| fault.is_at(name, id))
    {
        let pass = fault.seen.fetch_add(1, Ordering::Relaxed) + 1;
        if fault.pass.is_some_and(|wanted| wanted != pass) {
            continue;
        }
        match fault.kind {
            Kind::Kill => kill_self(),
            Kind::Panic => panic!("fault injected at {name}"),
        }
    }
}

/// SIGKILL, so that no destructor, handler or flush runs.
fn kill_self() {
    // By the system call itself: no other thread gets further than that takes.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    // Not reached: nobody may refuse a process to kill itself.
    std::process::abort();
}
