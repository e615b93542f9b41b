//! What a child finds in place of the machine's own files, in a mount namespace of its own: some are
//! empty, some cannot be changed. As in [`super::entry`], nothing here may allocate once the child
//! is born.
#![expect(unsafe_code, reason = "mounts are system calls")]

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::entry::{Step, check, last};

/// A file or folder that is empty for the child.
#[derive(Debug)]
pub struct Cover {
    path: CString,
    is_folder: bool,
}

impl Cover {
    /// Over this path, which must be there.
    #[must_use]
    pub fn over(path: &Path) -> Option<Self> {
        Some(Self {
            is_folder: path.metadata().ok()?.is_dir(),
            path: text(path)?,
        })
    }

    pub(super) fn lay(&self) -> io::Result<()> {
        let (source, kind, flags) = if self.is_folder {
            let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV;
            (c"none", c"tmpfs", flags)
        } else {
            (c"/dev/null", c"none", libc::MS_BIND)
        };
        mount(source, &self.path, kind, flags)
    }
}

/// A file or folder that the child can read and not change, not even its owner or its mode.
#[derive(Debug)]
pub struct Lock {
    path: CString,
}

impl Lock {
    /// On this path, with all that is in it; `None` when it is not there, or is a link, which leads
    /// to where something else decides.
    #[must_use]
    pub fn on(path: &Path) -> Option<Self> {
        let found = path.symlink_metadata().ok()?;
        if found.is_symlink() {
            return None;
        }
        Some(Self { path: text(path)? })
    }

    pub(super) fn lay(&self) -> io::Result<()> {
        let flags = libc::MS_BIND | libc::MS_REC;
        mount(&self.path, &self.path, c"none", flags)?;
        // A remount would have to repeat the flags that the file system was mounted with.
        let attributes = libc::mount_attr {
            attr_set: libc::MOUNT_ATTR_RDONLY,
            attr_clr: 0,
            propagation: 0,
            userns_fd: 0,
        };
        // SAFETY: the path ends with NUL; the attributes outlive the call and are of the size given.
        let set = unsafe {
            libc::syscall(
                libc::SYS_mount_setattr,
                libc::AT_FDCWD,
                self.path.as_ptr(),
                RECURSIVE,
                &raw const attributes,
                size_of::<libc::mount_attr>(),
            )
        };
        if set != 0 {
            return Err(last(Step::Covers));
        }
        Ok(())
    }
}

/// `AT_RECURSIVE`.
const RECURSIVE: libc::c_uint = 0x8000;

/// Keeps mounts of this namespace from other ones.
pub(super) fn keep_apart() -> io::Result<()> {
    mount(c"none", c"/", c"none", libc::MS_REC | libc::MS_PRIVATE)
}

/// The working directory was entered before anything was laid on it or above it: enters what is
/// there now.
pub(super) fn enter_folder_again() -> io::Result<()> {
    const LONGEST: usize = 4096;
    let mut path = [0_u8; LONGEST];
    let before = folder()?;
    // SAFETY: the kernel writes no more than the given length, with a NUL at its end.
    let got = unsafe { libc::syscall(libc::SYS_getcwd, path.as_mut_ptr(), path.len()) };
    if got < 0 {
        return Err(last(Step::Covers));
    }
    // SAFETY: as above.
    check(Step::Covers, unsafe { libc::chdir(path.as_ptr().cast()) })?;
    if folder()? == before {
        return Ok(());
    }
    // It was moved away meanwhile.
    let number = ((Step::Covers as i32) << super::entry::SHIFT) | libc::ESTALE;
    Err(io::Error::from_raw_os_error(number))
}

/// What the working directory is, whatever its name.
fn folder() -> io::Result<(libc::dev_t, libc::ino_t)> {
    // SAFETY: all zeroes is valid.
    let mut found: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: a text that ends with NUL; the structure outlives the call.
    check(Step::Covers, unsafe {
        libc::stat(c".".as_ptr(), &raw mut found)
    })?;
    Ok((found.st_dev, found.st_ino))
}

fn mount(source: &CStr, target: &CStr, kind: &CStr, flags: libc::c_ulong) -> io::Result<()> {
    let (source, target, kind) = (source.as_ptr(), target.as_ptr(), kind.as_ptr());
    // SAFETY: strings that end with NUL; these kinds take no data.
    check(Step::Covers, unsafe {
        libc::mount(source, target, kind, flags, std::ptr::null())
    })
}

fn text(path: &Path) -> Option<CString> {
    CString::new(path.as_os_str().as_bytes()).ok()
}
