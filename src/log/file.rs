//! One file that is appended to and rotated, reached through a capability handle on its workspace.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

use super::LogOptions;

/// A buffer of this size is handed to the system at once.
const BUFFER: usize = 64 * 1_024;

/// Kinds of error that were told already.
static TOLD: LazyLock<Mutex<HashSet<io::ErrorKind>>> = LazyLock::new(Mutex::default);

/// A file under way. It is opened by the first flush, and again when it vanishes.
pub(super) struct LogFile {
    workspace: PathBuf,
    name: &'static str,
    buffer: Vec<u8>,
    open: Option<Open>,
}

struct Open {
    top: Dir,
    file: File,
    size: u64,
}

impl LogFile {
    pub fn new(workspace: &Path, name: &'static str) -> Self {
        Self {
            workspace: workspace.to_owned(),
            name,
            buffer: Vec::new(),
            open: None,
        }
    }

    /// Adds what `line` writes, one whole line.
    pub fn push(&mut self, options: &LogOptions, line: impl FnOnce(&mut Vec<u8>)) {
        line(&mut self.buffer);
        if self.buffer.len() >= BUFFER {
            self.flush(options);
        }
    }

    /// Hands the buffer to the system. What cannot be written is told once and given up: a log must
    /// not fill the memory nor stop a run.
    pub fn flush(&mut self, options: &LogOptions) {
        if self.buffer.is_empty() {
            return;
        }
        if let Err(error) = self.write(options) {
            self.open = None;
            let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
            if told.insert(error.kind()) {
                tracing::warn!(
                    "{} could not be written: {error}; events are lost to it until it can, \
                     the journal has them; further errors of this kind are not told",
                    self.workspace.join(self.name).display()
                );
            }
        }
        self.buffer.clear();
    }

    /// Writes the buffer and moves the file to its first numbered name, as if it were full. Its new
    /// name; `None` when there is no file, or none is kept.
    pub fn rotate_now(&mut self, options: &LogOptions) -> io::Result<Option<String>> {
        self.flush(options);
        self.open = None;
        let top = match Dir::open_ambient_dir(&self.workspace, ambient_authority()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        match top.symlink_metadata(self.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Ok(found) if found.len() == 0 => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
        rotate(&top, self.name, options.keep)?;
        Ok((options.keep > 0).then(|| numbered(self.name, 1)))
    }

    fn write(&mut self, options: &LogOptions) -> io::Result<()> {
        let more = u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        let mut open = match self.open.take() {
            // Somebody removed or moved the file, as another process does that rotates it: lines written
            // to it would be lost, or come into an old one.
            Some(open) if open.is_named(self.name)? => open,
            Some(_) | None => Open::at(&self.workspace, self.name)?,
        };
        let full = options.max_bytes > 0
            && open.size > 0
            && open.size.saturating_add(more) > options.max_bytes;
        if full {
            rotate(&open.top, self.name, options.keep)?;
            open = Open::at(&self.workspace, self.name)?;
        }
        open.file.write_all(&self.buffer)?;
        open.size = open.size.saturating_add(more);
        self.open = Some(open);
        Ok(())
    }
}

impl Open {
    /// Whether the file is still what its name leads to.
    fn is_named(&self, name: &str) -> io::Result<bool> {
        use cap_std::fs::MetadataExt as _;
        let own = self.file.metadata()?;
        match self.top.symlink_metadata(name) {
            Ok(named) => Ok(named.ino() == own.ino() && named.dev() == own.dev()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn at(workspace: &Path, name: &str) -> io::Result<Self> {
        std::fs::create_dir_all(workspace)?;
        let top = Dir::open_ambient_dir(workspace, ambient_authority())?;
        if let Some(parent) = Path::new(name)
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            top.create_dir_all(parent)?;
        }
        let mut file = top
            .open_with(
                name,
                OpenOptions::new().read(true).append(true).create(true),
            )?
            .into_std();
        let mut size = file.metadata()?.len();
        if size > 0 {
            // A process that was killed may have left half a line.
            let mut last = [0_u8];
            file.read_exact_at(&mut last, size - 1)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
                size += 1;
            }
        }
        Ok(Self { top, file, size })
    }
}

/// Moves `name` to `name.1`, `name.1` to `name.2` and so on; the oldest falls out.
fn rotate(top: &Dir, name: &str, keep: u32) -> io::Result<()> {
    for number in (1..keep).rev() {
        present(top.rename(numbered(name, number), top, numbered(name, number + 1)))?;
    }
    if keep == 0 {
        present(top.remove_file(name))
    } else {
        present(top.rename(name, top, numbered(name, 1)))
    }
}

fn numbered(name: &str, number: u32) -> String {
    format!("{name}.{number}")
}

/// A file that is not there needs no moving.
fn present(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
