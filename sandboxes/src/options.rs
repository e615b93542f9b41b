//! What can be set about sandboxes.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use orket_actors::clock::SystemClock;
use orket_actors::port::clock::SharedClock;

use crate::docker::current_engine;
use crate::ports::{Bind, PortProbe};

/// What a container may use; `None` for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerLimits {
    /// Processors.
    pub cpus: Option<u64>,
    /// Memory in MiB. A database server that refuses to start with less has more.
    pub memory_mb: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

impl Default for ContainerLimits {
    fn default() -> Self {
        Self {
            cpus: Some(1),
            memory_mb: Some(1_024),
            pids: Some(256),
        }
    }
}

/// How sandboxes are run.
#[derive(Clone)]
pub struct Options {
    /// The folder of the registry, e.g. `<durable>/sandboxes`.
    pub folder: PathBuf,
    /// None are created.
    pub disabled: bool,
    /// How many may be there at once.
    pub most: usize,
    /// How long one lives from when it came up; `None` for ever.
    pub ttl: Option<Duration>,
    /// How long bringing one up may take, images and all.
    pub up_timeout: Duration,
    /// How long any other command may take.
    pub command_timeout: Duration,
    /// What each container may use.
    pub limits: ContainerLimits,
    /// Ports that none may have: Orket's own servers listen there.
    pub reserved: BTreeSet<u16>,
    /// Docker compose, as a program with its first arguments; the first of these that works is used.
    pub programs: Vec<Vec<OsString>>,
    /// Says which docker those programs reach. While it is another one than that which brought a sandbox
    /// up, nothing of that sandbox is changed.
    pub engine: Arc<dyn Fn() -> String + Send + Sync>,
    /// Whether a port is free.
    pub ports: Arc<dyn PortProbe>,
    /// Time.
    pub clock: SharedClock,
}

impl Options {
    /// The defaults over a folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            disabled: false,
            most: 8,
            ttl: Some(Duration::from_secs(72 * 3_600)),
            up_timeout: Duration::from_secs(900),
            command_timeout: Duration::from_secs(60),
            limits: ContainerLimits::default(),
            reserved: BTreeSet::new(),
            programs: vec![
                vec!["docker".into(), "compose".into()],
                vec!["docker-compose".into()],
            ],
            engine: Arc::new(current_engine),
            ports: Arc::new(Bind),
            clock: Arc::new(SystemClock::default()),
        }
    }
}
