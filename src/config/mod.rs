//! Settings: where each value came from and what it is.
//!
//! Order: flag (`--set NAME=VALUE`) > environment (`.env` of the current folder fills what is not
//! set) > `process_rules` of the organization asset > `<durable>/config/user_settings.json` >
//! default. A value that cannot be read is an error that lists what would be right.
//!
//! # Layout
//!
//! - [`variable`]: the table of all variables; `.env.example` is checked against it.
//! - [`lookup`]: finds a variable's text and its origin.
//! - [`settings`]: the typed values.
//! - [`gitea`]: where Gitea is, and where runs are exported to; [`webhook`]: what it may tell.
//! - [`transactions`]: what transactions record and may use.
//! - [`masked`]: values as they may be shown.
//! - [`live`]: the same, following their files.
//! - [`save`]: writes the user settings.
//! - [`policy`]: the settings that the API shows and changes.

pub mod gitea;
pub mod live;
pub mod lookup;
pub mod masked;
pub mod policy;
pub mod save;
pub mod settings;
pub mod transactions;
pub mod variable;
pub mod webhook;

pub use live::LiveSettings;
pub use lookup::{Origin, Sources};
pub use settings::{Settings, Shown};
