//! What every command starts from: settings, data folder, output.

use std::path::PathBuf;
use std::sync::Arc;

use tracing_subscriber::EnvFilter;

use super::args::Global;
use super::assemble;
use super::failure::Failure;
use super::out;
use crate::config::{Settings, Sources, settings};
use crate::owner::folder::DataFolder;
use crate::owner::ports::{Planner, Records};
use crate::storage::Reader;

/// See the file's head.
pub struct Context {
    /// All settings.
    pub settings: Settings,
    /// Where they come from.
    pub sources: Sources,
    /// The data folder.
    pub folder: DataFolder,
    /// The current folder.
    pub cwd: PathBuf,
    /// `--json`.
    pub json: bool,
    /// `--set`, to be passed on to a process started for us.
    pub set: Vec<String>,
}

impl Context {
    /// Reads everything that can be set, prepares the program's own diagnostics and injected faults.
    ///
    /// # Errors
    ///
    /// When a value is not what it must be.
    pub fn load(global: &Global) -> Result<Self, Failure> {
        let mut sources = Sources::of_process(&global.set)?;
        // For everything that looks at the environment itself. Never over a set variable. No other
        // thread runs yet.
        let _ = dotenvy::from_path(sources.cwd.join(".env"));
        sources.organization = assemble::process_rules(&sources.cwd)?;
        let root = settings::durable_root(&sources);
        sources.user_settings = settings::read_user_settings(&root)?;
        let mut settings = Settings::resolve(&sources)?;
        settings.preferences = settings::read_preferences(&root, &sources.user_settings)?;
        start_diagnostics(&settings.log_filter)?;
        if let Some(fault) = &settings.fault {
            orket_actors::fault::arm(fault).map_err(|problem| Failure::new("E_CONFIG", problem))?;
        }
        for warning in &settings.warnings {
            out::warn(&format!("warning: {warning}"));
        }
        Ok(Self {
            folder: DataFolder::new(&settings.durable_root),
            settings,
            cwd: sources.cwd.clone(),
            sources,
            json: global.json,
            set: global.set.clone(),
        })
    }

    /// Makes plans of the assets.
    #[must_use]
    pub fn planner(&self) -> Arc<dyn Planner> {
        assemble::planner(&self.settings, &self.cwd)
    }

    /// Reads the journal, whoever owns it.
    ///
    /// # Errors
    ///
    /// When it is there and cannot be read.
    pub fn records(&self) -> Result<Arc<dyn Records>, Failure> {
        assemble::records(&self.folder)
    }
}

impl Context {
    /// The journal itself, for what looks at its bytes; `None` when there is none yet.
    ///
    /// # Errors
    ///
    /// When it is there and cannot be read.
    pub fn reader(&self) -> Result<Option<Reader>, Failure> {
        assemble::reader(&self.folder)
    }
}

/// Diagnostics of the program itself, on standard error; what happens in runs goes to `orket.log`.
fn start_diagnostics(filter: &str) -> Result<(), Failure> {
    let filter = EnvFilter::builder().parse(filter).map_err(|error| {
        Failure::new("E_CONFIG", format!("ORKET_LOG is `{filter}`: {error}"))
            .hint("a tracing filter such as info or orket=debug,orket_actors=trace")
    })?;
    // Fails only when a test of the library has set one already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(out::stderr_is_terminal() && out::colours_allowed())
        .try_init();
    Ok(())
}
