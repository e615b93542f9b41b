//! What a child that ended had used, while it still waits to be reaped.
#![expect(
    unsafe_code,
    reason = "waitid(2) gives usage only to those who call it by hand"
)]

const KIB: u64 = 1_024;

/// The most memory, in bytes, that a dead and unreaped child or one of the descendants it waited for
/// ever held; 0 when the system does not say.
#[must_use]
pub fn peak_memory(pid: i32) -> u64 {
    // SAFETY: all zeroes is valid for both.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: both outlive the call, which leaves the child as it is.
    let waited = unsafe {
        libc::syscall(
            libc::SYS_waitid,
            libc::P_PID,
            pid,
            &raw mut info,
            libc::WEXITED | libc::WNOWAIT | libc::WNOHANG,
            &raw mut usage,
        )
    };
    if waited != 0 {
        return 0;
    }
    u64::try_from(usage.ru_maxrss).unwrap_or(0) * KIB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_child_still_tells_what_it_held() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "x=$(head -c 20000000 /dev/zero | tr '\\0' a); : $x"])
            .spawn()
            .unwrap();
        let pid = child.id().cast_signed();
        let is_dead = || crate::process::read(pid).is_none_or(|it| it.dead);
        while !is_dead() {
            std::thread::yield_now();
        }
        assert!(peak_memory(pid) > 20_000_000, "{}", peak_memory(pid));
        child.wait().unwrap();
        assert_eq!(peak_memory(pid), 0);
    }
}
