//! System calls that a sandboxed child is refused, as a seccomp program (EACCES).

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

/// Calls under the 32-bit ABI of x86-64 have this bit in their number.
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;

/// The program: sockets are refused unless they are of the network (`inet`) or ask the kernel about
/// it. Local sockets always are: behind them sit the session's bus, container engines and Orket's
/// own owner, all of which would do what the sandbox forbids; pairs of connected sockets are no
/// way out and are allowed.
///
/// # Errors
///
/// When the machine's architecture is not known to the compiler.
pub fn program(inet: bool) -> io::Result<BpfProgram> {
    compile(inet).map_err(|error| io::Error::other(error.to_string()))
}

fn compile(inet: bool) -> Result<BpfProgram, seccompiler::BackendError> {
    let families: &[libc::c_int] = if inet {
        &[libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK]
    } else {
        &[libc::AF_NETLINK]
    };
    let other_family = families
        .iter()
        .map(|family| is(0, SeccompCmpOp::Ne, u64::from(family.unsigned_abs())))
        .collect::<Result<Vec<_>, _>>()?;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    rules.insert(libc::SYS_socket, vec![SeccompRule::new(other_family)?]);
    // Its ring makes sockets without a call of its own.
    rules.insert(libc::SYS_io_uring_setup, Vec::new());
    // The session's keys.
    for call in [libc::SYS_keyctl, libc::SYS_add_key, libc::SYS_request_key] {
        rules.insert(call, Vec::new());
    }
    // Limits of other processes, Orket's own among them.
    let other_process = SeccompRule::new(vec![is(0, SeccompCmpOp::Ne, 0)?])?;
    rules.insert(libc::SYS_prlimit64, vec![other_process]);
    // Words put into the terminal that Orket was started in.
    let typing = SeccompRule::new(vec![is(1, SeccompCmpOp::Eq, libc::TIOCSTI)?])?;
    rules.insert(libc::SYS_ioctl, vec![typing]);
    #[cfg(target_arch = "x86_64")]
    for (call, rule) in rules.clone() {
        rules.insert(call | X32, rule);
    }
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EACCES.unsigned_abs()),
        std::env::consts::ARCH.try_into()?,
    )?;
    filter.try_into()
}

fn is(
    argument: u8,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
}
