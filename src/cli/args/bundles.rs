//! `orket validate`, `orket pack` and `orket inspect`.

use std::path::PathBuf;

use clap::Args;

/// `orket validate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  orket validate              # exits 1 without a bundle here
  orket validate bun --json   # exits 1 without a bundle in bun/

docs/BUNDLES.md says what a bundle is.")]
pub struct ValidateArgs {
    /// The bundle: a folder with orket.yaml, orket.yml or orket.json
    #[arg(value_name = "TARGET", default_value = ".")]
    pub target: String,
    /// The version of Orket that it must be made for
    #[arg(long, value_name = "VERSION", default_value = orket_bundles::ENGINE_VERSION)]
    pub engine_version: String,
    /// A model that there is; give the flag again for more
    #[arg(long, value_name = "MODEL")]
    pub available_model: Vec<String>,
    /// The model to use instead of the bundle's own
    #[arg(long, value_name = "MODEL")]
    pub model_override: Option<String>,
}

/// `orket pack`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  orket pack bun                        # exits 1 without a bundle in bun/
  orket pack bun --out a.orket --json   # exits 1 without a bundle in bun/

Never packed: .env files, keys, databases, .git, .orket, what is built,
and links that lead out of the folder. What was left out is told.")]
pub struct PackArgs {
    /// The folder with the bundle
    #[arg(value_name = "SOURCE", default_value = ".")]
    pub source: String,
    /// The file to write [default: NAME-VERSION.orket]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `orket inspect`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  orket inspect bun              # exits 1 without a bundle in bun/
  orket inspect a.orket --json   # exits 1 without a packed bundle

Nothing of an archive is unpacked.")]
pub struct InspectArgs {
    /// A folder with a bundle, or a packed one
    #[arg(value_name = "TARGET", default_value = ".")]
    pub target: String,
}
