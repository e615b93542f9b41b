//! From a command as it is written down to one that can be started: program found, folder confined,
//! environment cleared and filled.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use cap_std::fs::Dir;

use super::Errand;
use super::mark::{self, Mark};
use super::sandbox::entry::EntryError;
use super::sandbox::placeholder::Placeholder;
use super::sandbox::spawn::Plan;
use super::sandbox::temp::TempFolder;
use super::sandbox::{Confined, Confinement, Sandbox};
use crate::workspace::{PathError, Workspace, Workspaces, inside};

/// Where programs are looked for when Orket itself has no `PATH`.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Why a command could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// There is no command.
    #[error("the command is empty; name a program")]
    Empty,
    /// No such program.
    #[error("`{0}` was not found; install it or correct the command")]
    NotFound(String),
    /// Not a program.
    #[error(
        "`{0}` cannot be executed; it must be a program, or a script with a `#!` line, and executable"
    )]
    NotExecutable(String),
    /// The program's or the folder's path leads out of the workspace.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The workspace or the working directory cannot be used.
    #[error("the folder `{folder}` cannot be used as working directory: {source}")]
    Folder {
        /// The folder.
        folder: String,
        /// The cause.
        source: io::Error,
    },
    /// The system has no process to give.
    #[error("`{program}` could not be started: {source}")]
    System {
        /// The program.
        program: String,
        /// The cause.
        source: io::Error,
    },
    /// The sandbox could not be made, or not be entered.
    #[error("E_SANDBOX_ENTRY: the sandbox of `{program}` is not to be had: {source}")]
    Sandbox {
        /// The program.
        program: String,
        /// The cause.
        source: io::Error,
    },
    /// It wants a variable that holds one of Orket's own secrets.
    #[error("`{0}` is a secret of Orket's own and is handed to no child; leave it out")]
    Secret(String),
    /// Whoever wanted it is gone, or the tool host is.
    #[error("the tool host is shutting down")]
    LetGo,
}

/// A command ready to be started.
#[derive(Debug)]
pub struct Prepared {
    /// The command.
    pub plan: Plan,
    /// What is started, for words.
    pub program: String,
    /// Its folder for temporary files: keep it until its end.
    pub temp: TempFolder,
    /// Its workspace, by its real path.
    pub workspace: PathBuf,
    /// What could not be confined.
    pub gaps: Vec<String>,
    /// What was closed to it.
    pub closed: Vec<&'static str>,
    /// What stands for files that it must not make: keep them until its end.
    pub placeholders: Vec<Placeholder>,
    /// The handle of the command's working directory, which cannot be exchanged before the start:
    /// keep it until then.
    _folder: Dir,
}

impl Trouble {
    /// What a failed start means.
    pub(super) fn from_start(program: &str, source: io::Error) -> Self {
        let program = program.to_owned();
        if let Some(error) = EntryError::of(&source) {
            let source = io::Error::other(error);
            return Self::Sandbox { program, source };
        }
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound(program),
            io::ErrorKind::PermissionDenied => Self::NotExecutable(program),
            _ if source.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
                Self::NotExecutable(program)
            }
            _ => Self::System { program, source },
        }
    }
}

/// Makes the command. Blocks on the file system for a moment.
///
/// # Errors
///
/// [`Trouble`].
pub fn prepare(
    errand: &Errand,
    mark: &Mark,
    workspaces: &Workspaces,
    is_secret: fn(&str) -> bool,
    sandbox: &Sandbox,
) -> Result<Prepared, Trouble> {
    let folder_trouble = |folder: &Path, source| Trouble::Folder {
        folder: folder.display().to_string(),
        source,
    };
    let (program, arguments) = errand.command.split_first().ok_or(Trouble::Empty)?;
    let workspace = workspaces
        .at(&errand.workspace)
        .map_err(|error| folder_trouble(&errand.workspace, error))?;
    let relative = inside(&errand.working_directory)?;
    let folder = if relative.as_os_str().is_empty() {
        workspace.dir().try_clone()
    } else {
        workspace.dir().open_dir(&relative)
    }
    .map_err(|error| folder_trouble(&relative, error))?;
    let search = std::env::var_os("PATH").unwrap_or_else(|| USUAL_PATH.into());
    let found = find(program, &workspace, &search)?;
    if let Some(name) = errand.pass.iter().find(|name| is_secret(name)) {
        return Err(Trouble::Secret(name.clone()));
    }
    let sandbox_trouble = |source| Trouble::Sandbox {
        program: program.clone(),
        source,
    };
    let temp = TempFolder::create(mark).map_err(sandbox_trouble)?;
    let workspace_path = workspace
        .root()
        .canonicalize()
        .map_err(|error| folder_trouble(workspace.root(), error))?;
    let Confinement {
        entry,
        gaps,
        closed,
        placeholders,
    } = sandbox
        .confine(&Confined {
            allowance: &errand.allowance,
            program: &found,
            workspace: &workspace_path,
            temp: temp.path(),
            address_space: errand.limits.memory,
        })
        .map_err(sandbox_trouble)?;

    let mut command = Command::new(found);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", search)
        .env("HOME", workspace.root())
        .env("TMPDIR", temp.path())
        .env(
            "LANG",
            std::env::var_os("LANG").unwrap_or_else(|| "C.UTF-8".into()),
        );
    for name in &errand.pass {
        if let Some(value) = own_variable(name) {
            command.env(name, value);
        }
    }
    for (name, value) in &errand.set {
        command.env(name, value);
    }
    command.env(mark::VARIABLE, mark.as_str());
    let plan = Plan::new(&command, folder.as_raw_fd(), errand.input.is_some(), entry).map_err(
        |source| Trouble::System {
            program: program.clone(),
            source,
        },
    )?;
    Ok(Prepared {
        plan,
        program: program.clone(),
        temp,
        workspace: workspace_path,
        gaps,
        closed,
        placeholders,
        _folder: folder,
    })
}

/// The variable's value here; a name that no variable can have is as good as unset.
fn own_variable(name: &str) -> Option<OsString> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return None;
    }
    std::env::var_os(name)
}

/// A name without a slash is looked up in the absolute folders of `search`; a relative path is one
/// in the workspace.
fn find(program: &str, workspace: &Workspace, search: &OsString) -> Result<PathBuf, Trouble> {
    if program.is_empty() {
        return Err(Trouble::Empty);
    }
    if program.contains('/') {
        let path = if program.starts_with('/') {
            PathBuf::from(program)
        } else {
            workspace.root().join(inside(program)?)
        };
        return match executable(&path) {
            Some(true) => Ok(path),
            Some(false) => Err(Trouble::NotExecutable(program.to_owned())),
            None => Err(Trouble::NotFound(program.to_owned())),
        };
    }
    let mut refused = false;
    for folder in std::env::split_paths(search).filter(|folder| folder.is_absolute()) {
        let path = folder.join(program);
        match executable(&path) {
            Some(true) => return Ok(path),
            Some(false) => refused = true,
            None => {}
        }
    }
    Err(if refused {
        Trouble::NotExecutable(program.to_owned())
    } else {
        Trouble::NotFound(program.to_owned())
    })
}

/// Whether a file is there, and whether anybody may execute it; the system has the last word.
fn executable(path: &Path) -> Option<bool> {
    let found = std::fs::metadata(path).ok()?;
    Some(found.is_file() && found.mode() & 0o111 != 0)
}
