//! A child's own steps before it becomes its program. Whatever runs here may not allocate, lock or
//! panic: it runs in the memory of a process with many threads. Everything is made before; here are
//! system calls on memory that is already there, and nothing else.
//!
//! Unsafe are the calls themselves, and the promise that a probe's pre-exec asks for.
#![expect(unsafe_code, reason = "what runs before exec is unsafe by nature")]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use seccompiler::{BpfProgram, apply_filter};

use super::mounts::{Cover, Lock, enter_folder_again, keep_apart};
use super::rlimits::ResourceLimit;

/// A step, for words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Step {
    /// Namespaces of its own.
    Namespaces = 1,
    /// Its user's and group's place in its user namespace.
    Maps = 2,
    /// Something laid over what it must not see, or not change.
    Covers = 9,
    /// The loopback device of its network namespace.
    Loopback = 3,
    /// `setrlimit`.
    Limits = 4,
    /// Capabilities given up.
    Capabilities = 5,
    /// Landlock.
    Files = 6,
    /// Seccomp.
    Filter = 7,
    /// It went well; only a probe ends so.
    Passed = 8,
}

const STEPS: [Step; 9] = [
    Step::Namespaces,
    Step::Maps,
    Step::Covers,
    Step::Loopback,
    Step::Limits,
    Step::Capabilities,
    Step::Files,
    Step::Filter,
    Step::Passed,
];

/// Where the step stands in the number that a child reports; below it is the system's own.
pub(super) const SHIFT: u32 = 16;

/// What a child does before it becomes its program. The default does nothing but see to it that it
/// inherits no descriptor and gains no privilege.
#[derive(Debug, Default)]
pub struct Entry {
    /// `CLONE_NEW…` of the namespaces it gets.
    pub namespaces: libc::c_int,
    /// With a user namespace: who it is in there.
    pub maps: Option<Maps>,
    /// What it must not see in folders of its own; wants a mount namespace.
    pub covers: Vec<Cover>,
    /// What it must not change; wants a mount namespace too.
    pub locks: Vec<Lock>,
    /// Whether its network namespace gets its loopback device up.
    pub loopback: bool,
    /// Limits of each process.
    pub limits: Vec<ResourceLimit>,
    /// Whether it gives up the superuser's capabilities.
    pub drop_capabilities: bool,
    /// The landlock ruleset that it enters.
    pub ruleset: Option<OwnedFd>,
    /// The seccomp filter that it enters; empty for none.
    pub filter: BpfProgram,
    /// The filter for when the machine has no namespace to give after all.
    pub strict: BpfProgram,
}

/// A user namespace's `uid_map` and `gid_map`.
#[derive(Debug)]
pub struct Maps {
    user: Box<[u8]>,
    group: Box<[u8]>,
}

impl Maps {
    /// The same user and group inside as outside.
    #[must_use]
    pub fn of(user: u32, group: u32) -> Self {
        let line = |id: u32| format!("{id} {id} 1\n").into_bytes().into_boxed_slice();
        Self {
            user: line(user),
            group: line(group),
        }
    }
}

/// What kept a child from entering.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox could not be entered ({step:?}): {source}")]
pub struct EntryError {
    /// Where.
    pub step: Step,
    /// Why.
    pub source: io::Error,
}

impl EntryError {
    /// What a failed start says, when it failed in here.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        let number = error.raw_os_error()?;
        let step = STEPS.into_iter().find(|it| *it as i32 == number >> SHIFT)?;
        let source = io::Error::from_raw_os_error(number & ((1 << SHIFT) - 1));
        Some(Self { step, source })
    }
}

/// Makes `command` end after it entered, with [`Step::Passed`] as its error.
pub(super) fn attach_probe(command: &mut Command, entry: Entry) {
    // SAFETY: `enter` makes system calls only; it does not allocate, lock or panic.
    unsafe {
        command.pre_exec(move || {
            entry.enter()?;
            Err(io::Error::from_raw_os_error((Step::Passed as i32) << SHIFT))
        });
    }
}

impl Entry {
    /// Enters. For a process that is about to become its program.
    pub(super) fn enter(&self) -> io::Result<()> {
        close_on_exec();
        let mut namespaces = self.namespaces;
        if namespaces != 0 {
            // SAFETY: this process has one thread.
            if unsafe { libc::unshare(namespaces) } != 0 {
                let is_bare = self.covers.is_empty() && self.locks.is_empty();
                if self.strict.is_empty() || !is_bare {
                    return Err(last(Step::Namespaces));
                }
                // The probe said there are some, so they have run out.
                namespaces = 0;
            }
        }
        if namespaces & libc::CLONE_NEWUSER != 0
            && let Some(maps) = &self.maps
        {
            maps.write()?;
        }
        if namespaces & libc::CLONE_NEWNS != 0 {
            keep_apart()?;
            for lock in &self.locks {
                lock.lay()?;
            }
            // A cover may lie within a lock.
            for cover in &self.covers {
                cover.lay()?;
            }
            if !self.locks.is_empty() {
                enter_folder_again()?;
            }
        }
        if namespaces & libc::CLONE_NEWNET != 0 && self.loopback {
            raise_loopback()?;
        }
        for it in &self.limits {
            // Tasks are only counted apart in a user namespace of its own.
            if it.resource == libc::RLIMIT_NPROC && namespaces & libc::CLONE_NEWUSER == 0 {
                continue;
            }
            // SAFETY: the limit outlives the call.
            check(Step::Limits, unsafe {
                libc::setrlimit(it.resource, &raw const it.limit)
            })?;
        }
        if self.drop_capabilities {
            drop_capabilities()?;
        }
        // SAFETY: a flag of this process.
        check(Step::Filter, unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        })?;
        if let Some(ruleset) = &self.ruleset {
            // SAFETY: the descriptor is open, there are no flags.
            let entered = unsafe {
                libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0_u32)
            };
            if entered != 0 {
                return Err(last(Step::Files));
            }
        }
        let filter = if namespaces == self.namespaces {
            &self.filter
        } else {
            &self.strict
        };
        if !filter.is_empty() && apply_filter(filter).is_err() {
            return Err(last(Step::Filter));
        }
        Ok(())
    }
}

impl Maps {
    fn write(&self) -> io::Result<()> {
        // A process that may not be looked into does not own its files under /proc.
        // SAFETY: a flag of this process.
        let shown = unsafe { libc::prctl(libc::PR_GET_DUMPABLE, 0, 0, 0, 0) };
        let show = |on: libc::c_int| {
            // SAFETY: as above.
            check(Step::Maps, unsafe {
                libc::prctl(libc::PR_SET_DUMPABLE, on, 0, 0, 0)
            })
        };
        show(1)?;
        write_file(c"/proc/self/uid_map", &self.user)?;
        write_file(c"/proc/self/setgroups", b"deny")?;
        write_file(c"/proc/self/gid_map", &self.group)?;
        if shown == 0 {
            show(0)?;
        }
        Ok(())
    }
}

fn write_file(path: &CStr, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: a string that ends with NUL; the descriptor is closed below.
    let file = unsafe { libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    check(Step::Maps, file)?;
    // SAFETY: the bytes outlive the call.
    let written = unsafe { libc::write(file, bytes.as_ptr().cast(), bytes.len()) };
    let failed = (written < 0).then(|| last(Step::Maps));
    // SAFETY: it was opened above.
    unsafe { libc::close(file) };
    failed.map_or(Ok(()), Err)
}

fn raise_loopback() -> io::Result<()> {
    // SAFETY: plain numbers.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    check(Step::Loopback, socket)?;
    // SAFETY: all zeroes is a valid request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = UP;
    // SAFETY: the request outlives the call.
    let raised = unsafe { libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &raw const request) };
    let failed = (raised != 0).then(|| last(Step::Loopback));
    // SAFETY: it was opened above.
    unsafe { libc::close(socket) };
    failed.map_or(Ok(()), Err)
}

/// `IFF_UP | IFF_RUNNING`.
const UP: libc::c_short = 0x41;

/// linux/capability.h: the superuser in a sandbox keeps what goes on files, `CAP_CHOWN`,
/// `CAP_DAC_OVERRIDE`, `CAP_FOWNER` and `CAP_FSETID`; landlock says which files these are.
const KEPT: [libc::c_int; 4] = [0, 1, 3, 4];
/// More than any kernel has.
const MOST_CAPABILITIES: libc::c_int = 64;

/// Takes the rest out of what exec(2) can give to the superuser.
fn drop_capabilities() -> io::Result<()> {
    for number in 0..MOST_CAPABILITIES {
        if KEPT.contains(&number) {
            continue;
        }
        // SAFETY: a flag of this process.
        let dropped = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) };
        if dropped != 0 {
            let error = last(Step::Capabilities);
            let unknown = ((Step::Capabilities as i32) << SHIFT) | libc::EINVAL;
            // No kernel knows them all.
            if error.raw_os_error() == Some(unknown) && number > 0 {
                break;
            }
            return Err(error);
        }
    }
    drop_inheritable()
}

/// linux/capability.h: version 3 of the call, with two words for each set.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: libc::c_int,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapabilityWord {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// What is inheritable would come back at exec(2).
fn drop_inheritable() -> io::Result<()> {
    let header = CapabilityHeader {
        version: CAPABILITY_VERSION,
        pid: 0,
    };
    let mut words = [CapabilityWord::default(); 2];
    // SAFETY: two words are what version 3 fills.
    let got = unsafe { libc::syscall(libc::SYS_capget, &raw const header, words.as_mut_ptr()) };
    if got != 0 {
        return Err(last(Step::Capabilities));
    }
    for word in &mut words {
        word.inheritable = 0;
    }
    // SAFETY: likewise; clears the ambient set too.
    let set = unsafe { libc::syscall(libc::SYS_capset, &raw const header, words.as_ptr()) };
    if set != 0 {
        return Err(last(Step::Capabilities));
    }
    Ok(())
}

/// Whatever this process inherited from its own parent stays out of the child. Older kernels do
/// without: Orket's own descriptors are closed anyway.
fn close_on_exec() {
    const FIRST: libc::c_uint = 3;
    // SAFETY: marks descriptors; closes none.
    unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        );
    }
}

/// The version of landlock that the kernel has.
///
/// # Errors
///
/// When it has none, or it is switched off.
pub(super) fn landlock_version() -> io::Result<i32> {
    const ASK_VERSION: u32 = 1;
    let nothing = std::ptr::null::<u8>();
    // SAFETY: asking for the version takes no attributes.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            nothing,
            0_usize,
            ASK_VERSION,
        )
    };
    if version < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(i32::try_from(version).unwrap_or(i32::MAX))
}

pub(super) fn check(step: Step, returned: libc::c_int) -> io::Result<()> {
    if returned < 0 {
        return Err(last(step));
    }
    Ok(())
}

/// The system's last word, with where it was said.
pub(super) fn last(step: Step) -> io::Error {
    let number = io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or(libc::EINVAL);
    io::Error::from_raw_os_error(((step as i32) << SHIFT) | number)
}
