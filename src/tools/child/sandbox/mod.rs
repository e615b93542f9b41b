//! What confines a child process: limits, folders, network, privileges, and what is said when one
//! of them stopped it.
//!
//! # Layout
//!
//! - [`allowance`]: what a child may do. [`SandboxOptions`]: what an operator set.
//! - [`abilities`]: what this machine can enforce, found out once.
//! - [`files`], [`filter`], [`rlimits`]: the allowance as the kernel takes it, made before the fork.
//! - [`spawn`], [`entry`]: how a child is started, and its own steps before it is its program.
//! - [`meter`], [`watch`], [`usage`], [`afterthought`]: what the warden and the supervision count, and what is
//!   concluded from an ending. [`stop`]: the word on a limit that was passed.
//! - [`priority`]: the warden's place in the queue for processors.
//! - [`temp`]: a private folder for temporary files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::{DumpableBehavior, getegid, geteuid, set_dumpable_behavior};

use self::abilities::SandboxAbilities;
use self::allowance::Allowance;
use self::entry::{Cover, Entry, Maps};
use self::files::{Place, Reach};

pub mod abilities;
pub mod afterthought;
pub mod allowance;
pub mod entry;
pub mod files;
pub mod filter;
pub mod meter;
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

/// Makes the entry of each child. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sandbox {
    hidden: Arc<[PathBuf]>,
    system: Arc<[Place]>,
    abilities: Arc<SandboxAbilities>,
}

/// A child's way into its sandbox.
#[derive(Debug)]
pub struct Confinement {
    /// Its own steps before it becomes the program.
    pub entry: Entry,
    /// What could not be confined here, `network: not confined on this machine: …`.
    pub gaps: Vec<String>,
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
        let mut hidden: Vec<PathBuf> = options.hidden.iter().map(canonical).collect();
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
            system: system.into(),
            abilities: Arc::new(abilities),
        }
    }

    /// What the machine can do.
    #[must_use]
    pub fn abilities(&self) -> &SandboxAbilities {
        &self.abilities
    }

    /// Prepares the way in for a child that runs `program` in the folders of `allowance`.
    /// `address_space` bounds each process's own, in bytes. Blocks on the file system for a moment.
    ///
    /// # Errors
    ///
    /// When the kernel refuses the rules that it said it knows.
    pub fn confine(
        &self,
        allowance: &Allowance,
        program: &Path,
        address_space: Option<u64>,
    ) -> std::io::Result<Confinement> {
        let can = &*self.abilities;
        let mut entry = Entry {
            limits: rlimits::of(allowance, address_space),
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
        let within = |it: &Path, own: &Path| it.starts_with(own) && it != own;
        let in_own_folders = |it: &&PathBuf| allowance.write.iter().any(|own| within(it, own));
        let to_cover = self.hidden.iter().filter(in_own_folders);
        let covers: Vec<Cover> = to_cover.filter_map(|it| Cover::over(it)).collect();
        let mut gaps = can.gaps(allowance);
        if !covers.is_empty() {
            if can.mount_namespace.on {
                entry.namespaces |= libc::CLONE_NEWNS;
                entry.covers = covers;
            } else {
                gaps.push(abilities::gap(
                    "Orket's own files in the workspace",
                    &can.mount_namespace,
                ));
            }
        }
        if can.filter.on {
            let inet = allowance.network || entry.loopback;
            entry.filter = filter::program(inet)?;
            if entry.namespaces != 0 {
                entry.strict = filter::program(allowance.network)?;
            }
        }
        if can.files.on {
            let further = files::further(allowance, program);
            let reach = Reach {
                system: &self.system,
                read: &files::places(&further, &self.hidden),
                write: &allowance.write,
            };
            entry.ruleset = files::ruleset(&reach)?;
        }
        Ok(Confinement { entry, gaps })
    }
}
