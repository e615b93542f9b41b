//! The API server: HTTP routes, live events, metrics, the OpenAPI document.
//!
//! # Layout
//!
//! - [`server`]: listens on an address and on the owner's socket; both serve the same routes.
//! - [`routes`]: the handlers, one file each group. They check, pass on, answer.
//! - [`state`]: what handlers work with. [`views`]: what they show of runs.
//! - [`caller`], [`keys`]: who asks and what they may.
//! - [`check`], [`body`], [`datetime`]: reading what a request says.
//! - [`sockets`]: live events over WebSockets. [`seats`]: how many follow at once.
//! - [`machine`]: how busy the machine is. [`calendar`]: which sprint it is.
//! - [`files`]: the project's files. [`board`]: rocks, epics, issues. [`preview`]: what seats are told.
//! - [`problem`]: what is answered when something is not done.
//! - [`around`], [`request_id`], [`metrics`]: what happens round every request.
//! - [`run_metrics`], [`probes`]: the rest of what `/metrics` and `/ready` tell.
//! - [`openapi`]: the document that describes all of it.

pub mod around;
pub mod board;
pub mod body;
pub mod calendar;
pub mod caller;
pub mod check;
pub mod datetime;
pub mod files;
pub mod keys;
pub mod machine;
pub mod metrics;
pub mod openapi;
pub mod preview;
pub mod probes;
pub mod problem;
pub mod request_id;
pub mod routes;
pub mod run_metrics;
pub mod seats;
pub mod server;
pub mod sockets;
pub mod state;
pub mod views;
pub mod workspace;

pub use state::Api;
