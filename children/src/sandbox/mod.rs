//! What confines a child process: limits, folders, network, privileges, and what is said when one
//! of them stopped it.
//!
//! # Layout
//!
//! - [`allowance`]: what a child may do. [`SandboxOptions`]: what an operator set.
//! - [`abilities`]: what this machine can enforce, found out once.
//! - [`files`], [`filter`], [`rlimits`]: the allowance as the kernel takes it, made before the fork.
//! - [`mounts`], [`placeholder`], [`leftover`]: what a child finds empty, and what it cannot change.
//! - [`spawn`], [`entry`]: how a child is started, and its own steps before it is its program.
//! - [`meter`], [`watch`], [`usage`], [`afterthought`]: what the warden and the supervision count, and what is
//!   concluded from an ending. [`stop`]: the word on a limit that was passed.
//! - [`priority`]: the warden's place in the queue for processors.
//! - [`temp`]: a private folder for temporary files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use orket_core::gate::PROTECTED;
use orket_core::verify::FIXTURES;
use rustix::process::{DumpableBehavior, getegid, geteuid, set_dumpable_behavior};

use self::abilities::SandboxAbilities;
use self::allowance::Allowance;
use self::entry::{Entry, Maps};
use self::files::{Place, Reach};
use self::mounts::{Cover, Lock};
use self::placeholder::{Placeholder, Placeholders};

pub mod abilities;
pub mod afterthought;
pub mod allowance;
pub mod entry;
pub mod files;
pub mod filter;
pub mod leftover;
pub mod meter;
pub mod mounts;
pub mod placeholder;
pub mod priority;
pub mod rlimits;
pub mod spawn;
pub mod stop;
pub mod temp;
pub mod usage;
pub mod watch;

/// What an operator set about the sandbox.
#[derive(Debug, Clone, Default)]
pub struct SandboxOptions {
    /// What a child may do where nothing narrower is declared.
    pub allowance: Allowance,
    /// Files and folders that no child may read, even where they lie in a folder that it may: the
    /// data folder, `.env`.
    pub hidden: Vec<PathBuf>,
    /// Folders of Orket's own that no child may write in, even where its workspace holds them:
    /// assets.
    pub locked: Vec<PathBuf>,
    /// What the machine can do; `None` for finding out.
    pub abilities: Option<SandboxAbilities>,
}

/// Closes this process to those who run as the same user: its memory and environment hold secrets,
/// and a child that landlock does not confine could read them under `/proc`. Children start open
/// again. The price: no core dump and no debugger.
pub fn seal_own_process() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "children may be able to read this process");
    }
}

/// What children are not kept from where nothing can be locked.
const OFF_LIMITS: &str = "what agents may not write in the workspace";
/// The file of settings and keys, which no child may make either.
const SETTINGS: &str = ".env";
/// Folders of a workspace that no child may make. Of what else agents may not write Orket itself
/// makes what is missing.
const HELD: [&str; 4] = [FIXTURES, "agent_output/verification", ".git", ".orket"];
/// The folder by which the data folder is known among what is hidden.
const JOURNAL: &str = "db";

/// Makes the entry of each child. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sandbox {
    hidden: Arc<[PathBuf]>,
    locked: Arc<[PathBuf]>,
    placeholders: Placeholders,
    system: Arc<[Place]>,
    abilities: Arc<SandboxAbilities>,
}

/// A child that is to be confined.
#[derive(Debug)]
pub struct Confined<'a> {
    /// What it may do.
    pub allowance: &'a Allowance,
    /// Its program.
    pub program: &'a Path,
    /// Its workspace, by its real path.
    pub workspace: &'a Path,
    /// Its folder for temporary files.
    pub temp: &'a Path,
    /// The bound of each process's own memory, in bytes.
    pub address_space: Option<u64>,
}

impl Confined<'_> {
    /// The folders that it may write in.
    #[must_use]
    pub fn own_folders(&self) -> Vec<PathBuf> {
        let mut own = self.allowance.write.clone();
        if self.allowance.workspace {
            own.push(self.workspace.to_owned());
        }
        own.push(self.temp.to_owned());
        own
    }
}

/// A child's way into its sandbox.
#[derive(Debug)]
pub struct Confinement {
    /// Its own steps before it becomes the program.
    pub entry: Entry,
    /// What could not be confined here, `network: not confined on this machine: …`.
    pub gaps: Vec<String>,
    /// What was closed to it, `network`.
    pub closed: Vec<&'static str>,
    /// What stands for files that it must not make: keep them until its end.
    pub placeholders: Vec<Placeholder>,
}

impl Sandbox {
    /// A sandbox under these options; asks the machine what it can do unless they say.
    #[must_use]
    pub fn new(options: &SandboxOptions) -> Self {
        let abilities = options
            .abilities
            .clone()
            .unwrap_or_else(|| SandboxAbilities::here().clone());
        let canonical = |path: &PathBuf| {
            // It may not be there yet.
            path.canonicalize()
                .or_else(|_| std::path::absolute(path))
                .unwrap_or_else(|_| path.clone())
        };
        let locked: Vec<PathBuf> = options.locked.iter().map(canonical).collect();
        let mut hidden: Vec<PathBuf> = options.hidden.iter().map(canonical).collect();
        let data_folder = hidden.iter().find(|it| it.join(JOURNAL).is_dir());
        let placeholders =
            data_folder.map_or_else(Placeholders::default, |it| Placeholders::listed_below(it));
        if geteuid().is_root() {
            // Nobody else could read these anyway.
            hidden.extend(files::ROOTS_OWN.iter().map(PathBuf::from));
        }
        let system = if abilities.files.on {
            files::places(&files::system(), &hidden)
        } else {
            Vec::new()
        };
        Self {
            hidden: hidden.into(),
            locked: locked.into(),
            placeholders,
            system: system.into(),
            abilities: Arc::new(abilities),
        }
    }

    /// What the machine can do.
    #[must_use]
    pub fn abilities(&self) -> &SandboxAbilities {
        &self.abilities
    }

    /// Removes the placeholders that killed processes left: at a start, when their children are gone
    /// too. Blocks.
    pub fn clear_up(&self) {
        self.placeholders.sweep();
    }

    /// Whether a child under `allowance` is kept from changing this folder of its workspace, one
    /// that agents may not write; it may be missing. `folder` is its real path. Blocks on the file
    /// system for a moment.
    #[must_use]
    pub fn closes(&self, allowance: &Allowance, folder: &Path) -> bool {
        let is_given = allowance.write.iter().any(|it| it == folder);
        // Nothing is laid on a link, which a child can exchange for what it likes.
        let is_link = folder.symlink_metadata().is_ok_and(|it| it.is_symlink());
        self.can_lock() && !is_given && !is_link
    }

    fn can_lock(&self) -> bool {
        self.abilities.mount_namespace.on && self.abilities.locks.on
    }

    /// Prepares the way in for a child that runs `program` in the folders of `errand`.
    /// Blocks on the file system for a moment.
    ///
    /// # Errors
    ///
    /// When the kernel refuses the rules that it said it knows.
    pub fn confine(&self, errand: &Confined<'_>) -> std::io::Result<Confinement> {
        // At the first child at the latest, whoever started this.
        self.clear_up();
        let can = &*self.abilities;
        let allowance = errand.allowance;
        let own = errand.own_folders();
        let mut entry = Entry {
            limits: rlimits::of(allowance, errand.address_space),
            drop_capabilities: can.capabilities.on && geteuid().is_root(),
            ..Entry::default()
        };
        let user_namespace = can.user_namespace.on;
        if user_namespace {
            entry.namespaces |= libc::CLONE_NEWUSER;
            entry.maps = Some(Maps::of(geteuid().as_raw(), getegid().as_raw()));
            entry.limits.extend(rlimits::tasks(allowance));
        }
        if !allowance.network && can.network_namespace.on {
            entry.namespaces |= libc::CLONE_NEWNET;
            entry.loopback = true;
        }
        let mut gaps = can.gaps(allowance);
        let mut placeholders = Vec::new();
        if self.can_lock() {
            entry.locks = self.locks(errand, &own, &mut placeholders);
        } else {
            let lacking = if can.mount_namespace.on {
                &can.locks
            } else {
                &can.mount_namespace
            };
            gaps.push(abilities::gap(OFF_LIMITS, lacking));
        }
        let within = |it: &Path, own: &Path| it.starts_with(own) && it != own;
        let is_in_reach =
            |it: &&PathBuf| within(it, errand.workspace) || own.iter().any(|own| within(it, own));
        let to_cover = self.hidden.iter().filter(is_in_reach);
        let covers: Vec<Cover> = to_cover.filter_map(|it| Cover::over(it)).collect();
        if !covers.is_empty() {
            if can.mount_namespace.on {
                entry.covers = covers;
            } else {
                gaps.push(abilities::gap(
                    "Orket's own files in the workspace",
                    &can.mount_namespace,
                ));
            }
        }
        if !(entry.locks.is_empty() && entry.covers.is_empty()) {
            entry.namespaces |= libc::CLONE_NEWNS;
        }
        if can.filter.on {
            let inet = allowance.network || entry.loopback;
            entry.filter = filter::program(inet)?;
            if entry.namespaces != 0 {
                entry.strict = filter::program(allowance.network)?;
            }
        }
        if can.files.on {
            let mut further = files::further(allowance, errand.program);
            if !allowance.workspace {
                further.push(errand.workspace.to_owned());
            }
            let reach = Reach {
                system: &self.system,
                read: &files::places(&further, &self.hidden),
                write: &own,
            };
            entry.ruleset = files::ruleset(&reach)?;
        }
        Ok(Confinement {
            closed: self.closed(allowance, &entry),
            entry,
            gaps,
            placeholders,
        })
    }

    /// What a child with this entry finds closed: a program that fails may have run into one of
    /// these, which only it knows.
    fn closed(&self, allowance: &Allowance, entry: &Entry) -> Vec<&'static str> {
        let can = &*self.abilities;
        let is_offline = can.network_namespace.on || can.filter.on;
        let doors = [
            ("network", !allowance.network && is_offline),
            ("local sockets", can.filter.on),
            ("secrets", can.files.on),
            ("files outside the workspace", can.files.on),
            ("writing in the workspace", !allowance.workspace),
            ("writing where agents may not", !entry.locks.is_empty()),
        ];
        let closed = doors.into_iter().filter(|(_, is_closed)| *is_closed);
        closed.map(|(door, _)| door).collect()
    }

    /// What a child that may write in `own` folders must not change there. What is not there is made
    /// for as long as it runs, so that it cannot make it.
    fn locks(
        &self,
        errand: &Confined<'_>,
        own: &[PathBuf],
        placeholders: &mut Vec<Placeholder>,
    ) -> Vec<Lock> {
        let workspace = errand.workspace;
        if !errand.allowance.workspace {
            // Without the namespaces landlock alone keeps it from writing, but not from changing
            // modes and times.
            return Lock::on(workspace).into_iter().collect();
        }
        // Who names one of these in so many words means it.
        let is_given = |path: &Path| errand.allowance.write.iter().any(|it| it == path);
        let in_own_folders = |path: &PathBuf| own.iter().any(|own| path.starts_with(own));
        let mut hold = |path: &Path, is_folder| {
            placeholders.extend(self.placeholders.hold(path, is_folder));
        };
        let named = PROTECTED.iter().map(|name| workspace.join(name));
        let is_settings = |path: &&PathBuf| path.file_name().is_some_and(|it| it == SETTINGS);
        for path in self.hidden.iter().filter(is_settings) {
            if in_own_folders(path) {
                hold(path, false);
            }
        }
        for path in self.locked.iter().filter(|it| in_own_folders(it)) {
            hold(path, true);
        }
        for path in HELD.iter().map(|name| workspace.join(name)) {
            if !is_given(&path) {
                hold(&path, true);
            }
        }
        self.locked
            .iter()
            .cloned()
            .chain(named)
            .filter(|path: &PathBuf| in_own_folders(path) && !is_given(path))
            .filter_map(|path| Lock::on(&path))
            .collect()
    }
}
