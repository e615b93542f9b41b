//! Limits that the kernel keeps for each process (setrlimit(2)).

use rustix::process::{Resource, getrlimit};

use super::allowance::Allowance;

/// One limit as the child sets it.
#[derive(Debug, Clone, Copy)]
pub struct ResourceLimit {
    /// `RLIMIT_…`.
    pub resource: libc::__rlimit_resource_t,
    /// Soft and hard.
    pub limit: libc::rlimit,
}

/// More seconds of processor time than the whole family has: the warden comes first.
const CPU_MARGIN: u64 = 1;
/// The kernel refuses tasks at this many times what the family may have: what it refuses it tells
/// nobody but the program, so the warden must have the time to see too many.
const TASK_MARGIN: u64 = 2;

/// The limits of each process. `address_space` is in bytes.
#[must_use]
pub fn of(allowance: &Allowance, address_space: Option<u64>) -> Vec<ResourceLimit> {
    let cpu = allowance
        .cpu
        .map(|it| it.as_secs().saturating_add(CPU_MARGIN));
    let mut limits = vec![limit(libc::RLIMIT_CORE, Resource::Core, 0, 0)];
    let mut add = |resource, known, most: Option<u64>, margin| {
        limits.extend(most.map(|most| limit(resource, known, most, margin)));
    };
    add(libc::RLIMIT_DATA, Resource::Data, allowance.memory, 0);
    add(libc::RLIMIT_AS, Resource::As, address_space, 0);
    // A second between SIGXCPU, which can be caught, and SIGKILL.
    add(libc::RLIMIT_CPU, Resource::Cpu, cpu, 1);
    add(libc::RLIMIT_FSIZE, Resource::Fsize, allowance.file_size, 0);
    add(
        libc::RLIMIT_NOFILE,
        Resource::Nofile,
        allowance.open_files,
        0,
    );
    limits
}

/// The number of tasks: it counts the user's in the child's user namespace, so it may only be set
/// where the child has one of its own.
#[must_use]
pub fn tasks(allowance: &Allowance) -> Option<ResourceLimit> {
    let most = allowance.processes?.saturating_mul(TASK_MARGIN);
    Some(limit(libc::RLIMIT_NPROC, Resource::Nproc, most, 0))
}

/// Never more than this process may itself.
fn limit(
    resource: libc::__rlimit_resource_t,
    known: Resource,
    most: u64,
    margin: u64,
) -> ResourceLimit {
    let own = getrlimit(known).maximum.unwrap_or(libc::RLIM_INFINITY);
    ResourceLimit {
        resource,
        limit: libc::rlimit {
            rlim_cur: most.min(own),
            rlim_max: most.saturating_add(margin).min(own),
        },
    }
}
