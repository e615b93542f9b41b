//! Starts a child that enters its sandbox on the way, without copying this process: until the child
//! becomes its program it shares our memory and the thread that started it waits, as with
//! posix_spawn(3). A fork would copy the page tables of a large process and keep its other threads
//! from their memory meanwhile.
#![expect(
    unsafe_code,
    reason = "there is no safe way to run code between clone and exec"
)]

use std::ffi::{CString, OsStr, c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, WaitOptions, waitpid};

use super::entry::Entry;

/// What the child has for a stack; a tenth of it is needed.
const STACK: usize = 256 * 1024;

/// A command as the kernel takes it.
#[derive(Debug)]
pub struct Plan {
    program: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    folder: RawFd,
    piped_input: bool,
    entry: Entry,
}

/// A child that was started.
#[derive(Debug)]
pub struct Spawned {
    /// Its id, which is its group's too.
    pub pid: i32,
    /// Where it reads from, when that is not nothing.
    pub stdin: Option<OwnedFd>,
    /// What it says.
    pub stdout: OwnedFd,
    /// What it complains of.
    pub stderr: OwnedFd,
}

impl Plan {
    /// Program, arguments and environment of `command`, whose environment was cleared; its other
    /// settings do not count. `folder` is the working directory, kept open by whoever calls.
    ///
    /// # Errors
    ///
    /// When a text has a NUL in it.
    pub fn new(
        command: &Command,
        folder: RawFd,
        piped_input: bool,
        entry: Entry,
    ) -> io::Result<Self> {
        let text = |text: &OsStr| CString::new(text.as_bytes()).map_err(io::Error::from);
        let program = text(command.get_program())?;
        let mut arguments = vec![program.clone()];
        for argument in command.get_args() {
            arguments.push(text(argument)?);
        }
        let mut environment = Vec::new();
        for (name, value) in command.get_envs() {
            let Some(value) = value else { continue };
            let pair = [name.as_bytes(), b"=", value.as_bytes()].concat();
            environment.push(CString::new(pair)?);
        }
        Ok(Self {
            program,
            arguments,
            environment,
            folder,
            piped_input,
            entry,
        })
    }

    /// Starts it in a process group of its own.
    ///
    /// # Errors
    ///
    /// What the system says, or [`super::entry::EntryError::of`] of it.
    pub fn spawn(&self) -> io::Result<Spawned> {
        let pipe = || -> io::Result<(OwnedFd, OwnedFd)> {
            let (read, write) = io::pipe()?;
            Ok((read.into(), write.into()))
        };
        let (input, stdin) = if self.piped_input {
            let (input, stdin) = pipe()?;
            (input, Some(stdin))
        } else {
            (std::fs::File::open("/dev/null")?.into(), None)
        };
        let (stdout, output) = pipe()?;
        let (stderr, errors) = pipe()?;
        let arguments = pointers(&self.arguments);
        let environment = pointers(&self.environment);
        let birth = Birth {
            plan: self,
            arguments: arguments.as_ptr(),
            environment: environment.as_ptr(),
            streams: [input.as_raw_fd(), output.as_raw_fd(), errors.as_raw_fd()],
            failed: AtomicI32::new(0),
        };
        let seal = self.entry.maps.is_some().then(Seal::hold);
        let pid = birth.give();
        drop(seal);
        let pid = pid?;
        let failed = birth.failed.load(Ordering::Relaxed);
        if failed != 0 {
            if let Some(pid) = Pid::from_raw(pid) {
                let _reaped = waitpid(Some(pid), WaitOptions::empty());
            }
            return Err(io::Error::from_raw_os_error(failed));
        }
        Ok(Spawned {
            pid,
            stdin,
            stdout,
            stderr,
        })
    }
}

/// Ended by a null pointer, as exec(2) wants them.
fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    let texts = texts.iter().map(|text| text.as_ptr());
    texts.chain([ptr::null()]).collect()
}

/// What the child needs, in memory that it shares with us until it is another program.
struct Birth<'a> {
    plan: &'a Plan,
    arguments: *const *const libc::c_char,
    environment: *const *const libc::c_char,
    streams: [RawFd; 3],
    /// What kept it from becoming its program.
    failed: AtomicI32,
}

/// Whether Orket may be looked into is said of its memory, which a child shares until it is its
/// program. One that writes its maps opens it for that moment: one at a time, and however it ends, the
/// flag is as it was.
struct Seal {
    was: c_int,
    _alone: MutexGuard<'static, ()>,
}

impl Seal {
    fn hold() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: a flag of this process.
        let was = unsafe { libc::prctl(libc::PR_GET_DUMPABLE, 0, 0, 0, 0) };
        Self { was, _alone: alone }
    }
}

impl Drop for Seal {
    fn drop(&mut self) {
        // 2 cannot be set; whoever starts so is not sealed by Orket.
        if matches!(self.was, 0 | 1) {
            // SAFETY: as above.
            let _never_refused = unsafe { libc::prctl(libc::PR_SET_DUMPABLE, self.was, 0, 0, 0) };
        }
    }
}

impl Birth<'_> {
    /// Returns when the child is its program or has failed.
    fn give(&self) -> io::Result<c_int> {
        let mut stack = vec![0_u8; STACK];
        // SAFETY: one past the end of the stack, aligned downwards as every architecture wants it.
        let top = unsafe {
            let end = stack.as_mut_ptr().add(STACK);
            end.sub(end.addr() % 16)
        };
        let this: *const Self = self;
        // SAFETY: all zeroes is valid; both sets outlive the calls. No handler of ours may run in
        // the child, so that signals wait until it has none.
        let (pid, error) = unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            let mut before: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
            let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
            let pid = libc::clone(be_born, top.cast(), flags, this.cast_mut().cast::<c_void>());
            let error = io::Error::last_os_error();
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
            (pid, error)
        };
        if pid < 0 { Err(error) } else { Ok(pid) }
    }

    /// In the child: neither allocates nor locks nor returns in vain.
    fn enter(&self) -> io::Result<()> {
        // SAFETY: system calls on this process, with memory that outlives them.
        unsafe {
            check(libc::setpgid(0, 0))?;
            for (number, stream) in (0..).zip(self.streams) {
                check(libc::dup2(stream, number))?;
            }
            check(libc::fchdir(self.plan.folder))?;
        }
        self.plan.entry.enter()?;
        forget_signals();
        // SAFETY: strings and lists that end as exec(2) wants them.
        unsafe {
            libc::execve(self.plan.program.as_ptr(), self.arguments, self.environment);
        }
        Err(io::Error::last_os_error())
    }
}

extern "C" fn be_born(birth: *mut c_void) -> c_int {
    // SAFETY: the parent's thread waits and keeps it.
    let birth = unsafe { &*birth.cast_const().cast::<Birth<'_>>() };
    if let Err(error) = birth.enter() {
        let number = error.raw_os_error().unwrap_or(libc::EINVAL);
        birth.failed.store(number, Ordering::Relaxed);
    }
    const NEVER_BORN: c_int = 127;
    // SAFETY: ends this process only, without running anything of ours.
    unsafe { libc::_exit(NEVER_BORN) }
}

/// Signals do what they do by default, and none is blocked; those that are ignored stay so, but for
/// the broken pipe, which Rust ignores and other programs do not.
fn forget_signals() {
    // SAFETY: all zeroes is the default action; everything outlives its call.
    unsafe {
        let default: libc::sigaction = std::mem::zeroed();
        for number in 1..=libc::SIGRTMAX() {
            let mut now: libc::sigaction = std::mem::zeroed();
            let known = libc::sigaction(number, ptr::null(), &raw mut now) == 0;
            let is_ours = now.sa_sigaction != libc::SIG_DFL && now.sa_sigaction != libc::SIG_IGN;
            if known && (is_ours || number == libc::SIGPIPE) {
                libc::sigaction(number, &raw const default, ptr::null_mut());
            }
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

fn check(returned: c_int) -> io::Result<()> {
    if returned < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
