//! What this machine can enforce, found out by trying in a process that ends at once. Once for each
//! process of Orket; as data, so that a report can show it.

use std::io;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rustix::process::{getegid, geteuid};
use serde::Serialize;

use super::allowance::Allowance;
use super::entry::{Entry, EntryError, Maps, Step, attach_probe};
use super::files::{Reach, ruleset};
use super::filter;
use super::mounts::Lock;

/// One thing that a machine can do or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ability {
    /// Whether it can.
    pub on: bool,
    /// By what, or why not.
    pub reason: String,
}

impl Ability {
    fn tried(by: &str, tried: Result<(), EntryError>) -> Self {
        match tried {
            Ok(()) => Self::on(by),
            Err(error) => Self::off(format!("{by}: {}", error.source)),
        }
    }

    /// It can, by this.
    #[must_use]
    pub fn on(by: impl Into<String>) -> Self {
        Self {
            on: true,
            reason: by.into(),
        }
    }

    /// It cannot, because of this.
    #[must_use]
    pub fn off(reason: impl Into<String>) -> Self {
        Self {
            on: false,
            reason: reason.into(),
        }
    }
}

/// What a machine can enforce. Limits of each process, the family's memory, processor time and
/// number of processes, and the clearing up need nothing special and are always on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SandboxAbilities {
    /// Reading and writing only what is allowed (landlock).
    pub files: Ability,
    /// Not emptying files outside (landlock from version 3).
    pub truncation: Ability,
    /// Not signalling processes outside (landlock from version 6).
    pub signals: Ability,
    /// A user of its own kind, in which the kernel counts its processes (user namespace).
    pub user_namespace: Ability,
    /// A network of its own with nothing but its own loopback device (network namespace).
    pub network_namespace: Ability,
    /// Orket's own files hidden where the workspace holds them (mount namespace).
    pub mount_namespace: Ability,
    /// What agents may not write kept from children where it lies in their workspace (mount
    /// namespace, Linux 5.12).
    pub locks: Ability,
    /// System calls refused, sockets among them (seccomp).
    pub filter: Ability,
    /// The superuser's privileges given up.
    pub capabilities: Ability,
}

impl SandboxAbilities {
    /// This machine's; tried at the first call.
    pub fn here() -> &'static Self {
        static HERE: OnceLock<SandboxAbilities> = OnceLock::new();
        HERE.get_or_init(Self::probe)
    }

    fn probe() -> Self {
        let (is_root, user, group) = (geteuid().is_root(), geteuid().as_raw(), getegid().as_raw());
        let (files, truncation, signals) = probe_landlock();
        let user_namespace = if is_root {
            Ability::off("not needed by the superuser, whose processes the kernel does not count")
        } else {
            let entry = Entry {
                namespaces: libc::CLONE_NEWUSER,
                maps: Some(Maps::of(user, group)),
                ..Entry::default()
            };
            Ability::tried("user namespace", try_out(entry))
        };
        let mut apart = Entry {
            namespaces: libc::CLONE_NEWNET,
            loopback: true,
            ..Entry::default()
        };
        if user_namespace.on {
            apart.namespaces |= libc::CLONE_NEWUSER;
            apart.maps = Some(Maps::of(user, group));
        }
        let network_namespace = Ability::tried("network namespace", try_out(apart));
        let mut hiding = Entry {
            namespaces: libc::CLONE_NEWNS,
            ..Entry::default()
        };
        if user_namespace.on {
            hiding.namespaces |= libc::CLONE_NEWUSER;
            hiding.maps = Some(Maps::of(user, group));
        }
        let mount_namespace = Ability::tried("mount namespace", try_out(hiding));
        let locks = if mount_namespace.on {
            let mut locking = Entry {
                namespaces: libc::CLONE_NEWNS,
                locks: Lock::on(&std::env::temp_dir()).into_iter().collect(),
                ..Entry::default()
            };
            if user_namespace.on {
                locking.namespaces |= libc::CLONE_NEWUSER;
                locking.maps = Some(Maps::of(user, group));
            }
            Ability::tried("read-only mounts", try_out(locking))
        } else {
            mount_namespace.clone()
        };
        let filter = match filter::program(false) {
            Ok(filter) => Ability::tried(
                "seccomp",
                try_out(Entry {
                    filter,
                    ..Entry::default()
                }),
            ),
            Err(error) => Ability::off(format!("seccomp: {error}")),
        };
        let capabilities = if is_root {
            let entry = Entry {
                drop_capabilities: true,
                ..Entry::default()
            };
            Ability::tried("bounding set", try_out(entry))
        } else {
            Ability::on("no superuser")
        };
        Self {
            files,
            truncation,
            signals,
            user_namespace,
            network_namespace,
            mount_namespace,
            locks,
            filter,
            capabilities,
        }
    }

    /// What a child under `allowance` is not kept from here, one sentence each.
    #[must_use]
    pub fn gaps(&self, allowance: &Allowance) -> Vec<String> {
        let mut gaps = Vec::new();
        let mut gap = |what: &str, why: &Ability| gaps.push(self::gap(what, why));
        if !self.files.on {
            gap("files", &self.files);
        }
        if self.files.on && !self.truncation.on {
            gap("emptying files", &self.truncation);
        }
        if !self.signals.on {
            gap("signals", &self.signals);
        }
        if !self.filter.on {
            gap("local sockets", &self.filter);
            if !allowance.network && !self.network_namespace.on {
                gap("network", &self.network_namespace);
            }
        }
        if !self.capabilities.on {
            gap("privileges", &self.capabilities);
        }
        gaps
    }
}

/// What a child is not kept from, in a sentence.
#[must_use]
pub fn gap(what: &str, why: &Ability) -> String {
    format!("{what}: not confined on this machine: {}", why.reason)
}

/// Files, emptying them, and signals: all are landlock's, by its version.
fn probe_landlock() -> (Ability, Ability, Ability) {
    const WITH_TRUNCATION: i32 = 3;
    const WITH_SIGNALS: i32 = 6;
    let reach = Reach {
        system: &[],
        read: &[],
        write: &[],
    };
    let version = match super::entry::landlock_version() {
        Ok(version) => version,
        Err(error) => {
            let off = || Ability::off(format!("landlock: {error}"));
            return (off(), off(), off());
        }
    };
    let name = format!("landlock {version}");
    let tried = match ruleset(&reach) {
        Ok(ruleset) => try_out(Entry {
            ruleset,
            ..Entry::default()
        }),
        Err(source) => Err(EntryError {
            step: Step::Files,
            source,
        }),
    };
    let files = Ability::tried(&name, tried);
    let since = |first: i32, what: &str| {
        if !files.on || version >= first {
            files.clone()
        } else {
            Ability::off(format!("{name}; {what} known from {first} on"))
        }
    };
    let truncation = since(WITH_TRUNCATION, "emptying files is");
    let signals = since(WITH_SIGNALS, "signals are");
    (files, truncation, signals)
}

/// Forks a process that enters and ends.
fn try_out(entry: Entry) -> Result<(), EntryError> {
    let mut command = Command::new("/");
    command
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    attach_probe(&mut command, entry);
    let unexpected = |source| EntryError {
        step: Step::Passed,
        source,
    };
    match command.spawn() {
        Ok(mut child) => {
            let _status = child.wait();
            Err(unexpected(io::ErrorKind::Other.into()))
        }
        Err(error) => match EntryError::of(&error) {
            Some(told) if told.step == Step::Passed => Ok(()),
            Some(told) => Err(told),
            None => Err(unexpected(error)),
        },
    }
}
