//! What is measured over HTTP.
//!
//! - [`api`]: requests that read. [`webhook`]: deliveries. [`websocket`]: those who listen.
//! - [`triggers`]: runs that are started at once. [`all`]: these four, as operators know them.
//! - [`mixed`]: everything together, and over a long time as a soak.

pub mod all;
pub mod api;
mod beside;
pub mod mixed;
pub mod triggers;
pub mod webhook;
pub mod websocket;
