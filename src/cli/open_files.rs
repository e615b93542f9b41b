//! How many files this process may have open. With too few, threads cannot be made in the middle of
//! a start, which ends in panics of libraries; better said before.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::failure::Failure;

/// As many as are asked for, where the hard limit lets us have them: each connection is one.
const WISHED: u64 = 16_384;
/// Fewer than this are not enough for an owner.
const LEAST: u64 = 128;

/// Raises the soft limit when it is low.
///
/// # Errors
///
/// When even the hard limit is too low.
pub fn make_room() -> Result<(), Failure> {
    let limit = getrlimit(Resource::Nofile);
    let soft = limit.current.unwrap_or(u64::MAX);
    if soft >= WISHED {
        return Ok(());
    }
    let wished = limit.maximum.map_or(WISHED, |hard| hard.min(WISHED));
    let raised = Rlimit {
        current: Some(wished),
        maximum: limit.maximum,
    };
    let allowed = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wished,
        Err(_) => soft,
    };
    if allowed < LEAST {
        return Err(Failure::new(
            "E_START",
            format!("this process may have only {allowed} files open at once; orket needs {LEAST}"),
        )
        .hint("raise the limit with `ulimit -n 1024`"));
    }
    Ok(())
}
