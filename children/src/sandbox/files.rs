//! Which files a child reaches, as a landlock ruleset: the system's programs and libraries and what
//! it is allowed to read, its own folders to write in, and nothing else.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
};

use super::allowance::Allowance;

/// The newest version that is asked for; older kernels do what they can.
const VERSION: ABI = ABI::V7;

/// Programs, libraries, settings and what the kernel tells.
const SYSTEM: &[&str] = &[
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/etc", "/nix", "/gnu",
    "/snap", "/proc", "/sys",
];
/// What resolves names, when `/etc/resolv.conf` is a link to there.
const RESOLVER: &str = "/run/systemd/resolve";
/// Devices that hold nothing.
const DEVICES: &[&str] = &[
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];
/// Files that only the superuser may read, which its children need not.
pub const ROOTS_OWN: &[&str] = &[
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/ssh",
    "/etc/ssl/private",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/security/opasswd",
    "/etc/krb5.keytab",
    "/etc/letsencrypt",
    "/etc/wireguard",
    "/etc/kubernetes",
    "/etc/NetworkManager/system-connections",
];
/// A folder of programs whose name is one of these belongs to an installation one level up.
const PROGRAM_FOLDERS: &[&str] = &["bin", "sbin", "shims", "libexec"];
/// What an installation in a home folder may hold that nobody else should read.
const SECRETIVE: &[&str] = &[
    "credential",
    "secret",
    "token",
    "auth",
    "key",
    ".env",
    ".git",
    "config.json",
    "config.yml",
    "config.yaml",
];
/// Of `~/.local`: what programs keep of the person who uses them.
const PERSONAL: &[&str] = &["share", "state"];
/// No installation has more entries at its top.
const MOST_ENTRIES: usize = 512;
/// So deep lies nothing hidden.
const DEEPEST: usize = 16;

/// A file or folder with all that is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    path: PathBuf,
    is_folder: bool,
}

/// What a child reaches.
#[derive(Debug)]
pub struct Reach<'a> {
    /// What every child reads and runs programs from.
    pub system: &'a [Place],
    /// What this one does besides.
    pub read: &'a [Place],
    /// Folders in which it does everything.
    pub write: &'a [PathBuf],
}

/// What every child reads: the system and the installations that `PATH` leads to.
#[must_use]
pub fn system() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
    let search = std::env::var_os("PATH").unwrap_or_default();
    for folder in std::env::split_paths(&search) {
        if folder.is_absolute() && !is_of_system(&folder) {
            installation(&folder, &mut paths);
        }
    }
    paths
}

/// What a child reads besides: the program itself, and what it is allowed to.
#[must_use]
pub fn further(allowance: &Allowance, program: &Path) -> Vec<PathBuf> {
    let mut paths = allowance.read.clone();
    if allowance.network {
        paths.push(PathBuf::from(RESOLVER));
    }
    if !is_of_system(program) {
        paths.push(program.to_owned());
    }
    paths
}

fn is_of_system(path: &Path) -> bool {
    SYSTEM.iter().any(|system| path.starts_with(system))
}

/// Those of these paths that are there, or the most of what is in them that leaves out `hidden`.
#[must_use]
pub fn places(paths: &[PathBuf], hidden: &[PathBuf]) -> Vec<Place> {
    let mut open: Vec<PathBuf> = paths
        .iter()
        .flat_map(|path| less_hidden(path, hidden))
        .collect();
    open.sort();
    open.dedup();
    let place = |path: PathBuf| Place {
        is_folder: path.is_dir(),
        path,
    };
    open.into_iter().map(place).collect()
}

/// A folder of programs and, where it is part of an installation of its own such as `~/.pyenv`, the
/// rest of that, less what looks like secrets.
fn installation(programs: &Path, into: &mut Vec<PathBuf>) {
    into.push(programs.to_owned());
    let name = programs.file_name().and_then(|name| name.to_str());
    let Some(root) = programs.parent() else {
        return;
    };
    let is_home = std::env::var_os("HOME").is_some_and(|home| {
        let home = Path::new(&home);
        home.starts_with(root)
    });
    if !name.is_some_and(|name| PROGRAM_FOLDERS.contains(&name)) || is_home {
        return;
    }
    let Ok(entries) = std::fs::read_dir(root) else {
        return;
    };
    let is_local = root.file_name().is_some_and(|name| name == ".local");
    let open = |entry: &std::fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
        let personal = is_local && PERSONAL.contains(&name.as_str());
        !personal && !SECRETIVE.iter().any(|it| name.contains(it))
    };
    let entries = entries.flatten().take(MOST_ENTRIES).filter(open);
    into.extend(entries.map(|entry| entry.path()));
}

/// The ruleset; `None` where the kernel knows none of it.
///
/// # Errors
///
/// When the kernel refuses what it said it knows.
pub fn ruleset(reach: &Reach<'_>) -> io::Result<Option<OwnedFd>> {
    build(reach).map_err(|error| io::Error::other(error.to_string()))
}

fn build(reach: &Reach<'_>) -> Result<Option<OwnedFd>, RulesetError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(VERSION))?
        .scope(Scope::from_all(VERSION))?
        .create()?;
    let read = AccessFs::from_read(VERSION);
    for place in reach.system.iter().chain(reach.read) {
        rules = allow(rules, &place.path, place.is_folder, read)?;
    }
    for device in DEVICES {
        let use_it = AccessFs::ReadFile | AccessFs::WriteFile;
        rules = allow(rules, Path::new(device), false, use_it)?;
    }
    for path in reach.write {
        rules = allow(rules, path, path.is_dir(), AccessFs::from_all(VERSION))?;
    }
    Ok(rules.into())
}

/// A path that is not there gives access to nothing.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    is_folder: bool,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let Ok(handle) = PathFd::new(path) else {
        return Ok(rules);
    };
    let access = if is_folder {
        access
    } else {
        access & AccessFs::from_file(VERSION)
    };
    rules.add_rule(PathBeneath::new(handle, access))
}

/// `path`, or the most of what is in it that leaves out `hidden`.
fn less_hidden(path: &Path, hidden: &[PathBuf]) -> Vec<PathBuf> {
    let mut open = Vec::new();
    // Hidden paths are canonical.
    if let Ok(path) = path.canonicalize() {
        split(&path, hidden, DEEPEST, &mut open);
    }
    open
}

fn split(path: &Path, hidden: &[PathBuf], deeper: usize, open: &mut Vec<PathBuf>) {
    if hidden.iter().any(|it| path.starts_with(it)) {
        return;
    }
    if !hidden.iter().any(|it| it.starts_with(path)) {
        open.push(path.to_owned());
        return;
    }
    let Ok(entries) = std::fs::read_dir(path) else {
        return;
    };
    if deeper == 0 {
        return;
    }
    for entry in entries.flatten() {
        // A link leads to where access is given on its own, or not.
        if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) {
            split(&entry.path(), hidden, deeper - 1, open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_hidden_in_it_is_given_without_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["a/one", "a/two", "b/three"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        std::fs::write(root.join("a/.env"), "KEY=1").unwrap();
        std::os::unix::fs::symlink(root.join("a"), root.join("link")).unwrap();
        let open = |hidden: &[&str]| {
            let hidden: Vec<PathBuf> = hidden.iter().map(|it| root.join(it)).collect();
            let mut open: Vec<String> = less_hidden(&root, &hidden)
                .iter()
                .map(|it| it.strip_prefix(&root).unwrap().display().to_string())
                .collect();
            open.sort();
            open
        };
        assert_eq!(open(&[]), [""]);
        assert_eq!(open(&["a"]), ["b"]);
        assert_eq!(open(&["a/.env", "b/three"]), ["a/one", "a/two"]);
        assert_eq!(open(&["c"]), ["a", "b"]);
    }

    #[test]
    fn an_installation_in_a_home_folder_is_read_without_its_secrets() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["bin", "lib", "credentials.toml", ".git", "secrets"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let mut paths = Vec::new();
        installation(&folder.path().join("bin"), &mut paths);
        paths.sort();
        paths.dedup();
        assert_eq!(
            paths,
            [folder.path().join("bin"), folder.path().join("lib")]
        );
    }
}
