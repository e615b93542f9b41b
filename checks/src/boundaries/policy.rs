//! The rules, as tables. Whoever adds a crate or a module says here where it belongs.

/// The crates of the workspace, and which others of it each may depend on outside its tests. The rules
/// (`orket-core`) know nobody; the supervision tree knows the rules; edges know these two and what
/// their line says; the program may know all but those that are there for tests.
pub const CRATES: &[(&str, &[&str])] = &[
    ("orket-core", &[]),
    ("orket-actors", &["orket-core"]),
    ("orket-http", &[]),
    ("orket-gitea", &[]),
    ("orket-wal", &[]),
    ("orket-checks", &[]),
    ("orket-edits", &[]),
    ("orket-bundles", &[]),
    ("orket-sweep", &["orket-core"]),
    ("orket-prompts", &["orket-core"]),
    ("orket-board", &["orket-core"]),
    ("orket-legacy", &["orket-actors", "orket-core"]),
    ("orket-keeping", &["orket-actors", "orket-legacy"]),
    ("orket-children", &["orket-actors", "orket-core"]),
    ("orket-sandboxes", &["orket-actors", "orket-core"]),
    (
        "orket-transactions",
        &[
            "orket-children",
            "orket-edits",
            "orket-actors",
            "orket-core",
        ],
    ),
    (
        "orket-webhook",
        &[
            "orket-actors",
            "orket-core",
            "orket-gitea",
            "orket-http",
            "orket-wal",
        ],
    ),
    (
        PROGRAM,
        &[
            "orket-actors",
            "orket-board",
            "orket-bundles",
            "orket-checks",
            "orket-children",
            "orket-core",
            "orket-edits",
            "orket-gitea",
            "orket-http",
            "orket-keeping",
            "orket-legacy",
            "orket-prompts",
            "orket-sandboxes",
            "orket-sweep",
            "orket-transactions",
            "orket-wal",
            "orket-webhook",
        ],
    ),
    ("orket-fake-gitea", &[]),
    ("orket-load", &[]),
];

/// The crate whose modules are looked at.
pub const PROGRAM: &str = "orket";

/// The layers of the program. Each may use itself and those below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// What touches the world for others: storage, providers, tools, files, settings.
    Adapters,
    /// What puts adapters and actors to use.
    Application,
    /// Where operators and programs come in.
    Interfaces,
}

impl Layer {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Adapters => "adapters",
            Self::Application => "application",
            Self::Interfaces => "interfaces",
        }
    }
}

/// The modules of the program, each with its layer.
pub const MODULES: &[(&str, Layer)] = &[
    ("artifacts", Layer::Adapters),
    ("assets", Layer::Adapters),
    ("blocking", Layer::Adapters),
    ("config", Layer::Adapters),
    ("events", Layer::Adapters),
    ("log", Layer::Adapters),
    ("providers", Layer::Adapters),
    ("stages", Layer::Adapters),
    ("storage", Layer::Adapters),
    ("tools", Layer::Adapters),
    ("verifier", Layer::Adapters),
    ("driver", Layer::Application),
    ("evidence", Layer::Application),
    ("fork", Layer::Application),
    ("gitea_export", Layer::Application),
    ("kernel", Layer::Application),
    ("memory", Layer::Application),
    ("owner", Layer::Application),
    ("phases", Layer::Application),
    ("sweep", Layer::Application),
    ("system", Layer::Application),
    ("api", Layer::Interfaces),
    ("cli", Layer::Interfaces),
];

/// Uses within a layer that are forbidden all the same: the server does not know the command line.
pub const FORBIDDEN: &[(&str, &str)] = &[("api", "cli")];

/// The layer of a module; `None` for one that no rule names.
#[must_use]
pub fn layer_of(module: &str) -> Option<Layer> {
    MODULES
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, layer)| *layer)
}

/// Why a module may not use another; `None` when it may. Those that no rule names are reported apart.
#[must_use]
pub fn refusal(from: &str, to: &str) -> Option<String> {
    if FORBIDDEN.contains(&(from, to)) {
        return Some(format!("`{from}` may not use `{to}`"));
    }
    let (lower, upper) = (layer_of(from)?, layer_of(to)?);
    (lower < upper).then(|| {
        format!(
            "{} may not use {}: `{from}` lies below `{to}`",
            lower.as_str(),
            upper.as_str()
        )
    })
}
