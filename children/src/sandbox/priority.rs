//! The warden's place in the queue for a processor: whoever counts a crowd must not wait in it.
#![expect(
    unsafe_code,
    reason = "the scheduler is asked for a thread, which needs the call itself"
)]

use rustix::process::setpriority_process;

/// The best place among ordinary threads.
const FIRST: i32 = -20;

/// Puts the calling thread before all ordinary ones. A mere priority would not do: with automatic
/// groups each new session has a share of its own, so that hundreds of them starve everybody else
/// whatever their priority. Only the superuser may, and only its children are not counted by the
/// kernel; for others it changes nothing.
pub fn come_first() {
    let mut parameters: libc::sched_param = {
        // SAFETY: all zeroes is valid.
        unsafe { std::mem::zeroed() }
    };
    parameters.sched_priority = 1;
    // Threads and processes started from here are ordinary again.
    let policy = libc::SCHED_RR | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the parameters outlive the call; 0 is the calling thread.
    let set = unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) };
    if set != 0 {
        let _not_permitted = setpriority_process(None, FIRST);
    }
}
